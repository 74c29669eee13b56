"""What every endpoint but chat has in common: read, price, execute, answer.

A view says which endpoint it is, what contract its body keeps, how that becomes the adapters' normal form, and
how a JSON answer is shaped. Files are received by the views of `form_view`.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from django.http import HttpResponse, HttpResponseBase
from rest_framework.request import Request

from aio_platform.errors import InvalidRequest, PlatformError
from aio_platform.http.async_api import AsyncAPIView
from aio_platform.http.handler import GatewayRequest
from gateway.adapters.protocol import JsonAnswer
from gateway.adapters.registry import CALL_ADAPTERS
from gateway.adapters.shared.upstream_json import write_json
from gateway.calls.call import Call
from gateway.calls.respond import respond
from gateway.calls.runtime import runtime
from gateway.contracts.parsing import RequestContract, parse_body
from gateway.endpoints import BY_NAME
from gateway.http.authentication import credentials_of, error_after_precheck
from gateway.http.idempotency import idempotency_key_of, run_idempotent
from gateway.http.json_body import read_json_body
from gateway.http.uploads import body_deadline
from gateway.openapi.presentation import Presented
from usage.ledger.calls import Credentials

BodyContract = TypeVar("BodyContract", bound=RequestContract)


class EndpointView(Presented, AsyncAPIView):
    """What a view of any endpoint does once it knows what is asked."""

    endpoint: str
    # Where a dialect's clients put the key, besides the Authorization header.
    key_header: ClassVar[bytes | None] = None
    # What this mount calls a field that the adapters name otherwise.
    field_names: ClassVar[Mapping[str, str]] = {}

    def call_of(
        self, request: GatewayRequest, caller: Credentials, adapter_request: Any, model: str | None
    ) -> Call:
        """The call with its routes and its ceiling; raises UnknownModel, and InvalidRequest as adapters do."""
        described = BY_NAME[self.endpoint]
        routes = runtime().catalog.current.routes_for(self.endpoint, model)
        try:
            ceiling = CALL_ADAPTERS[routes[0].adapter].ceiling(adapter_request, routes[0])
        except InvalidRequest as error:
            raise self._renamed(error) from None
        time_limit_s = routes[0].time_limit_s or described.time_limit.value()
        return Call(
            request.request_uuid,
            request.arrived,
            caller,
            self.endpoint,
            routes,
            ceiling,
            time_limit_s,
            may_stream=bool(described.streams),
            stop_watching=request.stop_watching,
        )

    def _renamed(self, error: InvalidRequest) -> InvalidRequest:
        name = self.field_names.get(error.param or "")
        if name is None:
            return error
        return error.renamed(name)

    def headers_for(self, adapter_request: Any) -> Mapping[str, str]:
        """What the answer's headers say about how the request was understood."""
        return {}

    async def run(
        self,
        request: GatewayRequest,
        call: Call,
        adapter_request: Any,
        sent: bytes,
        idempotency_key: str,
        to_response: Callable[[JsonAnswer], HttpResponse],
    ) -> HttpResponseBase:
        """Carry the call (once, under an idempotency key; `sent` is what makes two calls the same)."""
        request.watch_disconnect()
        if idempotency_key:
            response = await run_idempotent(
                request,
                call.caller,
                idempotency_key,
                sent,
                call.time_limit_s,
                call.endpoint,
                call.routes[0].model,
                lambda: respond(runtime().relay, call, adapter_request, to_response),
            )
        else:
            response = await respond(runtime().relay, call, adapter_request, to_response)
        for name, value in self.headers_for(adapter_request).items():
            response[name] = value
        return response


class JsonEndpointView(EndpointView, Generic[BodyContract]):
    """An endpoint whose body is JSON."""

    contract: type[BodyContract]

    async def execute(self, drf_request: Request) -> HttpResponseBase:
        request: GatewayRequest = drf_request._request  # type: ignore[assignment]
        caller = await credentials_of(
            request, session_allowed=self.session_allowed, key_header=self.key_header
        )
        try:
            body = await read_json_body(request, caller, self.endpoint)
            contract, values = parse_body(self.contract, body, request.header(b"content-type"))
            adapter_request = self.to_request(contract)
            call = self.call_of(request, caller, adapter_request, self.model_in(values))
            idempotency_key = idempotency_key_of(request)
        except PlatformError as error:
            raise await error_after_precheck(caller, self.endpoint, error) from None
        return await self.run(
            request,
            call,
            adapter_request,
            body,
            idempotency_key,
            lambda answer: self.to_response(answer, contract, call),
        )

    def model_in(self, values: Mapping[str, Any]) -> str | None:
        """The model that is asked; None for the endpoint's default."""
        model: str | None = values.get("model")
        return model

    def to_request(self, contract: BodyContract) -> Any:
        """The body in the adapters' normal form; may raise InvalidRequest."""
        raise NotImplementedError

    def to_response(self, answer: JsonAnswer, contract: BodyContract, call: Call) -> HttpResponse:
        """The response to a JSON answer."""
        return json_response(answer.values)


class BodilessView(EndpointView):
    """An endpoint that is asked with GET."""

    async def execute(self, drf_request: Request) -> HttpResponseBase:
        request: GatewayRequest = drf_request._request  # type: ignore[assignment]
        caller = await credentials_of(request, session_allowed=self.session_allowed)
        try:
            async with body_deadline():
                await request.read_body(0)
            adapter_request = self.to_request()
            call = self.call_of(request, caller, adapter_request, None)
        except PlatformError as error:
            raise await error_after_precheck(caller, self.endpoint, error) from None
        return await self.run(request, call, adapter_request, b"", "", self.to_response)

    def to_request(self) -> Any:
        """What to ask the adapter."""
        raise NotImplementedError

    def to_response(self, answer: JsonAnswer) -> HttpResponse:
        """The response to a JSON answer."""
        return json_response(answer.values)


def json_response(values: Any) -> HttpResponse:
    """200 with a JSON body; bytes are one that is written already. Raises UnwritableJson."""
    body = values if isinstance(values, bytes) else write_json(values)
    return HttpResponse(body, content_type="application/json")


def passed_through(answer: JsonAnswer) -> HttpResponse:
    """200 with the upstream's own body; some servers send JSON under another type."""
    return HttpResponse(answer.upstream_body, content_type="application/json")
