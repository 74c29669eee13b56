"""A streamed answer for a caller, chunk by chunk, from another dialect's events.

Sources of what clients need: openai-python's `lib/streaming/chat` (choices and tool calls are found by their place, so
each begins in order; lists of objects have an `index`), and the same-dialect path: the chunk that finishes the answer
is held back until the call is settled.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from gateway.dialects.conversation import Audio, Citation, Image, Part, Reasoning, Refusal, Text, ToolCall
from gateway.dialects.dialect import AnswerContext, Event
from gateway.dialects.openai_chat.counts import write_counts
from gateway.dialects.openai_chat.events import MOST_CHOICES
from gateway.dialects.openai_chat.reply import AUDIO_KEPT_S, shows_thoughts, write_finish
from gateway.dialects.openai_chat.said import write_call, write_citations, write_image, write_signature
from gateway.dialects.openai_chat.spelling import freeform_names, unwrapped_text
from gateway.dialects.openai_chat.thoughts import ThoughtsWriter
from gateway.dialects.reply import (
    Counted,
    Finished,
    PartEnded,
    PartGrew,
    PartStarted,
    ReplyEvent,
    Started,
    TokenCounts,
)


class _Delta(NamedTuple):
    values: dict[str, Any]
    logprobs: dict[str, Any] | None = None


class _Lane:
    """Parts that share one field of the message, as its content: they are written one after another.

    What a later part says waits until those before it have ended.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, list[PartGrew]] = {}
        self._ended: set[int] = set()

    def start(self, part: int) -> None:
        self._waiting[part] = []

    def put(self, grown: PartGrew) -> list[PartGrew]:
        """What may be written now."""
        if next(iter(self._waiting), grown.index) == grown.index:
            return [grown]
        self._waiting[grown.index].append(grown)
        return []

    def end(self, part: int) -> list[PartGrew]:
        """What may be written when that part has ended."""
        self._ended.add(part)
        released: list[PartGrew] = []
        while self._waiting and (first := next(iter(self._waiting))) in self._ended:
            del self._waiting[first]
            for following in self._waiting.values():
                released += following
                following.clear()
                break
        return released

    def end_all(self) -> list[PartGrew]:
        return [grown for part in list(self._waiting) for grown in self.end(part)]


