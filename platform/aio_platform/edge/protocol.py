"""LimitedProtocol: uvicorn's HTTP protocol with a limit on everything that comes before an answer (see ADR 23).

The parser below has no limits: it joins a header of any length, and trailers are headers to it. Bytes are counted
where a request has not ended with the bytes that began it, so an ordinary request costs no more than it did.
"""

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from aio_platform import errors, problems
from aio_platform.edge.bounded_connection import Answered
from aio_platform.edge.connections import Connections
from aio_platform.edge.reads_in_turns import ReadsInTurns
from aio_platform.edge.unusual_cycle import UnusualCycle
from aio_platform.http.cycle import Cycle
from aio_platform.http.request_head import (
    HEADERS_BY_NAME,
    TRUST,
    HeadTooLarge,
    MalformedRequest,
    TargetTooLong,
    check_headers,
    head_without_upgrade,
    headers_by_name,
    read_target,
)
from aio_platform.i18n.translatable import gettext_noop

# Requests sent ahead of the answer to an earlier one.
MAX_AHEAD = 8
# A head of this size is not worth counting.
SMALL_HEAD_BYTES = 4_096
# What chunks may add to a body: sizes, extensions and trailers.
FRAMING_BYTES = 65_536
FRAMING_FACTOR = 10
# What a request that waits for the answer to an earlier one is charged beside its bytes: the objects that it is.
AHEAD_BYTES = 16_384


