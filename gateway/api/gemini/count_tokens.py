"""Google's /v1beta/models/{model}:countTokens: what a prompt would be counted as, by our own estimate; free."""

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from aio_platform.http.async_api import AsyncAPIView
from aio_platform.http.handler import GatewayRequest
from gateway.adapters.chat.caller_dialect import CallerDialect
from gateway.adapters.chat.dialect_requests import request_in
from gateway.api.gemini import schema
from gateway.api.gemini.addresses import KEY_HEADER, named_model, refuse_key_in_query
from gateway.api.gemini.bodies import CountTokensBody
from gateway.calls.runtime import runtime
from gateway.contracts.parsing import parse_body
from gateway.dialects.gemini.dialect import GEMINI
from gateway.dialects.gemini.fields import Fields
from gateway.endpoints import CHAT
from gateway.http.authentication import credentials_of, precheck
from gateway.http.endpoint_view import json_response
from gateway.http.json_body import read_json_body


class GeminiCountView(AsyncAPIView):
    """POST /v1beta/models/{model}:countTokens."""

    @extend_schema(**schema.COUNT)
    async def post(self, drf_request: Request, model: str) -> HttpResponseBase:
        request: GatewayRequest = drf_request._request  # type: ignore[assignment]
        refuse_key_in_query(request)
        caller = await credentials_of(request, key_header=KEY_HEADER)
        refusal = await precheck(caller, CHAT)
        if refusal is not None:
            raise refusal
        body = await read_json_body(request, caller, CHAT)
        values = parse_body(CountTokensBody, body, request.header(b"content-type"))[1]
        whole = Fields(values, "").take("generateContentRequest")
        asked = GEMINI.read_request(
            {**(values if whole is None else whole), "model": named_model(CHAT, model), "stream": False}
        )
        runtime().catalog.current.routes_for(CHAT, asked.model)
        chat = request_in(CallerDialect(GEMINI, body, asked, "", 0))
        return json_response({"totalTokens": chat.estimated_prompt_tokens()})