class _ChoiceWriter:
    """One choice's state."""

    def __init__(self, created_s: int, freeform: frozenset[str], *, with_thoughts: bool) -> None:
        self._created_s, self._freeform, self._with_thoughts = created_s, freeform, with_thoughts
        self._parts: dict[int, Part] = {}
        self._lanes: dict[type, _Lane] = {kind: _Lane() for kind in (Text, Refusal, Reasoning, Audio)}
        self._thoughts = ThoughtsWriter()
        self._calls: dict[int, int] = {}
        # Arguments of a function that the upstream knew where the caller has a freeform tool: read when they are whole.
        self._wrapped: dict[int, list[str]] = {}
        self._sounds: set[int] = set()
        self._images = 0
        # The length of each text, in their order, and what they cite.
        self._lengths: dict[int, int] = {}
        self._cited: list[tuple[int, Citation]] = []
        self._signature: str | None = None

    @property
    def has_calls(self) -> bool:
        return bool(self._calls)

    def start(self, event: PartStarted) -> list[_Delta]:
        part = self._parts[event.index] = event.part
        if lane := self._lanes.get(type(part)):
            lane.start(event.index)
        match part:
            case Text(text=text, citations=citations, signature=signature):
                self._lengths[event.index] = 0
                self._cited += [(event.index, citation) for citation in citations]
                return self.grow(PartGrew(0, event.index, text, signature=signature))
            case Refusal(text=text):
                return self.grow(PartGrew(0, event.index, text))
            case Reasoning():
                return self._start_thought(event.index, part)
            case ToolCall():
                return self._start_call(event.index, part)
            case Audio():
                return self.grow(PartGrew(0, event.index, part.transcript or "", audio=part.source.base64))
            case Image() if part.source.file_id is None:
                self._images += 1
                return [_Delta({"images": [{"index": self._images - 1, **write_image(part)}]})]
        # What only another dialect has, as a hosted tool's call, has no place in an answer of this one.
        return []

    def grow(self, event: PartGrew) -> list[_Delta]:
        lane = self._lanes.get(type(self._parts.get(event.index)))
        return self._written([event] if lane is None else lane.put(event))

    def end(self, event: PartEnded) -> list[_Delta]:
        if (arguments := self._wrapped.pop(event.index, None)) is not None:
            return [
                self._more_of_call(event.index, {"custom": {"input": unwrapped_text("".join(arguments))}})
            ]
        lane = self._lanes.get(type(self._parts.get(event.index)))
        return [] if lane is None else self._written(lane.end(event.index))

    def _written(self, events: list[PartGrew]) -> list[_Delta]:
        return [delta for event in events for delta in self._write(event)]

    def _write(self, event: PartGrew) -> list[_Delta]:
        match part := self._parts.get(event.index):
            case Text():
                return self._write_text(event)
            case Refusal():
                logprobs = {"content": None, "refusal": event.logprobs} if event.logprobs else None
                if event.text or logprobs:
                    return [_Delta({"refusal": event.text} if event.text else {}, logprobs)]
            case Reasoning():
                return self._write_thought(event, part)
            case ToolCall():
                return self._write_call(event, part)
            case Audio():
                said = {"transcript": event.text, "data": event.audio}
                said = {name: value for name, value in said.items() if value}
                if event.index not in self._sounds:
                    said = {**self._begin_sound(event.index, part), **said}
                return [_Delta({"audio": said})] if said else []
        return []

    def finish(self) -> list[_Delta]:
        """What waited for its turn, and what is told when all texts are known."""
        deltas = [delta for part in list(self._wrapped) for delta in self.end(PartEnded(0, part))]
        deltas += self._written([grown for lane in self._lanes.values() for grown in lane.end_all()])
        begins, at = {}, 0
        for part, length in self._lengths.items():
            begins[part], at = at, at + length
        cited = [(begins[part], self._lengths[part], citation) for part, citation in self._cited]
        last: dict[str, Any] = {}
        if annotations := write_citations(cited):
            last["annotations"] = annotations
        if self._signature is not None:
            last |= write_signature(self._signature)
        return [*deltas, _Delta(last)] if last else deltas

    def _write_text(self, event: PartGrew) -> list[_Delta]:
        self._lengths[event.index] += len(event.text)
        self._signature = event.signature or self._signature
        if event.citation is not None:
            self._cited.append((event.index, event.citation))
        logprobs = {"content": event.logprobs, "refusal": None} if event.logprobs else None
        if not event.text and not logprobs:
            return []
        return [_Delta({"content": event.text} if event.text else {}, logprobs)]

    def _start_thought(self, index: int, part: Reasoning) -> list[_Delta]:
        deltas = self.grow(PartGrew(0, index, part.text, part.signature, part.encrypted))
        for number, said in enumerate(part.summary):
            deltas += self.grow(PartGrew(0, index, said, summary=number))
        return deltas

    def _write_thought(self, event: PartGrew, part: Reasoning) -> list[_Delta]:
        if not self._with_thoughts:
            return []
        written = []
        if event.summary is not None and event.text:
            written.append(self._thoughts.summary(event.index, part, event.summary, event.text))
        elif event.text:
            written.append(self._thoughts.text(event.index, part, event.text))
        if event.signature:
            written.append(self._thoughts.signature(event.index, part, event.signature))
        if event.encrypted:
            written.append(self._thoughts.secret(event.index, part, event.encrypted))
        return [_Delta(fields) for fields in written]

    def _start_call(self, index: int, call: ToolCall) -> list[_Delta]:
        number = self._calls[index] = len(self._calls)
        if call.name in self._freeform and not call.freeform:
            self._wrapped[index] = [call.arguments]
            call = replace(call, arguments="", freeform=True)
        return [_Delta({"tool_calls": [{"index": number, **write_call(call)}]})]

    def _write_call(self, event: PartGrew, part: ToolCall) -> list[_Delta]:
        more: dict[str, Any] = {}
        if event.index in self._wrapped:
            self._wrapped[event.index].append(event.text)
        elif event.text and part.freeform:
            more = {"custom": {"input": event.text}}
        elif event.text:
            more = {"function": {"arguments": event.text}}
        if event.signature:
            more |= write_signature(event.signature)
        return [self._more_of_call(event.index, more)] if more else []

    def _more_of_call(self, index: int, more: dict[str, Any]) -> _Delta:
        return _Delta({"tool_calls": [{"index": self._calls[index], **more}]})

    def _begin_sound(self, index: int, part: Audio) -> dict[str, Any]:
        self._sounds.add(index)
        return {"id": part.id or f"audio_{self._created_s}", "expires_at": self._created_s + AUDIO_KEPT_S}


