"""What a caller asks of a model, in a form that every chat dialect can be read into and written from. Pure data.

It has room for what OpenAI's chat completions and Responses, Anthropic's Messages and Google's generateContent can say.
What only one of them has, and no other could be told, is kept as that dialect wrote it (`Native`, `OtherField`): it can
go nowhere but to the same dialect. `path` says where the caller wrote a thing, as in `messages.3.content.0`, so that
an error or a warning can name it; it is no part of what the thing is. See ADR 30.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class DialectName(StrEnum):
    """The chat dialects that are spoken here."""

    OPENAI_CHAT = "openai_chat"
    OPENAI_RESPONSES = "openai_responses"
    ANTHROPIC_MESSAGES = "anthropic_messages"
    GEMINI = "gemini"


class Role(StrEnum):
    """Who says a message. Results of tools are said by the user; SYSTEM includes OpenAI's `developer`."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(slots=True)
class Source:
    """Where the bytes of a file are. Exactly one of `url`, `base64` and `file_id` is given.

    `media_type` is as in `image/png`, and None where nobody said. A `file_id` is known to one provider alone.
    """

    url: str | None = None
    base64: str | None = None
    file_id: str | None = None
    media_type: str | None = None


@dataclass(slots=True)
class Citation:
    """What a text rests on. Offsets count characters of the text that cites; `values` is as the dialect wrote it."""

    dialect: DialectName
    values: Mapping[str, Any]
    url: str | None = None
    title: str | None = None
    cited_text: str | None = None
    start: int | None = None
    end: int | None = None


@dataclass(slots=True, kw_only=True)
class _Part:
    """`cache_ttl` marks the end of what the model shall keep: `5m` or `1h`; None where there is no mark."""

    cache_ttl: str | None = None
    path: str = field(default="", compare=False)


@dataclass(slots=True)
class Text(_Part):
    text: str
    citations: list[Citation] = field(default_factory=list)
    # Gemini's `thoughtSignature` beside a text, to be sent back untouched.
    signature: str | None = None


@dataclass(slots=True)
class Image(_Part):
    """`detail` is OpenAI's `low`, `high`, `auto` or `original`."""

    source: Source
    detail: str | None = None


@dataclass(slots=True)
class Audio(_Part):
    """`format` is as in `wav` or `mp3`; `transcript` what a model said in it, `id` a spoken answer's name."""

    source: Source
    format: str | None = None
    transcript: str | None = None
    id: str | None = None


@dataclass(slots=True)
class Document(_Part):
    """A file to read, as a PDF, or a text with a title. Exactly one of `source` and `text` is given."""

    source: Source | None = None
    text: str | None = None
    file_name: str | None = None
    context: str | None = None
    cites: bool = False


@dataclass(slots=True)
class ToolCall(_Part):
    """A model's call of a tool. `arguments` is JSON text; for a `freeform` tool any text."""

    id: str
    name: str
    arguments: str
    freeform: bool = False
    namespace: str | None = None
    # Of OpenAI's Responses, where an item has an id beside that of the call; of Gemini the `thoughtSignature`.
    item_id: str | None = None
    signature: str | None = None


@dataclass(slots=True)
class ToolResult(_Part):
    """What a tool gave back to the call of that id. `name` is the tool's, where the caller said it."""

    call_id: str
    parts: list["Text | Image | Document"]
    is_error: bool = False
    name: str | None = None
    freeform: bool = False


@dataclass(slots=True)
class Reasoning(_Part):
    """What a model thought, to be sent back untouched.

    `text` is what it thought aloud, `summary` its own summaries; `signature` proves the text (Anthropic), `encrypted`
    is the thought itself where nobody may read it (Anthropic's redacted thinking, OpenAI's `encrypted_content`).
    `made_by` is the dialect whose proof or secret that is: no other provider takes it.
    """

    text: str = ""
    summary: list[str] = field(default_factory=list)
    signature: str | None = None
    encrypted: str | None = None
    item_id: str | None = None
    made_by: DialectName | None = None


@dataclass(slots=True)
class Refusal(_Part):
    text: str


@dataclass(slots=True)
class Native(_Part):
    """What only one dialect has, as it wrote it: a hosted tool's call and result, a container, and the like."""

    dialect: DialectName
    values: Mapping[str, Any]


Part = Text | Image | Audio | Document | ToolCall | ToolResult | Reasoning | Refusal | Native


@dataclass(slots=True)
class Message:
    """`name` tells people of one role apart, as in OpenAI's chat."""

    role: Role
    parts: list[Part]
    name: str | None = None
    path: str = field(default="", compare=False)


@dataclass(slots=True)
class Tool:
    """A function that the caller runs. `parameters` is a JSON schema; without one it takes none, or any text."""

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None
    freeform: bool = False
    # The grammar of a freeform tool's text, as OpenAI's Responses write it.
    format: Mapping[str, Any] | None = None
    namespace: str | None = None
    cache_ttl: str | None = None
    path: str = field(default="", compare=False)


@dataclass(slots=True)
class NativeTool:
    """A tool that the provider runs, as its dialect writes it. `kind` is its type, as in `web_search`."""

    dialect: DialectName
    kind: str
    values: Mapping[str, Any]
    path: str = field(default="", compare=False)


class ToolUse(StrEnum):
    """Whether tools may, must or must not be called."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"


@dataclass(slots=True)
class ToolChoice:
    """`names` are the tools that may be called; all of them where it is empty."""

    use: ToolUse
    names: tuple[str, ...] = ()
    path: str = field(default="", compare=False)


@dataclass(slots=True)
class OutputFormat:
    """JSON is asked for: of this `schema`, or any where there is none."""

    schema: Mapping[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    path: str = field(default="", compare=False)


@dataclass(slots=True)
class ReasoningAsked:
    """How much the model shall think: by `effort` (OpenAI's words) or a budget; `enabled` False asks for none.

    `summary` is how its thoughts are to be summarised (`auto`, `concise`, `detailed`), `shown` whether they are to be
    in the answer, `encrypted` whether they are to come so that they can be sent back.
    """

    enabled: bool | None = None
    effort: str | None = None
    budget_tokens: int | None = None
    summary: str | None = None
    shown: bool | None = None
    encrypted: bool = False
    path: str = field(default="", compare=False)


@dataclass(slots=True)
class Sampling:
    """How tokens are drawn; None leaves it to the model."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: Mapping[str, Any] | None = None


@dataclass(slots=True)
class OtherField:
    """A field that no other dialect could be told, as it was written at `path`.

    One that does not change what is answered, but how it is kept or traced, `is_harmless`: it is left out with a
    warning. Any other is refused where the upstream speaks another dialect.
    """

    path: str
    value: Any
    is_harmless: bool = False


@dataclass(slots=True)
class Conversation:
    """A whole request. `model` is as the caller names it; `choices` is how many answers are asked for.

    `top_logprobs` is None where no log probabilities are asked for, and 0 for those of the chosen tokens alone.
    """

    model: str
    messages: list[Message]
    tools: list[Tool | NativeTool] = field(default_factory=list)
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    output_format: OutputFormat | None = None
    reasoning: ReasoningAsked | None = None
    verbosity: str | None = None
    max_output_tokens: int | None = None
    stop: tuple[str, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    choices: int = 1
    top_logprobs: int | None = None
    stream: bool = False
    user: str | None = None
    service_tier: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    other: list[OtherField] = field(default_factory=list)
