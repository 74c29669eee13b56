"""Anthropic's Messages: /v1/messages, and /v1/messages/count_tokens, as its SDKs and agents call them."""

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from pydantic import Field
from rest_framework.request import Request

from aio_platform.http.async_api import AsyncAPIView
from aio_platform.http.handler import GatewayRequest
from aio_platform.i18n.translatable import gettext_noop as _
from aio_platform.problems import ANTHROPIC_ID_HEADER
from gateway.adapters.chat.caller_dialect import CallerDialect
from gateway.adapters.chat.dialect_requests import request_in
from gateway.api.chat.dialect_view import DialectView
from gateway.calls.runtime import runtime
from gateway.contracts.parsing import RequestContract, parse_body
from gateway.contracts.text import ModelSlug
from gateway.dialects.anthropic_messages.dialect import ANTHROPIC_MESSAGES
from gateway.dialects.dialect import bad_field
from gateway.endpoints import CHAT
from gateway.http.authentication import credentials_of, precheck
from gateway.http.endpoint_view import json_response
from gateway.http.json_body import read_json_body
from gateway.openapi.presentation import DocsPage, Example
from gateway.openapi.schemas import INTEGER, MAYBE_STRING, STRING, array_of, json_body, titled

# Of these the provider bills more than tokens, or tokens at another price.
UNPRICED_FIELDS = (
    "anthropic_beta",
    "betas",
    "container",
    "fallbacks",
    "inference_geo",
    "max_output_tokens",
    "mcp_servers",
    "speed",
)
# Betas of these names change what is billed; the others are passed on.
UNPRICED_BETAS = (
    "code-execution",
    "context-1m",
    "fast-mode",
    "files-api",
    "mcp-client",
    "skills",
    "web-fetch",
)
BETA_HEADER = "anthropic-beta"


class CountedBody(RequestContract):
    """POST /v1/messages/count_tokens. What blocks may hold is read by the dialect."""

    descriptions = {
        "system": _("What the model shall be and do: a text, or a list of text blocks."),
        "thinking": _("Whether and how much the model shall think: {type, budget_tokens}."),
        "output_config": _("How much effort is made, and the form of the answer: {effort, format}."),
    }
    model: ModelSlug
    messages: list[dict[str, Any]] = Field(min_length=1, max_length=10_000)
    system: str | list[dict[str, Any]] | None = None
    tools: list[dict[str, Any]] | None = Field(default=None, max_length=1000)
    tool_choice: dict[str, Any] | None = None
    thinking: dict[str, Any] | None = None
    output_config: dict[str, Any] | None = None

    def check(self) -> None:
        for name in UNPRICED_FIELDS:
            if (self.model_extra or {}).get(name):
                raise bad_field(name, _("is not supported here. Leave it out"))


class MessagesBody(CountedBody):
    """POST /v1/messages."""

    descriptions = CountedBody.descriptions | {
        "max_tokens": _("The most tokens of the answer, its thinking included."),
        "stop_sequences": _("Texts that end the answer where the model says one."),
        "top_k": _("How many of the likeliest tokens are drawn from."),
        "metadata": _("Whose request this is: {user_id}. It is passed on."),
    }
    max_tokens: int = Field(ge=1, lt=2**63)
    stream: bool | None = None
    temperature: float | None = Field(default=None, ge=0, le=1)
    top_p: float | None = Field(default=None, ge=0, le=1)
    top_k: int | None = Field(default=None, ge=0, lt=2**31)
    stop_sequences: list[str] | None = None
    metadata: dict[str, Any] | None = None


_BLOCK = {
    "type": "object",
    "properties": {"type": STRING},
    "required": ["type"],
    "additionalProperties": True,
}
_MESSAGE = titled(
    "AnthropicMessage",
    "stop_sequence",
    id=STRING,
    type=STRING,
    role=STRING,
    model=STRING,
    content=array_of(_BLOCK),
    stop_reason=MAYBE_STRING,
    stop_sequence=MAYBE_STRING,
    usage=titled("AnthropicUsage", input_tokens=INTEGER, output_tokens=INTEGER),
)
_CREATE: dict[str, Any] = {
    "operation_id": "openai_create_message",
    "summary": "A message, as Anthropic's",
    "request": json_body(MessagesBody),
    "responses": {
        (200, "application/json"): OpenApiResponse(_MESSAGE, description="The answer"),
        (200, "text/event-stream"): OpenApiResponse(
            titled("AnthropicEvent", data=STRING), description="Server-sent events, as Anthropic names them"
        ),
    },
}


_COUNT: dict[str, Any] = {
    "summary": "How many tokens a message's prompt is, estimated; free of charge",
    "request": json_body(CountedBody),
    "responses": {
        (200, "application/json"): OpenApiResponse(
            titled("AnthropicTokenCount", input_tokens=INTEGER), description="The answer"
        )
    },
}


class MessagesView(DialectView):
    """POST /v1/messages."""

    dialect = ANTHROPIC_MESSAGES
    contract = MessagesBody
    key_header = b"x-api-key"
    passed_headers = (b"anthropic-version", BETA_HEADER.encode())
    id_prefix = "msg_"
    callers_own_tools = frozenset({"bash", "computer", "memory", "text_editor"})
    example = Example(
        {"model": "gemini", "max_tokens": 256, "messages": [{"role": "user", "content": "Hello!"}]}
    )
    docs_page = DocsPage(
        "anthropic-messages",
        _("Messages, as Anthropic's"),
        _("What Anthropic's SDKs and agents call, with any chat model."),
        place=1,
    )

    @extend_schema(**_CREATE)
    async def post(self, request: Request) -> HttpResponseBase:
        response = await self.execute(request)
        response[ANTHROPIC_ID_HEADER] = request._request.request_id  # type: ignore[attr-defined]
        return response

    def headers_to_pass(self, request: GatewayRequest) -> tuple[tuple[str, str], ...]:
        passed = dict(super().headers_to_pass(request))
        names = [name.strip() for name in passed.pop(BETA_HEADER, "").split(",")]
        kept = [name for name in names if name and not name.startswith(UNPRICED_BETAS)]
        return (*passed.items(), *([(BETA_HEADER, ",".join(kept))] if kept else []))


class CountTokensView(AsyncAPIView):
    """POST /v1/messages/count_tokens: what a prompt would be counted as, by our own estimate; free of charge."""

    operation_name = "count_message_tokens"

    @extend_schema(**_COUNT)
    async def post(self, drf_request: Request) -> HttpResponseBase:
        request: GatewayRequest = drf_request._request  # type: ignore[assignment]
        caller = await credentials_of(request, key_header=MessagesView.key_header)
        refusal = await precheck(caller, CHAT)
        if refusal is not None:
            raise refusal
        body = await read_json_body(request, caller, CHAT)
        values = parse_body(CountedBody, body, request.header(b"content-type"))[1]
        asked = ANTHROPIC_MESSAGES.read_request({**values, "max_tokens": 1})
        runtime().catalog.current.routes_for(CHAT, asked.model)
        chat = request_in(CallerDialect(ANTHROPIC_MESSAGES, body, asked, "", 0))
        response = json_response({"input_tokens": chat.estimated_prompt_tokens()})
        response[ANTHROPIC_ID_HEADER] = request.request_id
        return response
