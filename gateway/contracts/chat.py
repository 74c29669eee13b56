"""What chat endpoints accept: OpenAI's chat completion body, and Omakase's `input`."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from gateway.contracts.parsing import RequestContract

ModelSlug = Annotated[str, StringConstraints(min_length=1, max_length=200)]
# Fields that change what the upstream bills in ways no rate here covers: refused rather than carried unpriced.
UNPRICED_FIELDS = ("audio", "modalities", "prediction", "web_search_options", "functions", "function_call")
PRICED_PARTS = ("text", "image_url", "refusal")
MAX_IMAGES = 64


class ChatMessage(RequestContract):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    name: str | None = None

    @field_validator("content")
    @classmethod
    def parts_can_be_priced(cls, content: str | list[dict[str, Any]] | None) -> Any:
        if isinstance(content, list):
            if not content:
                raise ValueError("must not be empty")
            for index, part in enumerate(content):
                _check_part(index, part)
        return content

    @model_validator(mode="after")
    def says_something(self) -> "ChatMessage":
        if self.content is None and not self.tool_calls and self.role != "assistant":
            raise ValueError("content is required")
        return self


def _check_part(index: int, part: dict[str, Any]) -> None:
    kind = part.get("type")
    if kind not in PRICED_PARTS:
        raise ValueError(f"part {index} must have type text, image_url or refusal")
    if kind == "image_url":
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else None
        if not isinstance(url, str) or not url.startswith(("data:image/", "https://", "http://")):
            raise ValueError(f"part {index} must have image_url.url, an http(s) or data:image/ URL")
    elif not isinstance(part.get(kind), str):
        raise ValueError(f"part {index} must have {kind}, a string")


class StreamOptions(RequestContract):
    include_usage: bool | None = None


class SamplingFields(RequestContract):
    """Fields that every chat body may have."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    n: int | None = Field(default=None, ge=1, le=8)
    max_tokens: int | None = Field(default=None, ge=1, le=10_000_000)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=10_000_000)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[dict[str, Any]] | None = Field(default=None, max_length=1000)
    tool_choice: str | dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    include_thoughts: bool | None = None
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stop: str | list[str] | None = None
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    user: str | None = None

    @model_validator(mode="after")
    def can_be_priced(self) -> "SamplingFields":
        for name in UNPRICED_FIELDS:
            if (self.model_extra or {}).get(name) is not None:
                raise ValueError(f"'{name}' is not supported")
        return self


class ChatCompletionBody(SamplingFields):
    """POST /v1/chat/completions and /api/v1/chat/completions."""

    model: ModelSlug
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=10_000)]


class LlmChatBody(SamplingFields):
    """POST /llm/v1/chat/completions: `input` or `messages`, and no model needed."""

    model: ModelSlug | None = None
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=10_000)] | None = None
    input: Annotated[str, StringConstraints(min_length=1)] | None = None

    @model_validator(mode="after")
    def one_of_two(self) -> "LlmChatBody":
        if (self.input is None) == (self.messages is None):
            raise ValueError("give either 'input' or 'messages'")
        return self


class TextChatBody(SamplingFields):
    """POST /api/chat."""

    model: ModelSlug | None = None
    input: Annotated[str, StringConstraints(min_length=1)]
