"""A streamed answer, written as Gemini's: each event a GenerateContentResponse with the next parts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from gateway.dialects.conversation import Audio, Citation, Part, Reasoning, Refusal, Text, ToolCall
from gateway.dialects.dialect import AnswerContext, Event
from gateway.dialects.gemini.contents import shown_text
from gateway.dialects.gemini.finish import written_finish
from gateway.dialects.gemini.grounding import Cited, moved, written_grounding
from gateway.dialects.gemini.logprobs import written_logprobs
from gateway.dialects.gemini.usage import written_counts
from gateway.dialects.gemini.written_parts import call_part, is_own, shows_thoughts, text_part, whole_part
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


class GeminiEventWriter:
    """Writes one answer. Texts go out as they come, calls and sounds when they are whole.

    Why a choice ended is kept for the last event, where counts and sources stand too.
    """

    def __init__(self, context: AnswerContext) -> None:
        self._model, self._id = context.model, context.answer_id
        self._shows_thoughts = shows_thoughts(context)
        self._counts: TokenCounts | None = None
        self._choices: dict[int, _Choice] = {}

    def write(self, event: ReplyEvent) -> list[Event]:
        """What is to be sent for it. An upstream's failure is told by whoever runs the call, in our own words."""
        match event:
            case Started():
                self._id = event.id or self._id
                self._counts = event.counts or self._counts
            case Counted():
                self._counts = event.counts
            case PartStarted():
                return self._sent(event.choice, self._choice(event.choice).begin(event))
            case PartGrew():
                choice = self._choice(event.choice)
                return self._sent(event.choice, choice.grow(event), event.logprobs)
            case PartEnded():
                return self._sent(event.choice, self._choice(event.choice).end(event.index))
            case Finished():
                self._choice(event.choice).finish = event.finish
        return []

    def closing(self, extra: Mapping[str, Any]) -> list[Event]:
        """The last event: why each choice ended, and the counts with `extra` among them."""
        late = [
            event for index, choice in self._choices.items() for event in self._sent(index, choice.end_all())
        ]
        choices = self._choices or {0: _Choice(self._shows_thoughts)}
        last = self._response([choice.closing(index) for index, choice in sorted(choices.items())])
        if self._counts is None:
            last |= extra
        else:
            last["usageMetadata"] = {**written_counts(self._counts), **extra}
        return [*late, Event("", last)]

    def _choice(self, index: int) -> "_Choice":
        if index not in self._choices:
            self._choices[index] = _Choice(self._shows_thoughts)
        return self._choices[index]

    def _sent(
        self, index: int, parts: list[dict[str, Any]], logprobs: list[Any] | None = None
    ) -> list[Event]:
        if not parts and not logprobs:
            return []
        content = {"parts": parts or [text_part("")], "role": "model"}
        candidate = {"content": content, "index": index, **written_logprobs(logprobs)}
        return [Event("", self._response([candidate]))]

    def _response(self, candidates: list[dict[str, Any]]) -> dict[str, Any]:
        return {"candidates": candidates, "modelVersion": self._model, "responseId": self._id}


@dataclass(slots=True)
class _Run:
    """Texts that follow one another, which are one part to whoever puts the answer together."""

    part_index: int
    pieces: list[str] = field(default_factory=list)
    length: int = 0


@dataclass(slots=True)
class _Open:
    """A part that goes on: what has come of its text, summaries and sound, and where in a run its text begins.

    `held` writes what waits until the parts of its kind that began earlier have ended.
    """

    part: Part
    held: list[Callable[[], list[dict[str, Any]]]] = field(default_factory=list)
    has_ended: bool = False
    pieces: list[str] = field(default_factory=list)
    summaries: dict[int, list[str]] = field(default_factory=dict)
    citations: list[Citation] = field(default_factory=list)
    run: _Run | None = None
    start_in_run: int = 0

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def thought(self) -> Reasoning:
        thought = self.part
        assert isinstance(thought, Reasoning)
        summary = ["".join(self.summaries[number]) for number in sorted(self.summaries)]
        return replace(thought, text=self.text, summary=summary)


