"""A streamed answer of an upstream, read chunk by chunk.

As tolerant as the same-dialect path (`gateway/adapters/chat/openai_stream.py`): chunks without choices, a message in
place of a delta, usage in a choice or in Groq's own place.
"""

from collections.abc import Mapping
from typing import Any

from gateway.dialects.counts import count_of
from gateway.dialects.dialect import Event, UnreadableReply
from gateway.dialects.openai_chat.counts import larger, read_counts
from gateway.dialects.openai_chat.deltas import ChoiceReader
from gateway.dialects.reply import Counted, Failed, ReplyEvent, Started, StreamEnded, TokenCounts

# OpenAI's own limit of `n`.
MOST_CHOICES = 128
# Named events of these names keep a connection awake, whatever their data.
_WAKING_NAMES = frozenset({"ping", "heartbeat", "keepalive", "keep-alive"})


class ChatEventReader:
    """One stream's state."""

    def __init__(self) -> None:
        self._has_started = self._has_ended = False
        self._id = ""
        self._choices: dict[int, ChoiceReader] = {}
        self._counts: TokenCounts | None = None

    def read(self, event: Event) -> list[ReplyEvent]:
        """What the event says. Raises UnreadableReply for what is no chunk."""
        if self._has_ended:
            return []
        chunk = event.values
        if chunk is None:
            self._has_ended = True
            # An answer that ends without a reason is whole to the official SDKs.
            endings = [each for choice in self._choices.values() for each in choice.finish(None)]
            return [*endings, StreamEnded()]
        if event.name in _WAKING_NAMES:
            return []
        if not isinstance(chunk, Mapping):
            raise UnreadableReply("an event that is not an object")
        if is_failure(chunk, event.name):
            self._has_ended = True
            return [Failed(chunk)]
        return self._chunk(chunk)

    def _chunk(self, chunk: Mapping[str, Any]) -> list[ReplyEvent]:
        choices = chunk.get("choices")
        if choices is None:
            choices = []
        if not isinstance(choices, list):
            raise UnreadableReply("an event without choices")
        events: list[ReplyEvent] = []
        counts = counts_in(chunk)
        if not self._has_started and (choices or counts is not None or text_of(chunk.get("id"))):
            self._has_started = True
            self._id = text_of(chunk.get("id"))
            created_s = count_of(chunk.get("created")) or None
            tier = text_of(chunk.get("service_tier")) or None
            events.append(Started(self._id, text_of(chunk.get("model")), created_s, service_tier=tier))
        for choice in choices:
            events += self._choice(choice)
        if counts is not None:
            self._counts = larger(counts, self._counts)
            events.append(Counted(self._counts))
        return events

    def _choice(self, choice: object) -> list[ReplyEvent]:
        if not isinstance(choice, Mapping):
            raise UnreadableReply("a choice that is not an object")
        index = choice.get("index")
        index = index if type(index) is int else 0
        if not 0 <= index < MOST_CHOICES:
            raise UnreadableReply("a choice that nobody asked for")
        reader = self._choices.get(index)
        if reader is None:
            reader = self._choices[index] = ChoiceReader(index, self._id)
        delta = choice.get("delta")
        if not delta and reader.has_said_nothing and isinstance(choice.get("message"), Mapping):
            # Some servers say all of it at once; after deltas a message repeats them.
            delta = choice["message"]
        if delta and not isinstance(delta, Mapping):
            raise UnreadableReply("a delta that is not an object")
        events = reader.take(delta or {}, choice.get("logprobs"))
        if choice.get("finish_reason"):
            events += reader.finish(choice["finish_reason"], choice.get("stop_reason"))
        return events


def is_failure(values: Mapping[str, Any], name: str = "") -> bool:
    """Whether an answer or an event tells of an error, in any of the ways that servers have."""
    if values.get("error"):
        return True
    if values.get("choices") is not None:
        return False
    told = values.get("type") == "error" or values.get("object") == "error"
    return told or name == "error" or set(values) == {"detail"}


def counts_in(values: Mapping[str, Any]) -> TokenCounts | None:
    """What an answer or a chunk reports, wherever in it servers put that."""
    groq, choices = values.get("x_groq"), values.get("choices")
    counts = read_counts(values.get("usage"))
    if counts is None and isinstance(groq, Mapping):
        counts = read_counts(groq.get("usage"))
    if counts is None:
        for choice in choices if isinstance(choices, list) else ():
            told = read_counts(choice.get("usage")) if isinstance(choice, Mapping) else None
            counts = counts if told is None else larger(told, counts)
    return counts


def text_of(value: object) -> str:
    return value if isinstance(value, str) else ""
