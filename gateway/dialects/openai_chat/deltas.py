"""What one choice says, message by message or delta by delta, as parts that begin, grow and end.

A whole message is one large delta, so that what is streamed and what is not are read alike. Reading is as tolerant as
the official SDKs': what is not of the shape it should have says nothing.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.dialects.conversation import (
    Audio,
    Citation,
    DialectName,
    Image,
    Part,
    Reasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
)
from gateway.dialects.openai_chat.calls import CallPieces
from gateway.dialects.openai_chat.thoughts import (
    ENCRYPTED,
    SUMMARY,
    TEXT,
    Detail,
    OpenThought,
    details_in,
    plain_thought,
)
from gateway.dialects.reply import Finish, Finished, PartEnded, PartGrew, PartStarted, ReplyEvent

_FINISHES = {
    "stop": Finish.STOP,
    "eos": Finish.STOP,
    "end_turn": Finish.STOP,
    "stop_sequence": Finish.STOP_SEQUENCE,
    "length": Finish.LENGTH,
    "max_tokens": Finish.LENGTH,
    "model_length": Finish.LENGTH,
    "tool_calls": Finish.TOOL_CALLS,
    "function_call": Finish.TOOL_CALLS,
    "content_filter": Finish.CONTENT_FILTER,
    "safety": Finish.CONTENT_FILTER,
    "recitation": Finish.CONTENT_FILTER,
    "refusal": Finish.REFUSAL,
}
# Google's compatibility layer puts its thoughts into the content, between these.
_THOUGHT_BEGINS, _THOUGHT_ENDS = "<thought>", "</thought>"
_IMAGES = ("image_url", "output_image")


class ChoiceReader:
    """One choice's state. Give it every delta in turn."""

    def __init__(self, index: int, answer_id: str) -> None:
        self._index, self._answer_id = index, answer_id
        self._events: list[ReplyEvent] = []
        self._open: list[int] = []
        self._parts = 0
        self._text: int | None = None
        self._refusal: int | None = None
        self._audio: int | None = None
        self._thought: OpenThought | None = None
        self._thinks_in_content = False
        self._calls = CallPieces()
        self.is_finished = False

    @property
    def has_said_nothing(self) -> bool:
        return self._parts == 0

    def take(self, delta: Mapping[str, Any], logprobs: object = None) -> list[ReplyEvent]:
        """What a delta or message tells. After its end a choice says nothing."""
        if self.is_finished:
            return []
        google = _google(delta)
        self._think(delta)
        self._say(delta.get("content"), is_thought=google.get("thought") is True)
        self._refuse(delta.get("refusal"))
        self._log(logprobs)
        self._sound(delta.get("audio"))
        images = delta.get("images")
        for image in images if isinstance(images, list) else ():
            self._show(image)
        self._cite(delta.get("annotations"))
        if signature := _said(google.get("thought_signature")):
            self._grow(self._open_text(), signature=signature)
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else (calls,):
            if isinstance(call, Mapping):
                self._call(call)
        if isinstance(delta.get("function_call"), Mapping):
            self._call({"index": "function_call", "function": delta["function_call"]})
        return self._taken()

    def finish(self, reason: object, stopped_by: object = None) -> list[ReplyEvent]:
        """The choice ends, for the reason that the upstream names, if it does.

        Some servers say that an answer stopped where it called a tool; `stopped_by` is vLLM's `stop_reason`.
        """
        if self.is_finished:
            return []
        self.is_finished = True
        for part in self._open:
            self._events.append(PartEnded(self._index, part))
        finish = (
            _FINISHES.get(reason.lower(), Finish.OTHER) if isinstance(reason, str) and reason else Finish.STOP
        )
        calls = any(call.part is not None for call in self._calls.all)
        sequence = None
        if finish is Finish.STOP and calls:
            finish = Finish.TOOL_CALLS
        elif finish in (Finish.STOP, Finish.STOP_SEQUENCE) and _said(stopped_by) not in ("", *_FINISHES):
            finish, sequence = Finish.STOP_SEQUENCE, _said(stopped_by)
        self._events.append(Finished(self._index, finish, sequence))
        return self._taken()

    def _taken(self) -> list[ReplyEvent]:
        events, self._events = self._events, []
        return events

    def _start(self, part: Part) -> int:
        number = self._parts
        self._parts += 1
        self._open.append(number)
        self._events.append(PartStarted(self._index, number, part))
        return number

    def _grow(self, part: int, text: str = "", **grown: Any) -> None:
        self._events.append(PartGrew(self._index, part, text, **grown))

    def _end(self, part: int | None) -> None:
        if part is not None:
            self._open.remove(part)
            self._events.append(PartEnded(self._index, part))

    def _end_thought(self) -> None:
        if self._thought is not None:
            self._end(self._thought.part)
            self._thought = None

    def _end_words(self) -> None:
        self._end(self._text)
        self._end(self._refusal)
        self._text = self._refusal = None

    def _open_text(self) -> int:
        self._end_thought()
        if self._text is None:
            self._text = self._start(Text(""))
        return self._text

    def _think(self, delta: Mapping[str, Any]) -> None:
        details = details_in(delta)
        if not any(detail.said for detail in details if detail.kind != ENCRYPTED):
            self._think_aloud(plain_thought(delta))
        for detail in details:
            if detail.said or detail.signature:
                self._detail(detail)

    def _think_aloud(self, piece: str) -> None:
        if piece:
            if self._thought is None or self._thought.is_secret or self._thought.is_signed:
                self._begin_thought(None, None)
            assert self._thought is not None
            self._thought.has_text = True
            self._grow(self._thought.part, piece)

    def _begin_thought(self, made_by: DialectName | None, item_id: str | None) -> OpenThought:
        self._end_thought()
        self._end_words()
        part = self._start(Reasoning(item_id=item_id, made_by=made_by))
        self._thought = OpenThought(part, made_by, item_id)
        return self._thought

    def _detail(self, detail: Detail) -> None:
        thought = self._thought
        if thought is None or not thought.takes(detail):
            thought = self._begin_thought(detail.made_by, detail.id)
        if detail.kind == TEXT:
            self._grow(thought.part, detail.said, signature=detail.signature)
        elif detail.kind == SUMMARY:
            self._grow(thought.part, detail.said, summary=thought.summary_of(detail))
        else:
            self._grow(thought.part, encrypted=detail.said)
        thought.note(detail)

    def _say(self, content: object, *, is_thought: bool) -> None:
        """A text, a list of parts as Mistral's, or one part where a list of one was meant."""
        for part in content if isinstance(content, list) else (content,):
            if isinstance(part, str):
                self._say_text(part, is_thought=is_thought)
            elif isinstance(part, Mapping):
                self._say_part(part)

    def _say_text(self, text: str, *, is_thought: bool) -> None:
        if is_thought:
            self._thinks_in_content = True
            aloud, end, text = text.removeprefix(_THOUGHT_BEGINS).partition(_THOUGHT_ENDS)
            self._think_aloud(aloud)
            self._thinks_in_content = not end
        elif self._thinks_in_content and text:
            self._thinks_in_content = False
            text = text.removeprefix(_THOUGHT_ENDS)
        if text:
            self._grow(self._open_text(), text)

    def _say_part(self, part: Mapping[str, Any]) -> None:
        kind = part.get("type")
        if kind == "thinking":
            said = part.get("thinking")
            pieces = said if isinstance(said, list) else (said,)
            self._think_aloud(
                "".join(_said(each.get("text") if isinstance(each, Mapping) else each) for each in pieces)
            )
        elif kind == "refusal":
            self._refuse(part.get("refusal"))
        elif kind in _IMAGES:
            self._show(part)
        elif text := _said(part.get("text")):
            self._grow(self._open_text(), text)

    def _refuse(self, piece: object) -> None:
        if text := _said(piece):
            self._end_thought()
            if self._refusal is None:
                self._refusal = self._start(Refusal(""))
            self._grow(self._refusal, text)

    def _log(self, logprobs: object) -> None:
        """Log probabilities of what stands in the same delta."""
        if isinstance(logprobs, Mapping):
            for name, part in (("content", self._text), ("refusal", self._refusal)):
                listed = logprobs.get(name)
                if part is not None and isinstance(listed, list) and listed:
                    self._grow(part, logprobs=listed)

    def _sound(self, audio: object) -> None:
        if not isinstance(audio, Mapping):
            return
        data, transcript = _said(audio.get("data")), _said(audio.get("transcript"))
        name = _said(audio.get("id")) or None
        if self._audio is None and (data or transcript or name):
            self._end_thought()
            self._audio = self._start(Audio(Source(base64=""), transcript="", id=name))
        if self._audio is not None and (data or transcript):
            self._grow(self._audio, transcript, audio=data or None)

    def _show(self, image: object) -> None:
        """An image, whole: OpenRouter's `images`, or a part of the content."""
        held = image.get("image_url") if isinstance(image, Mapping) else None
        url = held.get("url") if isinstance(held, Mapping) else held
        if not isinstance(url, str) or not url:
            return
        head, comma, data = url.partition(";base64,")
        is_data = bool(comma) and head.startswith("data:")
        source = Source(base64=data, media_type=head[5:] or None) if is_data else Source(url=url)
        self._end_thought()
        self._end(self._start(Image(source)))

    def _cite(self, annotations: object) -> None:
        for annotation in annotations if isinstance(annotations, list) else ():
            if isinstance(annotation, Mapping):
                self._grow(self._open_text(), citation=read_citation(annotation))

    def _call(self, values: Mapping[str, Any]) -> None:
        is_custom = values.get("type") == "custom" or isinstance(values.get("custom"), Mapping)
        inner = values.get("custom" if is_custom else "function")
        if not isinstance(inner, Mapping):
            inner = values  # some servers leave that level out
        call = self._calls.of(values, name=inner.get("name"))
        arguments = inner.get("input" if is_custom else "arguments")
        piece = json.dumps(arguments, ensure_ascii=False) if isinstance(arguments, dict) else _said(arguments)
        signature = _said(_google(values).get("thought_signature")) or None
        if call.part is not None:
            if piece or signature:
                self._grow(call.part, piece, signature=signature)
            return
        call.id, call.name = call.id or _said(values.get("id")), call.name or _said(inner.get("name"))
        call.arguments, call.signature = call.arguments + piece, call.signature or signature
        if call.name:
            self._end_thought()
            self._end_words()
            id = call.id or self._made_id()
            call.part = self._start(ToolCall(id, call.name, "", freeform=is_custom, signature=call.signature))
            if call.arguments:
                self._grow(call.part, call.arguments)

    def _made_id(self) -> str:
        """An id for a call that came without: the results of tools need one to answer to."""
        return f"call_{self._answer_id}_{self._index}_{self._parts}"


def read_citation(annotation: Mapping[str, Any]) -> Citation:
    """A `url_citation`, or another kind as it was written."""
    told = annotation.get("url_citation")
    told = told if isinstance(told, Mapping) else {}
    url, title, content = (_said(told.get(name)) or None for name in ("url", "title", "content"))
    start, end = (
        value if type(value := told.get(name)) is int else None for name in ("start_index", "end_index")
    )
    return Citation(DialectName.OPENAI_CHAT, dict(annotation), url, title, content, start, end)


def _google(values: Mapping[str, Any]) -> Mapping[str, Any]:
    extra = values.get("extra_content")
    google = extra.get("google") if isinstance(extra, Mapping) else None
    return google if isinstance(google, Mapping) else {}


def _said(value: object) -> str:
    return value if isinstance(value, str) else ""


def thoughts_in(message: Mapping[str, Any], names: Iterable[str]) -> list[ReplyEvent]:
    """The thoughts of a whole message, as events; `names` are the fields to look at."""
    reader = ChoiceReader(0, "")
    return [*reader.take({name: message[name] for name in names if name in message}), *reader.finish(None)]
