"""What the tests of this dialect share: contexts of answers, ways to put a stream together, streams of the corpus."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.dialects.conversation import (
    Conversation,
    Image,
    Message,
    Part,
    Reasoning,
    ReasoningAsked,
    Refusal,
    Role,
    Text,
    ToolCall,
)
from gateway.dialects.dialect import AnswerContext, Event
from gateway.dialects.openai_chat.dialect import OPENAI_CHAT
from gateway.dialects.reply import Gathering, Reply, ReplyEvent

CORPUS = Path(__file__).parents[2] / "adapters" / "chat" / "corpus"


def context(*, include_usage: bool = True, shown: bool | None = None, choices: int = 1) -> AnswerContext:
    reasoning = None if shown is None else ReasoningAsked(shown=shown)
    asked = Conversation("small", [Message(Role.USER, [Text("Hi")])], reasoning=reasoning, choices=choices)
    return AnswerContext("small", asked, "chatcmpl-ours", 1_700_000_000, include_usage)


def reply_of(events: Iterable[ReplyEvent]) -> Reply:
    gathering = Gathering()
    for event in events:
        gathering.take(event)
    assert gathering.failure is None
    gathering.reply.choices.sort(key=lambda choice: choice.index)
    return gathering.reply


def events_read(stream: Iterable[Event]) -> list[ReplyEvent]:
    reader = OPENAI_CHAT.event_reader()
    return [each for event in stream for each in reader.read(event)]


def chunks_read(*chunks: Any) -> list[ReplyEvent]:
    """What chunks tell, each as JSON holds it; None is the end mark."""
    return events_read(Event("", chunk) for chunk in chunks)


def stream_of(events: Iterable[ReplyEvent], told: AnswerContext, **extra: Any) -> list[Event]:
    writer = OPENAI_CHAT.event_writer(told)
    return [each for event in events for each in writer.write(event)] + writer.closing(extra)


def corpus_stream(name: str) -> list[Event]:
    lines = (CORPUS / name).read_text().splitlines()
    data = [line.removeprefix("data:").strip() for line in lines if line.startswith("data:")]
    return [Event("", None if text == "[DONE]" else json.loads(text)) for text in data]


def corpus_answer(name: str) -> Any:
    return json.loads((CORPUS / name).read_text())


def joined(parts: Iterable[Part], between: str = "") -> list[Part]:
    """The parts with each field's texts in one, in the order in which a message of this dialect has them."""
    texts = [part for part in parts if isinstance(part, Text)]
    others = [part for part in parts if not isinstance(part, Text)]
    if not texts:
        return others
    whole = replace(texts[0], text=between.join(text.text for text in texts))
    thoughts = [part for part in others if isinstance(part, Reasoning)]
    return [*thoughts, whole, *(part for part in others if not isinstance(part, Reasoning))]


def by_field(parts: list[Any]) -> list[list[Any]]:
    """The parts as a message has them: texts in one, refusals in one, calls and images in their order."""
    refusals = "".join(part.text for part in parts if isinstance(part, Refusal))
    texts = [part for part in joined(parts) if isinstance(part, Text)]
    calls = [part for part in parts if isinstance(part, ToolCall)]
    return [texts, [Refusal(refusals)], calls, [part for part in parts if isinstance(part, Image)]]
