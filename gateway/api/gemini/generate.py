"""Google's Gemini: /v1beta/models/{model}:generateContent and :streamGenerateContent, as SDKs and agents call them."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from aio_platform.errors import InvalidRequest
from aio_platform.http.handler import GatewayRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.chat import json_array
from gateway.adapters.chat.request import ChatRequest
from gateway.api.chat.dialect_view import PRICED_TIERS, DialectView
from gateway.api.gemini import schema
from gateway.api.gemini.addresses import KEY_HEADER, named_model, query_of, refuse_key_in_query
from gateway.api.gemini.bodies import GenerateContentBody
from gateway.calls.call import Call
from gateway.dialects.conversation import Conversation
from gateway.dialects.dialect import bad_field
from gateway.dialects.gemini.dialect import GEMINI
from gateway.dialects.gemini.fields import camel
from gateway.endpoints import CHAT
from gateway.openapi.presentation import DocsPage, Example, GenaiCall

# Of these Google bills more than tokens, or tokens at another price, or another model's; a cached content is whoever's
# that made it.
UNPRICED_FIELDS = frozenset(
    {
        "cachedContent",
        "generationConfig.imageConfig",
        "generationConfig.modelConfig",
        "generationConfig.modelSelectionConfig",
        "generationConfig.responseModalities",
        "generationConfig.routingConfig",
        "generationConfig.speechConfig",
    }
)
# Of what a function gave back, the files that are neither an image nor a document.
_FILE_OF_RESULT = re.compile(r"\.functionResponse\.parts\.\d+\Z")
_SSE, _JSON = "sse", "json"
_HELLO = {"contents": [{"role": "user", "parts": [{"text": "Hello!"}]}]}
_PAGE = DocsPage(
    "gemini-generate-content",
    _("Content, as Gemini's"),
    _("What Google's SDKs and agents call, with any chat model."),
    place=1,
)


class GenerateContentView(DialectView):
    """POST /v1beta/models/{model}:generateContent."""

    dialect = GEMINI
    contract = GenerateContentBody
    key_header = KEY_HEADER
    # Names of the output limit in other dialects.
    unpriced_fields = {**DialectView.unpriced_fields, "max_tokens": (), "max_output_tokens": ()}
    streams: ClassVar[bool] = False
    example = Example(_HELLO)
    genai_call = GenaiCall("generate_content", {"model": "gemini", "contents": "Hello!"})
    docs_page = _PAGE

    @extend_schema(**schema.GENERATE)
    async def post(self, request: Request, model: str) -> HttpResponseBase:
        refuse_key_in_query(request._request)  # type: ignore[arg-type]
        return await self.execute(request)

    def with_address(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {**values, "model": named_model(CHAT, self.kwargs["model"]), "stream": self.streams}

    def check_priced(self, asked: Conversation) -> None:
        for field in asked.other:
            name = camel(field.path)
            if name in UNPRICED_FIELDS or _FILE_OF_RESULT.search(name):
                raise bad_field(field.path, _("is not supported here. Leave it out"))
            if name == "serviceTier":
                raise _bad_tier(field.path)
        if asked.service_tier not in PRICED_TIERS:
            raise _bad_tier("serviceTier")
        super().check_priced(asked)


class StreamGenerateContentView(GenerateContentView):
    """POST /v1beta/models/{model}:streamGenerateContent: events with `alt=sse`, and a JSON array without."""

    streams = True
    genai_call = GenaiCall("generate_content_stream", {"model": "gemini", "contents": "Hello!"})
    _arrays = json_array.in_arrays(DialectView.adapters)

    @extend_schema(
        **schema.STREAM,
        parameters=[
            OpenApiParameter(
                "alt",
                str,
                enum=[_SSE, _JSON],
                description="sse for server-sent events; without it the answer is a JSON array, sent as it is made.",
            )
        ],
    )
    async def post(self, request: Request, model: str) -> HttpResponseBase:
        return await super().post(request, model)

    def read(self, request: GatewayRequest, body: bytes) -> ChatRequest:
        if not self._wants_events(request):
            self.adapters = self._arrays
        return super().read(request, body)

    def _wants_events(self, request: GatewayRequest) -> bool:
        alt = query_of(request).get("alt", _JSON)
        if alt not in (_SSE, _JSON):
            raise bad_field("alt", _("must be one of %(choices)s"), choices=f"{_SSE}, {_JSON}")
        return alt == _SSE

    async def _answer(self, call: Call, chat: ChatRequest) -> HttpResponseBase:
        response = await super()._answer(call, chat)
        if self.adapters is self._arrays:
            response["Content-Type"] = json_array.CONTENT_TYPE
        return response


def _bad_tier(path: str) -> InvalidRequest:
    return bad_field(path, _("expected standard; other tiers are not priced here"))
