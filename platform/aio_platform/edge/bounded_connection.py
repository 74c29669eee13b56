"""BoundedConnection: what `Connections` knows of a connection: the bytes it holds, its times, its end (ADR 23)."""

import asyncio
from typing import Any

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from aio_platform import errors
from aio_platform.edge.connections import Connections
from aio_platform.edge.limits import address_to_count_by
from aio_platform.edge.raw_answers import error_answer
from aio_platform.edge.turns import HoldableFlow
from aio_platform.http.request_head import HeadTooSlow
from aio_platform.http.write_coalescing import OneWriteProtocol
from aio_platform.i18n.translatable import gettext_noop

# Of a body whose request was answered already so much is read and dropped, that its client may see the answer.
DROPPED_BYTES = 1_000_000
LAST_WORDS_S = 2.0
# Between requests, a larger read is looked at before it is parsed: it may begin a body in chunks.
LARGE_READ_BYTES = 16_384
# A reader is stalled that takes less than this within its limit.
STALLED_BYTES = 65_536


class Answered:
    """Stands for a request that has been answered: what came with it need not be kept."""

    response_complete = True
    disconnected = False
    body = b""
    message_event = asyncio.Event()


class ConnectionTrust:
    """What an application says of a connection; it holds no connection, which its scope would then hold for ever."""

    __slots__ = ("proven", "request_proven")

    def __init__(self) -> None:
        # Somebody with a valid key, or a member, has called on it; and whether the request under way is such a call,
        # for whoever comes through a proxy shares its connections.
        self.proven = self.request_proven = False


