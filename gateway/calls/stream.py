"""Streams of events, sent as they come by a generator that owns the call's hold.

Until the first event the call can still be refused, fail over or time out with a proper status. After it, the
call always ends in a capture: of all of it, or of what was delivered. See ADR 10.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from django.conf import settings

from aio_platform.credits import json_credits
from aio_platform.http.request_ids import public_request_id
from aio_platform.http.stream_priming import STARTED
from aio_platform.i18n.translatable import gettext_noop as _
from aio_platform.problems import as_platform_error, event_body_of, forget_frames
from gateway.adapters.protocol import EventAnswer, EventStream
from gateway.calls.call import Call
from gateway.calls.settle_once import capture, charge_of, metered, settle_broken, settle_left
from gateway.errors import BROKEN_OFF_ANSWER, MALFORMED_ANSWER, TimeLimitReached, UpstreamFailed
from gateway.upstreams.connection import BrokenConnection
from gateway.upstreams.responses import UpstreamAnswer, read_chunk
from usage.ledger.client import Ledger
from usage.ledger.units import Units

HEARTBEAT_S = 15.0
# Comments, pings and role chunks: no server sends so much of these before its first word.
MAX_BYTES_BEFORE_FIRST_WORD = 1_000_000


@dataclass(slots=True)
class OpenEvents:
    """A stream of events whose first words have come. `first` is what may be forwarded so far."""

    response: UpstreamAnswer
    answer: EventAnswer
    first: bytes


async def open_events(response: UpstreamAnswer, answer: EventAnswer) -> OpenEvents:
    """Wait for the first words of a streamed answer. Raises UpstreamFailed where they do not come."""
    try:
        if not response.content_type.startswith(answer.content_type):
            raise UpstreamFailed
        first = await _first_words(response, answer.events)
    except BaseException:
        response.close()
        raise
    return OpenEvents(response, answer, first)


async def _first_words(response: UpstreamAnswer, events: EventStream) -> bytes:
    """What may be forwarded once the upstream has said something. An empty answer is a failure, not a stream.

    Raises UpstreamFailed where it says nothing, or nothing within MAX_BYTES_BEFORE_FIRST_WORD.
    """
    first = b""
    received = 0
    while not (events.says_something or events.done or events.failure):
        data = await read_chunk(response)
        if not data:
            first += events.feed_end()
            break
        first += events.feed(data)
        received += len(data)
        # An image that comes first is one long event; its own limit is the event's.
        if (
            received - events.unfinished_event_bytes > MAX_BYTES_BEFORE_FIRST_WORD
            and not events.says_something
        ):
            raise UpstreamFailed(_("The model's server sent too much before its answer."))
    if not events.says_something:
        raise UpstreamFailed(MALFORMED_ANSWER) from events.failure
    return first


async def event_stream(ledger: Ledger, call: Call, opened: OpenEvents) -> AsyncGenerator[bytes, None]:
    """Send the events as they come; what ends the answer goes out after the capture has committed.

    A stream that breaks is captured for what was delivered, and its last event is the error. To be wrapped in
    `started`.
    """
    delivered = False

    def part() -> tuple[Units, bool] | None:
        return metered(call, lambda: opened.answer.events.units(to_its_end=False)) if delivered else None

    try:
        yield STARTED
        async for events in _events(call, opened):
            delivered = delivered or events is not opened.answer.heartbeat
            yield events
        call.upstream_ended = time.perf_counter()
        units, estimated = metered(call, opened.answer.events.units)
        closing = opened.answer.events.closing(json_credits(charge_of(call, units)))
        await capture(ledger, call, units, estimated=estimated)
        yield closing
    except Exception as problem:
        error = as_platform_error(problem)
        forget_frames(problem)  # one of them has the error
        await settle_broken(ledger, call, part, error.status)
        yield opened.answer.failed(event_body_of(error, call.path, public_request_id(call.request_uuid)))
    finally:
        opened.response.close()
        settle_left(ledger, call, part)


async def _events(call: Call, opened: OpenEvents) -> AsyncIterator[bytes]:
    """Whole events to forward. Raises UpstreamFailed or TimeLimitReached when the answer does not end well."""
    if opened.first:
        yield opened.first
    answer = opened.answer.events
    idle_s = 0.0
    loop = asyncio.get_running_loop()
    last_moment = call.stream_deadline()
    while not (answer.done or answer.finished):
        if answer.failure is not None:
            raise UpstreamFailed(BROKEN_OFF_ANSWER) from answer.failure
        if loop.time() > last_moment:
            raise TimeLimitReached(settings.STREAM_TIME_LIMIT_S)
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                data = await opened.response.read_available()
        except TimeoutError:
            idle_s += HEARTBEAT_S
            if idle_s >= settings.STREAM_IDLE_LIMIT_S:
                raise TimeLimitReached(settings.STREAM_IDLE_LIMIT_S) from None
            yield opened.answer.heartbeat
            continue
        except BrokenConnection as error:
            raise UpstreamFailed(BROKEN_OFF_ANSWER) from error
        idle_s = 0.0
        events = answer.feed(data) if data else answer.feed_end()
        if events:
            yield events
        if not data and not (answer.done or answer.finished):
            raise UpstreamFailed(BROKEN_OFF_ANSWER) from answer.failure
    async for events in _after_finish(opened):
        yield events


async def _after_finish(opened: OpenEvents) -> AsyncIterator[bytes]:
    """What follows once every choice is finished: usage, the end mark.

    Neither has to come, as for the official clients: the stream may end, break, or stay open with pings alone
    for STREAM_END_GRACE_S. Raises UpstreamFailed for an error that is told even now.
    """
    answer = opened.answer.events
    loop = asyncio.get_running_loop()
    chunks, give_up_at = answer.chunks, loop.time() + settings.STREAM_END_GRACE_S
    ended = False
    while not (answer.done or ended):
        if answer.failure is not None:
            raise UpstreamFailed(BROKEN_OFF_ANSWER) from answer.failure
        try:
            async with asyncio.timeout_at(give_up_at):
                data = await opened.response.read_available()
        except (TimeoutError, BrokenConnection):
            return
        events = answer.feed(data) if data else answer.feed_end()
        if events:
            yield events
        if answer.chunks != chunks:
            chunks, give_up_at = answer.chunks, loop.time() + settings.STREAM_END_GRACE_S
        # Pings that always have come already would never let the timeout be noticed.
        ended = not data or loop.time() >= give_up_at
    if answer.failure is not None:
        raise UpstreamFailed(BROKEN_OFF_ANSWER) from answer.failure
