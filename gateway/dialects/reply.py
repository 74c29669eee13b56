"""What a model answers, whole or as it comes, in the form that every chat dialect can be read into. Pure data.

A streamed answer is a list of events that, put together, are the whole one (`Gathering`). Parts have the forms of
`conversation`.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from gateway.dialects.conversation import Audio, Citation, Part, Reasoning, Refusal, Text, ToolCall


class Finish(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    STOP_SEQUENCE = "stop_sequence"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    REFUSAL = "refusal"
    PAUSED = "paused"
    OTHER = "other"


class TokenCounts(NamedTuple):
    """Tokens as an upstream reports them, each counted once.

    `uncached_in` is the prompt without what came from the cache or was written there; `out` is all that was generated,
    of which `reasoning` and `audio_out` are parts, as `audio_in` is of the prompt. Read from OpenAI and Gemini, the
    cached tokens have been taken out of the prompt's count; Anthropic's leave them out already.
    """

    uncached_in: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    out: int = 0
    reasoning: int = 0
    audio_in: int = 0
    audio_out: int = 0
    web_searches: int = 0

    @property
    def tokens_in(self) -> int:
        """The whole prompt."""
        return self.uncached_in + self.cache_read + self.cache_write_5m + self.cache_write_1h


@dataclass(slots=True)
class Choice:
    """One answer. `logprobs` is as OpenAI's chat writes it (`{"content": […], "refusal": […]}`)."""

    index: int
    parts: list[Part]
    finish: Finish = Finish.STOP
    stop_sequence: str | None = None
    logprobs: dict[str, Any] | None = None


@dataclass(slots=True)
class Reply:
    """A whole answer. `created_s` is in seconds since 1970, None where the dialect does not say."""

    id: str
    model: str
    choices: list[Choice]
    counts: TokenCounts | None = None
    created_s: int | None = None
    service_tier: str | None = None


@dataclass(slots=True)
class Started:
    """The first event. `counts` where they are known this early; the prompt's are then right."""

    id: str
    model: str
    created_s: int | None = None
    counts: TokenCounts | None = None
    service_tier: str | None = None


@dataclass(slots=True)
class PartStarted:
    """Part number `index` of a choice begins with what `part` already holds; an image or a Native is whole."""

    choice: int
    index: int
    part: Part


@dataclass(slots=True)
class PartGrew:
    """More of a text, a thought, a refusal, a tool call's arguments, a summary, or a spoken answer's transcript.

    `summary` is the number of the summary that grows, where it is one. `logprobs` are those of this piece, as OpenAI's
    chat writes the list. `audio` is base64, and `encrypted` the whole of a thought that nobody may read.
    """

    choice: int
    index: int
    text: str = ""
    signature: str | None = None
    encrypted: str | None = None
    summary: int | None = None
    citation: Citation | None = None
    audio: str | None = None
    logprobs: list[Any] | None = None


@dataclass(slots=True)
class PartEnded:
    choice: int
    index: int


@dataclass(slots=True)
class Finished:
    """A choice has ended."""

    choice: int
    finish: Finish
    stop_sequence: str | None = None


@dataclass(slots=True)
class Counted:
    """Counts of the whole answer so far; a later event's replace an earlier one's."""

    counts: TokenCounts


@dataclass(slots=True)
class Failed:
    """The upstream says that it failed, in `values` of its own; nothing follows."""

    values: Any


@dataclass(slots=True)
class StreamEnded:
    """The dialect's own end mark, where it has one."""


ReplyEvent = Started | PartStarted | PartGrew | PartEnded | Finished | Counted | Failed | StreamEnded


@dataclass(slots=True)
class Gathering:
    """Puts a streamed answer together. Give it every event in turn; `reply` is what has come."""

    reply: Reply = field(default_factory=lambda: Reply("", "", []))
    failure: Failed | None = None
    _places: dict[tuple[int, int], int] = field(default_factory=dict)

    def take(self, event: ReplyEvent) -> None:
        """Add what one event says. Raises KeyError for a part or choice that never began."""
        match event:
            case Started(id, model, created_s, counts, service_tier):
                self.reply = Reply(id, model, self.reply.choices, counts, created_s, service_tier)
            case PartStarted(choice, index, part):
                parts = self._choice(choice).parts
                self._places[choice, index] = len(parts)
                parts.append(replace(part))
            case PartGrew():
                self._grow(event)
            case Finished(choice, finish, stop_sequence):
                ended = self._choice(choice)
                ended.finish, ended.stop_sequence = finish, stop_sequence
            case Counted(counts):
                self.reply.counts = counts
            case Failed():
                self.failure = event

    def _choice(self, index: int) -> Choice:
        for choice in self.reply.choices:
            if choice.index == index:
                return choice
        self.reply.choices.append(Choice(index, []))
        return self.reply.choices[-1]

    def _grow(self, grown: PartGrew) -> None:
        choice = self._choice(grown.choice)
        part = choice.parts[self._places[grown.choice, grown.index]]
        if grown.logprobs is not None:
            logprobs = choice.logprobs = choice.logprobs or {"content": [], "refusal": []}
            logprobs["refusal" if isinstance(part, Refusal) else "content"] += grown.logprobs
        match part:
            case Reasoning():
                if grown.summary is not None:
                    missing = grown.summary + 1 - len(part.summary)
                    part.summary = [*part.summary, *[""] * missing]
                    part.summary[grown.summary] += grown.text
                else:
                    part.text += grown.text
                part.encrypted = grown.encrypted or part.encrypted
                part.signature = grown.signature or part.signature
            case ToolCall():
                part.arguments += grown.text
                part.signature = grown.signature or part.signature
            case Text():
                part.text += grown.text
                part.signature = grown.signature or part.signature
                if grown.citation is not None:
                    part.citations = [*part.citations, grown.citation]
            case Refusal():
                part.text += grown.text
            case Audio():
                part.transcript = (part.transcript or "") + grown.text
                part.source = replace(part.source, base64=(part.source.base64 or "") + (grown.audio or ""))
