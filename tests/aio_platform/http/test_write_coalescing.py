"""A head goes out with what follows it, and alone where nothing does; never later than the body, and never lost."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
import uvicorn

from aio_platform.edge.protocol import LimitedProtocol
from aio_platform.http.handler import Receive, Scope, Send
from aio_platform.http.write_coalescing import HeadHoldingTransport, OneWriteProtocol
from gateway.management.commands.gateway_worker import server_config

HEAD = b"HTTP/1.1 200 OK\r\n"


class Reader(asyncio.Protocol):
    """What came, in the pieces in which it came."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.ended = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.ended.set()


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    """`/short` answers in one piece, `/slow` sends its head a while before its body, `/streamed` in chunks."""
    if scope["type"] != "http":
        return
    head = {"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]}
    if scope["path"] == "/short":
        head["headers"] += [(b"content-length", b"4")]
    await send(head)
    if scope["path"] == "/slow":
        await asyncio.sleep(0.2)
    if scope["path"] == "/streamed":
        for number in range(3):
            await send({"type": "http.response.body", "body": b"chunk %d" % number, "more_body": True})
            await asyncio.sleep(0.1)
    await send({"type": "http.response.body", "body": b"done"})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """The gateway's own server, with that application."""
    config = server_config()
    config.app, config.lifespan = answering, "off"
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    yield listener.getsockname()[1]
    server.should_exit = True
    await serving


async def pieces_of(port: int, path: str) -> list[bytes]:
    loop = asyncio.get_running_loop()
    transport, reader = await loop.create_connection(Reader, "127.0.0.1", port)
    transport.write(b"GET %s HTTP/1.1\r\nhost: here\r\n\r\n" % path.encode())
    await reader.ended.wait()
    return reader.pieces


class WritesTold(asyncio.Transport):
    """A connection's end that tells what it was told to write, call by call."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[list[bytes] | str] = []

    def write(self, data: Any) -> None:
        self.told.append([data])

    def writelines(self, parts: Iterable[Any]) -> None:
        self.told.append(list(parts))

    def close(self) -> None:
        self.told.append("close")


async def test_a_head_and_its_body_are_one_write_and_what_follows_another() -> None:
    connection = WritesTold()
    held = HeadHoldingTransport(connection)
    held.write(HEAD)
    held.write(b"body")
    held.write(b"more")
    await asyncio.sleep(0)
    assert connection.told == [[HEAD, b"body"], [b"more"]]


async def test_a_head_alone_is_written_in_the_loops_next_turn_or_before_the_close() -> None:
    connection = WritesTold()
    held = HeadHoldingTransport(connection)
    held.write(HEAD)
    await asyncio.sleep(0)
    assert connection.told == [[HEAD]]
    held.write(HEAD)
    held.close()
    await asyncio.sleep(0)
    assert connection.told == [[HEAD], [HEAD], "close"]


async def test_a_head_whose_reader_is_gone_is_not_written() -> None:
    connection = WritesTold()
    held = HeadHoldingTransport(connection)
    held.write(HEAD)
    held.forget()
    await asyncio.sleep(0)
    assert connection.told == []


async def test_the_gateway_answers_in_one_write(port: int) -> None:
    assert server_config().http.func is LimitedProtocol  # type: ignore[union-attr]
    assert issubclass(LimitedProtocol, OneWriteProtocol)
    [piece] = await pieces_of(port, "/short")
    assert piece.startswith(HEAD)
    assert piece.endswith(b"\r\n\r\ndone")


async def test_a_head_that_nothing_follows_does_not_wait_for_it(port: int) -> None:
    head, *body = await pieces_of(port, "/slow")
    assert head.startswith(HEAD)
    assert head.endswith(b"\r\n\r\n")
    assert b"".join(body) == b"4\r\ndone\r\n0\r\n\r\n"


async def test_a_stream_s_head_comes_with_its_first_chunk_and_the_others_as_they_are_sent(port: int) -> None:
    first, *others = await pieces_of(port, "/streamed")
    assert first.startswith(HEAD)
    assert first.endswith(b"\r\n\r\n7\r\nchunk 0\r\n")
    assert [others[0], others[1]] == [b"7\r\nchunk 1\r\n", b"7\r\nchunk 2\r\n"]
    assert b"".join(others[2:]) == b"4\r\ndone\r\n0\r\n\r\n"


async def test_no_answer_is_no_head(port: int) -> None:
    """What is refused before it is a request goes out whole, though the connection ends at once."""
    loop = asyncio.get_running_loop()
    transport, reader = await loop.create_connection(Reader, "127.0.0.1", port)
    transport.write(b"this is not HTTP\r\n\r\n")
    await reader.ended.wait()
    assert b"".join(reader.pieces).startswith(b"HTTP/1.1 400 Bad Request\r\n")
