"""Streamed chat: the events go out as they come, and the generator that sends them owns the hold.

Until the first event the call can still be refused, fail over or time out with a proper status. After it, the
call always ends in a capture: of all of it, or of what was delivered.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import orjson
import structlog
from django.conf import settings
from django.http import StreamingHttpResponse

from aio_platform.credits import json_credits
from aio_platform.errors import PlatformError
from aio_platform.http.request_ids import public_request_id
from aio_platform.http.stream_priming import STARTED, started
from aio_platform.problems import as_platform_error, error_object
from gateway.adapters.chat import openai_chat
from gateway.adapters.chat.openai_stream import ChatStream
from gateway.adapters.chat.request import ChatRequest
from gateway.calls.relay import Call, Relay, answer_headers, charge_of, metered
from gateway.catalog.routes import Route
from gateway.errors import TimeLimitReached, UpstreamFailed
from gateway.upstreams.connection import BrokenConnection
from gateway.upstreams.responses import UpstreamAnswer, read_chunk
from usage.ledger.outcomes import Outcome

log = structlog.get_logger(__name__)
HEARTBEAT_S = 15.0
# Comments, pings and role chunks: no server sends so much of these before its first word.
MAX_BYTES_BEFORE_FIRST_WORD = 1_000_000
HEARTBEAT = b": ping\n\n"


@dataclass(slots=True)
class _OpenStream:
    """An upstream's answer whose first events have come."""

    response: UpstreamAnswer
    events: ChatStream
    first: bytes


async def stream_chat(relay: Relay, call: Call, request: ChatRequest) -> StreamingHttpResponse:
    """Carry a streamed call; returns once its first event came. Raises as the relay does before that."""

    async def attempt(route: Route) -> _OpenStream:
        return await _open(relay, route, request)

    opened = await relay.while_held(call, lambda: relay.first_answer(call, attempt))
    call.upstream_ended = None
    call.first_byte = time.perf_counter()
    events = await started(_send(relay, call, opened))
    response = StreamingHttpResponse(events, content_type="text/event-stream; charset=utf-8")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    for name, value in answer_headers(call).items():
        response[name] = value
    return response


async def _open(relay: Relay, route: Route, request: ChatRequest) -> _OpenStream:
    response = await relay.upstreams.post(route, openai_chat.PATH, openai_chat.build(request, route))
    try:
        if not response.content_type.startswith("text/event-stream"):
            raise UpstreamFailed
        events = ChatStream(request, route.model, route.upstream_model)
        first = await _first_words(response, events)
    except BaseException:
        response.close()
        raise
    return _OpenStream(response, events, first)


async def _first_words(response: UpstreamAnswer, events: ChatStream) -> bytes:
    """What is to be forwarded once the upstream has said something: an empty answer is a failure, not a stream.

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
            raise UpstreamFailed("The model's server sent too much before its answer.")
    if not events.says_something:
        raise UpstreamFailed("The model's server gave an empty or malformed answer.") from events.failure
    return first


async def _send(relay: Relay, call: Call, opened: _OpenStream) -> AsyncGenerator[bytes, None]:
    settled = delivered = False
    try:
        yield STARTED
        async for events in _events(call, opened):
            delivered = delivered or events is not HEARTBEAT
            yield events
        call.upstream_ended = time.perf_counter()
        units, estimated = metered(call, opened.events.units)
        closing = opened.events.closing(json_credits(charge_of(call, units)))
        settled = True
        await relay.capture(call, units, estimated=estimated)
        yield closing
    except Exception as problem:
        error = as_platform_error(problem)
        if not settled:
            settled = True
            await _settle_broken(relay, call, opened, delivered, error.status)
        yield _error_event(error, call)
    finally:
        opened.response.close()
        if not settled:
            relay.ledger.run_in_background(_settle_broken(relay, call, opened, delivered, None))


async def _events(call: Call, opened: _OpenStream) -> AsyncIterator[bytes]:
    """Whole events to forward. Raises UpstreamFailed or TimeLimitReached when the answer does not end well."""
    if opened.first:
        yield opened.first
    answer = opened.events
    idle_s = 0.0
    loop = asyncio.get_running_loop()
    last_moment = call.stream_deadline()
    while not (answer.done or answer.finished):
        if answer.failure is not None:
            raise UpstreamFailed("The model's server broke off its answer.") from answer.failure
        if loop.time() > last_moment:
            raise TimeLimitReached(settings.STREAM_TIME_LIMIT_S)
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                data = await opened.response.read_available()
        except TimeoutError:
            idle_s += HEARTBEAT_S
            if idle_s >= settings.STREAM_IDLE_LIMIT_S:
                raise TimeLimitReached(settings.STREAM_IDLE_LIMIT_S) from None
            yield HEARTBEAT
            continue
        except BrokenConnection as error:
            raise UpstreamFailed("The model's server broke off its answer.") from error
        idle_s = 0.0
        events = answer.feed(data) if data else answer.feed_end()
        if events:
            yield events
        if not data and not (answer.done or answer.finished):
            raise UpstreamFailed("The model's server broke off its answer.") from answer.failure
    async for events in _after_finish(opened):
        yield events


async def _after_finish(opened: _OpenStream) -> AsyncIterator[bytes]:
    """What follows once every choice is finished: usage, the end mark.

    Neither has to come, as to the official clients: the stream may end, break, or stay open with nothing but pings
    for STREAM_END_GRACE_S. Raises UpstreamFailed for an error that is told even now.
    """
    answer = opened.events
    loop = asyncio.get_running_loop()
    chunks, give_up_at = answer.chunks, loop.time() + settings.STREAM_END_GRACE_S
    ended = False
    while not (answer.done or ended):
        if answer.failure is not None:
            raise UpstreamFailed("The model's server broke off its answer.") from answer.failure
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
        raise UpstreamFailed("The model's server broke off its answer.") from answer.failure


async def _settle_broken(
    relay: Relay, call: Call, opened: _OpenStream, delivered: bool, status: int | None
) -> None:
    """Capture what was delivered of an answer that did not come to its end; release where nothing was."""
    call.upstream_ended = time.perf_counter()
    if not delivered:
        outcome = Outcome.CANCELLED if status is None else Outcome.FAILED
        await relay.release(call, outcome, status)
        return
    units, estimated = metered(call, lambda: opened.events.units(to_its_end=False))
    try:
        await relay.capture(call, units, estimated=estimated, outcome=Outcome.PARTIAL, status=status or 499)
    except PlatformError as error:
        log.error("a partial answer was not captured", request_uuid=call.request_uuid, error=error.code)


def _error_event(error: PlatformError, call: Call) -> bytes:
    described = error_object(error, call.path, public_request_id(call.request_uuid))
    return b"data: " + orjson.dumps(described) + b"\n\n"
