"""Executes a call: runs an adapter's steps against a route's upstream, then captures its price.

The answer is a JSON value, a binary body, a binary stream, or a stream of events (`stream`), which is chat's.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpResponse

from aio_platform.http.stream_priming import STARTED
from aio_platform.problems import as_platform_error
from gateway.adapters.protocol import (
    Adapter,
    AnswerRefused,
    BinaryAnswer,
    EventAnswer,
    JsonAnswer,
    MalformedAnswer,
    StreamedAnswer,
    UncountedAnswer,
    UpstreamFault,
)
from gateway.adapters.shared.upstream_json import UnwritableJson
from gateway.calls.call import Call
from gateway.calls.relay import Relay
from gateway.calls.settle_once import capture, metered, settle_broken, settle_left
from gateway.calls.stream import OpenEvents, open_events
from gateway.catalog.routes import Route
from gateway.errors import MALFORMED_ANSWER, TimeLimitReached, UpstreamFailed
from gateway.media.kinds import HEAD_BYTES, looks_like
from gateway.upstreams.refusals import rejection
from gateway.upstreams.responses import UpstreamAnswer, read_chunk
from gateway.upstreams.steps import StepRun
from usage.ledger.calls import Settlement
from usage.ledger.client import Ledger
from usage.ledger.units import Units


@dataclass(slots=True)
class OpenBinary:
    """A binary stream whose first chunk has come, and has the form that its content type says."""

    answer: StreamedAnswer
    response: UpstreamAnswer
    first: bytes


@dataclass(slots=True)
class ExecutedCall:
    """A response and its settlement; a stream that is still to be sent has none yet."""

    answer: HttpResponse | OpenBinary | OpenEvents
    settlement: Settlement | None


async def execute(
    relay: Relay,
    call: Call,
    adapters: Mapping[str, Adapter],
    request: Any,
    to_response: Callable[[JsonAnswer], HttpResponse],
) -> ExecutedCall:
    """Authorise, run the first route's adapter that answers, and capture unless the answer is a stream.

    `to_response` makes the response of a JSON answer. It is called before the capture, so that an answer it cannot
    read is never charged. Raises as the relay does, and UpstreamFailed for a MalformedAnswer of `to_response`. A
    stream's capture is the business of `binary_stream` and `event_stream`.
    """

    async def attempt(route: Route) -> JsonAnswer | UncountedAnswer | BinaryAnswer | OpenBinary | OpenEvents:
        run = StepRun(relay.upstreams, route, repeatable=True)
        try:
            answer = await run.answer(adapters[route.adapter].steps(request, route))
        except (MalformedAnswer, UpstreamFault) as error:
            raise UpstreamFailed(MALFORMED_ANSWER) from error
        except AnswerRefused as error:
            raise rejection(error.body, None) from error
        finally:
            # A stream of events begins with its first words.
            if run.headers_at_s is not None and not call.streamed:
                call.first_byte = run.headers_at_s
        if isinstance(answer, (EventAnswer, StreamedAnswer)):
            return await _opened(call, run, answer)
        return answer

    async def work() -> tuple[JsonAnswer | BinaryAnswer, HttpResponse] | OpenBinary | OpenEvents:
        answer = await relay.first_answer(call, attempt)
        if isinstance(answer, UncountedAnswer):
            answer = JsonAnswer(answer.values, *metered(call, answer.count))
        elif isinstance(answer, (OpenBinary, OpenEvents)):
            return answer
        if isinstance(answer, BinaryAnswer):
            return answer, HttpResponse(answer.body, content_type=answer.content_type)
        try:
            return answer, to_response(answer)
        except (MalformedAnswer, UnwritableJson) as error:
            raise UpstreamFailed(MALFORMED_ANSWER) from error

    executed = await relay.while_held(call, work)
    if isinstance(executed, tuple):
        answer, response = executed
        settlement = await capture(relay.ledger, call, answer.units, estimated=answer.estimated)
        return ExecutedCall(response, settlement)
    call.upstream_ended = None
    if isinstance(executed, OpenEvents):
        call.first_byte = time.perf_counter()
    return ExecutedCall(executed, None)


async def _opened(call: Call, run: StepRun, answer: EventAnswer | StreamedAnswer) -> OpenBinary | OpenEvents:
    """The stream once it has begun. Raises UpstreamFailed where it does not."""
    assert run.response is not None
    if isinstance(answer, StreamedAnswer):
        return await _open_binary(run.response, answer)
    assert call.streamed, "its hold must outlive the stream"
    return await open_events(run.response, answer)


async def _open_binary(response: UpstreamAnswer, answer: StreamedAnswer) -> OpenBinary:
    """Wait for enough of the answer to tell its form. Raises UpstreamFailed where it does not have the one it says."""
    first = await _first_bytes(response)
    if not first or not looks_like(answer.content_type, first):
        response.close()
        raise UpstreamFailed(MALFORMED_ANSWER)
    return OpenBinary(answer, response, first)


async def _first_bytes(response: UpstreamAnswer) -> bytes:
    """The start of the answer, enough to tell its form; all of it where it is shorter."""
    first = b""
    while len(first) < HEAD_BYTES and (chunk := await read_chunk(response)):
        first += chunk
    return first


async def binary_stream(ledger: Ledger, call: Call, opened: OpenBinary) -> AsyncGenerator[bytes, None]:
    """Send a binary answer as it comes, but its last chunk only after the capture has committed.

    A stream that breaks is captured for the share that was delivered, with the status of whoever broke it, and the
    connection is broken too, so that nobody takes half a file for a whole one. To be wrapped in `started`.
    """
    delivered_bytes = 0

    def part() -> tuple[Units, bool] | None:
        return _share(opened, delivered_bytes)

    try:
        yield STARTED
        held = opened.first
        while chunk := await _next_chunk(call, opened.response):
            delivered_bytes += len(held)
            yield held
            held = chunk
        delivered_bytes += len(held)
        call.upstream_ended = time.perf_counter()
        await capture(ledger, call, opened.answer.units, estimated=opened.answer.estimated)
        yield held
    except Exception as problem:
        await settle_broken(ledger, call, part, as_platform_error(problem).status)
        raise
    finally:
        opened.response.close()
        settle_left(ledger, call, part)


async def _next_chunk(call: Call, response: UpstreamAnswer) -> bytes:
    """The next bytes of a stream. Raises TimeLimitReached for a silent upstream, and at the stream's deadline."""
    limit_s = min(settings.STREAM_IDLE_LIMIT_S, call.stream_deadline() - asyncio.get_running_loop().time())
    try:
        async with asyncio.timeout(limit_s):
            return await read_chunk(response)
    except TimeoutError:
        raise TimeLimitReached(settings.STREAM_TIME_LIMIT_S) from None


def _share(opened: OpenBinary, delivered_bytes: int) -> tuple[Units, bool] | None:
    """The units of what was delivered: their share of the announced length, or all where none was announced."""
    if delivered_bytes == 0:
        return None
    total = opened.response.content_length
    units = opened.answer.units
    if total:
        share = min(delivered_bytes, total)
        units = Units(*[-(-quantity * share // total) for quantity in units])
    return units, True
