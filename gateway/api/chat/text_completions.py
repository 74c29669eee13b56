"""OpenAI's legacy completions at /v1/completions: a text goes on, with any chat model."""

import time
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from pydantic import Discriminator, Field, StringConstraints, Tag, field_validator
from rest_framework.request import Request

from aio_platform.http.handler import GatewayRequest
from aio_platform.i18n.translatable import Message
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.chat.text_completions import in_text_completions
from gateway.adapters.chat.text_request import TextCompletionRequest, text_completion_request
from gateway.adapters.registry import CALL_ADAPTERS
from gateway.api.chat.bodies import UNPRICED_FIELDS as UNPRICED_CHAT_FIELDS
from gateway.api.chat.bodies import StreamOptions, unpriced
from gateway.api.chat.views import ChatView
from gateway.contracts.parsing import RequestContract, parse_body
from gateway.contracts.text import ModelSlug
from gateway.openapi.presentation import DocsPage, Example, OpenAICall
from gateway.openapi.schemas import INTEGER, MAYBE_STRING, STRING, array_of, json_body, titled

MAX_PROMPTS = 2048
# What no rate covers, and what belongs to a chat; vLLM takes `prompt_embeds` in the prompt's place.
UNPRICED_FIELDS: Mapping[str, tuple[Any, ...]] = {
    **{name: plain for name, plain in UNPRICED_CHAT_FIELDS.items() if name != "best_of"},
    "input": (),
    "max_completion_tokens": (),
    "messages": (),
    "prompt_embeds": (),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
}
Prompt = Annotated[str, StringConstraints(min_length=1)]


def _form_of(given: Any) -> str:
    """Which of the two forms is meant; its name is left out of error messages."""
    return "list[str]" if isinstance(given, list) else "str"


Prompts = Annotated[
    Annotated[Prompt, Tag("str")]
    | Annotated[list[Prompt], Field(min_length=1, max_length=MAX_PROMPTS), Tag("list[str]")],
    Discriminator(_form_of),
]


class CompletionBody(RequestContract):
    """POST /v1/completions."""

    nothing_special: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        **UNPRICED_FIELDS,
        "best_of": (1,),
        "echo": (False,),
        "suffix": ("",),
    }
    descriptions = {
        "prompt": _("The text to go on with, or a list of texts, each gone on with by itself."),
        "max_tokens": _(
            "The most tokens that may be generated, 16 where nothing is said. It bounds the price that is held."
        ),
        "suffix": _("What comes behind the text that is generated, for models that fill gaps."),
        "echo": _("Whether each answer begins with its prompt."),
        "best_of": _("Only as many as n: what is generated and not returned has no price here."),
        "logprobs": _(
            "How many of the likeliest tokens to tell at each place, with their log probabilities."
        ),
    }
    model: ModelSlug
    prompt: Prompts
    max_tokens: int | None = Field(default=None, ge=1, lt=2**63)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    n: int | None = Field(default=None, ge=1, le=8)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    stop: str | list[str] | None = None
    suffix: str | None = None
    echo: bool | None = None
    best_of: int | None = Field(default=None, ge=1, le=8)
    logprobs: int | None = Field(default=None, ge=0, le=20)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    user: str | None = None

    @field_validator("prompt", mode="before")
    @classmethod
    def no_token_ids(cls, given: object) -> object:
        if isinstance(given, list) and any(isinstance(each, int | list) for each in given):
            raise ValueError(Message(_("token ids are not taken here; give the text itself")))
        return given

    def check(self) -> None:
        extra = self.model_extra or {}
        for name, plain in UNPRICED_FIELDS.items():
            if name in extra:
                raise unpriced(name, plain)
        if self.best_of not in (None, self.n or 1):
            raise unpriced("best_of", (self.n or 1,))


_CHOICE = titled(
    "TextChoice",
    text=STRING,
    index=INTEGER,
    logprobs={"type": ["object", "null"]},
    finish_reason=MAYBE_STRING,
)
_COMPLETION = titled(
    "TextCompletion",
    "usage",
    id=STRING,
    object=STRING,
    created=INTEGER,
    model=STRING,
    choices=array_of(_CHOICE),
    usage=titled("TextUsage", prompt_tokens=INTEGER, completion_tokens=INTEGER, total_tokens=INTEGER),
)
_CREATE: dict[str, Any] = {
    "operation_id": "openai_create_completion",
    "summary": "A text gone on with, as OpenAI's older clients ask for it",
    "request": json_body(CompletionBody),
    "responses": {
        (200, "application/json"): OpenApiResponse(_COMPLETION, description="The answer"),
        (200, "text/event-stream"): OpenApiResponse(
            titled("TextCompletionEvent", data=STRING),
            description="Server-sent events; the last data chunk has `credits_consumed`",
        ),
    },
}


class TextCompletionView(ChatView):
    """POST /v1/completions."""

    contract = CompletionBody
    adapters = in_text_completions(CALL_ADAPTERS)
    example = Example({"model": "gemini", "prompt": "Once upon a time", "max_tokens": 40})
    openai_call = OpenAICall("completions.create", frozenset(CompletionBody.model_fields))
    docs_page = DocsPage(
        "openai-completions",
        _("Completions (legacy)"),
        _("What OpenAI's older clients call: a text goes on, with any chat model."),
        place=8,
    )

    @extend_schema(**_CREATE)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def read(self, request: GatewayRequest, body: bytes) -> TextCompletionRequest:
        """The call as the adapters see it; may raise InvalidRequest."""
        values = parse_body(self.contract, body, request.header(b"content-type"))[1]
        answer_id = f"cmpl-{request.request_uuid.replace('-', '')}"
        return text_completion_request(values, len(body), answer_id, int(time.time()))
