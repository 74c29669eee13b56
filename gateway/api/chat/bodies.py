"""What chat accepts: OpenAI's chat completion body, and Omakase's `input`."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

import orjson
from pydantic import Field, StringConstraints, WithJsonSchema

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import Message, Template
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.contracts.parsing import RequestContract
from gateway.contracts.text import ModelSlug

# Fields that change what the upstream bills in ways no rate here covers: refused rather than carried unpriced, but for
# the values that ask for nothing special (OpenAI's own defaults among them). Some are one server's own: llama.cpp lets
# `n_predict` override `max_tokens` and `n_cmpl` stand for `n`, vLLM's `mm_processor_kwargs` makes any number of tokens
# of an image and its beam search answers once for many; xAI's `deferred` answers elsewhere, LiteLLM's `fallbacks` name
# other models, DashScope's `enable_search` is billed by the search.
UNPRICED_FIELDS: Mapping[str, tuple[Any, ...]] = {
    "audio": (),
    "best_of": (1,),
    "chat_template": (),
    "deferred": (False,),
    "enable_search": (False,),
    "fallbacks": ([],),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "mm_processor_kwargs": ({},),
    "modalities": (["text"],),
    "models": ([],),
    "moderation": (),
    "n_cmpl": (1,),
    "n_predict": (),
    "plugins": ([],),
    "prediction": (),
    "provider": ({},),
    "search_parameters": ({"mode": "off"},),
    "service_tier": ("auto", "default"),
    "use_beam_search": (False,),
    "web_search_options": (),
}
# The rest that nobody need be sent: an empty list of tools is an error to some servers.
NOTHING_SPECIAL = {**UNPRICED_FIELDS, "tools": ([],)}
PRICED_PARTS = ("text", "image_url", "refusal")


def _part_schema(title: str, kind: str, holds: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "title": title,
        "properties": {"type": {"type": "string", "enum": [kind]}, kind: holds},
        "required": ["type", kind],
        "additionalProperties": True,
    }


_IMAGE_URL = {
    "type": "object",
    "title": "ImageUrl",
    "properties": {"url": {"type": "string"}, "detail": {"type": "string"}},
    "required": ["url"],
}
# What the OpenAPI document says of a part; `check_messages` is what holds it. What a part holds beside the field that
# its `type` names is free: clients send others along as null.
ContentPart = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "anyOf": [
                _part_schema("TextPart", "text", {"type": "string"}),
                _part_schema("ImagePart", "image_url", _IMAGE_URL),
                _part_schema("RefusalPart", "refusal", {"type": "string"}),
            ]
        }
    ),
]


class ChatMessage(RequestContract):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[ContentPart] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    name: str | None = None


def check_messages(messages: list[ChatMessage]) -> None:
    """What the types cannot say: each message says something, and every part of it can be priced.

    Raises InvalidRequest that names the message or the part.
    """
    for index, message in enumerate(messages):
        content = message.content
        if isinstance(content, str):
            continue
        if content is None:
            if not message.tool_calls and message.role != "assistant":
                raise _bad(f"messages.{index}.content", _("this field is required"))
        elif not content:
            raise _bad(f"messages.{index}.content", _("must not be empty"))
        else:
            for position, part in enumerate(content):
                _check_part(f"messages.{index}.content.{position}", part)


def _check_part(path: str, part: dict[str, Any]) -> None:
    kind = part.get("type")
    if kind not in PRICED_PARTS:
        raise _bad(f"{path}.type", _("expected text, image_url or refusal"))
    if kind == "image_url":
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else None
        if not isinstance(url, str) or not url.startswith(("data:image/", "https://", "http://")):
            raise _bad(f"{path}.image_url.url", _("expected an http(s) or data:image/ URL"))
    elif not isinstance(part.get(kind), str):
        raise _bad(f"{path}.{kind}", _("expected a string"))


def _bad(path: str, problem: Template) -> InvalidRequest:
    return InvalidRequest(_("%(param)s: %(problem)s"), param=path, problem=Message(problem))


def unpriced(name: str, plain: Iterable[Any]) -> InvalidRequest:
    """The refusal of a field that no rate covers, with the values that it may have."""
    taken = " or ".join(orjson.dumps(value).decode() for value in plain)
    ending = f", or give {taken}" if taken else ""
    return InvalidRequest(
        _("%(param)s: is not supported here. Leave it out%(ending)s."),
        param=name,
        openai_code="unsupported_parameter",
        ending=ending,
    )


class StreamOptions(RequestContract):
    include_usage: bool | None = None


class SamplingFields(RequestContract):
    """Fields that every chat body may have."""

    nothing_special: ClassVar[Mapping[str, tuple[Any, ...]]] = NOTHING_SPECIAL
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    n: int | None = Field(default=None, ge=1, le=8)
    max_tokens: int | None = Field(default=None, ge=1, lt=2**63)
    max_completion_tokens: int | None = Field(default=None, ge=1, lt=2**63)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[dict[str, Any]] | None = Field(default=None, max_length=1000)
    tool_choice: str | dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    include_thoughts: bool | None = None
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stop: str | list[str] | None = None
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    user: str | None = None

    def check(self) -> None:
        extra = self.model_extra
        if extra and not UNPRICED_FIELDS.keys().isdisjoint(extra):
            name = next(name for name in UNPRICED_FIELDS if name in extra)
            raise unpriced(name, UNPRICED_FIELDS[name])
        for index, tool in enumerate(self.tools or ()):
            if tool.get("type") != "function":
                raise _bad(f"tools.{index}.type", _("expected function; hosted tools are not priced here"))


class ChatCompletionBody(SamplingFields):
    """POST /v1/chat/completions and /api/v1/chat/completions."""

    model: ModelSlug
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=10_000)]

    def check(self) -> None:
        super().check()
        check_messages(self.messages)


class LlmChatBody(SamplingFields):
    """POST /llm/v1/chat/completions: `input` or `messages`, and no model needed."""

    model: ModelSlug | None = None
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=10_000)] | None = None
    input: Annotated[str, StringConstraints(min_length=1)] | None = None

    def check(self) -> None:
        super().check()
        if (self.input is None) == (self.messages is None):
            raise _bad("input", _("give either 'input' or 'messages'"))
        if self.messages is not None:
            check_messages(self.messages)


class TextChatBody(SamplingFields):
    """POST /api/chat."""

    descriptions = {
        "temperature": _("How freely words are chosen: 0 is the most predictable; 0.1 when left out."),
    }
    model: ModelSlug | None = None
    input: Annotated[str, StringConstraints(min_length=1)]
