"""The bytes of one connection: any of them, split anywhere, are an answer or a broken connection, and never both."""

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from gateway.upstreams.connection import (
    MAX_FRAMING_BYTES,
    MAX_HEADERS,
    PAUSE_ABOVE_BYTES,
    BrokenConnection,
    ConnectionAnswer,
    UpstreamConnection,
)
from gateway.upstreams.pool import ConnectionPool, request_head
from tests.gateway.local_upstream import LocalUpstream, serving


class Wire(asyncio.Transport):
    """A transport of which the test is the other end."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.unsent = 0
        self.paused = False
        self.aborted = False

    def write(self, data: Any) -> None:
        self.sent += data

    def writelines(self, list_of_data: Any) -> None:
        self.sent += b"".join(list_of_data)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        assert not self.paused
        self.paused = True

    def resume_reading(self) -> None:
        assert self.paused
        self.paused = False


class Line:
    """A connection on such a wire, with what it told its pool."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.freed = 0
        self.gone = 0
        self.unasked = 0
        self.connection = UpstreamConnection(self._on_free, self._on_gone, self._on_unasked)
        self.connection.connection_made(self.wire)

    def _on_free(self, connection: UpstreamConnection) -> None:
        self.freed += 1

    def _on_gone(self, connection: UpstreamConnection) -> None:
        self.gone += 1

    def _on_unasked(self) -> None:
        self.unasked += 1

    def ask(self) -> ConnectionAnswer:
        return self.connection.ask(b"POST / HTTP/1.1\r\nContent-Length: ", b"{}")

    def receive(self, *pieces: bytes) -> None:
        """As a transport does: nothing after it was aborted."""
        for piece in pieces:
            if piece and not self.wire.aborted:
                self.connection.data_received(piece)

    def hang_up(self, error: Exception | None = None) -> None:
        self.connection.connection_lost(error)


async def whole(answer: ConnectionAnswer) -> bytes:
    await answer.head()
    parts = []
    while part := await answer.read_available():
        parts.append(part)
    return b"".join(parts)


def read_now(answer: ConnectionAnswer) -> bytes | BrokenConnection:
    """What a reader gets of an answer that has ended one way or the other: it never has to wait."""
    reading = whole(answer)
    try:
        reading.send(None)
    except StopIteration as end:
        return cast(bytes, end.value)
    except BrokenConnection as error:
        return error
    finally:
        reading.close()
    raise AssertionError("the answer neither ended nor broke")


FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX-Sum: 1\r\n\r\n"
)
TO_THE_END = b"HTTP/1.1 200 OK\r\n\r\nhello"


def test_a_request_is_its_head_its_length_and_its_body() -> None:
    line = Line()
    line.ask()
    assert line.wire.sent == b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    "kept", [FINE, CHUNKED, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\n" + FINE]
)
def test_an_answer_split_anywhere_is_the_same_and_frees_its_connection(kept: bytes) -> None:
    for at in range(len(kept) + 1):
        line = Line()
        for times in (1, 2):
            answer = line.ask()
            line.receive(kept[:at], kept[at:])
            assert (read_now(answer), answer.status, line.freed, line.gone) == (b"hello", 200, times, 0)
            assert not {"a", "x-sum"} & set(answer.headers)  # of an interim answer, and of a trailer


@pytest.mark.parametrize("given_status", [b"204 No Content", b"304 Not Modified"])
def test_some_answers_have_no_body(given_status: bytes) -> None:
    line = Line()
    answer = line.ask()
    line.receive(b"HTTP/1.1 " + given_status + b"\r\n\r\n")
    assert (read_now(answer), line.freed) == (b"", 1)


def test_a_body_without_a_length_ends_with_its_connection() -> None:
    line = Line()
    answer = line.ask()
    line.receive(TO_THE_END)
    line.hang_up()
    assert (read_now(answer), line.freed, line.gone) == (b"hello", 0, 1)


def test_a_body_without_a_length_is_broken_by_a_reset() -> None:
    line = Line()
    answer = line.ask()
    line.receive(TO_THE_END)
    line.hang_up(ConnectionResetError())
    assert isinstance(read_now(answer), BrokenConnection)


@pytest.mark.parametrize(
    "cut", [b"", b"HTTP/1.1", b"HTTP/1.1 200 OK\r\nContent-", FINE[:-1], CHUNKED[:-2], CHUNKED[:60]]
)
def test_an_answer_that_stops_before_its_end_is_broken(cut: bytes) -> None:
    line = Line()
    answer = line.ask()
    line.receive(cut)
    line.hang_up()
    assert isinstance(read_now(answer), BrokenConnection)
    assert (line.freed, line.gone) == (0, 1)