class _Choice:
    """One candidate as it is written. Each method returns the parts to be sent.

    Texts that grow side by side must not be mixed, nor calls change their order: a part waits for those of its kind
    that began before it.
    """

    def __init__(self, shows_thoughts: bool) -> None:
        self.finish = Finish.STOP
        self._shows_thoughts = shows_thoughts
        self._open: dict[int, _Open] = {}
        self._waiting: dict[type[Part], list[_Open]] = {
            kind: [] for kind in (Text, Reasoning, ToolCall, Audio)
        }
        # Thoughts that no call has followed yet.
        self._thoughts: list[_Open] = []
        self._cited: list[Cited] = []
        self._parts = 0
        self._run: _Run | None = None
        self._is_malformed = False

    def begin(self, event: PartStarted) -> list[dict[str, Any]]:
        opened = self._open[event.index] = _Open(replace(event.part))
        if (waiting := self._waiting.get(_kind(opened.part))) is not None:
            waiting.append(opened)
        match opened.part:
            case Text(text=text, signature=signature, citations=citations):
                opened.citations += citations
                return self._said(opened, text, signature)
            case Refusal(text=text):
                return self._said(opened, text)
            case Reasoning() as thought:
                self._thoughts.append(opened)
                opened.pieces.append(thought.text)
                opened.summaries.update({number: [text] for number, text in enumerate(thought.summary)})
                return self._thought(opened, shown_text(thought), thought.signature)
            case ToolCall(arguments=arguments):
                opened.pieces.append(arguments)
            case Audio():
                pass
            case whole:
                return self._apart(whole_part(whole))
        return []

    def grow(self, event: PartGrew) -> list[dict[str, Any]]:
        opened = self._open.get(event.index)
        if opened is None:
            return []
        match opened.part:
            case Text() | Refusal():
                if event.citation is not None:
                    opened.citations.append(event.citation)
                return self._said(opened, event.text, event.signature)
            case Reasoning() as thought:
                thought.signature = event.signature or thought.signature
                thought.encrypted = event.encrypted or thought.encrypted
                return self._thought(opened, self._thought_text(opened, event), event.signature)
            case ToolCall() as call:
                opened.pieces.append(event.text)
                call.signature = event.signature or call.signature
            case Audio():
                opened.pieces.append(event.audio or "")
        return []

    def end(self, index: int) -> list[dict[str, Any]]:
        opened = self._open.pop(index, None)
        if opened is None:
            return []
        match opened.part:
            case Text() | Refusal():
                return self._in_turn(opened, partial(self._cite, opened)) + self._let_others_go_on(opened)
            case Reasoning():
                return self._let_others_go_on(opened)
            case ToolCall() as call:
                whole = replace(call, arguments=opened.text)
                return self._in_turn(opened, partial(self._call, whole)) + self._let_others_go_on(opened)
            case Audio() as sound:
                base64 = (sound.source.base64 or "") + opened.text
                source = replace(sound.source, base64=base64) if base64 else sound.source
                write = partial(self._apart, whole_part(replace(sound, source=source)))
                return self._in_turn(opened, write) + self._let_others_go_on(opened)
        return []

    def end_all(self) -> list[dict[str, Any]]:
        return [part for index in list(self._open) for part in self.end(index)]

    def closing(self, index: int) -> dict[str, Any]:
        """The last of the candidate: real answers have a part there too, and clients look for it."""
        written: dict[str, Any] = {
            "content": {"parts": [text_part("")], "role": "model"},
            "finishReason": written_finish(self.finish, is_malformed=self._is_malformed),
            "index": index,
        }
        if (grounding := written_grounding(self._cited)) is not None:
            written["groundingMetadata"] = grounding
        return written

    def _in_turn(self, opened: _Open, write: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        if self._waiting[_kind(opened.part)][0] is opened:
            return write()
        opened.held.append(write)
        return []

    def _let_others_go_on(self, ended: _Open) -> list[dict[str, Any]]:
        ended.has_ended = True
        waiting = self._waiting[_kind(ended.part)]
        parts: list[dict[str, Any]] = []
        while waiting and waiting[0].has_ended:
            del waiting[0]
            if waiting:
                parts += [part for write in waiting[0].held for part in write()]
                waiting[0].held.clear()
        return parts

    def _said(self, opened: _Open, text: str, signature: str | None = None) -> list[dict[str, Any]]:
        if not text and signature is None:
            return []
        opened.pieces.append(text)
        return self._in_turn(opened, partial(self._say, opened, text, signature))

    def _say(self, opened: _Open, text: str, signature: str | None) -> list[dict[str, Any]]:
        if self._run is None:
            self._run = _Run(self._parts)
            self._parts += 1
        run = self._run
        if opened.run is None:
            opened.run, opened.start_in_run = run, run.length
        run.pieces.append(text)
        run.length += len(text)
        if signature is not None:
            self._run = None
        return [text_part(text, signature)]

    def _thought_text(self, opened: _Open, event: PartGrew) -> str:
        """What is shown of a thought that grows; summaries are parted by an empty line."""
        if event.summary is None:
            opened.pieces.append(event.text)
            return event.text
        is_next = event.summary not in opened.summaries and bool(opened.summaries or opened.text)
        opened.summaries.setdefault(event.summary, []).append(event.text)
        return f"\n\n{event.text}" if is_next else event.text

    def _thought(self, opened: _Open, text: str, signature: str | None) -> list[dict[str, Any]]:
        own = signature if is_own(opened.part) else None
        if not self._shows_thoughts or not (text or own):
            return []
        return self._in_turn(opened, partial(self._apart, text_part(text, own, is_thought=True)))

    def _call(self, call: ToolCall) -> list[dict[str, Any]]:
        thoughts = [thought.thought() for thought in self._thoughts]
        written = call_part(call, thoughts)
        self._thoughts = []
        self._is_malformed = self._is_malformed or written is None
        return self._apart(written)

    def _apart(self, part: dict[str, Any] | None) -> list[dict[str, Any]]:
        """A part that ends the run of texts, if there is one."""
        if part is None:
            return []
        self._run = None
        self._parts += 1
        return [part]

    def _cite(self, opened: _Open) -> list[dict[str, Any]]:
        if opened.citations and opened.run is not None:
            citations = moved(opened.citations, opened.start_in_run, len(opened.text))
            self._cited.append((opened.run.part_index, "".join(opened.run.pieces), citations))
        return []


def _kind(part: Part) -> type[Part]:
    return Text if isinstance(part, Refusal) else type(part)
