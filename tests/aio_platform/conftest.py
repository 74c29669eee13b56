"""The true edge of an ASGI application: a scope, a receive and a send, as a server gives them."""

import asyncio
from typing import Any

import pytest


class Connection:
    """One HTTP request as a server hands it over. `receive` gives what was queued, then waits."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.received = 0
        self.sent: list[dict[str, Any]] = []
        self.breaks_after: int | None = None
        self.before_send: Any = None

    def scope(self, path: str, method: str = "POST", headers: dict[str, str] | None = None) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
            "client": ("192.0.2.7", 40000),
            "server": ("127.0.0.1", 8000),
        }

    def arrives(self, body: bytes, more: bool = False) -> None:
        self.incoming.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def leaves(self) -> None:
        self.incoming.put_nowait({"type": "http.disconnect"})

    async def receive(self) -> dict[str, Any]:
        message = await self.incoming.get()
        self.received += 1
        return message

    async def send(self, message: dict[str, Any]) -> None:
        if self.before_send is not None:
            await self.before_send(message)
        if self.breaks_after is not None and len(self.sent) >= self.breaks_after:
            raise OSError("the client is gone")
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])


@pytest.fixture
async def connection() -> Connection:
    return Connection()
