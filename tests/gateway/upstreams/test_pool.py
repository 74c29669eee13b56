"""The pool against real sockets: how many connections there are, who gets the next one, and how they are made."""

import asyncio
import errno
import os
import random
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from yarl import URL

from aio_platform.process.open_files import NoFileLeft
from gateway.upstreams import dialer
from gateway.upstreams import pool as upstream_pool
from gateway.upstreams.connection import BrokenConnection, UpstreamConnection
from gateway.upstreams.pool import SETTLE_S, ConnectionPool, NotConnected, request_head

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Counts connections and requests, and answers each request when `go_on` is set."""

    def __init__(self) -> None:
        self.accepted = 0
        self.open = 0
        self.most_open = 0
        self.requests: list[bytes] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.answer = ANSWER
        self.url = ""
        self.writers: list[asyncio.StreamWriter] = []
        # The number of the connection that the last request came on.
        self.served_last = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        self.writers.append(writer)
        number = len(self.writers) - 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                body = await reader.readexactly(int(head.rpartition(b" ")[2]))
                self.requests.append(head + body)
                self.served_last = number
                await self.go_on.wait()
                writer.write(self.answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def none_open(self) -> None:
        async with asyncio.timeout(30):
            while self.open:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, **options)
    scheme = "https" if options.get("ssl") else "http"
    server.url = f"{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        server.go_on.set()
        for writer in server.writers:
            writer.transport.abort()
        listening.close()


@pytest.fixture(scope="module")
def trusted_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A certificate for `localhost` that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return str(file)


@pytest.fixture
def untrusted(trusted_file: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted_file)
    return context


async def connections_after(pool: ConnectionPool, server: Server, calls: int) -> list[UpstreamConnection]:
    """Those that so many calls at once have made."""
    await asyncio.gather(*[called(pool, server) for _ in range(calls)])
    assert len(pool._connections) == calls
    return list(pool._connections)


async def called(pool: ConnectionPool, server: Server, *, again: bool = False) -> bytes:
    answer = await pool.ask(request_head(URL(server.url + "/path"), {}), b"{}", again=again)
    body = b""
    while part := await answer.read_available():
        body += part
    return body


async def test_there_are_never_more_connections_than_the_limit_and_all_are_served() -> None:
    async with serving() as server:
        pool = ConnectionPool(server.url, 3, 5.0)
        assert await asyncio.gather(*[called(pool, server) for _ in range(50)]) == [b"ok"] * 50
        assert (server.most_open, server.accepted, len(server.requests)) == (3, 3, 50)
        pool.close()
        await server.none_open()


async def test_who_waited_longest_is_served_first() -> None:
    async with serving() as server:
        pool = ConnectionPool(server.url, 1, 5.0)
        order: list[int] = []

        async def numbered(number: int) -> None:
            await called(pool, server)
            order.append(number)

        await asyncio.gather(*[numbered(number) for number in range(20)])
        assert order == list(range(20))
        pool.close()


@pytest.mark.parametrize("pauses", [0, 1, 3])
async def test_those_who_stop_waiting_leave_no_connection_unused(pauses: int) -> None:
    async with serving() as server:
        pool = ConnectionPool(server.url, 2, 5.0)
        for _ in range(10):
            server.go_on.clear()
            calls = [asyncio.create_task(called(pool, server)) for _ in range(12)]
            await asyncio.sleep(0.02)
            server.go_on.set()
            for _ in range(pauses):
                await asyncio.sleep(0)
            for call in calls[::2]:
                call.cancel()
            ended = await asyncio.gather(*calls, return_exceptions=True)
            assert ended[1::2] == [b"ok"] * 6
        assert (
            await asyncio.wait_for(asyncio.gather(*[called(pool, server) for _ in range(4)]), 30)
            == [b"ok"] * 4
        )
        assert server.most_open <= 2 + 2  # one that was cancelled may not have been seen to close yet
        pool.close()


@pytest.mark.parametrize("closes", [False, True])
async def test_who_leaves_when_it_is_their_turn_gives_it_to_the_next(
    closes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving() as server:
        if closes:
            server.answer = ANSWER.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        pool = ConnectionPool(server.url, 1, 5.0)
        server.go_on.clear()
        first, leaves, last = [asyncio.create_task(called(pool, server)) for _ in range(3)]
        while not server.requests:
            await asyncio.sleep(0.01)
        passing_on = pool._pass_on

        def pass_on(connection: UpstreamConnection | None) -> None:
            passing_on(connection)
            leaves.cancel()

        monkeypatch.setattr(pool, "_pass_on", pass_on)
        server.go_on.set()
        assert await asyncio.wait_for(asyncio.gather(first, last), 30) == [b"ok", b"ok"]
        assert leaves.cancelled()
        pool.close()


async def test_a_connection_that_could_not_be_made_makes_room_for_the_next() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        pool = ConnectionPool(f"http://127.0.0.1:{taken.getsockname()[1]}", 1, 5.0)
        head = request_head(URL("http://x/"), {})
        ended = await asyncio.gather(*[pool.ask(head, b"{}") for _ in range(5)], return_exceptions=True)
    assert [type(end) for end in ended] == [NotConnected] * 5


async def test_no_file_left_is_our_own_fault_and_not_the_upstream_s(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_file(*arguments: Any, **options: Any) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    pool = ConnectionPool("http://127.0.0.1:9", 1, 5.0)
    monkeypatch.setattr(dialer.socket, "socket", no_file)
    for _ in range(2):
        with pytest.raises(NoFileLeft):
            await pool.ask(request_head(URL("http://x/"), {}), b"{}")


async def test_an_upstream_that_does_not_take_connections_in_time_is_not_connected() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        pool = ConnectionPool(f"http://127.0.0.1:{full.getsockname()[1]}", 1, 0.1)
        with pytest.raises(NotConnected):
            await pool.ask(request_head(URL("http://x/"), {}), b"{}")
        for filler in fillers:
            filler.close()


async def test_a_kept_connection_that_its_server_closed_is_not_used() -> None:
    async with serving() as server:
        pool = ConnectionPool(server.url, 1, 5.0)
        await called(pool, server)
        server.writers[0].close()
        await asyncio.sleep(0.05)
        assert await called(pool, server) == b"ok"
        assert server.accepted == 2
        pool.close()


async def test_a_request_that_may_have_arrived_is_never_sent_again() -> None:
    async with serving() as server:
        pool = ConnectionPool(server.url, 1, 5.0)
        await called(pool, server)
        server.go_on.clear()
        call = asyncio.create_task(called(pool, server))
        while len(server.requests) < 2:
            await asyncio.sleep(0.01)
        server.writers[0].transport.abort()
        with pytest.raises(BrokenConnection):
            await call
        assert (len(server.requests), server.accepted) == (2, 1)
        pool.close()


async def test_what_may_be_carried_out_twice_is_sent_once_more_over_a_new_connection() -> None:
    """A kept connection that its server closes just as the next request goes out."""
    async with serving() as server:
        pool = ConnectionPool(server.url, 1, 5.0)
        await called(pool, server)
        server.go_on.clear()
        call = asyncio.create_task(called(pool, server, again=True))
        while len(server.requests) < 2:
            await asyncio.sleep(0.01)
        server.go_on.set()
        server.writers[0].transport.abort()
        assert await call == b"ok"
        assert (len(server.requests), server.accepted) == (3, 2)
        pool.close()


async def test_a_request_is_sent_once_more_only_where_its_connection_was_used_before() -> None:
    async with serving() as server:
        pool = ConnectionPool(server.url, 1, 5.0)
        server.go_on.clear()
        call = asyncio.create_task(called(pool, server, again=True))
        while not server.requests:
            await asyncio.sleep(0.01)
        server.writers[0].transport.abort()
        with pytest.raises(BrokenConnection):
            await call
        assert (len(server.requests), server.accepted) == (1, 1)
        pool.close()


@pytest.mark.parametrize("came", [b"H", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_a_request_whose_answer_has_begun_is_not_sent_again(came: bytes) -> None:
    async with serving() as server:
        pool = ConnectionPool(server.url, 1, 5.0)
        await called(pool, server)
        server.go_on.clear()
        call = asyncio.create_task(called(pool, server, again=True))
        while len(server.requests) < 2:
            await asyncio.sleep(0.01)
        server.writers[0].write(came)
        server.writers[0].close()
        with pytest.raises(BrokenConnection):
            await call
        assert (len(server.requests), server.accepted) == (2, 1)
        pool.close()


async def test_a_request_that_its_server_had_for_long_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A model that a prompt crashes is not given the prompt twice."""
    monkeypatch.setattr(upstream_pool, "STALE_WITHIN_S", -1.0)
    async with serving() as server:
        pool = ConnectionPool(server.url, 1, 5.0)
        await called(pool, server)
        server.go_on.clear()
        call = asyncio.create_task(called(pool, server, again=True))
        while len(server.requests) < 2:
            await asyncio.sleep(0.01)
        server.writers[0].transport.abort()
        with pytest.raises(BrokenConnection):
            await call
        assert (len(server.requests), server.accepted) == (2, 1)
        pool.close()


