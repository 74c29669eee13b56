"""The yardstick: an ASGI application that passes chat calls on through aiohttp and does nothing else.

No key, no metering, no validation: what is left is what any gateway in Python must pay. It runs on the uvicorn
settings of the gateway worker, with uvicorn's own HTTP protocol.
"""

import socket

import aiohttp
import uvicorn
from yarl import URL

from aio_platform.http.handler import Receive, Scope, Send
from benchmarks.children import report, stop_with_parent
from gateway.management.commands.gateway_worker import server_config


class BareRelay:
    """The ASGI application; its one session opens and closes with the server."""

    def __init__(self, upstream_url: str) -> None:
        self._url = URL(upstream_url)
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._pass_on(receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        # As the gateway's own sessions, where that costs time: no cookies, no unpacking, no environment.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity", "User-Agent": "bare-relay"},
            auto_decompress=False,
            trust_env=False,
            read_bufsize=2**16,
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._session.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _pass_on(self, receive: Receive, send: Send) -> None:
        assert self._session is not None
        body = await _read_body(receive)
        async with self._session.post(
            self._url, data=body, headers={"Content-Type": "application/json"}
        ) as answer:
            content_type = answer.headers["content-type"]
            if content_type.startswith("text/event-stream"):
                await _start(send, answer.status, content_type)
                async for data in answer.content.iter_any():
                    await send({"type": "http.response.body", "body": data, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
                return
            content = await answer.read()
            await _start(send, answer.status, content_type, len(content))
            await send({"type": "http.response.body", "body": content})


async def _read_body(receive: Receive) -> bytes:
    parts = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _start(send: Send, status: int, content_type: str, length: int | None = None) -> None:
    headers = [(b"content-type", content_type.encode())]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    await send({"type": "http.response.start", "status": status, "headers": headers})


def run(upstream_url: str) -> None:
    """Serve on a free port of the loopback, and say which."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    config = server_config()
    config.app = BareRelay(upstream_url)
    config.http = "httptools"
    report({"port": listener.getsockname()[1]})
    uvicorn.Server(config).run(sockets=[listener])


def main(arguments: list[str]) -> None:
    """`python -m benchmarks.relay URL`."""
    stop_with_parent()
    run(arguments[0])


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
