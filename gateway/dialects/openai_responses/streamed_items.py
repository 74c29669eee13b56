"""The items of an answer as they are streamed: each knows its events, and what it is when it has ended.

Events come without their sequence number, which counts over all items. The order and the fields are those that
OpenAI's own clients check as they put an answer together (openai-node's `response-accumulator`, openai-python's
`ResponseStreamState`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.dialects.conversation import DialectName, Reasoning, Refusal, Text, ToolCall
from gateway.dialects.openai_responses.annotations import write_annotation
from gateway.dialects.openai_responses.carried import CarriedSecrets
from gateway.dialects.openai_responses.output import unwrapped_text
from gateway.dialects.reply import PartGrew

Values = dict[str, Any]
COMPLETED, INCOMPLETE = "completed", "incomplete"


class Item:
    """One item, at its place in the answer's output. `whole` is what it has become by its end."""

    def __init__(self, item_id: str, output_index: int) -> None:
        self.id = item_id
        self.output_index = output_index
        self.whole: Values | None = None
        # How many of its parts have begun and not ended.
        self.open_parts = 0

    def added(self) -> Iterator[Values]:
        """What tells that it begins."""
        yield self._of_output("response.output_item.added", self._begun())

    def end(self, status: str) -> Iterator[Values]:
        """What tells that it has ended, all that is open in it too."""
        yield from self._rest()
        self.whole = self._ended(status)
        yield self._of_output("response.output_item.done", self.whole)

    def _begun(self) -> Values:
        raise NotImplementedError

    def _rest(self) -> Iterator[Values]:
        return iter(())

    def _ended(self, status: str) -> Values:
        raise NotImplementedError

    def _of_output(self, kind: str, item: Values) -> Values:
        return {"type": kind, "output_index": self.output_index, "item": item}

    def _event(self, kind: str, **fields: Any) -> Values:
        return {"type": kind, "item_id": self.id, "output_index": self.output_index, **fields}


class WholeItem(Item):
    """An item that comes at once."""

    def __init__(self, item_id: str, output_index: int, values: Mapping[str, Any]) -> None:
        super().__init__(item_id, output_index)
        self._values = dict(values)

    def _begun(self) -> Values:
        return self._values

    def _ended(self, status: str) -> Values:
        return self._values


@dataclass(slots=True)
class _Content:
    """One text or refusal of a message, in pieces as it came."""

    is_text: bool
    pieces: list[str] = field(default_factory=list)
    length: int = 0
    annotations: list[Values] = field(default_factory=list)
    logprobs: list[Any] = field(default_factory=list)
    is_open: bool = True

    @property
    def kind(self) -> str:
        return "response.output_text" if self.is_text else "response.refusal"

    def values(self) -> Values:
        """The part as it stands."""
        said = "".join(self.pieces)
        if not self.is_text:
            return {"type": "refusal", "refusal": said}
        lists = {"annotations": list(self.annotations), "logprobs": list(self.logprobs)}
        return {"type": "output_text", "text": said, **lists}


