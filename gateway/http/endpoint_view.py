"""What every endpoint but chat has in common: read, price, carry, answer.

A view says which endpoint it is, what contract its body keeps, how that becomes the adapters' normal form, and
how a JSON answer is shaped. Files are received by the views of `form_view`.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from rest_framework.request import Request

from aio_platform.credits import format_credits
from aio_platform.errors import InvalidRequest, PlatformError
from aio_platform.http.async_api import AsyncAPIView
from aio_platform.http.handler import GatewayRequest
from aio_platform.http.stream_priming import started
from gateway.adapters.protocol import BinaryAnswer, JsonAnswer
from gateway.adapters.shared.upstream_json import write_json
from gateway.adapters.sync_registry import ADAPTER_TABLE
from gateway.calls.execute import OpenBinary, binary_stream, carry
from gateway.calls.relay import Call, answer_headers, charge_of, price_headers
from gateway.calls.runtime import running
from gateway.contracts.parsing import RequestContract, parse_body
from gateway.http.authentication import caller_of, refused
from gateway.http.idempotency import carried_once, idempotency_key_of
from gateway.http.json_body import read_json_body
from gateway.http.uploads import body_deadline
from usage.ledger.calls import Caller

# Their answers may be binary streams, which go on after the time limit for the first byte.
STREAMING_ENDPOINTS = frozenset({"speech", "voice_clone", "music"})
BodyContract = TypeVar("BodyContract", bound=RequestContract)


class Limit(NamedTuple):
    """A limit that a setting may override."""

    setting: str
    default: float

    def value(self) -> float:
        limit: float = getattr(settings, self.setting, self.default)
        return limit


class EndpointView(AsyncAPIView):
    """What a view of any endpoint does once it knows what is asked."""

    endpoint: str
    time_limit: Limit
    session_allowed = False
    # What this mount calls a field that the adapters name otherwise.
    field_names: ClassVar[Mapping[str, str]] = {}

    def call_of(self, request: GatewayRequest, caller: Caller, asked: Any, model: str | None) -> Call:
        """The call with its routes and its ceiling; raises UnknownModel, and InvalidRequest as adapters do."""
        routes = running().catalog.current.routes_for(self.endpoint, model)
        try:
            ceiling = ADAPTER_TABLE[routes[0].adapter].ceiling(asked, routes[0])
        except InvalidRequest as error:
            raise self._renamed(error) from None
        time_limit_s = routes[0].time_limit_s or self.time_limit.value()
        return Call(
            request.request_uuid,
            request.arrived,
            caller,
            self.endpoint,
            routes,
            ceiling,
            time_limit_s,
            may_stream=self.endpoint in STREAMING_ENDPOINTS,
            stop_watching=request.stop_watching,
        )

    def _renamed(self, error: InvalidRequest) -> InvalidRequest:
        name = self.field_names.get(error.param or "")
        if name is None:
            return error
        return InvalidRequest(error.message.replace(f"{error.param}:", f"{name}:", 1), param=name)

    def headers_for(self, asked: Any) -> Mapping[str, str]:
        """What the answer's headers say about how the request was understood."""
        return {}

    async def carried(
        self,
        request: GatewayRequest,
        call: Call,
        asked: Any,
        sent: bytes,
        idempotency_key: str,
        shaped: Callable[[JsonAnswer], HttpResponse],
    ) -> HttpResponseBase:
        """Carry the call (once, under an idempotency key; `sent` is what makes two calls the same)."""
        request.watch_disconnect()
        if idempotency_key:
            response = await carried_once(
                request,
                call.caller,
                idempotency_key,
                sent,
                call.time_limit_s,
                call.endpoint,
                call.routes[0].model,
                lambda: _answer(call, asked, shaped),
            )
        else:
            response = await _answer(call, asked, shaped)
        for name, value in self.headers_for(asked).items():
            response[name] = value
        return response


class JsonEndpointView(EndpointView, Generic[BodyContract]):
    """An endpoint whose body is JSON."""

    contract: type[BodyContract]

    async def carry(self, drf_request: Request) -> HttpResponseBase:
        request: GatewayRequest = drf_request._request  # type: ignore[assignment]
        caller = await caller_of(request, session_allowed=self.session_allowed)
        try:
            body = await read_json_body(request, caller, self.endpoint)
            contract, values = parse_body(self.contract, body, request.header(b"content-type"))
            asked = self.asked(contract)
            call = self.call_of(request, caller, asked, values.get("model"))
            idempotency_key = idempotency_key_of(request)
        except PlatformError as error:
            raise await refused(caller, self.endpoint, error) from None
        return await self.carried(
            request, call, asked, body, idempotency_key, lambda answer: self.shaped(answer, contract, call)
        )

    def asked(self, contract: BodyContract) -> Any:
        """The body in the adapters' normal form; may raise InvalidRequest."""
        raise NotImplementedError

    def shaped(self, answer: JsonAnswer, contract: BodyContract, call: Call) -> HttpResponse:
        """The response to a JSON answer."""
        return json_response(answer.values)


class BodilessView(EndpointView):
    """An endpoint that is asked with GET."""

    async def carry(self, drf_request: Request) -> HttpResponseBase:
        request: GatewayRequest = drf_request._request  # type: ignore[assignment]
        caller = await caller_of(request, session_allowed=self.session_allowed)
        try:
            async with body_deadline():
                await request.read_body(0)
            asked = self.asked()
            call = self.call_of(request, caller, asked, None)
        except PlatformError as error:
            raise await refused(caller, self.endpoint, error) from None
        return await self.carried(request, call, asked, b"", "", self.shaped)

    def asked(self) -> Any:
        """What to ask the adapter."""
        raise NotImplementedError

    def shaped(self, answer: JsonAnswer) -> HttpResponse:
        """The response to a JSON answer."""
        return json_response(answer.values)


async def _answer(call: Call, asked: Any, shaped: Callable[[JsonAnswer], HttpResponse]) -> HttpResponseBase:
    def to_response(answer: JsonAnswer | BinaryAnswer) -> HttpResponse:
        if isinstance(answer, BinaryAnswer):
            return HttpResponse(answer.body, content_type=answer.content_type)
        return shaped(answer)

    carried = await carry(running().relay, call, ADAPTER_TABLE, asked, to_response)
    if isinstance(carried.answer, OpenBinary):
        return await _streamed(call, carried.answer)
    response = carried.answer
    assert carried.settlement is not None
    for name, value in price_headers(call, carried.settlement).items():
        response[name] = value
    return response


async def _streamed(call: Call, opened: OpenBinary) -> StreamingHttpResponse:
    """A binary answer sent as it comes. Its price is that of the whole of it, known before the first byte."""
    assert call.verdict is not None
    response = StreamingHttpResponse(
        await started(binary_stream(running().relay, call, opened)), content_type=opened.answer.content_type
    )
    held = charge_of(call, call.ceiling)
    price = charge_of(call, opened.answer.units)
    for name, value in answer_headers(call).items():
        response[name] = value
    response["X-Credits-Consumed"] = format_credits(price)
    response["X-Credits-Remaining"] = format_credits((call.verdict.available or 0) + held - price)
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    if opened.response.content_length is not None:
        response["Content-Length"] = str(opened.response.content_length)
    return response


def json_response(values: Any) -> HttpResponse:
    """200 with a JSON body. Raises UnwritableJson."""
    return HttpResponse(write_json(values), content_type="application/json")


def passed_through(answer: JsonAnswer) -> HttpResponse:
    """200 with the upstream's own body; some servers send JSON under another type."""
    return HttpResponse(answer.upstream_body, content_type="application/json")
