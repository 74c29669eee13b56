"""Floods of what comes before a key is shown: `python tests/limits/floods.py KIND PORT SECONDS`, loopback only.

Each keeps so many connections busy, from four addresses, until its time is over; whoever is cut comes again.
"""

import asyncio
import os
import resource
import socket
import sys
import zlib
from collections.abc import Awaitable, Callable

ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")
BLOCK = b"a" * 65_536
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Line:
    """One connection of a flood."""

    def __init__(self, line: socket.socket) -> None:
        self._socket = line
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def stay(self) -> None:
        """Wait for the other side to end the connection, reading what comes."""
        while await self._loop.sock_recv(self._socket, 65_536):
            pass


async def endless_header(line: Line) -> None:
    await line.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Endless: ")
    while True:
        await line.send(BLOCK)


async def endless_headers(line: Line) -> None:
    await line.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
    while True:
        await line.send(b"X: y\r\n" * 4000)


async def endless_trailers(line: Line) -> None:
    await line.send(
        b"POST /v1/models HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Endless: "
    )
    while True:
        await line.send(BLOCK)


async def large_heads(line: Line) -> None:
    """Within the limit of one head, and kept until the next request."""
    await line.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Large: " + b"a" * 30_000 + b"\r\n\r\n")
    await line.stay()


async def page_bodies(line: Line) -> None:
    await line.send(b"POST /auth/login/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await line.send(b"10000\r\n" + BLOCK + b"\r\n")


async def slow_page_bodies(line: Line) -> None:
    await line.send(
        b"POST /auth/login/ HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n" + b"a" * 890_000
    )
    await line.stay()


async def bodies_of_unknown_keys(line: Line) -> None:
    """Keys whose checksum is right and that nobody has: their bodies come in part and stop."""
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 250000\r\nAuthorization: Bearer "
    )
    await line.send(head + made_up_key() + b"\r\n\r\n" + b"a" * 240_000)
    await line.stay()


async def short_headers(line: Line) -> None:
    """Little to send and much to keep: each of these headers is objects of a hundred bytes."""
    await line.send(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a:\r\n" * 1000)
    await line.stay()


async def short_headers_in_good_number(line: Line) -> None:
    await line.send(
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"%02d:\r\n" % number for number in range(98))
    )
    await line.stay()


async def refused_headers(line: Line) -> None:
    """Much in one piece; whoever is refused stays and says nothing more."""
    await line.send(b"GET / HTTP/1.1\r\nX: " + BLOCK)
    await line.stay()


async def heads_sent_ahead(line: Line) -> None:
    """Behind a page that waits for its turn."""
    large = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 28_000 + b"\r\n\r\n"
    await line.send(b"GET /auth/login/ HTTP/1.1\r\nHost: a\r\n\r\n" + large * 8)
    await asyncio.sleep(5)


async def bodies_of_tasks(line: Line) -> None:
    head = b"POST /api/v1/videos/generations HTTP/1.1\r\nHost: a\r\nContent-Length: 990000\r\nAuthorization: Bearer "
    await line.send(head + made_up_key() + b"\r\n\r\n" + b"a" * 980_000)
    await line.stay()


async def bodies_behind_sessions(line: Line) -> None:
    """Cookies of nobody's, each of which is looked up."""
    head = b"POST /api/chat HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\nCookie: sessionid="
    await line.send(head + os.urandom(16).hex().encode() + b"\r\n\r\n" + b"a" * 190_000)
    await line.stay()


async def uploads_of_unknown_keys(line: Line) -> None:
    head = b"POST /api/stt HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\nAuthorization: Bearer "
    await line.send(head + made_up_key() + b"\r\n\r\n" + b"a" * 300_000)
    await line.stay()


async def many_values(line: Line) -> None:
    """Whole bodies that are much to parse, of unknown keys."""
    message = b'{"role":"user","content":""},'
    body = b'{"model":"gemini","messages":[' + message * 8000 + b"{}]}"
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nAuthorization: Bearer "
        % len(body)
    )
    while True:
        await line.send(head + made_up_key() + b"\r\n\r\n" + body)
        if not await line._loop.sock_recv(line._socket, 65_536):
            return


