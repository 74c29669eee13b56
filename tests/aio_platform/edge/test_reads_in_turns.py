"""What strangers send in chunks is parsed in turns: it arrives as it was sent, and stops nobody else."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from raw_http import raw_server

from aio_platform.edge import turns
from aio_platform.edge.protocol import LimitedProtocol
from aio_platform.edge.reads_in_turns import SLICE_BYTES
from aio_platform.http.request_head import TRUST

CHUNKED = b"POST /%s HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
WITH_LENGTH = b"POST /%s HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n"
TINY_CHUNK = b"1\r\na\r\n"


class Application:
    """Keeps each request's body, and answers with its length; at /late it reads nothing until told to `go`."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.left: list[str] = []
        self.begun = 0
        self.go = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun += 1
        if scope["path"] == "/proven":
            scope[TRUST].proven = scope[TRUST].request_proven = True
        if scope["path"] == "/late":
            await self.go.wait()
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left.append(scope["path"])
                return
            body += message["body"]
            more = message["more_body"]
        self.bodies.append(body)
        told = b"%d" % len(body)
        head = [(b"content-length", b"%d" % len(told))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": told})


@pytest.fixture
def application() -> Application:
    return Application()


def pieces_counted_by_turn(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """How many pieces of bodies are parsed in each turn of the event loop, where each has time for one slice."""
    monkeypatch.setattr(turns, "TURN_S", 1e-9)
    loop = asyncio.get_running_loop()
    counted: Counter[int] = Counter()
    turn = 0
    usual = LimitedProtocol.on_body

    def next_turn() -> None:
        nonlocal turn
        turn += 1
        loop.call_soon(next_turn)

    def counting(protocol: LimitedProtocol, body: bytes) -> None:
        counted[turn] += 1
        usual(protocol, body)

    monkeypatch.setattr(LimitedProtocol, "on_body", counting)
    next_turn()
    return counted


async def test_no_turn_of_the_loop_parses_more_than_a_slice(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty strangers with chunks of one byte once stopped a process for two seconds."""
    counted = pieces_counted_by_turn(monkeypatch)
    async with raw_server(application) as server:
        clients = [await server.connect() for _ in range(8)]
        for client in clients:
            client.send(CHUNKED % b"" + TINY_CHUNK * 10_000 + b"0\r\n\r\n")
        for client in clients:
            assert (await client.answer()).endswith(b"10000")
    assert sum(counted.values()) == 80_000
    # Each of the eight may begin within the same turn, with the head of its request.
    assert max(counted.values()) <= 9 * SLICE_BYTES / len(TINY_CHUNK)
    assert sorted(counted.values())[-9] <= 2 * SLICE_BYTES / len(TINY_CHUNK)


async def test_a_body_in_chunks_arrives_as_it_was_sent_and_so_does_what_follows(
    application: Application,
) -> None:
    """Honest clients write pieces of a few bytes too, and send the next request without waiting."""
    text = b"".join(b"%07d;" % number for number in range(20_000))
    pieces = [text[place : place + 1 + place % 23] for place in range(0, len(text), 24)]
    sent = b"".join(pieces)
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    large = b"b" * 100_000
    async with raw_server(application) as server:
        client = await server.connect()
        client.send(WITH_LENGTH % (b"", len(large)) + large)
        assert (await client.answer()).endswith(b"100000")
        client.send(
            CHUNKED % b"" + chunked + WITH_LENGTH % (b"", len(large)) + large + CHUNKED % b"" + chunked
        )
        for length in (len(sent), len(large), len(sent)):
            assert (await client.answer()).endswith(b"%d" % length)
        client.send(CHUNKED % b"proven" + chunked)
        assert (await client.answer()).endswith(b"%d" % len(sent))
        assert application.bodies == [large, sent, large, sent, sent]
        [connection] = server.shared.open
        assert connection.unasked_bytes() == 0


async def test_no_more_is_read_while_something_waits_whoever_asks(application: Application) -> None:
    """The application asks for more with each slice: each of them once could have had another read."""
    most = 0
    async with raw_server(application) as server:
        client = await server.connect()
        client.send(CHUNKED % b"" + TINY_CHUNK * 200_000 + b"0\r\n\r\n")
        answer = asyncio.ensure_future(client.answer())
        while not answer.done():
            await asyncio.sleep(0)
            most = max([most, *(connection.unasked_bytes() for connection in server.shared.open)])
        assert (await answer).endswith(b"200000")
    assert SLICE_BYTES < most <= 2 * 262_144


async def test_what_waits_counts_as_a_body_that_nobody_asked_for(application: Application) -> None:
    async with raw_server(application, unasked_bodies_bytes=50_000) as server:
        client = await server.connect()
        client.send(CHUNKED % b"late" + TINY_CHUNK * 20_000)
        async with asyncio.timeout(60):
            while not server.shared._refusals["reading_held_back"]:
                await asyncio.sleep(0.01)
        application.go.set()
        client.send(b"0\r\n\r\n")
        assert (await client.answer()).endswith(b"20000")


async def test_whoever_leaves_or_is_refused_gives_up_the_turns(application: Application) -> None:
    async with raw_server(application) as server:
        leaving = await server.connect()
        leaving.send(CHUNKED % b"late" + TINY_CHUNK * 20_000)
        async with asyncio.timeout(60):
            while not application.begun:
                await asyncio.sleep(0.01)
        leaving.close()
        application.go.set()
        refused = await server.connect()
        refused.send(CHUNKED % b"" + TINY_CHUNK * 20_000 + b"nonsense\r\n" + TINY_CHUNK * 20_000)
        assert (await refused.rest()).startswith(b"HTTP/1.1 400 ")
        async with asyncio.timeout(60):
            while server.shared.open or server.shared.turns._waiting:
                await asyncio.sleep(0.01)
        assert server.shared.heads.taken == 0
    assert application.bodies == []
