"""Every byte, second and connection in front of authentication has a limit (issue 10, item 13), seen over a socket."""

import asyncio
import gc
import json
import time
import weakref
from typing import Any

import pytest
from raw_http import RawServer, raw_server

from aio_platform.edge import connections

GET = b"GET /%s HTTP/1.1\r\nHost: here\r\n\r\n"


class Application:
    """Answers with the body's size; `/unread` asks for no body, `/held` waits for `go`, `/large` is much to read."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.go = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests.append(scope)
        path = scope["path"]
        size = 0
        if path == "/held":
            await self.go.wait()
        if path != "/unread":
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
                size += len(message["body"])
                if not message["more_body"]:
                    break
        body = b"x" * 20_000_000 if path == "/large" else b"%d" % size
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def application() -> Application:
    return Application()


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


async def gone(server: RawServer, left: int = 0) -> None:
    async with asyncio.timeout(60):
        while len(server.shared.open) > left:
            await asyncio.sleep(0.01)


async def test_a_head_without_an_end_is_refused_at_its_limit(application: Application) -> None:
    async with raw_server(application) as server:
        client = await server.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: here\r\n")
        for _ in range(40):
            client.send(b"X-Filler: " + b"a" * 1000 + b"\r\n")
            await asyncio.sleep(0)
        answer = await client.rest()
        assert status_of(answer) == 431
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["type"] == "invalid_request"
        await gone(server)
        assert server.shared.heads.taken == 0
    assert application.requests == []


async def test_one_header_without_an_end_is_refused_at_the_limit(application: Application) -> None:
    async with raw_server(application) as server:
        answer = await server.ask(b"GET / HTTP/1.1\r\nX-Endless: " + b"a" * 200_000)
    assert status_of(answer) == 431


async def test_a_large_head_that_comes_at_once_is_refused_too(application: Application) -> None:
    async with raw_server(application) as server:
        head = b"GET / HTTP/1.1\r\nHost: here\r\nX-Large: " + b"a" * 33_000 + b"\r\n\r\n"
        assert status_of(await server.ask(head)) == 431
    assert application.requests == []


async def test_too_many_headers_are_refused(application: Application) -> None:
    lines = b"".join(b"X-%d: 1\r\n" % number for number in range(2000))
    async with raw_server(application) as server:
        answer = await server.ask(b"GET /v1/models HTTP/1.1\r\nHost: here\r\n" + lines + b"\r\n")
    assert status_of(answer) == 431
    assert isinstance(json.loads(answer.partition(b"\r\n\r\n")[2])["error"], dict)


async def test_a_head_within_the_limits_is_served(application: Application) -> None:
    async with raw_server(application) as server:
        client = await server.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: here\r\nX-Large: " + b"a" * 30_000 + b"\r\n\r\n")
        assert status_of(await client.answer()) == 200
        client.send(GET % b"again")
        assert status_of(await client.answer()) == 200
        assert server.shared.heads.taken == 0
        client.close()


async def test_an_address_too_long_is_refused(application: Application) -> None:
    async with raw_server(application) as server:
        assert status_of(await server.ask(GET % (b"a" * 9000))) == 414
        client = await server.connect()
        client.send(b"GET /")
        for _ in range(20):
            client.send(b"a" * 1000)
            await asyncio.sleep(0)
        assert status_of(await client.rest()) == 414
    assert application.requests == []


async def test_unfinished_heads_have_a_total_and_a_part_for_each_address(application: Application) -> None:
    head = b"GET / HTTP/1.1\r\nX-Part: " + b"a" * 20_000
    async with raw_server(application, heads_bytes=70_000, share=0.5) as server:
        clients = []
        for host, count in (("127.0.0.2", 2), ("127.0.0.3", 2)):
            for _ in range(count):
                clients.append(await server.connect(host))
                clients[-1].send(head)
        while len(server.shared.open) < 4 or server.shared.heads.taken < 60_000:
            await asyncio.sleep(0.01)
        third = await server.connect("127.0.0.2")
        third.send(head)
        assert status_of(await third.rest()) == 503
        stranger = await server.connect("127.0.0.4")
        stranger.send(head)
        assert status_of(await stranger.rest()) == 503
        usual = await server.connect("127.0.0.4")
        usual.send(GET % b"")
        assert status_of(await usual.answer()) == 200
        for client in (*clients, usual):
            client.close()
        await gone(server)
        assert server.shared.heads.taken == 0
        assert server.shared.heads.addresses() == 0


async def test_a_connection_that_says_nothing_is_closed(application: Application) -> None:
    async with raw_server(application, head_time_s=0.2) as server:
        assert await (await server.connect()).rest() == b""
        blank = await server.connect()
        for _ in range(5):
            blank.send(b"\r\n")  # the parser skips empty lines before a request
            await asyncio.sleep(0.02)
        assert await blank.rest() == b""


async def test_a_head_that_trickles_has_a_deadline(application: Application) -> None:
    async with raw_server(application, head_time_s=0.3) as server:
        client = await server.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: here\r\n")
        answering = asyncio.ensure_future(client.rest())
        while not answering.done():
            client.send(b"X: y\r\n")
            await asyncio.sleep(0.05)
        assert status_of(answering.result()) == 408


async def test_a_kept_connection_has_a_deadline_of_its_own(application: Application) -> None:
    async with raw_server(application, head_time_s=30, keep_alive_s=0.3) as server:
        client = await server.connect()
        client.send(GET % b"")
        assert status_of(await client.answer()) == 200
        assert await client.rest() == b""


async def test_a_body_after_its_answer_is_not_read_for_ever(application: Application) -> None:
    async with raw_server(application) as server:
        client = await server.connect()
        client.send(b"POST /unread HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000000\r\n\r\n")
        assert status_of(await client.answer()) == 200
        sent = 0
        with pytest.raises((ConnectionError, TimeoutError)):
            async with asyncio.timeout(60):
                while True:
                    client.send(b"x" * 100_000)
                    await client.writer.drain()
                    sent += 100_000
        await gone(server)
        assert sent < 100_000_000
        client.close()


async def test_a_small_rest_of_a_body_leaves_the_connection_as_it_was(application: Application) -> None:
    async with raw_server(application) as server:
        client = await server.connect()
        client.send(b"POST /unread HTTP/1.1\r\nHost: here\r\nContent-Length: 300000\r\n\r\n")
        assert status_of(await client.answer()) == 200
        client.send(b"x" * 300_000 + GET % b"next")
        assert status_of(await client.answer()) == 200
        assert [scope["path"] for scope in application.requests] == ["/unread", "/next"]
        client.close()


async def test_trailers_and_extensions_without_an_end_are_refused(application: Application) -> None:
    head = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    for endless in (b"0\r\nX-Trailer: " + b"a" * 400_000, b"1;ext=" + b"a" * 400_000):
        async with raw_server(application) as server:
            assert status_of(await server.ask(head + endless)) == 400


async def test_bodies_that_nobody_asks_for_yet_are_bounded_in_total(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HOLD_BACK_S", 60)
    async with raw_server(application, unasked_bodies_bytes=200_000) as server:
        clients = [await server.connect() for _ in range(20)]
        for client in clients:
            client.send(
                b"POST /held HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000
            )
        while not server.shared.holds_back:
            await asyncio.sleep(0.01)
        held = sum(connection.unasked_bytes() for connection in server.shared.open)
        assert held < 200_000 + 262_144 + 65_536  # one read of the system beyond the total
        assert server.shared.holds_back
        application.go.set()
        for client in clients:
            assert status_of(await client.answer()) == 200
            client.close()
        while server.shared.holds_back:
            await asyncio.sleep(0.01)


async def test_who_never_asks_for_bodies_does_not_hold_up_the_others(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HOLD_BACK_S", 0.3)
    async with raw_server(application, unasked_bodies_bytes=200_000) as server:
        for _ in range(5):
            client = await server.connect()
            client.send(
                b"POST /held HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 100_000
            )
        while not server.shared.holds_back:
            await asyncio.sleep(0.01)
        other = await server.connect()
        other.send(GET % b"")
        assert status_of(await other.answer()) == 200
        assert len(server.shared.open) < 6
        application.go.set()


async def test_time_in_which_the_process_did_not_run_is_held_against_nobody(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine that was paused: everybody's bytes are there when it goes on, and everybody's time is over."""
    monkeypatch.setattr(connections, "HOLD_BACK_S", 0.5)
    limits = {"unasked_bodies_bytes": 200_000, "head_time_s": 0.5}
    async with raw_server(application, **limits) as server:
        clients = [await server.connect() for _ in range(5)]
        for client in clients:
            client.send(
                b"POST /held HTTP/1.1\r\nHost: here\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
            )
        late = await server.connect()
        late.send(b"GET / HTTP/1.1\r\n")
        while not server.shared.holds_back or len(server.shared.open) < 6:
            await asyncio.sleep(0.01)
        time.sleep(2)
        late.send(b"Host: here\r\n\r\n")
        application.go.set()
        for client in (*clients, late):
            assert status_of(await client.answer()) == 200