class LimitedProtocol(ReadsInTurns):
    """Reads requests from one connection, and hands each to the application once its head is within the limits."""

    def __init__(self, shared: Connections, **keywords: Any) -> None:
        super().__init__(shared, **keywords)
        # Whether its request began within what is being read.
        self._just_begun = False
        self._fault: errors.PlatformError | None = None
        self._feed_bytes = 0
        self._heads_in_feed = 0
        self._body_bytes = 0
        self._body_bytes_before_feed = 0
        self._body_bytes_before_message = 0
        # Of the request under way: what came in reads that did not end it.
        self._unfinished = 0

    # What comes in

    def data_received(self, data: bytes) -> None:
        size = self._feed_bytes = len(data)
        if size > self._parsed_at_once:
            self._read_large(data)
            return
        self._heads_in_feed = 0
        self._body_bytes_before_feed = self._body_bytes
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            fault = self._fault or _fault_of(error)
            self._fault = None
            self._refuse(fault)
            problems.forget_frames(fault)  # one of them has these data
        else:
            if self._body_bytes != self._body_bytes_before_feed:
                self._tell_of_body(self._body_bytes - self._body_bytes_before_feed)
            if not self._message_ended:
                self._weigh_unfinished()
                if self._just_begun and not (self.pipeline or self._is_refused):
                    # No more of a body before its request asks: a key is looked up first, and many bodies fill memory.
                    self.flow.pause_reading()
        self._just_begun = False

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._message_ended = False
        self._unfinished = 0
        self._charged_before = self._charged
        self._since = self.shared.now

    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > self.limits.target_bytes:
            self._fail(
                TargetTooLong(
                    gettext_noop("The address is longer than %(target_bytes)s bytes."),
                    target_bytes=f"{self.limits.target_bytes:,}",
                )
            )

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer comes when what it could say has been acted upon
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        headers = self.headers
        headers.append((name, value))
        # Each is objects of a hundred bytes, however short: a limit of bytes alone is none of memory.
        if len(headers) > self.limits.headers:
            self._fail(self._head_too_large())

    def on_headers_complete(self) -> None:
        parser = self.parser
        scope: Any = self.scope
        method = scope["method"] = parser.get_method().decode("ascii")
        if method != "CONNECT" and parser.should_upgrade():
            return  # it comes again without that wish
        version = parser.get_http_version()
        earlier = self.cycle
        waits = earlier is not None and not earlier.response_complete
        if waits or self._feed_bytes + self._unfinished > SMALL_HEAD_BYTES:
            self._weigh_head(waits)
        self._unfinished = 0
        self._body_bytes_before_message = self._body_bytes
        known = headers_by_name(self.headers)
        try:
            check_headers(version, method, self.headers, known)
            scope["path"], scope["raw_path"], scope["query_string"] = read_target(self.url, known)
        except errors.PlatformError as error:
            self._fail(error)
        scope[HEADERS_BY_NAME] = known
        scope[TRUST] = self.trust
        scope["http_version"] = version
        usual = version == "1.1" and not self.expect_100_continue
        self._begin(Cycle if usual else UnusualCycle, waits)
        self._in_head = False

    def _begin(self, kind: type[Cycle], waits: bool) -> None:
        if waits and len(self.pipeline) >= MAX_AHEAD:
            self._fail(MalformedRequest(gettext_noop("Too many requests were sent ahead of an answer.")))
        cycle = self.cycle = kind(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if waits:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))
        else:
            self._answering = cycle
            self._just_begun = True
            self.trust.request_proven = False
            self._start_asgi_task(cycle, self.app)

    def on_body(self, body: bytes) -> None:
        # As little as may be: a read may have ten thousand chunks of one byte.
        size = len(body)
        self._body_bytes += size
        cycle = self.cycle
        if cycle.response_complete:
            self._drop(size)
            return
        if self.pipeline:
            # Sent ahead of the answer to an earlier request: nobody can ask for it yet.
            if not self._charge(size):
                self._fail(_no_room())
            self._charged_before += size
        cycle.body += body

    def _tell_of_body(self, size_bytes: int) -> None:
        """Let the request know that so much of its body has come with a read."""
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.message_event.set()
        if not self._message_ended and len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        if not (self.pipeline or self.trust.request_proven):
            self.shared.body_came(size_bytes)

    def on_message_complete(self) -> None:
        self._message_ended = True
        self._dropped = 0
        if self.parser.should_upgrade():
            return
        cycle = self.cycle
        if cycle.response_complete:
            self.flow.resume_reading()
            self._discharge()
            return
        cycle.more_body = False
        cycle.message_event.set()

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Read the request again as one that wishes no other protocol, and what comes after its head."""
        head = head_without_upgrade(self.scope["method"], self.url, self.headers)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._message_ended = True
        self.data_received(head + rest)

    # What goes out

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._since = self.shared.now
        if self._answering.body:
            self._answering.body = bytearray()
        if self.cycle.response_complete:
            self.cycle = self._answering = Answered  # type: ignore[assignment]
            if self._charged and (self._message_ended or self._in_head):
                self._discharge(0 if self._message_ended else self._charged - self._charged_before)
                self._charged_before = 0
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._answering, app = self.pipeline.pop()
            self.trust.request_proven = False
            self._start_asgi_task(self._answering, app)

    # Limits

    def _weigh_unfinished(self) -> None:
        """Count a read with which the request has not ended."""
        if self._in_head:
            # What came before this head in the same read was earlier requests'.
            earlier = self._heads_in_feed + self._body_bytes - self._body_bytes_before_feed
            self._unfinished += max(self._feed_bytes - earlier, 0)
            if self._unfinished > self.limits.head_bytes:
                self._refuse(self._head_too_large())
                return
            self._pack_headers()
            excess = self._unfinished - SMALL_HEAD_BYTES
        else:
            if b"transfer-encoding" in self.scope[HEADERS_BY_NAME]:  # type: ignore[literal-required]
                self._parsed_at_once = -1
            self._unfinished += self._feed_bytes
            body = self._body_bytes_of_message()
            framing = self._unfinished - body
            if framing > FRAMING_BYTES + FRAMING_FACTOR * body:
                self._refuse(
                    MalformedRequest(gettext_noop("The body is hardly more than the frames of its chunks."))
                )
                return
            excess = framing - self.limits.head_bytes
        missing = excess - (self._charged - self._charged_before)
        if missing > 0 and not self._charge(missing):
            self._refuse(_no_room())

    def _body_bytes_of_message(self) -> int:
        return self._body_bytes - self._body_bytes_before_message

    def _weigh_head(self, waits: bool) -> None:
        """Check a whole head's size; a large one, and one that waits for others, is charged until it is answered."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        self._heads_in_feed += size
        if size > self.limits.head_bytes:
            self._fail(self._head_too_large())
        self._discharge(self._charged_before)
        if waits:
            size += AHEAD_BYTES
        if size > SMALL_HEAD_BYTES and not self._charge(size):
            self._fail(_no_room())

    def _head_too_large(self) -> HeadTooLarge:
        return HeadTooLarge(
            gettext_noop("A request's head is at most %(head_bytes)s bytes in %(header_count)s headers."),
            head_bytes=f"{self.limits.head_bytes:,}",
            header_count=self.limits.headers,
        )

    def _fail(self, error: errors.PlatformError) -> None:
        """Break off the parser, which is calling us, with this error as the answer."""
        self._fault = error
        raise error


def _fault_of(error: Exception) -> errors.PlatformError:
    if isinstance(error, httptools.HttpParserCallbackError):
        return problems.as_platform_error(error.__context__ or error)
    return MalformedRequest(gettext_noop("The request is not valid HTTP/1.1."))


def _no_room() -> errors.ServiceUnavailable:
    return errors.ServiceUnavailable(gettext_noop("There are too many large requests; try again shortly."))
