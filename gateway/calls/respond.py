"""Makes a call's response of whatever its adapter answers: whole, with its price, or a stream."""

from collections.abc import Callable, Mapping

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse

from aio_platform.credits import format_credits
from aio_platform.http.stream_priming import started
from gateway.adapters.protocol import Adapter, JsonAnswer
from gateway.adapters.registry import CALL_ADAPTERS
from gateway.calls.call import Call
from gateway.calls.execute import OpenBinary, binary_stream, execute
from gateway.calls.relay import Relay, answer_headers, price_headers
from gateway.calls.settle_once import charge_of
from gateway.calls.stream import OpenEvents, event_stream


async def respond(
    relay: Relay,
    call: Call,
    adapter_request: object,
    to_response: Callable[[JsonAnswer], HttpResponse],
    adapters: Mapping[str, Adapter] = CALL_ADAPTERS,
) -> HttpResponseBase:
    """Execute the call and return its response. `to_response` makes the mount's response of a JSON answer.

    Raises as `execute` does. A stream's response is returned once its first bytes have come.
    """
    executed = await execute(relay, call, adapters, adapter_request, to_response)
    if isinstance(executed.answer, OpenEvents):
        return await _events(relay, call, executed.answer)
    if isinstance(executed.answer, OpenBinary):
        return await _binary(relay, call, executed.answer)
    response = executed.answer
    assert executed.settlement is not None
    for name, value in price_headers(call, executed.settlement).items():
        response[name] = value
    return response


async def _events(relay: Relay, call: Call, opened: OpenEvents) -> StreamingHttpResponse:
    """A response that sends events as they come; the last one has the price."""
    events = await started(event_stream(relay.ledger, call, opened))
    response = StreamingHttpResponse(events, content_type="text/event-stream; charset=utf-8")
    _never_kept(response)
    for name, value in answer_headers(call).items():
        response[name] = value
    return response


async def _binary(relay: Relay, call: Call, opened: OpenBinary) -> StreamingHttpResponse:
    """A response that sends a binary answer as it comes. Its headers have the price, of the whole answer."""
    assert call.verdict is not None
    response = StreamingHttpResponse(
        await started(binary_stream(relay.ledger, call, opened)), content_type=opened.answer.content_type
    )
    held = charge_of(call, call.ceiling)
    price = charge_of(call, opened.answer.units)
    for name, value in answer_headers(call).items():
        response[name] = value
    response["X-Credits-Consumed"] = format_credits(price)
    response["X-Credits-Remaining"] = format_credits((call.verdict.available or 0) + held - price)
    _never_kept(response)
    if opened.response.content_length is not None:
        response["Content-Length"] = str(opened.response.content_length)
    return response


def _never_kept(response: StreamingHttpResponse) -> None:
    """Set the headers that keep caches from storing a stream and proxies from buffering it."""
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
