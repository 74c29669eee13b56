"""OpenAI's Responses at /v1/responses, as its SDKs and agents call them; nothing of them is kept."""

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from pydantic import Field
from rest_framework.request import Request

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.api.chat.dialect_view import DialectView
from gateway.contracts.parsing import RequestContract
from gateway.contracts.text import ModelSlug
from gateway.dialects.conversation import Conversation
from gateway.dialects.dialect import bad_field
from gateway.dialects.openai_responses.dialect import OPENAI_RESPONSES
from gateway.openapi.presentation import DocsPage, Example, OpenAICall
from gateway.openapi.schemas import INTEGER, MAYBE_STRING, STRING, array_of, json_body, titled


class ResponsesBody(RequestContract):
    """POST /v1/responses. What items may hold is read by the dialect."""

    descriptions = {
        "input": _(
            "A text, or a list of items: messages, calls of tools and their results, earlier thinking."
        ),
        "instructions": _("What the model shall be and do; it comes before the input."),
        "max_output_tokens": _("The most tokens of the answer, its thinking included."),
        "reasoning": _("How much the model shall think, and what of it is shown: {effort, summary}."),
        "text": _("The form of the answer: {format, verbosity}."),
        "include": _("What else the answer shall hold, as in reasoning.encrypted_content."),
        "store": _("Nothing is kept here: the answer says false."),
        "parallel_tool_calls": _("Whether several tools may be called at once."),
        "metadata": _("Names and texts of your own, given back with the answer."),
    }
    model: ModelSlug
    input: str | list[dict[str, Any]]
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: int | None = Field(default=None, ge=1, lt=2**63)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    tools: list[dict[str, Any]] | None = Field(default=None, max_length=1000)
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    reasoning: dict[str, Any] | None = None
    text: dict[str, Any] | None = None
    include: list[str] | None = None
    store: bool | None = None
    metadata: dict[str, Any] | None = None


_ITEM = {"type": "object", "properties": {"type": STRING}, "required": ["type"], "additionalProperties": True}
# What repeats the request, and what belongs to a store that is not here.
_REPEATED = (
    "background", "error", "instructions", "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls",
    "previous_response_id", "prompt_cache_key", "reasoning", "safety_identifier", "service_tier", "store",
    "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user",
)  # fmt: skip
_RESPONSE = titled(
    "Response",
    "usage",
    "incomplete_details",
    *_REPEATED,
    id=STRING,
    object=STRING,
    created_at=INTEGER,
    status=STRING,
    model=STRING,
    output=array_of(_ITEM),
    incomplete_details={"type": ["object", "null"], "properties": {"reason": MAYBE_STRING}},
    usage=titled("ResponseUsage", input_tokens=INTEGER, output_tokens=INTEGER, total_tokens=INTEGER),
    **{name: {} for name in _REPEATED},
)
_CREATE: dict[str, Any] = {
    "operation_id": "openai_create_response",
    "summary": "A response, as OpenAI's; nothing of it is kept",
    "request": json_body(ResponsesBody),
    "responses": {
        (200, "application/json"): OpenApiResponse(_RESPONSE, description="The answer"),
        (200, "text/event-stream"): OpenApiResponse(
            titled("ResponseEvent", data=STRING),
            description="Server-sent events, numbered, as OpenAI names them",
        ),
    },
}


class ResponsesView(DialectView):
    """POST /v1/responses."""

    unpriced_fields = {**DialectView.unpriced_fields, "max_tokens": ()}

    dialect = OPENAI_RESPONSES
    contract = ResponsesBody
    id_prefix = "resp_"
    example = Example({"model": "gemini", "input": "Hello!"})
    openai_call = OpenAICall("responses.create", frozenset(ResponsesBody.model_fields))
    docs_page = DocsPage(
        "openai-responses",
        _("Responses, as OpenAI's"),
        _("What OpenAI's newer SDKs and agents call, with any chat model."),
        place=1,
    )

    def check_priced(self, asked: Conversation) -> None:
        super().check_priced(asked)
        for field in asked.other:
            if field.path == "reasoning.mode":
                raise bad_field(field.path, _("is not supported here. Leave it out"))

    @extend_schema(**_CREATE)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)