class MessageItem(Item):
    """What the model says: one or more texts and refusals."""

    def __init__(self, item_id: str, output_index: int) -> None:
        super().__init__(item_id, output_index)
        self._content: list[_Content] = []

    def begin(self, part: Text | Refusal) -> Iterator[Values]:
        """One more part of its content."""
        index, content = len(self._content), _Content(isinstance(part, Text))
        self._content.append(content)
        self.open_parts += 1
        yield self._event("response.content_part.added", content_index=index, part=content.values())
        yield from self.grow(index, PartGrew(0, 0, part.text))
        for citation in part.citations if isinstance(part, Text) else ():
            yield from self.grow(index, PartGrew(0, 0, citation=citation))

    def parts(self) -> int:
        return len(self._content)

    def grow(self, index: int, grew: PartGrew) -> Iterator[Values]:
        content = self._content[index]
        logprobs = grew.logprobs or []
        if grew.text or logprobs:
            content.pieces.append(grew.text)
            content.length += len(grew.text)
            content.logprobs += logprobs
            more = {"logprobs": logprobs} if content.is_text else {}
            yield self._event(f"{content.kind}.delta", content_index=index, delta=grew.text, **more)
        if grew.citation is not None and content.is_text:
            annotation = write_annotation(grew.citation, content.length)
            if annotation is not None:
                place = len(content.annotations)
                content.annotations.append(annotation)
                kind = "response.output_text.annotation.added"
                places = {"content_index": index, "annotation_index": place}
                yield self._event(kind, **places, annotation=annotation)

    def end_part(self, index: int) -> Iterator[Values]:
        content = self._content[index]
        if not content.is_open:
            return
        content.is_open = False
        self.open_parts -= 1
        values = content.values()
        told = {name: values[name] for name in ("text", "logprobs", "refusal") if name in values}
        yield self._event(f"{content.kind}.done", content_index=index, **told)
        yield self._event("response.content_part.done", content_index=index, part=values)

    def _begun(self) -> Values:
        return {"id": self.id, "type": "message", "status": "in_progress", "role": "assistant", "content": []}

    def _rest(self) -> Iterator[Values]:
        for index in range(len(self._content)):
            yield from self.end_part(index)

    def _ended(self, status: str) -> Values:
        return self._begun() | {"status": status, "content": [content.values() for content in self._content]}


class CallItem(Item):
    """A call of one of the caller's tools.

    Where `is_wrapped`, the upstream was told of a freeform tool as of a function of one text: that text can be read
    when all of it is there.
    """

    def __init__(self, output_index: int, call: ToolCall, *, is_wrapped: bool) -> None:
        super().__init__(call.item_id or "", output_index)
        self._call = replace(call, arguments="")
        self._is_wrapped = is_wrapped
        self._pieces: list[str] = []
        self.open_parts = 1

    @property
    def call_id(self) -> str:
        return self._call.id

    def grow(self, piece: str) -> Iterator[Values]:
        self._pieces.append(piece)
        if piece and not self._is_wrapped:
            yield self._event(f"{self._kind}.delta", delta=piece)

    def _rest(self) -> Iterator[Values]:
        call = self._call
        if self._is_wrapped:
            self._is_wrapped, wrapped = False, "".join(self._pieces)
            self._pieces.clear()
            yield from self.grow(unwrapped_text(wrapped))
        elif not (any(self._pieces) or call.freeform):
            # Clients read the arguments as JSON.
            yield from self.grow("{}")
        call.arguments = "".join(self._pieces)
        if call.freeform:
            yield self._event(f"{self._kind}.done", input=call.arguments)
        else:
            yield self._event(f"{self._kind}.done", name=call.name, arguments=call.arguments)

    @property
    def _kind(self) -> str:
        return f"response.{'custom_tool_call_input' if self._call.freeform else 'function_call_arguments'}"

    def _begun(self) -> Values:
        return self._values("in_progress")

    def _ended(self, status: str) -> Values:
        return self._values(status)

    def _values(self, status: str) -> Values:
        call = self._call
        kind, field = ("custom_tool_call", "input") if call.freeform else ("function_call", "arguments")
        values: Values = {
            "id": self.id,
            "type": kind,
            "status": status,
            "call_id": call.id,
            "name": call.name,
            field: call.arguments,
        }
        return values if call.namespace is None else values | {"namespace": call.namespace}


