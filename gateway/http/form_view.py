"""What endpoints that take a file have in common: the key first, then the form, then as every endpoint."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, ClassVar, Generic, TypeVar

from django.http import HttpResponse, HttpResponseBase
from rest_framework.request import Request

from aio_platform.errors import PlatformError
from aio_platform.http.handler import GatewayRequest
from gateway.adapters.protocol import JsonAnswer
from gateway.calls.relay import Call
from gateway.contracts.form import FormContract, parse_form
from gateway.endpoints import BY_NAME
from gateway.http.authentication import credentials_of, error_after_precheck, precheck
from gateway.http.endpoint_view import EndpointView, json_response
from gateway.http.idempotency import idempotency_key_of
from gateway.http.uploads import ReceivedForm, received_form

Form = TypeVar("Form", bound=FormContract)


class FormEndpointView(EndpointView, Generic[Form]):
    """An endpoint whose body is a form with a file. No byte of it is read for a key that may not call.

    `file_field` is the file that there must be. Where there may be more files, `most_files` says in which fields and
    how many, that one included.
    """

    contract: type[Form]
    file_field: str
    most_files: ClassVar[Mapping[str, int] | None] = None

    async def execute(self, drf_request: Request) -> HttpResponseBase:
        request: GatewayRequest = drf_request._request  # type: ignore[assignment]
        caller = await credentials_of(request, session_allowed=self.session_allowed)
        refusal = await precheck(caller, self.endpoint)
        if refusal is not None:
            raise refusal
        request.prove_caller()
        size_limit = BY_NAME[self.endpoint].size_limit
        assert size_limit is not None, "an endpoint that takes a form says how large it may be"
        async with AsyncExitStack() as until_answered:
            try:
                form = await until_answered.enter_async_context(
                    received_form(request, self.file_field, size_limit.value(), self.most_files)
                )
                contract = parse_form(self.contract, form.fields)
                adapter_request = await self.to_request(contract, form)
                call = self.call_of(request, caller, adapter_request, getattr(contract, "model", None))
                idempotency_key = idempotency_key_of(request)
            except PlatformError as error:
                raise await error_after_precheck(caller, self.endpoint, error) from None
            sent = await form.digest() if idempotency_key else b""
            return await self.run(
                request,
                call,
                adapter_request,
                sent,
                idempotency_key,
                lambda answer: self.to_response(answer, contract, call),
            )

    async def to_request(self, contract: Form, form: ReceivedForm) -> Any:
        """The form in the adapters' normal form; raises InvalidRequest for a file that is not what it must be."""
        raise NotImplementedError

    def to_response(self, answer: JsonAnswer, contract: Form, call: Call) -> HttpResponse:
        """The response to a JSON answer."""
        return json_response(answer.values)
