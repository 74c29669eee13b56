"""Carries every endpoint but chat: runs an adapter's steps against a route's upstream, then captures.

Chat has a path of its own because it is the hot one and streams events; this one is for answers that are a
JSON value, a binary body, or a binary stream.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpResponse

from aio_platform.errors import PlatformError
from aio_platform.http.stream_priming import STARTED
from aio_platform.problems import as_platform_error
from gateway.adapters.protocol import (
    Adapter,
    Answer,
    AnswerRefused,
    BinaryAnswer,
    JsonAnswer,
    MalformedAnswer,
    Received,
    StreamedAnswer,
    UpstreamCall,
    UpstreamFault,
    Wait,
)
from gateway.adapters.shared.upstream_json import UnwritableJson
from gateway.calls.relay import Call, Relay
from gateway.catalog.routes import Route
from gateway.errors import TimeLimitReached, UpstreamFailed
from gateway.media.kinds import HEAD_BYTES, looks_like
from gateway.upstreams.refusals import rejection
from gateway.upstreams.responses import UpstreamAnswer, read_answer_body, read_chunk
from usage.ledger.calls import Settlement
from usage.ledger.outcomes import Outcome
from usage.ledger.units import Units

log = structlog.get_logger(__name__)
# As nginx has it: the client closed its request.
CLIENT_LEFT_STATUS = 499


@dataclass(slots=True)
class OpenBinary:
    """A binary stream whose first chunk has come and looks like what it says it is."""

    answer: StreamedAnswer
    response: UpstreamAnswer
    first: bytes


async def execute(
    relay: Relay,
    call: Call,
    adapters: dict[str, Adapter],
    request: Any,
    to_response: Callable[[JsonAnswer | BinaryAnswer], HttpResponse],
) -> "ExecutedCall":
    """Authorise, run the first route's adapter that answers, and capture unless the answer is a stream.

    `to_response` is called before the capture, so that an answer that cannot be shaped is never charged. Raises as
    the relay does, and UpstreamFailed for a MalformedAnswer of `to_response`. A stream's capture is the business of
    `binary_stream`.
    """

    async def attempt(route: Route) -> JsonAnswer | BinaryAnswer | OpenBinary:
        return await _run(relay, call, route, adapters[route.adapter], request)

    async def work() -> tuple[JsonAnswer | BinaryAnswer, HttpResponse] | OpenBinary:
        answer = await relay.first_answer(call, attempt)
        if isinstance(answer, OpenBinary):
            return answer
        try:
            return answer, to_response(answer)
        except (MalformedAnswer, UnwritableJson) as error:
            raise UpstreamFailed("The model's server gave an empty or malformed answer.") from error

    executed = await relay.while_held(call, work)
    if isinstance(executed, OpenBinary):
        call.upstream_ended = None
        return ExecutedCall(executed, None)
    answer, response = executed
    settlement = await relay.capture(call, answer.units, estimated=answer.estimated)
    return ExecutedCall(response, settlement)


@dataclass(frozen=True, slots=True)
class ExecutedCall:
    """A response, with its settlement unless it is a stream still to be sent."""

    answer: HttpResponse | OpenBinary
    settlement: Settlement | None


async def _run(
    relay: Relay, call: Call, route: Route, adapter: Adapter, request: Any
) -> JsonAnswer | BinaryAnswer | OpenBinary:
    steps = adapter.steps(request, route)
    response: UpstreamAnswer | None = None
    try:
        step = next(steps)
        while True:
            if isinstance(step, Wait):
                await asyncio.sleep(step.seconds)
                received = _NOTHING
            else:
                response = await relay.upstreams.send(route, step, again=not step.starts_a_job)
                call.first_byte = time.perf_counter()
                received = await _receive(response, step)
            step = steps.send(received)
    except StopIteration as stop:
        answer: Answer = stop.value
    except (MalformedAnswer, UpstreamFault) as error:
        _close(response)
        raise UpstreamFailed("The model's server gave an empty or malformed answer.") from error
    except AnswerRefused as error:
        _close(response)
        raise rejection(error.body, None) from error
    except BaseException:
        _close(response)
        raise
    if isinstance(answer, StreamedAnswer):
        assert response is not None
        first = await _first_bytes(response)
        if not first or not looks_like(answer.content_type, first):
            response.close()
            raise UpstreamFailed("The model's server gave an empty or malformed answer.")
        return OpenBinary(answer, response, first)
    return answer


_NOTHING = Received("", {}, b"")


async def _receive(response: UpstreamAnswer, step: UpstreamCall) -> Received:
    body = b"" if step.streamed else await read_answer_body(response)
    return Received(response.content_type, response.headers, body)


async def _first_bytes(response: UpstreamAnswer) -> bytes:
    """Enough of the answer to see what it is; all of it where it is shorter."""
    first = b""
    while len(first) < HEAD_BYTES and (chunk := await read_chunk(response)):
        first += chunk
    return first


def _close(response: UpstreamAnswer | None) -> None:
    if response is not None:
        response.close()


async def binary_stream(relay: Relay, call: Call, opened: OpenBinary) -> AsyncGenerator[bytes, None]:
    """Send a binary answer as it comes, one chunk behind: the last goes out after the capture has committed.

    A stream that breaks is captured for the share that was delivered, with the status of whoever broke it, and the
    connection is broken too, so that nobody takes half a file for a whole one. To be wrapped in `started`.
    """
    settled = False
    delivered = 0
    try:
        yield STARTED
        held = opened.first
        while chunk := await _next_chunk(call, opened.response):
            delivered += len(held)
            yield held
            held = chunk
        delivered += len(held)
        call.upstream_ended = time.perf_counter()
        settled = True
        await relay.capture(call, opened.answer.units, estimated=opened.answer.estimated)
        yield held
    except Exception as problem:
        if not settled:
            settled = True
            await _capture_share(relay, call, opened, delivered, as_platform_error(problem).status)
        raise
    finally:
        opened.response.close()
        if not settled:
            relay.ledger.run_in_background(_capture_share(relay, call, opened, delivered, CLIENT_LEFT_STATUS))


async def _next_chunk(call: Call, response: UpstreamAnswer) -> bytes:
    """The next of a stream's bytes. Raises TimeLimitReached for a silent upstream, and at the stream's deadline."""
    limit_s = min(settings.STREAM_IDLE_LIMIT_S, call.stream_deadline() - asyncio.get_running_loop().time())
    try:
        async with asyncio.timeout(limit_s):
            return await read_chunk(response)
    except TimeoutError:
        raise TimeLimitReached(settings.STREAM_TIME_LIMIT_S) from None


async def _capture_share(
    relay: Relay, call: Call, opened: OpenBinary, delivered_bytes: int, status: int
) -> None:
    """Capture what was delivered, by its share of the announced length: all of it where none was announced.

    `status` says who broke off: CLIENT_LEFT_STATUS, or that of the upstream's fault. Where nothing was delivered, the
    hold is released.
    """
    call.upstream_ended = time.perf_counter()
    if delivered_bytes == 0:
        left = status == CLIENT_LEFT_STATUS
        await relay.release(call, Outcome.CANCELLED if left else Outcome.FAILED, None if left else status)
        return
    total = opened.response.content_length
    units = opened.answer.units
    if total:
        share = min(delivered_bytes, total)
        units = Units(*[-(-quantity * share // total) for quantity in units])
    try:
        await relay.capture(call, units, estimated=True, outcome=Outcome.PARTIAL, status=status)
    except PlatformError as error:
        log.error("a partial answer was not captured", request_uuid=call.request_uuid, error=error.code)
