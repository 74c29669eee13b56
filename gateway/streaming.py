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
from aio_platform.owning_streams import STARTED, started
from aio_platform.problems import error_object
from aio_platform.request_ids import public_request_id
from gateway.adapters import openai_chat
from gateway.adapters.chat_request import ChatRequest
from gateway.adapters.openai_stream import ChatStream
from gateway.catalog import Route
from gateway.errors import TimeLimitReached, UpstreamFailed
from gateway.relay import Call, Relay
from gateway.upstream_answers import UpstreamAnswer, read_chunk
from gateway.upstream_connection import BrokenConnection
from usage.outcomes import Outcome
from usage.verdicts import rate_headers

log = structlog.get_logger(__name__)
HEARTBEAT_S = 15.0
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
    assert call.verdict is not None
    events = await started(_send(relay, call, opened))
    response = StreamingHttpResponse(events, content_type="text/event-stream; charset=utf-8")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    for name, value in rate_headers(call.verdict).items():
        response[name] = value
    return response


async def _open(relay: Relay, route: Route, request: ChatRequest) -> _OpenStream:
    response = await relay.upstreams.post(route, openai_chat.PATH, openai_chat.build(request, route))
    if not response.content_type.startswith("text/event-stream"):
        response.close()
        raise UpstreamFailed
    events = ChatStream(request, route.model, route.upstream_model)
    first = b""
    # Nothing is sent before the upstream has said something: an empty answer is a failure, not a stream.
    while not (events.says_something or events.done or events.failure):
        data = await read_chunk(response)
        if not data:
            break
        first += events.feed(data)
    if not events.says_something:
        response.close()
        raise UpstreamFailed("The model's server gave an empty or malformed answer.") from events.failure
    return _OpenStream(response, events, first)


async def _send(relay: Relay, call: Call, opened: _OpenStream) -> AsyncGenerator[bytes, None]:
    settled = False
    try:
        yield STARTED
        async for events in _events(call, opened):
            yield events
        call.upstream_ended = time.perf_counter()
        units, estimated = opened.events.units()
        settled = True
        settlement = await relay.capture(call, units, estimated=estimated)
        yield opened.events.closing(json_credits(settlement.charged or 0))
    except PlatformError as error:
        if not settled:
            settled = True
            await _capture_delivered(relay, call, opened, error.status)
        yield _error_event(error, call)
    finally:
        opened.response.close()
        if not settled:
            relay.ledger.run_in_background(_capture_delivered(relay, call, opened, None))


async def _events(call: Call, opened: _OpenStream) -> AsyncIterator[bytes]:
    """Whole events to forward. Raises UpstreamFailed or TimeLimitReached when the answer does not end well."""
    if opened.first:
        yield opened.first
    idle_s = 0.0
    loop = asyncio.get_running_loop()
    last_moment = call.stream_deadline()
    while not opened.events.done:
        if opened.events.failure is not None:
            raise UpstreamFailed("The model's server broke off its answer.") from opened.events.failure
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
        if not data:
            raise UpstreamFailed("The model's server broke off its answer.")
        idle_s = 0.0
        events = opened.events.feed(data)
        if events:
            yield events


async def _capture_delivered(relay: Relay, call: Call, opened: _OpenStream, status: int | None) -> None:
    call.upstream_ended = time.perf_counter()
    units, estimated = opened.events.units()
    try:
        await relay.capture(call, units, estimated=estimated, outcome=Outcome.PARTIAL, status=status or 499)
    except PlatformError as error:
        log.error("a partial answer was not captured", request_uuid=call.request_uuid, error=error.code)


def _error_event(error: PlatformError, call: Call) -> bytes:
    described = error_object(error, call.path, public_request_id(call.request_uuid))
    return b"data: " + orjson.dumps(described) + b"\n\n"