async def test_a_connection_is_used_again_only_after_it_has_settled() -> None:
    async with serving() as server:
        pool = ConnectionPool(server.url, 2, 5.0)
        [connection] = await connections_after(pool, server, 1)
        assert pool._kept(pool._loop.time()) is None
        await asyncio.sleep(3 * SETTLE_S)
        assert pool._kept(pool._loop.time()) is connection
        pool.close()


async def test_a_connection_on_which_something_has_come_is_not_used_even_before_it_is_read() -> None:
    async with serving() as server:
        pool = ConnectionPool(server.url, 2, 5.0)
        [connection] = await connections_after(pool, server, 1)
        await asyncio.sleep(3 * SETTLE_S)
        assert connection.is_quiet()
        line = server.writers[0].get_extra_info("socket")
        os.write(line.fileno(), ANSWER)  # and the event loop has had no turn
        assert not connection.is_quiet()
        assert pool._kept(pool._loop.time()) is None
        pool.close()


async def test_what_nobody_asked_for_ends_all_reuse_for_a_while() -> None:
    told = []
    async with serving() as server:
        pool = ConnectionPool(server.url, 4, 5.0, no_reuse_s=3600.0, on_unasked=lambda: told.append(1))
        await connections_after(pool, server, 4)
        await asyncio.sleep(3 * SETTLE_S)
        server.go_on.clear()
        waiting = asyncio.create_task(called(pool, server))
        while len(server.requests) < 5:
            await asyncio.sleep(0.01)
        server.writers[(server.served_last + 1) % 4].write(ANSWER)
        # One that waits on a connection that was used before may be about to get another's answer.
        with pytest.raises(BrokenConnection):
            await waiting
        assert (len(pool._connections), told) == (0, [1])
        server.go_on.set()
        await server.none_open()
        accepted = server.accepted
        for _ in range(3):
            assert await called(pool, server) == b"ok"
            await asyncio.sleep(3 * SETTLE_S)
        assert server.accepted == accepted + 3
        pool.close()


