"""Reads an upstream's stream of events. Events of kinds that are not known are passed over."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.dialects.conversation import DialectName, Native, Part, Refusal, Text
from gateway.dialects.dialect import Event, UnreadableReply
from gateway.dialects.openai_responses.annotations import read_annotation
from gateway.dialects.openai_responses.growing_parts import GrowingParts
from gateway.dialects.openai_responses.output import (
    carried_by,
    is_web_search,
    read_call,
    read_content_part,
    read_finish,
    read_logprobs,
    read_output,
    read_thought,
    signed_place,
)
from gateway.dialects.openai_responses.parts import text_of
from gateway.dialects.openai_responses.usage import read_usage
from gateway.dialects.reply import (
    Counted,
    Failed,
    Finished,
    PartGrew,
    ReplyEvent,
    Started,
    StreamEnded,
)

_HERE = DialectName.OPENAI_RESPONSES
_BETWEEN_THOUGHTS = "\n\n"
# A part's place in the stream: its item's, and its own there (None for an item that is one part).
_Place = tuple[int, int | None]


class EventReader:
    """One answer's state; see `gateway.dialects.dialect.EventReader`."""

    def __init__(self) -> None:
        self._has_started = self._has_finished = self._has_ended = False
        self._growing = GrowingParts()
        # Where the stream has each part.
        self._indexes: dict[_Place, int] = {}
        self._kinds: dict[int, str] = {}
        self._places_of_ids: dict[str, int] = {}
        self._contents_of_thoughts: set[_Place] = set()
        self._web_searches = 0

    def read(self, event: Event) -> list[ReplyEvent]:
        """What the event says, possibly nothing. Raises UnreadableReply."""
        told = self._growing.told = []
        values = event.values
        if values is None:
            self._end()
        elif not isinstance(values, dict):
            raise UnreadableReply("an event that is not an object")
        elif not self._has_ended:
            self._take(text_of(values, "type") or event.name, values)
        return told

    def _take(self, kind: str, values: dict[str, Any]) -> None:
        if kind == "error" or (not kind and values.get("error")):
            self._fail(values)
        elif kind in ("response.failed", "response.cancelled"):
            response = values.get("response")
            error = response.get("error") if isinstance(response, dict) else None
            self._fail(error or values)
        elif kind in ("response.created", "response.in_progress", "response.queued"):
            self._start(_response_of(values))
        elif kind in ("response.completed", "response.incomplete"):
            self._finish({**_response_of(values), "status": kind.removeprefix("response.")})
        elif not self._has_finished and (take := _TAKERS.get(kind)) is not None:
            take(self, values)

    def _fail(self, values: Any) -> None:
        self._has_ended = True
        self._growing.told.append(Failed(values))

    def _end(self) -> None:
        if not self._has_ended:
            self._has_ended = True
            self._growing.told.append(StreamEnded())

    def _start(self, response: Mapping[str, Any]) -> None:
        if not self._has_started:
            self._has_started = True
            self._growing.told.append(started_of(response))

    def _finish(self, response: Mapping[str, Any]) -> None:
        self._start(response)
        output = response.get("output")
        items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
        if not self._growing.parts and not self._has_finished:
            self._take_whole(items)
        self._growing.end_all()
        searches = max(self._web_searches, sum(map(is_web_search, items)))
        counts = read_usage(response.get("usage"), searches)
        if not self._has_finished:
            self._has_finished = True
            self._growing.told.append(Finished(0, read_finish(response, self._growing.parts)))
        if counts is not None:
            self._growing.told.append(Counted(counts))
        self._end()

    def _take_whole(self, items: list[dict[str, Any]]) -> None:
        """Servers that say all of it at once put it into the last event."""
        for part in read_output(items):
            index = self._begin((len(self._growing.parts), None), part)
            self._growing.end(index)
        logprobs = read_logprobs(items)
        texts = [index for index, part in enumerate(self._growing.parts) if isinstance(part, Text)]
        if logprobs and texts:
            self._growing.told.append(PartGrew(0, texts[0], logprobs=logprobs))

    def _take_item_added(self, values: dict[str, Any]) -> None:
        self._start({})
        item = values.get("item")
        if not isinstance(item, dict):
            raise UnreadableReply("an item of an answer that is no object")
        place, kind = self._place_of(values, is_new=True), text_of(item, "type")
        self._kinds[place] = kind
        if item_id := text_of(item, "id"):
            self._places_of_ids[item_id] = place
        if kind in ("function_call", "custom_tool_call"):
            self._begin((place, None), read_call(item))
        elif kind == "reasoning" and not self._is_signature(item):
            thought = read_thought(item)
            # It may be incomplete until the item is done.
            thought.encrypted = None
            self._begin((place, None), thought)

    @staticmethod
    def _is_signature(item: Mapping[str, Any]) -> bool:
        carried = carried_by(item)
        return carried is not None and carried.is_of_a_part

    def _take_item_done(self, values: dict[str, Any]) -> None:
        item = values.get("item")
        if not isinstance(item, dict):
            raise UnreadableReply("an item of an answer that is no object")
        place = self._place_of(values)
        if place not in self._kinds:
            self._take_item_added(values)
            place = self._place_of(values)
        kind = self._kinds[place]
        if kind == "message":
            content = item.get("content")
            for number, part in enumerate(content if isinstance(content, list) else ()):
                self._complete_content((place, number), part)
        elif kind in ("function_call", "custom_tool_call"):
            call = read_call(item)
            index = self._index_at((place, None), call)
            self._growing.complete(index, call.arguments)
            self._growing.end(index)
        elif kind == "reasoning":
            self._complete_thought(place, item)
        elif kind:
            self._web_searches += is_web_search(item)
            self._growing.end(self._begin((place, None), Native(_HERE, item)))

    def _complete_thought(self, place: int, item: Mapping[str, Any]) -> None:
        carried = carried_by(item)
        if carried is not None and carried.is_of_a_part:
            signed = signed_place(self._growing.parts, carried)
            if signed is not None:
                self._growing.prove(signed, encrypted=None, signature=carried.signature)
            return
        whole = read_thought(item)
        index = self._index_at((place, None), whole)
        for number, summary in enumerate(whole.summary):
            self._growing.complete_summary(index, number, summary)
        self._growing.complete(index, whole.text)
        self._growing.prove(index, encrypted=whole.encrypted, signature=whole.signature)
        self._growing.end(index)

    def _take_content_added(self, values: dict[str, Any]) -> None:
        place = self._place_of(values), _number(values, "content_index")
        part = values.get("part")
        if self._kinds.get(place[0]) == "reasoning":
            return
        said = read_content_part(part)
        if said is not None and place not in self._indexes:
            self._begin(place, said)

    def _take_content_done(self, values: dict[str, Any]) -> None:
        place = self._place_of(values), _number(values, "content_index")
        if self._kinds.get(place[0]) != "reasoning":
            self._complete_content(place, values.get("part"))

    def _complete_content(self, place: _Place, part: object) -> None:
        """The end of a part of a message: what of it has not come before comes now."""
        said = read_content_part(part)
        if said is None:
            return
        if place not in self._indexes:
            self._growing.end(self._begin(place, said))
            return
        index = self._indexes[place]
        if isinstance(said, Text | Refusal):
            self._growing.complete(index, said.text)
        if isinstance(said, Text):
            self._growing.complete_citations(index, said.citations)
        self._growing.end(index)

    def _take_text(self, values: dict[str, Any]) -> None:
        index = self._content_index(values, Text(""))
        logprobs = values.get("logprobs")
        self._growing.grow(
            index, _delta(values), logprobs=logprobs if isinstance(logprobs, list) and logprobs else None
        )

    def _take_refusal(self, values: dict[str, Any]) -> None:
        self._growing.grow(self._content_index(values, Refusal("")), _delta(values))

    def _take_text_done(self, values: dict[str, Any]) -> None:
        self._growing.complete(self._content_index(values, Text("")), text_of(values, "text"))

    def _take_refusal_done(self, values: dict[str, Any]) -> None:
        self._growing.complete(self._content_index(values, Refusal("")), text_of(values, "refusal"))

    def _take_annotation(self, values: dict[str, Any]) -> None:
        annotation = values.get("annotation")
        if isinstance(annotation, dict):
            self._growing.cite(self._content_index(values, Text("")), read_annotation(annotation))

    def _take_arguments(self, values: dict[str, Any]) -> None:
        index = self._item_index(values)
        if index is not None:
            self._growing.grow(index, _delta(values))

    def _take_arguments_done(self, values: dict[str, Any]) -> None:
        index = self._item_index(values)
        if index is not None:
            self._growing.complete(index, text_of(values, "arguments") or text_of(values, "input"))

    def _take_thought(self, values: dict[str, Any]) -> None:
        index = self._item_index(values)
        if index is not None:
            self._separate(index, (self._place_of(values), _number(values, "content_index")))
            self._growing.grow(index, _delta(values))

    def _separate(self, index: int, content: _Place) -> None:
        """Pieces of a thought are one text, with a line between them."""
        if content not in self._contents_of_thoughts:
            self._contents_of_thoughts.add(content)
            if any(place == content[0] for place, number in self._contents_of_thoughts - {content}):
                self._growing.grow(index, _BETWEEN_THOUGHTS)

    def _take_summary_added(self, values: dict[str, Any]) -> None:
        index, part = self._item_index(values), values.get("part")
        if index is not None:
            text = text_of(part, "text") if isinstance(part, dict) else ""
            self._growing.grow_summary(index, _number(values, "summary_index"), text)

    def _take_summary(self, values: dict[str, Any]) -> None:
        index = self._item_index(values)
        if index is not None:
            self._growing.grow_summary(index, _number(values, "summary_index"), _delta(values))

    def _take_summary_done(self, values: dict[str, Any]) -> None:
        index = self._item_index(values)
        if index is not None:
            self._growing.complete_summary(index, _number(values, "summary_index"), text_of(values, "text"))

    def _begin(self, place: _Place, part: Part) -> int:
        self._start({})
        index = self._indexes[place] = self._growing.begin(part)
        return index

    def _place_of(self, values: Mapping[str, Any], *, is_new: bool = False) -> int:
        """Which item of the answer an event is about; the last one where it does not say."""
        place = values.get("output_index")
        if type(place) is int:
            return place
        known = self._places_of_ids.get(text_of(values, "item_id"))
        return known if known is not None else len(self._kinds) - (not is_new)

    def _item_index(self, values: Mapping[str, Any]) -> int | None:
        """The part that an item is; None where it never began or is not one."""
        return self._indexes.get((self._place_of(values), None))

    def _content_index(self, values: Mapping[str, Any], empty: Part) -> int:
        """The part of a message's content; it begins here where its server has not said so."""
        return self._index_at((self._place_of(values), _number(values, "content_index")), empty)

    def _index_at(self, place: _Place, part: Part) -> int:
        index = self._indexes.get(place)
        return self._begin(place, part) if index is None else index