async def test_requests_sent_ahead_are_bounded(application: Application) -> None:
    async with raw_server(application) as server:
        client = await server.connect()
        client.send(GET % b"held" + (GET % b"next") * 1000)
        await asyncio.sleep(0.2)
        [connection] = server.shared.open
        assert len(connection.pipeline) <= 8  # type: ignore[attr-defined]
        application.go.set()
        answers = await client.rest()
        assert 1 <= answers.count(b"HTTP/1.1 200 OK") <= 9


async def test_connections_have_a_total_and_a_part_for_each_address(application: Application) -> None:
    async with raw_server(application, connections=8, share=0.5) as server:
        first = [await server.connect("127.0.0.2") for _ in range(4)]
        fifth = await server.connect("127.0.0.2")
        assert status_of(await fifth.rest()) == 503
        other = await server.connect("127.0.0.3")
        other.send(GET % b"")
        assert status_of(await other.answer()) == 200
        for client in (*first, other):
            client.close()
        await gone(server)


async def test_a_full_house_ends_who_waits_longest_and_not_who_is_being_served(
    application: Application,
) -> None:
    async with raw_server(application, connections=4, share=1.0) as server:
        served = await server.connect()
        served.send(GET % b"held")
        while not application.requests:
            await asyncio.sleep(0.01)
        idle = [await server.connect() for _ in range(3)]
        while len(server.shared.open) < 4:
            await asyncio.sleep(0.01)
        newcomer = await server.connect()
        newcomer.send(GET % b"")
        assert status_of(await newcomer.answer()) == 200
        assert all([await client.rest() == b"" for client in idle])
        application.go.set()
        assert status_of(await served.answer()) == 200
        served.close()
        newcomer.close()


