"""What is sent ahead, refused or left half done is bounded like everything else, and costs nobody else an answer."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import uvloop
from raw_http import RawClient, RawServer, raw_server

from aio_platform.http.handler import GatewayHandler
from gateway import urls

GET = b"GET /%s HTTP/1.1\r\nHost: here\r\n\r\n"
POST = b"POST /%s HTTP/1.1\r\nHost: here\r\n"


class Application:
    """Answers `ok` once it has the body, `/unread` at once, `/held` once told to `go`, `/large` with 20 MB."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.go = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.paths.append(scope["path"])
        if scope["path"] == "/held":
            await self.go.wait()
        more = scope["path"] != "/unread"
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            more = message["more_body"]
        body = b"x" * 20_000_000 if scope["path"] == "/large" else b"ok"
        head = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def application() -> Application:
    return Application()


async def begun(application: Application, count: int) -> None:
    async with asyncio.timeout(60):
        while len(application.paths) < count:
            await asyncio.sleep(0.01)


async def connected(server: RawServer, client: RawClient) -> Any:
    """The server's side of the only connection."""
    async with asyncio.timeout(60):
        while not server.shared.open:
            await asyncio.sleep(0.01)
    [connection] = server.shared.open
    return connection


async def test_short_headers_without_an_end_are_counted_one_by_one(application: Application) -> None:
    """Four bytes of a head are a hundred of memory: a limit of bytes would be none."""
    async with raw_server(application) as server:
        answer = await server.ask(b"GET / HTTP/1.1\r\nHost: here\r\n" + b"a:\r\n" * 200)
        assert answer.startswith(b"HTTP/1.1 431 ")
        answer = await server.ask(b"GET / HTTP/1.1\r\nHost: here\r\n" + b"a:\r\n" * 200 + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 431 ")
    assert application.paths == []


async def test_an_unfinished_head_is_kept_as_few_objects_and_arrives_as_it_was_sent() -> None:
    sent = [(b"%03d" % number, b"\xff" * number) for number in range(90)]
    lines = [b"%b: %b\r\n" % header for header in sent]
    came: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        came.append(scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async with raw_server(application) as server:
        client = await server.connect()
        connection = await connected(server, client)
        for begin in (0, 40):
            client.send((b"GET / HTTP/1.1\r\n" if not begin else b"") + b"".join(lines[begin : begin + 40]))
            async with asyncio.timeout(8):
                while (b"%03d" % (begin + 38)) not in connection._packed_headers:
                    await asyncio.sleep(0.01)
            assert connection.headers == []
        client.send(b"".join(lines[80:]) + b"Host: here\r\n\r\n" + GET % b"")
        for _ in range(2):
            assert (await client.answer()).startswith(b"HTTP/1.1 200 OK\r\n")
        client.send(b"GET / HTTP/1.1\r\n" + b"".join(lines))
        async with asyncio.timeout(8):
            while not connection._packed_headers:
                await asyncio.sleep(0.01)
        client.send(b"".join(lines))
        assert (await client.rest()).startswith(b"HTTP/1.1 431 ")
    assert came == [[*sent, (b"host", b"here")], [(b"host", b"here")]]


async def test_heads_sent_ahead_are_charged_all_of_them(application: Application) -> None:
    ahead = b"GET /next HTTP/1.1\r\nHost: here\r\nX-Large: " + b"a" * 25_000 + b"\r\n\r\n"
    async with raw_server(application, heads_bytes=400_000, share=0.25) as server:
        client = await server.connect("127.0.0.2")
        client.send(GET % b"held" + ahead * 8)
        await begun(application, 1)
        connection = await connected(server, client)
        async with asyncio.timeout(60):
            while not connection.flow.read_paused and connection.parser is not None:
                await asyncio.sleep(0.01)
        held = [len(value) for cycle, _ in connection.pipeline for _, value in cycle.scope["headers"]]
        assert sum(held) <= server.shared.heads.taken <= 100_000
        application.go.set()
        assert (await client.answer()).startswith(b"HTTP/1.1 200 OK\r\n")
        client.close()
        async with asyncio.timeout(60):
            while server.shared.open:
                await asyncio.sleep(0.01)
        assert (server.shared.heads.taken, server.shared.heads.addresses()) == (0, 0)


async def test_many_requests_sent_ahead_within_the_limits_are_all_answered(application: Application) -> None:
    ahead = b"GET /next HTTP/1.1\r\nHost: here\r\nX-Large: " + b"a" * 8_000 + b"\r\n\r\n"
    async with raw_server(application) as server:
        client = await server.connect()
        client.send(GET % b"held" + ahead * 7 + ahead[:5000])
        await begun(application, 1)
        application.go.set()
        for _ in range(8):
            assert (await client.answer()).endswith(b"ok")
        client.send(ahead[5000:])
        assert (await client.answer()).endswith(b"ok")
        assert server.shared.heads.taken == 0


async def test_bodies_sent_ahead_are_charged_and_never_held_against_the_others(
    application: Application,
) -> None:
    ahead = POST % b"next" + b"Content-Length: 60000\r\n\r\n" + b"x" * 60_000
    async with raw_server(
        application, heads_bytes=100_000, share=0.25, unasked_bodies_bytes=20_000
    ) as server:
        client = await server.connect("127.0.0.2")
        client.send(GET % b"held")
        await begun(application, 1)
        client.send(ahead)
        connection = await connected(server, client)
        async with asyncio.timeout(60):
            while connection.parser is not None:
                await asyncio.sleep(0.01)
        assert not server.shared.holds_back
        assert sum(len(cycle.body) for cycle, _ in connection.pipeline) == 0
        application.go.set()
        assert (await client.rest()).count(b"HTTP/1.1 200 OK") == 1
    assert application.paths == ["/held"]


async def test_a_refused_connection_holds_nothing_of_what_it_sent(application: Application) -> None:
    async with raw_server(application, look_every_s=60) as server:
        client = await server.connect()
        client.send(b"GET / HTTP/1.1\r\nX-Endless: " + b"a" * 200_000)
        assert (await client.reader.readline()).startswith(b"HTTP/1.1 431 ")
        connection = await connected(server, client)
        assert (connection.parser, connection.scope, connection.headers) == (None, None, None)


@pytest.mark.parametrize(
    "faulty",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        GET % (b"a" * 9000),
        POST % b"next" + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=["two hosts", "a long address", "a broken chunk", "a proxy's method"],
)
async def test_a_fault_in_what_is_sent_ahead_costs_the_request_before_it_nothing(
    faulty: bytes, application: Application
) -> None:
    async with raw_server(application) as server:
        client = await server.connect()
        client.send(GET % b"held" + faulty)
        await begun(application, 1)
        await asyncio.sleep(0.05)
        application.go.set()
        async with asyncio.timeout(10):
            answer = await client.rest()
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.count(b"HTTP/1.1") == 1
    assert application.paths == ["/held"]


async def test_a_fault_in_a_body_that_was_answered_gets_no_second_answer(application: Application) -> None:
    async with raw_server(application) as server:
        client = await server.connect()
        client.send(POST % b"unread" + b"Transfer-Encoding: chunked\r\n\r\n")
        assert (await client.answer()).endswith(b"ok")
        client.send(b"nonsense\r\n")
        assert await client.rest() == b""


async def test_strangers_who_keep_their_bodies_back_make_room_and_proven_callers_do_not(
    application: Application,
) -> None:
    slow = POST % b"slow" + b"Content-Length: 100\r\n\r\nx"
    async with raw_server(application, connections=4, share=1.0) as server:
        clients = [await server.connect() for _ in range(4)]
        for client in clients:
            client.send(slow)
        await begun(application, 4)
        newcomer = await server.connect()
        newcomer.send(GET % b"")
        assert (await newcomer.answer()).startswith(b"HTTP/1.1 200 OK\r\n")
        assert len(server.shared.open) == 1
        clients = [await server.connect() for _ in range(3)]
        for client in clients:
            client.send(slow)
        await begun(application, 8)
        for connection in server.shared.open:
            connection.trust.proven = True  # type: ignore[attr-defined]
        newcomer.send(GET % b"held")
        await begun(application, 9)
        assert (await (await server.connect()).rest()).startswith(b"HTTP/1.1 503 ")
        application.go.set()


async def test_the_address_with_the_most_unread_answers_is_cut_and_not_the_largest_answer(
    application: Application,
) -> None:
    """Many small ones of one address once had another's one large answer cut in their place."""
    async with raw_server(application, unread_answers_bytes=1_000_000_000) as server:
        hostile = [await server.connect("127.0.0.2") for _ in range(4)]
        for client in hostile:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            client.send(GET % b"large")
        await begun(application, 4)
        await asyncio.sleep(0.3)  # the system takes what it takes
        held = sum(connection.unread_bytes() for connection in server.shared.open)
        server.shared.limits = replace(server.shared.limits, unread_answers_bytes=held + 1_000_000)
        usual = await server.connect("127.0.0.3")
        usual.writer.transport.pause_reading()  # type: ignore[attr-defined]
        usual.send(GET % b"large")
        await begun(application, 5)
        async with asyncio.timeout(60):
            while len(server.shared.open) == 5:
                await asyncio.sleep(0.01)
        assert "127.0.0.3" in {connection.address for connection in server.shared.open}


async def test_a_caller_is_proven_for_the_request_and_not_for_those_after_it(
    application: Application,
) -> None:
    async with raw_server(application) as server:
        client = await server.connect()
        client.send(GET % b"")
        await client.answer()
        connection = await connected(server, client)
        connection.trust.proven = connection.trust.request_proven = True
        client.send(POST % b"held" + b"Content-Length: 50000\r\n\r\n" + b"x" * 40_000)
        await begun(application, 2)
        async with asyncio.timeout(60):
            while not connection.unasked_bytes():
                await asyncio.sleep(0.01)
        assert connection.proven
        application.go.set()


async def test_who_asks_for_a_method_s_names_is_no_proven_caller() -> None:
    """OPTIONS is answered to anybody; it once took strangers out of every limit."""
    handler = GatewayHandler(urls.__name__)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        match = handler.resolve(scope["path"])
        assert match is not None
        await handler(match, scope, receive, send)

    async with raw_server(application) as server:
        client = await server.connect()
        client.send(b"OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: here\r\n\r\n")
        assert (await client.reader.readline()).startswith(b"HTTP/1.1 204 ")
        assert not (await connected(server, client)).proven


async def test_bodies_are_not_counted_anew_for_each_that_comes(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strangers who held almost the limit had every byte of everybody looked at for each body that came."""
    async with raw_server(application) as server:
        counted = 0
        count = server.shared._count_unasked

        def counting() -> None:
            nonlocal counted
            counted += 1
            count()

        monkeypatch.setattr(server.shared, "_count_unasked", counting)
        holding = await server.connect()
        holding.send(POST % b"held" + b"Content-Length: 100000\r\n\r\n" + b"x" * 60_000)
        await begun(application, 1)
        [connection] = server.shared.open
        almost = connection.unasked_bytes() + 50
        server.shared.limits = replace(server.shared.limits, unasked_bodies_bytes=almost)
        server.shared._count_unasked_at = almost
        other = await server.connect()
        for _ in range(500):
            other.send(POST % b"" + b"Content-Length: 100\r\n\r\n" + b"x" * 100)
            await other.answer()
        assert counted < 10
        application.go.set()


def test_who_connects_while_strangers_are_held_back_waits_as_they_do(application: Application) -> None:
    """On uvloop, where a pause before the first read is lost: each of a flood's newcomers once sent all it liked."""

    async def hold_back_newcomers() -> None:
        body = POST % b"held" + b"Content-Length: 900000\r\n\r\n" + b"x" * 800_000
        async with raw_server(application, unasked_bodies_bytes=20_000, look_every_s=60) as server:
            server.shared.holds_back = True
            clients = [await server.connect() for _ in range(8)]
            async with asyncio.timeout(60):
                while len(server.shared.open) < 8:
                    await asyncio.sleep(0.01)
            for client in clients:
                client.send(body)
            await asyncio.sleep(0.3)
            assert [connection.unasked_bytes() for connection in server.shared.open] == [0] * 8
            server.shared._relieve(0.0)
            await begun(application, 1)
            application.go.set()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(hold_back_newcomers())