@pytest.mark.parametrize(
    "malformed",
    [
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 4\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX y: z\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
)
def test_what_is_no_answer_breaks_the_connection(malformed: bytes) -> None:
    for at in range(len(malformed)):
        line = Line()
        answer = line.ask()
        line.receive(malformed[:at], malformed[at:])
        assert isinstance(read_now(answer), BrokenConnection)
        assert (line.wire.aborted, line.freed, line.gone) == (True, 0, 1)
        line.hang_up()
        assert line.gone == 1


@pytest.mark.parametrize("second", [FINE, b"x", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_a_second_answer_to_one_request_is_given_to_nobody(second: bytes) -> None:
    together = Line()
    answer = together.ask()
    together.receive(FINE + second)
    assert (read_now(answer), together.wire.aborted, together.freed) == (b"hello", True, 0)
    assert together.unasked == 1
    later = Line()
    answer = later.ask()
    later.receive(FINE, second)
    assert (read_now(answer), later.wire.aborted, later.gone, later.unasked) == (b"hello", True, 1, 1)


def test_a_server_that_says_why_it_closes_an_idle_connection_sends_nothing_unasked() -> None:
    line = Line()
    line.ask()
    line.receive(FINE, b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
    assert (line.wire.aborted, line.gone, line.unasked) == (True, 1, 0)


def test_what_comes_behind_a_last_answer_is_nobodys_and_no_matter() -> None:
    line = Line()
    answer = line.ask()
    line.receive(FINE.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + b"x")
    assert (read_now(answer), line.wire.aborted, line.unasked) == (b"hello", True, 0)


@pytest.mark.parametrize("coding", [b"CHUNKED  ", b" \tChunked"])
def test_the_name_of_a_coding_is_read_as_http_writes_it(coding: bytes) -> None:
    line = Line()
    answer = line.ask()
    line.receive(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + coding + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    assert (read_now(answer), line.freed) == (b"hello", 1)


def test_too_many_headers_are_given_up() -> None:
    fields = b"".join(b"X-%d: y\r\n" % number for number in range(MAX_HEADERS + 1))
    line = Line()
    answer = line.ask()
    line.receive(b"HTTP/1.1 200 OK\r\n" + fields + b"Content-Length: 0\r\n\r\n")
    assert isinstance(read_now(answer), BrokenConnection)
    assert line.wire.aborted


@pytest.mark.parametrize(
    "last", [FINE.replace(b"\r\n", b"\r\nConnection: close\r\n", 1), FINE.replace(b"1.1", b"1.0", 1)]
)
def test_a_connection_whose_server_closes_it_is_not_used_again(last: bytes) -> None:
    line = Line()
    answer = line.ask()
    line.receive(last)
    assert (read_now(answer), line.wire.aborted, line.freed, line.gone) == (b"hello", True, 0, 1)


def test_an_answer_that_comes_before_its_request_went_out_ends_the_connection() -> None:
    line = Line()
    answer = line.ask()
    line.wire.unsent = 10
    line.receive(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
    assert (read_now(answer), answer.status, line.wire.aborted, line.freed) == (b"", 413, True, 0)


@pytest.mark.parametrize(
    "before",
    [
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n0\r\nX: ",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;",
    ],
)
def test_headers_without_end_are_given_up(before: bytes) -> None:
    line = Line()
    answer = line.ask()
    line.receive(before, *[b"x" * 1000] * (MAX_FRAMING_BYTES // 1000 + 2))
    assert (line.wire.aborted, line.gone) == (True, 1)
    assert isinstance(read_now(answer), BrokenConnection)


def test_interim_answers_without_end_are_given_up() -> None:
    line = Line()
    line.ask()
    line.receive(*[b"HTTP/1.1 100 Continue\r\n\r\n" * 40] * (MAX_FRAMING_BYTES // 1000 + 2))
    assert line.wire.aborted


async def test_a_slow_reader_makes_its_upstream_wait() -> None:
    line = Line()
    answer = line.ask()
    line.receive(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % 10**6)
    line.receive(*[b"x" * 50_000] * (PAUSE_ABOVE_BYTES // 50_000))
    assert not line.wire.paused
    line.receive(b"x" * 50_000)
    line.receive(b"x" * 50_000)
    assert line.wire.paused
    assert len(await answer.read_available()) == PAUSE_ABOVE_BYTES // 50_000 * 50_000 + 100_000
    assert not line.wire.paused


async def test_a_connection_is_not_handed_on_while_it_waits_for_a_reader() -> None:
    line = Line()
    answer = line.ask()
    size = PAUSE_ABOVE_BYTES + 1
    line.receive(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (size + 1), b"x" * size)
    assert line.wire.paused
    line.receive(b"x")
    assert (line.freed, line.wire.paused) == (1, False)
    assert len(await whole(answer)) == size + 1


async def test_a_cancelled_read_loses_nothing() -> None:
    line = Line()
    answer = line.ask()
    line.receive(FINE[:-3])
    assert await answer.read_available() == b"he"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await answer.read_available()
    line.receive(FINE[-3:])
    assert await whole(answer) == b"llo"


def test_closing_an_answer_breaks_its_connection_and_never_the_next_ones() -> None:
    line = Line()
    first = line.ask()
    line.receive(FINE)
    second = line.ask()
    first.close()
    assert not line.wire.aborted
    second.close()
    second.close()
    assert (line.wire.aborted, line.gone) == (True, 1)


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"HTTP/1.1 200 OK\r\n",
                b"HTTP/1.1 100 Continue\r\n\r\n",
                b"HTTP/1.0 204 \r\n",
                b"Content-Length: 5\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"Connection: close\r\n",
                b"\r\n",
                b"5\r\nhello\r\n",
                b"0\r\n\r\n",
                b"hello",
                FINE,
                CHUNKED,
            ]
        ),
        st.binary(max_size=20),
    ),
    max_size=12,
)


@given(PIECES, st.lists(st.integers(0, 300), max_size=6), st.booleans())
@settings(max_examples=400, deadline=None)
def test_any_bytes_split_anywhere_are_one_answer_or_a_broken_connection(
    pieces: list[bytes], cuts: list[int], reset: bool
) -> None:
    sent = b"".join(pieces)
    results = []
    for places in ([], sorted(cuts)):
        line = Line()
        answer = line.ask()
        edges = [0, *places, len(sent)]
        line.receive(*[sent[start:end] for start, end in pairwise(edges)])
        assert line.freed + line.gone <= 2
        kept = line.freed == 1 and line.gone == 0
        line.hang_up(ConnectionResetError() if reset else None)
        assert line.gone == 1
        got = read_now(answer)
        results.append(type(got) if isinstance(got, BrokenConnection) else (got, answer.status, kept))
        if isinstance(got, bytes):
            assert answer.status >= 200
            assert got in sent or b"chunked" in sent
    assert results[0] == results[1]


HEADER_VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
Shape = tuple[int, dict[str, str], list[bytes], str]
SHAPES = st.tuples(
    st.sampled_from([200, 201, 203, 400, 429, 500, 503]),
    st.dictionaries(st.sampled_from(["X-A", "Retry-After", "x-b"]), HEADER_VALUES, max_size=3),
    st.lists(st.binary(min_size=1, max_size=5000), max_size=5),
    st.sampled_from(["length", "chunked", "close"]),
)


def _handler(shape: Shape) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    status, headers, parts, framing = shape

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            status=status, headers={**headers, "Content-Type": "Text/Plain; charset=x"}
        )
        if framing == "length":
            response.content_length = sum(map(len, parts))
        elif framing == "chunked":
            response.enable_chunked_encoding()
        else:
            response.force_close()
            response.headers["Connection"] = "close"
        await response.prepare(request)
        for part in parts:
            await response.write(part)
        return response

    return answer


@given(st.lists(SHAPES, min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_a_well_formed_answer_is_read_as_aiohttp_reads_it(shapes: list[Shape]) -> None:
    async def compare() -> None:
        upstream = LocalUpstream()
        runner = await serving(upstream)
        pool = ConnectionPool(upstream.url, 1, 5.0)
        head = request_head(URL(upstream.url + "/x?y=%20"), {"X-Key": "k"})
        try:
            async with aiohttp.ClientSession(auto_decompress=False) as session:
                for shape in shapes:
                    upstream.handler = _handler(shape)
                    async with session.post(upstream.url + "/x?y=%20", data=b"{}") as theirs:
                        expected = await theirs.read()
                    ours = await pool.ask(head, b"{}")
                    assert await whole(ours) == expected == b"".join(shape[2])
                    assert ours.status == theirs.status
                    assert ours.content_type == theirs.content_type
                    assert ours.content_length == theirs.content_length
                    assert dict(ours.headers) == {
                        name.lower(): value for name, value in theirs.headers.items()
                    } | {"date": ours.headers["date"]}
                    assert upstream.seen[-1].path_qs == upstream.seen[-2].path_qs
        finally:
            pool.close()
            await runner.cleanup()

    asyncio.run(compare())


@pytest.mark.parametrize(
    "end", [lambda it: it.break_off("left"), lambda it: it.connection_lost(None)], ids=["broken off", "lost"]
)
def test_a_connection_that_has_ended_leaves_nothing_to_the_garbage_collector(
    end: Callable[[UpstreamConnection], None],
) -> None:
    def on_gone(connection: UpstreamConnection) -> None:
        pass

    connection = UpstreamConnection(lambda connection: None, on_gone, lambda: None)
    connection.connection_made(Wire())
    gone_with_it = weakref.ref(on_gone)
    gc.disable()
    try:
        end(connection)
        del connection, on_gone
        assert gone_with_it() is None
    finally:
        gc.enable()
