"""A streamed answer of the Messages API, both ways.

Sources: `lib/streaming` of anthropic-sdk-python and platform.claude.com/docs/en/build-with-claude/streaming. Blocks
come one after the other: each starts, grows and stops before the next starts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from gateway.dialects.anthropic_messages.answers import (
    json_text,
    read_block,
    read_explanation,
    read_finish,
    text_of,
)
from gateway.dialects.anthropic_messages.citations import read_citation
from gateway.dialects.anthropic_messages.usage import grown, read_usage
from gateway.dialects.conversation import Part, ToolCall
from gateway.dialects.dialect import Event, UnreadableReply
from gateway.dialects.reply import (
    Counted,
    Failed,
    Finish,
    Finished,
    PartEnded,
    PartGrew,
    PartStarted,
    ReplyEvent,
    Started,
    StreamEnded,
)

# Blocks that are told as they come; any other is told when it is whole.
_GROWING = ("text", "thinking", "redacted_thinking", "tool_use")


@dataclass(slots=True)
class _Block:
    """A block that has begun. `part` is None until it is told, and for one that is told when it is whole."""

    values: dict[str, Any]
    part: int | None = None
    arguments: str = ""


@dataclass(slots=True)
class MessagesEventReader:
    """Reads one streamed answer."""

    _blocks: dict[int, _Block] = field(default_factory=dict)
    _parts: int = 0
    _usage: Any = None
    _has_started: bool = False
    _has_finished: bool = False

    def read(self, event: Event) -> list[ReplyEvent]:
        """What the event says, possibly nothing: kinds that are unknown are passed over. Raises UnreadableReply."""
        values = event.values
        if values is None:
            return []
        if not isinstance(values, Mapping):
            raise UnreadableReply("an event is no object")
        kind = values.get("type", event.name)
        reader = _READERS.get(kind) if isinstance(kind, str) else None
        if reader is None:
            return []
        if not self._has_started and kind not in _FIRST:
            raise UnreadableReply(f"{kind} before message_start")
        return reader(self, values)

    def _fail(self, values: Mapping[str, Any]) -> list[ReplyEvent]:
        return [Failed(values)]

    def _start(self, values: Mapping[str, Any]) -> list[ReplyEvent]:
        message = _object(values, "message")
        self._has_started = True
        self._usage = message.get("usage")
        return [Started(text_of(message, "id"), text_of(message, "model"), counts=read_usage(self._usage))]

    def _start_block(self, values: Mapping[str, Any]) -> list[ReplyEvent]:
        index = _index(values)
        events = self._stop_at(index)
        block = _Block(dict(_object(values, "content_block")))
        self._blocks[index] = block
        if block.values.get("type") not in _GROWING:
            return events
        part = read_block(block.values)
        assert part is not None
        if isinstance(part, ToolCall):
            part = replace(part, arguments="")
        return [*events, self._tell(block, part)]

    def _tell(self, block: _Block, part: Part) -> PartStarted:
        block.part = self._parts
        self._parts += 1
        return PartStarted(0, block.part, part)

    def _grow_block(self, values: Mapping[str, Any]) -> list[ReplyEvent]:
        block = self._blocks.get(_index(values))
        if block is None:
            raise UnreadableReply("a delta of a block that has not begun")
        delta = _object(values, "delta")
        kind = delta.get("type")
        if kind == "input_json_delta":
            piece = text_of(delta, "partial_json")
            block.arguments += piece
            return [PartGrew(0, block.part, piece)] if block.part is not None and piece else []
        if block.part is None:
            block.values.update((name, value) for name, value in delta.items() if name != "type")
            return []
        return _growth(block.part, kind, delta)

    def _stop_block(self, values: Mapping[str, Any]) -> list[ReplyEvent]:
        return self._stop_at(_index(values))

    def _stop_at(self, index: int) -> list[ReplyEvent]:
        block = self._blocks.pop(index, None)
        if block is None:
            return []
        if block.part is None:
            return self._tell_whole(block)
        events: list[ReplyEvent] = [PartEnded(0, block.part)]
        if block.values["type"] == "tool_use" and not block.arguments:
            # Some servers tell the arguments at the start instead.
            events.insert(0, PartGrew(0, block.part, json_text(block.values.get("input"))))
        return events

    def _tell_whole(self, block: _Block) -> list[ReplyEvent]:
        if block.arguments:
            try:
                block.values["input"] = orjson.loads(block.arguments)
            except ValueError:
                raise UnreadableReply("the input of a block is no JSON") from None
        part = read_block(block.values)
        if part is None:
            return []
        started = self._tell(block, part)
        return [started, PartEnded(0, started.index)]

    def _finish(self, values: Mapping[str, Any]) -> list[ReplyEvent]:
        events: list[ReplyEvent] = []
        delta = _object(values, "delta")
        if delta.get("stop_reason") is not None:
            events += self._stop_all()
            finish, stop_sequence = read_finish(delta)
            if finish is Finish.REFUSAL and (explanation := read_explanation(delta)) is not None:
                events += [PartStarted(0, self._parts, explanation), PartEnded(0, self._parts)]
                self._parts += 1
            events.append(Finished(0, finish, stop_sequence))
            self._has_finished = True
        if values.get("usage") is not None:
            self._usage = grown(self._usage, values["usage"])
            if (counts := read_usage(self._usage)) is not None:
                events.append(Counted(counts))
        return events

    def _stop(self, _values: Mapping[str, Any]) -> list[ReplyEvent]:
        events = self._stop_all()
        if not self._has_finished:
            events.append(Finished(0, Finish.OTHER))
        return [*events, StreamEnded()]

    def _stop_all(self) -> list[ReplyEvent]:
        return [event for index in sorted(self._blocks) for event in self._stop_at(index)]


_FIRST = ("message_start", "error")
_READERS = {
    "error": MessagesEventReader._fail,
    "message_start": MessagesEventReader._start,
    "content_block_start": MessagesEventReader._start_block,
    "content_block_delta": MessagesEventReader._grow_block,
    "content_block_stop": MessagesEventReader._stop_block,
    "message_delta": MessagesEventReader._finish,
    "message_stop": MessagesEventReader._stop,
}


def _growth(part: int, kind: object, delta: Mapping[str, Any]) -> list[ReplyEvent]:
    match kind:
        case "text_delta":
            text = text_of(delta, "text")
            return [PartGrew(0, part, text)] if text else []
        case "thinking_delta":
            text = text_of(delta, "thinking")
            return [PartGrew(0, part, text)] if text else []
        case "signature_delta":
            signature = text_of(delta, "signature")
            return [PartGrew(0, part, signature=signature)] if signature else []
        case "citations_delta":
            return [PartGrew(0, part, citation=read_citation(_object(delta, "citation")))]
    return []


def _object(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = values.get(name)
    if not isinstance(value, Mapping):
        raise UnreadableReply(f"{name} is no object")
    return value


def _index(values: Mapping[str, Any]) -> int:
    index = values.get("index")
    if type(index) is not int:
        raise UnreadableReply("an event of a block says not which")
    return index