class ThoughtItem(Item):
    """What the model thinks. Where the caller asked for summaries and there are none, they are shown its thoughts."""

    def __init__(self, item_id: str, output_index: int, thought: Reasoning, *, shows_summaries: bool) -> None:
        super().__init__(item_id, output_index)
        self._thought = replace(thought, text="", summary=[])
        self._first = thought
        self._shows_summaries = shows_summaries
        self._is_shown = False
        self._summaries: list[list[str]] = []
        self._open_summaries: set[int] = set()
        self._pieces: list[str] = []
        self._is_text_open = False
        self.open_parts = 1

    def begin(self) -> Iterator[Values]:
        """What it already holds."""
        yield from self.grow(PartGrew(0, 0, self._first.text))
        for number, summary in enumerate(self._first.summary):
            yield from self.grow(PartGrew(0, 0, summary, summary=number))

    def grow(self, grew: PartGrew) -> Iterator[Values]:
        thought = self._thought
        thought.signature = grew.signature or thought.signature
        thought.encrypted = grew.encrypted or thought.encrypted
        if grew.summary is not None:
            yield from self._grow_summary(grew.summary + self._is_shown, grew.text)
        elif grew.text:
            if self._shows_summaries and not (self._summaries or self._pieces):
                self._is_shown = True
            self._pieces.append(grew.text)
            if self._is_shown:
                yield from self._grow_summary(0, grew.text)
            else:
                yield from self._grow_text(grew.text)

    def _grow_summary(self, number: int, piece: str) -> Iterator[Values]:
        for missing in range(len(self._summaries), number + 1):
            yield from self._end_summaries()
            self._summaries.append([])
            self._open_summaries.add(missing)
            yield self._of_summary("part.added", missing, part=_summary(""))
        if piece:
            self._open_summaries.add(number)
            self._summaries[number].append(piece)
            yield self._of_summary("text.delta", number, delta=piece)

    def _end_summaries(self) -> Iterator[Values]:
        for number in sorted(self._open_summaries):
            text = "".join(self._summaries[number])
            yield self._of_summary("text.done", number, text=text)
            yield self._of_summary("part.done", number, part=_summary(text))
        self._open_summaries.clear()

    def _of_summary(self, what: str, number: int, **fields: Any) -> Values:
        return self._event(f"response.reasoning_summary_{what}", summary_index=number, **fields)

    def _grow_text(self, piece: str) -> Iterator[Values]:
        if not self._is_text_open:
            self._is_text_open = True
            yield self._event("response.content_part.added", content_index=0, part=_thought_text(""))
        yield self._event("response.reasoning_text.delta", content_index=0, delta=piece)

    def _rest(self) -> Iterator[Values]:
        yield from self._end_summaries()
        if self._is_text_open:
            self._is_text_open = False
            text = "".join(self._pieces)
            part = _thought_text(text)
            yield self._event("response.reasoning_text.done", content_index=0, text=text)
            yield self._event("response.content_part.done", content_index=0, part=part)

    def _begun(self) -> Values:
        carried = CarriedSecrets(self._thought.made_by)
        return self._values(carried.sealed() if carried.is_needed else None)

    def _ended(self, status: str) -> Values:
        self._thought.text = "".join(self._pieces)
        carried = CarriedSecrets.from_thought(self._thought, is_shown=self._is_shown)
        return self._values(carried.sealed() if carried.is_needed else None)

    def _values(self, sealed: str | None) -> Values:
        values: Values = {
            "id": self.id,
            "type": "reasoning",
            "summary": [_summary("".join(pieces)) for pieces in self._summaries],
        }
        if self._thought.text and not self._is_shown:
            values["content"] = [_thought_text(self._thought.text)]
        is_own = self._thought.made_by is DialectName.OPENAI_RESPONSES
        secret = self._thought.encrypted if is_own else sealed
        return values if secret is None else values | {"encrypted_content": secret}


def carrying_item(item_id: str, output_index: int, carried: CarriedSecrets) -> WholeItem:
    """An item of reasoning that shows nothing, and brings something back."""
    values = {"id": item_id, "type": "reasoning", "summary": [], "encrypted_content": carried.sealed()}
    return WholeItem(item_id, output_index, values)


def _summary(text: str) -> Values:
    return {"type": "summary_text", "text": text}


def _thought_text(text: str) -> Values:
    return {"type": "reasoning_text", "text": text}