async def test_where_everybody_is_being_served_a_newcomer_is_told_to_come_again(
    application: Application,
) -> None:
    async with raw_server(application, connections=3, share=1.0) as server:
        served = [await server.connect() for _ in range(3)]
        for client in served:
            client.send(GET % b"held")
        while len(application.requests) < 3:
            await asyncio.sleep(0.01)
        answer = await (await server.connect()).rest()
        assert status_of(answer) == 503
        assert b"retry-after: 1\r\n" in answer
        application.go.set()
        for client in served:
            assert status_of(await client.answer()) == 200
            client.close()


async def test_an_answer_that_nobody_reads_ends_its_connection(application: Application) -> None:
    async with raw_server(application, stalled_reader_s=0.3) as server:
        client = await server.connect()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        client.send(GET % b"large")
        while not server.shared.open:
            await asyncio.sleep(0.01)
        await gone(server)
        client.close()


async def test_unread_answers_are_bounded_in_total_and_proven_callers_are_cut_last(
    application: Application,
) -> None:
    async with raw_server(application, unread_answers_bytes=50_000_000) as server:
        proven = await server.connect("127.0.0.2")
        while not server.shared.open:
            await asyncio.sleep(0.01)
        [connection] = server.shared.open
        connection.trust.proven = True  # type: ignore[attr-defined]
        clients = [proven, *[await server.connect() for _ in range(9)]]
        for client in clients:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            client.send(GET % b"large")
        async with asyncio.timeout(60):
            while len(application.requests) < 10:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        assert sum(connection.unread_bytes() for connection in server.shared.open) <= 50_000_000
        assert connection in server.shared.open
        for client in clients:
            client.close()


async def test_a_slow_reader_that_reads_is_not_cut(application: Application) -> None:
    async with raw_server(application, stalled_reader_s=0.5) as server:
        client = await server.connect()
        client.send(GET % b"large")
        size = 0
        async with asyncio.timeout(60):
            while size < 20_000_000:
                size += len(await client.reader.read(400_000))
                await asyncio.sleep(0.02)
        client.close()


async def test_nothing_of_a_request_outlives_its_connection(application: Application) -> None:
    """A cycle of references would keep bodies until the garbage collector comes, which is seldom."""
    async with raw_server(application) as server:
        client = await server.connect()
        client.send(b"POST /held HTTP/1.1\r\nHost: here\r\nContent-Length: 100000\r\n\r\n" + b"x" * 60_000)
        while not application.requests:
            await asyncio.sleep(0.01)
        [connection] = server.shared.open
        gone_with_it = weakref.ref(connection)
        del connection
        application.requests.clear()
        gc.collect()
        gc.disable()
        try:
            client.close()
            application.go.set()
            await gone(server)
            async with asyncio.timeout(10):
                while gone_with_it() is not None:
                    await asyncio.sleep(0.01)
        finally:
            gc.enable()
