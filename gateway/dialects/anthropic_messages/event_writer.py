"""Writes a streamed answer of the Messages API from another dialect's events.

Other dialects' parts may grow at once. Here a block must stop before the next one starts, so what grows out of turn is
kept until its turn comes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.dialects.anthropic_messages.answers import write_finish
from gateway.dialects.anthropic_messages.citations import write_citation
from gateway.dialects.anthropic_messages.reply import write_block
from gateway.dialects.anthropic_messages.thoughts import (
    hides_thoughts,
    is_redacted,
    signature_of,
    write_thought,
)
from gateway.dialects.anthropic_messages.usage import write_usage
from gateway.dialects.conversation import Audio, Part, Reasoning, Refusal, Text, ToolCall
from gateway.dialects.dialect import AnswerContext, Event
from gateway.dialects.reply import (
    Counted,
    Finish,
    Finished,
    PartEnded,
    PartGrew,
    PartStarted,
    ReplyEvent,
    Started,
    TokenCounts,
)


@dataclass(slots=True)
class _Part:
    """A part of the answer; `waiting` is what it has grown by before its turn."""

    part: Part
    waiting: list[PartGrew] = field(default_factory=list)
    has_ended: bool = False
    is_open: bool = False
    # Of a thought: whether it has been shown as it was thought, and the summary that grew last.
    is_aloud: bool = False
    summary: int | None = None


@dataclass(slots=True)
class MessagesEventWriter:
    """Writes one streamed answer: its first choice, as there is room for no other."""

    context: AnswerContext
    _parts: dict[int, _Part] = field(default_factory=dict)
    _started: bool = False
    _counts: TokenCounts | None = None
    _finished: Finished | None = None
    _block: int = 0
    _calls: bool = False
    _refuses: bool = False

    def write(self, event: ReplyEvent) -> list[Event]:
        """What is to be sent for it, possibly nothing yet. Why it ended and what was counted is said by `closing`.

        Of a failure nothing is written: what a caller is told of one is no part of an answer.
        """
        match event:
            case Started(counts=counts):
                self._counts = counts or self._counts
                return self._start(event.id)
            case PartStarted(choice=0):
                self._parts[event.index] = _Part(event.part)
                return [*self._start(), *self._advance()]
            case PartGrew(choice=0) if event.index in self._parts:
                self._parts[event.index].waiting.append(event)
                return self._advance()
            case PartEnded(choice=0) if event.index in self._parts:
                self._parts[event.index].has_ended = True
                return self._advance()
            case Finished(choice=0):
                self._finished = event
                return self._end_all()
            case Counted(counts=counts):
                self._counts = counts
        return []

    def closing(self, extra: Mapping[str, Any]) -> list[Event]:
        """Why the answer ended, what was counted, and its end; `extra` stands beside the counts."""
        finished = self._finished or Finished(0, Finish.STOP)
        events = [*self._start(), *self._end_all()]
        ended = write_finish(
            finished.finish, finished.stop_sequence, calls=self._calls, refuses=self._refuses
        )
        usage = write_usage(self._counts)
        return [
            *events,
            _event("message_delta", delta=ended, usage={**usage, **extra}),
            _event("message_stop"),
        ]

    def _start(self, answer_id: str = "") -> list[Event]:
        if self._started:
            return []
        self._started = True
        message: dict[str, Any] = {
            "id": answer_id or self.context.answer_id,
            "type": "message",
            "role": "assistant",
            "model": self.context.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(self._counts),
        }
        return [_event("message_start", message=message)]

    def _end_all(self) -> list[Event]:
        for part in self._parts.values():
            part.has_ended = True
        return self._advance()

    def _advance(self) -> list[Event]:
        """Send on what the part whose turn it is has grown by, and the next ones' once it has ended."""
        events: list[Event] = []
        while self._parts:
            index = next(iter(self._parts))
            part = self._parts[index]
            for grew in part.waiting if part.is_open else self._first(part):
                events += self._grow(part, grew)
            part.waiting.clear()
            if not part.has_ended:
                break
            events += self._end(part)
            del self._parts[index]
        return events

    def _first(self, part: _Part) -> list[PartGrew]:
        """All that a part holds that has not been sent, as if it had grown by it."""
        held = PartGrew(0, 0)
        match part.part:
            case Text(text=text) | Refusal(text=text) | Reasoning(text=text):
                held.text = text
            case ToolCall(arguments=arguments):
                held.text = arguments
            case Audio(transcript=transcript):
                held.text = transcript or ""
        begun = [held] if held.text else []
        if isinstance(part.part, Text):
            begun += [PartGrew(0, 0, citation=each) for each in part.part.citations]
        elif isinstance(part.part, Reasoning):
            begun += [PartGrew(0, 0, each, summary=number) for number, each in enumerate(part.part.summary)]
        elif isinstance(part.part, ToolCall):
            # A call is shown as soon as its name is known.
            begun.insert(0, PartGrew(0, 0))
        return [*begun, *part.waiting]

    def _grow(self, part: _Part, grew: PartGrew) -> list[Event]:
        """The events for what a part has grown by; the first of them starts its block."""
        deltas: list[dict[str, Any]] = []
        match part.part:
            case Text():
                deltas = _text_deltas(grew)
                if grew.citation is not None and (cited := write_citation(grew.citation)) is not None:
                    deltas.append({"type": "citations_delta", "citation": cited})
            case Refusal() | Audio():
                deltas = _text_deltas(grew)
            case ToolCall():
                deltas = [{"type": "input_json_delta", "partial_json": grew.text}]
            case Reasoning():
                deltas = self._thought_deltas(part, grew)
        return [
            *(self._open(part) if deltas else ()),
            *(event for delta in deltas for event in self._delta(delta)),
        ]

    def _thought_deltas(self, part: _Part, grew: PartGrew) -> list[dict[str, Any]]:
        thought = part.part
        assert isinstance(thought, Reasoning)
        if grew.signature or grew.encrypted:
            # What proves it or must come back is told at its end, when it is whole.
            part.part = thought = replace(
                thought,
                signature=grew.signature or thought.signature,
                encrypted=grew.encrypted or thought.encrypted,
            )
        text = grew.text
        if not text or hides_thoughts(self.context.asked) or is_redacted(thought):
            return []
        if grew.summary is None:
            part.is_aloud = True
        else:
            if part.is_aloud:
                # What was thought aloud has been shown.
                return []
            if part.summary not in (None, grew.summary):
                text = "\n\n" + text
            part.summary = grew.summary
        return [{"type": "thinking_delta", "thinking": text}]

    def _open(self, part: _Part) -> list[Event]:
        if part.is_open:
            return []
        part.is_open = True
        block: dict[str, Any]
        match part.part:
            case ToolCall(id=call_id, name=name):
                self._calls = True
                block = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
            case Reasoning():
                block = {"type": "thinking", "thinking": "", "signature": ""}
            case _:
                self._refuses = self._refuses or isinstance(part.part, Refusal)
                block = {"type": "text", "text": "", "citations": None}
        return [_event("content_block_start", index=self._block, content_block=block)]

    def _delta(self, delta: dict[str, Any]) -> list[Event]:
        return [_event("content_block_delta", index=self._block, delta=delta)]

    def _end(self, part: _Part) -> list[Event]:
        events: list[Event] = []
        if isinstance(part.part, Reasoning) and not is_redacted(part.part):
            signature = signature_of(part.part, is_summary=part.summary is not None and not part.is_aloud)
            if not signature and not part.is_open:
                return []
            events = [*self._open(part), *self._delta({"type": "signature_delta", "signature": signature})]
        elif not part.is_open:
            block = _whole_block(part.part)
            if block is None:
                return []
            events = [_event("content_block_start", index=self._block, content_block=block)]
        events.append(_event("content_block_stop", index=self._block))
        self._block += 1
        return events


def _text_deltas(grew: PartGrew) -> list[dict[str, Any]]:
    return [{"type": "text_delta", "text": grew.text}] if grew.text else []


def _whole_block(part: Part) -> dict[str, Any] | None:
    """The block for a part that is told at once; None for one that says nothing."""
    if isinstance(part, Reasoning):
        return write_thought(part)
    return None if isinstance(part, Text | Refusal | Audio) else write_block(part)


def _event(name: str, **values: Any) -> Event:
    return Event(name, {"type": name, **values})
