"""Writes an answer as the events of a stream, each numbered; the last one holds the whole of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from gateway.dialects.conversation import (
    DialectName,
    Image,
    Native,
    NativeTool,
    Part,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
)
from gateway.dialects.dialect import AnswerContext, Event
from gateway.dialects.openai_responses.carried import CarriedSecrets
from gateway.dialects.openai_responses.output import shown_as_text
from gateway.dialects.openai_responses.response import (
    finished,
    is_incomplete,
    own_part,
    response_id,
    unfinished,
)
from gateway.dialects.openai_responses.streamed_items import (
    COMPLETED,
    INCOMPLETE,
    CallItem,
    Item,
    MessageItem,
    ThoughtItem,
    Values,
    WholeItem,
    carrying_item,
)
from gateway.dialects.openai_responses.usage import write_usage
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
    TokenCounts,
)

_FAILURE = {"code": "server_error", "message": "The model's server failed to answer."}


class EventWriter:
    """One answer's state; see `gateway.dialects.dialect.EventWriter`.

    An item ends when the next begins or the answer is finished: only then is it known whether it was cut short. Texts
    that follow one another are one message. There is but one choice; others are left out.
    """

    def __init__(self, context: AnswerContext) -> None:
        self._context = context
        self._tools = _tools_by_name(context.asked.tools)
        reasoning = context.asked.reasoning
        self._shows_summaries = reasoning is not None and reasoning.summary is not None
        self._sequence_number = 0
        # The answer's object as it began; None until then.
        self._begun: Values | None = None
        self._id = ""
        self._items: list[Item] = []
        # Where each part is: its item, and its number there.
        self._places: dict[int, tuple[Item, int]] = {}
        self._signatures: dict[int, str] = {}
        self._call_ids: set[str] = set()
        self._item_ids: set[str] = set()
        self._finish = Finish.STOP
        self._counts: TokenCounts | None = None
        self._service_tier: str | None = None
        self._has_ended = False

    def write(self, event: ReplyEvent) -> list[Event]:
        """What is to be sent for it, possibly nothing yet."""
        return [] if self._has_ended else [self._numbered(values) for values in self._told(event)]

    def closing(self, extra: Mapping[str, Any]) -> list[Event]:
        """What ends the answer; `extra` goes beside its counts, or into the answer where there are none."""
        return [] if self._has_ended else [self._numbered(values) for values in self._closing(extra)]

    def _told(self, event: ReplyEvent) -> Iterator[Values]:
        match event:
            case Started():
                yield from self._start(event)
            case PartStarted(0, index, part):
                yield from self._start(None)
                if index not in self._places:
                    yield from self._begin(index, part)
            case PartGrew(choice=0, index=index) if index in self._places:
                yield from self._grow(event)
            case PartEnded(0, index) if index in self._places:
                yield from self._end(index)
            case Finished(0, finish):
                self._finish = finish
                yield from self._settle()
            case Counted(counts):
                self._counts = counts
            case Failed():
                yield from self._start(None)
                self._has_ended = True
                failed = {**(self._begun or {}), "status": "failed", "error": dict(_FAILURE)}
                yield {"type": "response.failed", "response": failed | {"output": self._output()}}

    def _start(self, started: Started | None) -> Iterator[Values]:
        if started is not None:
            self._counts, self._service_tier = started.counts, started.service_tier
        if self._begun is not None:
            return
        self._id = response_id(started.id if started else "", self._context)
        self._begun = unfinished(self._id, started.created_s if started else None, self._context)
        yield {"type": "response.created", "response": self._begun}
        yield {"type": "response.in_progress", "response": self._begun}

    def _begin(self, index: int, part: Part) -> Iterator[Values]:
        match part:
            case Text() | Refusal():
                yield from self._begin_text(index, part)
            case ToolCall():
                call, is_wrapped = self._known(part)
                item = CallItem(len(self._items), call, is_wrapped=is_wrapped)
                yield from self._add(index, item)
                yield from item.grow(part.arguments)
            case Reasoning():
                item_id = self._item_id("rs", part.item_id)
                place, shows = len(self._items), self._shows_summaries
                thought = ThoughtItem(item_id, place, part, shows_summaries=shows)
                yield from self._add(index, thought)
                yield from thought.begin()
            case Native(dialect=DialectName.OPENAI_RESPONSES, values=values):
                yield from self._add(index, self._hosted(values))
            case Image(source=source) if source.base64 is not None:
                values = {"type": "image_generation_call", "status": COMPLETED, "result": source.base64}
                yield from self._add(index, self._hosted(values))
            case _:
                shown = shown_as_text(part)
                if shown is not None:
                    yield from self._begin_text(index, shown)
        signature = part.signature if isinstance(part, Text | ToolCall) else None
        if signature is not None:
            self._signatures[index] = signature

    def _begin_text(self, index: int, part: Text | Refusal) -> Iterator[Values]:
        last = self._items[-1] if self._items else None
        if not isinstance(last, MessageItem) or last.whole is not None:
            last = MessageItem(self._item_id("msg", None), len(self._items))
            yield from self._add(index, last)
        self._places[index] = last, last.parts()
        yield from last.begin(part)

    def _hosted(self, values: Mapping[str, Any]) -> WholeItem:
        given = values.get("id")
        item_id = self._item_id("item", given if isinstance(given, str) else None)
        return WholeItem(item_id, len(self._items), {**values, "id": item_id})

    def _add(self, index: int, item: Item) -> Iterator[Values]:
        yield from self._settle()
        self._items.append(item)
        self._places[index] = item, 0
        yield from item.added()

    def _settle(self) -> Iterator[Values]:
        """End every item whose parts have ended."""
        for item in self._items:
            if item.whole is None and not item.open_parts:
                yield from item.end(self._status_of(item))

    def _status_of(self, item: Item) -> str:
        is_cut = item is self._items[-1] and is_incomplete(self._finish)
        return INCOMPLETE if is_cut else COMPLETED

    def _grow(self, grew: PartGrew) -> Iterator[Values]:
        item, number = self._places[grew.index]
        if item.whole is not None:
            return
        match item:
            case MessageItem():
                yield from item.grow(number, grew)
            case CallItem():
                yield from item.grow(grew.text)
            case ThoughtItem():
                yield from item.grow(grew)
        if grew.signature is not None and not isinstance(item, ThoughtItem):
            self._signatures[grew.index] = grew.signature

    def _end(self, index: int) -> Iterator[Values]:
        item, number = self._places[index]
        if item.whole is not None:
            return
        if isinstance(item, MessageItem):
            yield from item.end_part(number)
        else:
            item.open_parts = 0
        signature = self._signatures.pop(index, None)
        if signature is not None:
            carried = CarriedSecrets(signature=signature, is_of_text=isinstance(item, MessageItem))
            carried.call_id = item.call_id if isinstance(item, CallItem) else None
            yield from self._settle()
            item = carrying_item(self._item_id("rs", None), len(self._items), carried)
            self._items.append(item)
            yield from item.added()

    def _closing(self, extra: Mapping[str, Any]) -> Iterator[Values]:
        yield from self._start(None)
        assert self._begun is not None
        for item in self._items:
            if item.whole is None:
                yield from item.end(self._status_of(item))
        usage = write_usage(self._counts)
        response = finished(self._begun, self._finish, self._output(), usage, self._service_tier)
        (response if usage is None else usage).update(extra)
        self._has_ended = True
        yield {"type": f"response.{response['status']}", "response": response}

    def _output(self) -> list[Values]:
        return [item.whole for item in self._items if item.whole is not None]

    def _numbered(self, values: Values) -> Event:
        number, self._sequence_number = self._sequence_number, self._sequence_number + 1
        return Event(values["type"], {"type": values["type"], "sequence_number": number} | values)

    def _item_id(self, prefix: str, given: str | None) -> str:
        """The upstream's own id of an item, else one of ours; clients take no id twice."""
        item_id = given or f"{prefix}_{own_part(self._id)}_{len(self._items)}"
        while item_id in self._item_ids:
            item_id += "_"
        self._item_ids.add(item_id)
        return item_id

    def _known(self, call: ToolCall) -> tuple[ToolCall, bool]:
        """The call as its caller knows the tool, and whether its text comes within a function's arguments."""
        call_id = call.id or f"call_{own_part(self._id)}_{len(self._items)}"
        while call_id in self._call_ids:
            call_id += "_"
        self._call_ids.add(call_id)
        tool = None if call.namespace is not None else self._tools.get(call.name)
        freeform = call.freeform or (tool is not None and tool.freeform)
        item_id = self._item_id("ctc" if freeform else "fc", call.item_id)
        known = replace(call, id=call_id, item_id=item_id, freeform=freeform)
        if tool is not None:
            known.name, known.namespace = tool.name, tool.namespace
        return known, freeform and not call.freeform


def _tools_by_name(tools: Iterable[Tool | NativeTool]) -> dict[str, Tool]:
    """The caller's tools by every name that a model may call them by, where it knows nothing of namespaces."""
    mine = [tool for tool in tools if isinstance(tool, Tool)]
    named = {tool.name: tool for tool in mine if tool.namespace is None}
    for tool in mine:
        if tool.namespace is not None:
            for joint in ("", "__", "."):
                named.setdefault(f"{tool.namespace}{joint}{tool.name}", tool)
            named.setdefault(tool.name, tool)
    return named
