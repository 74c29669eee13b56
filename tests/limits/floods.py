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