class ChatEventWriter:
    """One stream's state."""

    def __init__(self, context: AnswerContext) -> None:
        self._context = context
        self._id, self._created_s = context.answer_id, context.created_s
        self._choices: list[_ChoiceWriter] = []
        self._counts: TokenCounts | None = None
        self._service_tier: str | None = None
        self._held: dict[str, Any] | None = None

    def write(self, event: ReplyEvent) -> list[Event]:
        """The chunks for it. A failure is told by whoever knows what may be said of it, and the end by `closing`."""
        if isinstance(event, PartStarted | PartGrew | PartEnded | Finished) and event.choice >= MOST_CHOICES:
            return []
        match event:
            case Started():
                self._id, self._created_s = event.id or self._id, event.created_s or self._created_s
                self._counts, self._service_tier = event.counts, event.service_tier
                return self._send(self._open(0))
            case PartStarted(choice=index):
                return self._send(self._open(index) + self._chunks(index, self._choices[index].start(event)))
            case PartGrew(choice=index):
                return self._send(self._open(index) + self._chunks(index, self._choices[index].grow(event)))
            case PartEnded(choice=index):
                return self._send(self._open(index) + self._chunks(index, self._choices[index].end(event)))
            case Finished():
                return self._finish(event)
            case Counted(counts):
                self._counts = counts
        return []

    def closing(self, extra: Mapping[str, Any]) -> list[Event]:
        """The last chunk, with `extra`, and the end mark: that of usage where the caller asked for it."""
        events: list[Event] = []
        last = self._held
        if last is None or (self._context.include_usage and self._counts is not None):
            if last is not None:
                events.append(Event("", last))
            last = self._chunk([])
            if self._context.include_usage and self._counts is not None:
                last["usage"] = write_counts(self._counts)
        self._held = None
        return [*events, Event("", {**last, **extra}), Event("", None)]

    def _open(self, index: int) -> list[dict[str, Any]]:
        """The chunks that begin this choice and, where they have not begun, those before it."""
        chunks = []
        while len(self._choices) <= index:
            with_thoughts = shows_thoughts(self._context)
            freeform = freeform_names(self._context.asked.tools)
            self._choices.append(_ChoiceWriter(self._created_s, freeform, with_thoughts=with_thoughts))
            begins = _Delta({"role": "assistant", "content": ""})
            chunks += self._chunks(len(self._choices) - 1, [begins])
        return chunks

    def _finish(self, event: Finished) -> list[Event]:
        chunks = self._open(event.choice)
        choice = self._choices[event.choice]
        chunks += self._chunks(event.choice, choice.finish())
        (last,) = self._chunks(event.choice, [_Delta({})])
        last["choices"][0]["finish_reason"] = write_finish(event.finish, has_calls=choice.has_calls)
        released = self._send(chunks)
        if self._held is not None:
            released.append(Event("", self._held))
        self._held = last
        return released

    def _send(self, chunks: list[dict[str, Any]]) -> list[Event]:
        """The chunks; after the first that finishes a choice, the newest is held back."""
        if self._held is not None and chunks:
            chunks = [self._held, *chunks]
            self._held = chunks.pop()
        return [Event("", chunk) for chunk in chunks]

    def _chunks(self, index: int, deltas: list[_Delta]) -> list[dict[str, Any]]:
        return [
            self._chunk([{"index": index, "delta": values, "logprobs": logprobs, "finish_reason": None}])
            for values, logprobs in deltas
        ]

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        chunk: dict[str, Any] = {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created_s,
            "model": self._context.model,
            "choices": choices,
        }
        if self._service_tier is not None:
            chunk["service_tier"] = self._service_tier
        if self._context.include_usage:
            chunk["usage"] = None
        return chunk