async def test_connections_are_used_again_when_that_time_is_over() -> None:
    async with serving() as server:
        pool = ConnectionPool(server.url, 4, 5.0, no_reuse_s=0.05)
        await called(pool, server)
        server.writers[0].write(ANSWER)
        await server.none_open()
        await asyncio.sleep(0.1)
        for _ in range(3):
            await called(pool, server)
            await asyncio.sleep(3 * SETTLE_S)
        assert server.accepted == 2
        pool.close()


@pytest.mark.parametrize("limit", [8, 1000])
@pytest.mark.parametrize("late_s", [0.0, 0.005, 0.05])
async def test_an_upstream_that_answers_twice_gives_nobody_anothers_answer(limit: int, late_s: float) -> None:
    """Before connections settled, a third of these answers were another call's."""
    loop = asyncio.get_running_loop()
    chance = random.Random(7)

    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                body = await reader.readexactly(int(head.rpartition(b" ")[2]))
                answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
                writer.write(answer)
                loop.call_later(chance.uniform(0, late_s), send_late, writer, answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def send_late(writer: asyncio.StreamWriter, answer: bytes) -> None:
        if not writer.is_closing():
            writer.write(answer)

    listening = await asyncio.start_server(twice, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    pool = ConnectionPool(url, limit, 5.0, no_reuse_s=60.0)
    head = request_head(URL(url), {})
    wrong = []

    async def caller(name: int) -> None:
        for number in range(25):
            body = b"%d of %d" % (number, name)
            try:
                answer = await pool.ask(head, body, again=True)
                got = await answer.read_available()
            except BrokenConnection:
                continue
            if got != body:
                wrong.append((body, got))
            await asyncio.sleep(chance.uniform(0, 0.003))

    await asyncio.gather(*[caller(name) for name in range(8)])
    pool.close()
    listening.close()
    # What comes later than a connection settles may still meet the next request, until the first is noticed.
    assert len(wrong) <= (0 if late_s < SETTLE_S else 8)


async def test_idle_connections_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_pool, "KEEP_ALIVE_S", 0.1)
    async with serving() as server:
        pool = ConnectionPool(server.url, 10, 5.0)
        await asyncio.gather(*[called(pool, server) for _ in range(5)])
        await asyncio.sleep(0.05)
        await called(pool, server)  # on one of them, which is now idle for less long than the rest
        assert server.accepted == 5
        await server.none_open()
        assert await called(pool, server) == b"ok"
        pool.close()


@pytest.mark.parametrize(
    "promise",
    [
        test_there_are_never_more_connections_than_the_limit_and_all_are_served,
        test_a_connection_that_could_not_be_made_makes_room_for_the_next,
        test_an_upstream_that_does_not_take_connections_in_time_is_not_connected,
        test_a_kept_connection_that_its_server_closed_is_not_used,
        test_a_request_that_may_have_arrived_is_never_sent_again,
        test_what_may_be_carried_out_twice_is_sent_once_more_over_a_new_connection,
        test_what_nobody_asked_for_ends_all_reuse_for_a_while,
        test_a_connection_on_which_something_has_come_is_not_used_even_before_it_is_read,
    ],
)
def test_it_is_the_same_on_the_servers_own_event_loop(
    promise: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    uvloop.run(promise())


async def test_an_untrusted_certificate_is_not_talked_to(untrusted: ssl.SSLContext) -> None:
    async with serving(ssl=untrusted) as server:
        pool = ConnectionPool(server.url, 1, 5.0)
        with pytest.raises(NotConnected, match="certificate"):
            await called(pool, server)
        assert server.requests == []
        pool.close()


async def test_calls_over_tls_are_made_and_kept(
    untrusted: ssl.SSLContext, trusted_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = ssl.create_default_context(cafile=trusted_file)
    monkeypatch.setattr(dialer, "_tls", lambda: trusting)
    async with serving(ssl=untrusted) as server:
        pool = ConnectionPool(server.url.replace("127.0.0.1", "localhost"), 1, 5.0)
        assert [await called(pool, server) for _ in range(3)] == [b"ok"] * 3
        assert server.accepted == 1
        pool.close()
        wrong_name = ConnectionPool(server.url, 1, 5.0)
        with pytest.raises(NotConnected, match="certificate"):
            await called(wrong_name, server)


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\0b"])
def test_a_header_stays_in_its_line(value: str) -> None:
    with pytest.raises(ValueError, match="line"):
        request_head(URL("http://h/"), {"X-A": value})


def test_a_request_names_its_host_and_says_each_header_once() -> None:
    head = request_head(
        URL("http://[::1]:81/a b?c=d&e=é"), {"accept": "text/x", "content-type": "evil", "X-A": "b"}
    )
    first, *fields, last = head.split(b"\r\n")
    assert first == b"POST /a%20b?c=d&e=%C3%A9 HTTP/1.1"
    assert last == b"Content-Length: "
    assert sorted(fields) == [
        b"Content-Type: application/json",
        b"Host: [::1]:81",
        b"X-A: b",
        b"accept: text/x",
    ]
