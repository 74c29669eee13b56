"""One HTTP/1.1 connection to an upstream: a request goes out, its answer comes back, and then the next.

Written for what a call costs: httptools parses, nothing is copied twice, and an answer that comes in one read wakes
its reader once. It speaks what answers to our own requests need and no more: no redirects, no proxies, no
compression, no upgrade. What is not strictly HTTP/1.1 breaks the connection instead of being guessed at.
See ADR 16.
"""

import asyncio
import select
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import cast

import httptools

# The most that may come without any of an answer's body in it: heads, chunk sizes, trailers.
MAX_FRAMING_BYTES = 2**16
# The most headers an answer may have, counted by their names.
MAX_HEADERS = 256
# A reader that falls behind by more than this makes the connection wait, and so its upstream.
PAUSE_ABOVE_BYTES = 2**17
# A longer content type is not kept for the next answer.
SHORT_TYPE_BYTES = 200


class BrokenConnection(Exception):
    """The connection ended before its answer did, or what came on it is no HTTP answer."""


class ConnectionAnswer:
    """An upstream's answer, readable while it comes (see UpstreamAnswer)."""

    __slots__ = (
        "_broken",
        "_connection",
        "_ended",
        "_fields",
        "_parts",
        "_size",
        "_waiter",
        "began",
        "status",
    )

    def __init__(self, connection: "UpstreamConnection") -> None:
        self.status = 0
        # Whether any byte has come.
        self.began = False
        # By lower-case name; of several that have one name, the first.
        self._fields: dict[bytes, bytes] = {}
        self._connection: UpstreamConnection | None = connection
        self._parts: list[bytes] = []
        self._size = 0
        self._ended = False
        self._broken: BrokenConnection | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        return _Headers(self._fields)

    @property
    def content_type(self) -> str:
        given = self._fields.get(b"content-type", b"")
        return _known_media_type(given) if len(given) <= SHORT_TYPE_BYTES else _media_type(given)

    @property
    def content_encoding(self) -> str | None:
        given = self._fields.get(b"content-encoding")
        return None if given is None else _text(given)

    @property
    def content_length(self) -> int | None:
        given = self._fields.get(b"content-length")
        return None if given is None else int(given)

    async def head(self) -> None:
        """Wait for status and headers. Raises BrokenConnection."""
        while self.status == 0:
            if self._broken is not None:
                raise self._broken
            await self._news()

    async def read_available(self) -> bytes:
        """What has come since the last read, at least a byte; empty at the end. Raises BrokenConnection."""
        while not self._parts:
            if self._ended:
                return b""
            if self._broken is not None:
                raise self._broken
            await self._news()
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        if self._connection is not None:
            self._connection.go_on_reading()
        return data

    def close(self) -> None:
        """Break the connection off where the answer has not come whole, so that the upstream stops."""
        if self._connection is not None:
            self._connection.break_off("its reader has closed the answer")

    async def _news(self) -> None:
        assert self._waiter is None
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class UpstreamConnection(asyncio.Protocol):
    """A connection that carries one request at a time: the pool reuses it only after the last answer has come whole.

    Only their order says whose answer bytes are, so a surplus byte would be taken for the next caller's answer.
    Bytes that come while no request waits are therefore reported, and `is_quiet` looks for any that are still unread.
    """

    __slots__ = (
        "_answer",
        "_framing_bytes",
        "_goes_on",
        "_head_came",
        "_news",
        "_on_free",
        "_on_gone",
        "_on_unasked",
        "_parser",
        "_paused",
        "_readable",
        "_transport",
        "_until_close",
        "idle_since",
        "requests",
    )

    def __init__(
        self,
        on_free: Callable[["UpstreamConnection"], None],
        on_gone: Callable[["UpstreamConnection"], None],
        on_unasked: Callable[[], None],
    ) -> None:
        """`on_free` is called when an answer came whole and another request may follow, `on_gone` once, at the end.

        `on_unasked` is called, after `on_gone`, when something came that was no part of an answer to a request.
        """
        self._on_free = on_free
        self._on_gone = on_gone
        self._on_unasked = on_unasked
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answer: ConnectionAnswer | None = None
        self._paused = False
        self._readable: select.poll | None = None
        self.idle_since = 0.0
        # How many it has carried, the one under way included.
        self.requests = 0
        self._expect()

    def _expect(self) -> None:
        """A new answer begins."""
        self._head_came = False
        self._news = False
        self._goes_on = False
        self._until_close = False
        self._framing_bytes = 0

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_waited_for(self) -> bool:
        """Whether a request is under way to which not a byte of an answer has come."""
        return self._answer is not None and not self._answer.began

    @property
    def is_free(self) -> bool:
        return self._answer is None

    def is_quiet(self) -> bool:
        """Whether the next request may go out: it is open, and nothing has come that is still to be read.

        One that is not is never used again: the event loop reads what came, and then says what it was; under TLS,
        where it may have been no data, it is closed.
        """
        if self._transport is None or self._transport.is_closing():
            return False
        if self._readable is None or not self._readable.poll(0):
            return True
        if self._transport.get_extra_info("sslcontext") is not None:
            self.break_off("something came while nobody waited for it")
        return False

    def ask(self, head: bytes, body: bytes | None) -> ConnectionAnswer:
        """Send a request. Raises BrokenConnection.

        `head` ends where the length of the body is to stand; where there is to be no body, it is whole.
        """
        assert self._answer is None
        if self._transport is None or self._transport.is_closing():
            raise BrokenConnection("closed before the request")
        answer = self._answer = ConnectionAnswer(self)
        self._expect()
        self.requests += 1
        if body is None:
            self._transport.write(head)
        else:
            self._transport.writelines((b"%b%d\r\n\r\n" % (head, len(body)), body))
        return answer

    def go_on_reading(self) -> None:
        if self._paused:
            self._paused = False
            if self._transport is not None:
                self._transport.resume_reading()

    def break_off(self, why: str) -> None:
        """End the connection at once. An answer that has not come whole is broken."""
        self._end(BrokenConnection(why))
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
            self._on_gone(self)

    # What the transport says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            self._readable = select.poll()
            self._readable.register(sock.fileno(), select.POLLIN)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and self._until_close and error is None:
            self._answer._ended = True
        self._end(BrokenConnection(str(error or "closed before the answer's end")))
        if self._transport is not None:
            self._transport = None
            self._on_gone(self)

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:
            self.break_off("data that nobody asked for")
            # Some servers say so when they close a connection that was idle for too long.
            if data[8:12] != b" 408":
                self._on_unasked()
            return
        answer.began = True
        self._news = False
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            unasked = answer._ended and self._goes_on
            self.break_off(f"not an HTTP answer: {error}")
            if unasked:
                self._on_unasked()
            return
        if answer._ended:
            self._came_whole()
        elif not self._news:
            self._framing_bytes += len(data)
            if self._framing_bytes > MAX_FRAMING_BYTES:
                self.break_off("headers without end")
            return
        elif answer._size > PAUSE_ABOVE_BYTES and not self._paused:
            self._paused = True
            assert self._transport is not None
            self._transport.pause_reading()
        answer._wake()

    def _came_whole(self) -> None:
        assert self._transport is not None
        # An answer may come before its request has gone out, as a refusal of its size does.
        if not self._goes_on or self._transport.get_write_buffer_size() or self._transport.is_closing():
            self.break_off("not kept alive")
            return
        assert self._answer is not None
        self._answer._connection = None
        self._answer = None
        self.go_on_reading()
        self._on_free(self)

    def _end(self, broken: BrokenConnection) -> None:
        # It refers to this connection, and only the garbage collector would free the two.
        self._parser = None  # type: ignore[assignment]
        answer, self._answer = self._answer, None
        if answer is not None:
            answer._connection = None
            if not answer._ended:
                answer._broken = broken
            answer._wake()

    # What the parser says, within data_received. What is raised here is a parser error there.

    def on_message_begin(self) -> None:
        if self._answer is None or self._answer._ended:
            raise BrokenConnection("a second answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        # Those that come later are trailers, which nobody reads.
        if not self._head_came and self._answer is not None:
            fields = self._answer._fields
            fields.setdefault(name.lower(), value)
            if len(fields) > MAX_HEADERS:
                raise BrokenConnection("too many headers")

    def on_headers_complete(self) -> None:
        answer = self._answer
        assert answer is not None
        status = self._parser.get_status_code()
        if 100 < status < 200 or status == 100:
            answer._fields.clear()
            return
        if status < 100:
            raise BrokenConnection("no status")
        coding = answer._fields.get(b"transfer-encoding")
        if coding is not None and coding.strip(b" ").lower() != b"chunked":
            raise BrokenConnection("a transfer coding nobody asked for")
        self._until_close = coding is None and b"content-length" not in answer._fields
        answer.status = status
        self._head_came = self._news = True

    def on_body(self, data: bytes) -> None:
        answer = self._answer
        assert answer is not None
        answer._parts.append(data)
        answer._size += len(data)
        self._news = True

    def on_message_complete(self) -> None:
        if self._head_came:
            assert self._answer is not None
            self._answer._ended = self._news = True
            self._goes_on = self._parser.should_keep_alive()


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _media_type(given: bytes) -> str:
    return _text(given).partition(";")[0].strip().lower() or "application/octet-stream"


_known_media_type = lru_cache(maxsize=256)(_media_type)


class _Headers(Mapping[str, str]):
    """Headers as they came, decoded when somebody looks: chat never does."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[bytes, bytes]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return _text(self._fields[name.encode("utf-8", "surrogateescape")])

    def __iter__(self) -> Iterator[str]:
        return map(bytes.decode, self._fields)

    def __len__(self) -> int:
        return len(self._fields)