async def tiny_chunks(line: Line) -> None:
    await line.send(b"POST /auth/login/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await line.send(b"1\r\na\r\n" * 11_000)


async def slow_small_bodies(line: Line) -> None:
    """A connection each, for as long as a body may take."""
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\nAuthorization: Bearer "
    await line.send(head + made_up_key() + b"\r\n\r\n")
    await line.stay()


async def options(line: Line) -> None:
    """An answer without a key, then bodies that nobody has asked for."""
    await line.send(b"OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: a\r\n\r\n")
    await line._loop.sock_recv(line._socket, 65_536)
    await bodies_behind_sessions(line)


async def silent(line: Line) -> None:
    await line.stay()


async def slow_heads(line: Line) -> None:
    await line.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
    while True:
        await line.send(b"X: y\r\n")
        await asyncio.sleep(1)


async def unread_answers(line: Line) -> None:
    await line.send(b"GET /api/schema HTTP/1.1\r\nHost: a\r\n\r\n" * 4)
    await asyncio.sleep(3600)


async def long_paths(line: Line) -> None:
    for _ in range(50):
        await line.send(b"GET /v1/%s HTTP/1.1\r\nHost: a\r\n\r\n" % os.urandom(4000).hex().encode())
        await line._loop.sock_recv(line._socket, 65_536)


async def pages(line: Line) -> None:
    while True:
        await line.send(b"GET /auth/login/ HTTP/1.1\r\nHost: a\r\n\r\n")
        await line._loop.sock_recv(line._socket, 65_536)


# How many connections, and what each does.
FLOODS: dict[str, tuple[int, Callable[[Line], Awaitable[None]]]] = {
    "endless_header": (16, endless_header),
    "endless_headers": (16, endless_headers),
    "endless_trailers": (64, endless_trailers),
    "large_heads": (2000, large_heads),
    "page_bodies": (32, page_bodies),
    "slow_page_bodies": (400, slow_page_bodies),
    "bodies_of_unknown_keys": (800, bodies_of_unknown_keys),
    "short_headers": (4000, short_headers),
    "short_headers_in_good_number": (4000, short_headers_in_good_number),
    "refused_headers": (4000, refused_headers),
    "heads_sent_ahead": (2000, heads_sent_ahead),
    "bodies_of_tasks": (800, bodies_of_tasks),
    "bodies_behind_sessions": (2000, bodies_behind_sessions),
    "uploads_of_unknown_keys": (2000, uploads_of_unknown_keys),
    "many_values": (64, many_values),
    "tiny_chunks": (64, tiny_chunks),
    "slow_small_bodies": (4000, slow_small_bodies),
    "options": (2000, options),
    "silent": (4000, silent),
    "slow_heads": (2000, slow_heads),
    "unread_answers": (2000, unread_answers),
    "long_paths": (32, long_paths),
    "pages": (64, pages),
}


def made_up_key() -> bytes:
    """A well-formed key of nobody: 32 characters and their CRC32 in six."""
    body = "".join(DIGITS[byte % 62] for byte in os.urandom(32))
    number, checksum = zlib.crc32(f"aio_{body}".encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        checksum = DIGITS[digit] + checksum
    return f"aio_{body}{checksum}".encode()


async def keep_busy(number: int, port: int, act: Callable[[Line], Awaitable[None]]) -> None:
    """One connection after another."""
    while True:
        with socket.socket() as line:
            line.setblocking(False)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            try:
                line.bind((ADDRESSES[number % len(ADDRESSES)], 0))
                await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", port))
                await act(Line(line))
            except OSError:
                pass
        await asyncio.sleep(0.05)


async def flood(kind: str, port: int, seconds: float) -> None:
    """Flood until the time is over."""
    count, act = FLOODS[kind]
    tasks = [asyncio.create_task(keep_busy(number, port, act)) for number in range(count)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))
    asyncio.run(flood(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