_TAKERS: Mapping[str, Callable[[EventReader, dict[str, Any]], None]] = {
    "response.output_item.added": EventReader._take_item_added,
    "response.output_item.done": EventReader._take_item_done,
    "response.content_part.added": EventReader._take_content_added,
    "response.content_part.done": EventReader._take_content_done,
    "response.output_text.delta": EventReader._take_text,
    "response.output_text.done": EventReader._take_text_done,
    "response.output_text.annotation.added": EventReader._take_annotation,
    "response.refusal.delta": EventReader._take_refusal,
    "response.refusal.done": EventReader._take_refusal_done,
    "response.function_call_arguments.delta": EventReader._take_arguments,
    "response.function_call_arguments.done": EventReader._take_arguments_done,
    "response.custom_tool_call_input.delta": EventReader._take_arguments,
    "response.custom_tool_call_input.done": EventReader._take_arguments_done,
    "response.reasoning_text.delta": EventReader._take_thought,
    "response.reasoning_summary_part.added": EventReader._take_summary_added,
    "response.reasoning_summary_text.delta": EventReader._take_summary,
    "response.reasoning_summary_text.done": EventReader._take_summary_done,
}


def started_of(response: Mapping[str, Any]) -> Started:
    """What an answer's object says of itself as it begins."""
    created = response.get("created_at")
    is_number = isinstance(created, int | float) and not isinstance(created, bool) and 0 <= created < 2**53
    tier = text_of(response, "service_tier") or None
    return Started(
        id=text_of(response, "id"),
        model=text_of(response, "model"),
        created_s=int(created) if is_number and created is not None else None,
        service_tier=tier,
    )


def _response_of(values: Mapping[str, Any]) -> Mapping[str, Any]:
    response = values.get("response")
    if not isinstance(response, dict):
        raise UnreadableReply("an event without its answer")
    return response


def _delta(values: Mapping[str, Any]) -> str:
    delta = values.get("delta")
    if not isinstance(delta, str):
        raise UnreadableReply("a delta that is no text")
    return delta


def _number(values: Mapping[str, Any], name: str) -> int:
    number = values.get(name)
    return number if type(number) is int and number >= 0 else 0