class BoundedConnection(OneWriteProtocol):
    """Has a place among the connections of its process, `shared`, and gives back what it took however it ends.

    Whoever reads requests of it says what has come, in `LimitedProtocol`.
    """

    flow: HoldableFlow

    def __init__(self, shared: Connections, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.shared = shared
        self.limits = shared.limits
        self.address = ""
        self.trust = ConnectionTrust()
        self._answering: Any = None
        # When what is waited for began: a request, the rest of its head, the end of a body that is dropped.
        self._since = 0.0
        self._in_head = False
        self._message_ended = True
        self._is_refused = False
        # A read larger than this is not parsed as it comes; while a body comes in chunks, among others, none is.
        self._parsed_at_once = LARGE_READ_BYTES
        # What was read and waits to be parsed.
        self._unparsed = b""
        # The headers that came of an unfinished head, where they are many.
        self._packed_headers = b""
        # What is charged for the requests under way, and how much of it for those before the one that is being read.
        self._charged = 0
        self._charged_before = 0
        self._dropped = 0
        self._stalled_since: float | None = None
        self._stalled_with = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.flow = HoldableFlow(self.transport)
        self.address = address_to_count_by(self.client[0]) if self.client else ""
        admitted = self.shared.admit(self)
        self._since = self.shared.now
        if not admitted:
            self._read_for_nobody()
            self.shared.count_refusal("no_place")
            error = errors.ServiceUnavailable(
                gettext_noop("There are too many connections; try again shortly.")
            )
            self.transport.write(error_answer(error, b""))
            self.transport.close()
        elif self.shared.holds_back:
            self.shared.hold_newcomer_back(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.shared.leave(self)
        self._discharge()
        self._tell_that_client_left()
        super().connection_lost(exc)
        # What had come is not kept until the garbage collector finds it.
        self.cycle = self._answering = Answered  # type: ignore[assignment]
        self.scope = self.headers = None  # type: ignore[assignment]
        self._unparsed = self._packed_headers = b""

    # What goes out

    def pause_writing(self) -> None:
        super().pause_writing()
        self.shared.answer_unread(self.unread_bytes())

    def resume_writing(self) -> None:
        self._stalled_since = None
        super().resume_writing()

    # What it holds, and its refusal

    def _charge(self, size_bytes: int) -> bool:
        taken = self.shared.heads.take(self.address, size_bytes)
        if taken:
            self._charged += size_bytes
        return taken

    def _discharge(self, left_bytes: int = 0) -> None:
        excess = self._charged - left_bytes
        if excess:
            self.shared.heads.give_back(self.address, excess)
            self._charged = left_bytes

    def _drop(self, size_bytes: int) -> None:
        """Count what is read for nobody; after a while it is not even read."""
        self._dropped += size_bytes
        if self._dropped > DROPPED_BYTES:
            self.stop_reading()

    def _refuse(self, error: errors.PlatformError) -> None:
        """Answer with the error where nothing else is being answered, and end the connection."""
        self._read_for_nobody()
        self._since = self.shared.now
        self._discharge(self._charged_before)
        self.shared.count_refusal(error.code)
        url = self.url if self.scope else b""
        self._let_go_of_what_was_read()
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if self._in_head or self._message_ended:
            if cycle is not None and not cycle.response_complete:
                # Earlier requests came whole: they are answered, and this one is not.
                cycle.keep_alive = False
                return
        elif self.pipeline:
            self.pipeline.popleft()  # it is the newest; those before it are answered
            self.cycle = self.pipeline[0][0] if self.pipeline else self._answering
            self.cycle.keep_alive = False
            return
        elif cycle.response_complete:
            self.transport.write_eof()  # it was answered before it had come whole: a second answer would be no one's
            return
        elif cycle.response_started:
            self.cut()
            return
        else:
            self._tell_that_client_left()
            self.cycle = self._answering = Answered  # type: ignore[assignment]
        self.transport.write(error_answer(error, url))
        self.transport.write_eof()

    def _read_for_nobody(self) -> None:
        self._is_refused = True
        self._parsed_at_once = -1

    def _let_go_of_what_was_read(self) -> None:
        """Drop the head that nobody will have: a refused client stays for seconds, with all that it sent."""
        self.parser = self.scope = self.headers = None  # type: ignore[assignment]
        self.url = self._packed_headers = b""

    def _tell_that_client_left(self) -> None:
        """Let every request under way know that nobody waits for its answer."""
        for cycle in (self._answering, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.client_left()
        self.pipeline.clear()
        self.flow.resume_writing()

    # What `Connections` asks

    def look(self, now: float) -> None:
        cycle = self.cycle
        if self._is_stalled(now):
            self.shared.count_refusal("stalled_reader")
            self.cut()
        elif self.transport.is_closing():
            pass  # it ends when its client has taken the rest
        elif self._is_refused and (cycle is None or cycle.response_complete or cycle.disconnected):
            if now - self._since > LAST_WORDS_S:
                self.cut()
        elif cycle is None or cycle.response_complete:
            self._look_while_waiting(now - self._since)

    def _look_while_waiting(self, waited_s: float) -> None:
        if self._in_head:
            if waited_s > self.limits.head_time_s:
                limit_s = self.limits.head_time_s
                self._refuse(
                    HeadTooSlow(
                        gettext_noop("The request's head did not come in %(limit_s)s seconds."),
                        limit_s=f"{limit_s:g}",
                    )
                )
        elif not self._message_ended:
            if waited_s > (LAST_WORDS_S if self.flow.read_paused else self.limits.head_time_s):
                self.cut()
        elif waited_s > (self.limits.head_time_s if self.cycle is None else self.limits.keep_alive_s):
            self.transport.close()

    def _is_stalled(self, now: float) -> bool:
        """Whether the client has taken next to nothing of what waits for it, for longer than it may."""
        left = self.unread_bytes()
        if not left:
            self._stalled_since = None
        elif self._stalled_since is None or left <= self._stalled_with - STALLED_BYTES:
            self._stalled_since, self._stalled_with = now, left
        else:
            return now - self._stalled_since > self.limits.stalled_reader_s
        return False

    def waits_since(self) -> float | None:
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return self._since if self._message_ended or self._in_head or not self.proven else None
        if self.proven:
            return None
        if self._stalled_since is not None:
            return self._stalled_since
        has_body = cycle.body or self._unparsed
        lacks_body = not (self._in_head or self._message_ended or has_body or self.flow.read_paused)
        return self._since if lacks_body else None

    @property
    def proven(self) -> bool:
        return self.trust.proven

    def unread_bytes(self) -> int:
        size: int = self.transport.get_write_buffer_size()
        return size

    def unasked_bytes(self) -> int:
        if self.trust.request_proven:
            return 0
        answering = self._answering
        return len(self._unparsed) + (0 if answering is None else len(answering.body))

    def stop_reading(self) -> None:
        if not self.transport.is_closing():
            self.flow.pause_reading()

    def read_on(self) -> None:
        if not (
            self.transport.is_closing()
            or self._dropped > DROPPED_BYTES
            or self.pipeline
            or (self._answering is not None and len(self._answering.body) > HIGH_WATER_LIMIT)
        ):
            self.flow.resume_reading()

    def cut(self) -> None:
        self._tell_that_client_left()
        self.transport.abort()
