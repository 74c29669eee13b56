"""A streamed answer of any dialect, counted, and sent on in the caller's.

Where both speak the same, whole events pass as they came but for the model's name; otherwise each is read into the
inner form and written anew. What comes from the end of the answer on is held back until the call is settled, so that
the last event can carry its price (see ADR 10).
"""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from gateway.adapters.chat.dialect_requests import dialect_of
from gateway.adapters.chat.openai_stream import UpstreamStreamError
from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.chat.weight import event_weight
from gateway.adapters.chat.writing import END_MARK, PRICE, error_event, written
from gateway.adapters.protocol import MalformedAnswer
from gateway.adapters.shared.sse import EventBuffer, EventTooLong, fields_of
from gateway.adapters.shared.upstream_json import UnreadableJson, read_json, write_json
from gateway.adapters.shared.usage_counts import larger, units_of
from gateway.dialects.dialect import AnswerContext, Dialect, Event, UnreadableReply
from gateway.dialects.reply import (
    Counted,
    Failed,
    Finished,
    ReplyEvent,
    Started,
    StreamEnded,
    TokenCounts,
)
from usage.ledger.units import Units

# Where an event holds the model's name, and its counts: in itself, or in the answer that it holds.
_HOLDERS = ("message", "response")
_MODEL_NAMES = ("model", "modelVersion")
_USAGE_NAMES = ("usage", "usageMetadata")
# Events that say nothing, as pings, may go on and on after the answer's end.
_MOST_HELD_UNTOLD = 100


class DialectStream:
    """One stream's state; see `gateway.adapters.protocol.EventStream`."""

    def __init__(self, request: ChatRequest, server: Dialect, context: AnswerContext) -> None:
        self._request, self._context = request, context
        caller = dialect_of(request)
        self._caller = caller.name
        self._reader = server.event_reader()
        self._writer = None if caller.name == server.name else caller.event_writer(context)
        self._buffer = EventBuffer()
        self._held: list[Event] = []
        self._weight = self._held_weight = 0
        self._counts: Units | None = None
        self._counts_are_final = False
        self._finished_choices: set[int] = set()
        self._wanted_choices = request.choices()
        self.chunks = 0
        self._received = 0
        self.finished = False
        self.done = False
        self.failure: Exception | None = None

    @property
    def says_something(self) -> bool:
        """Whether any text, thought, image or call came, or the answer has ended without."""
        return self._weight > 0 or bool(self._finished_choices)

    @property
    def unfinished_event_bytes(self) -> int:
        """How much of an event has come that has not ended."""
        return self._buffer.size_bytes

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came, return whole events to forward now (possibly none)."""
        try:
            events = self._buffer.take(data)
        except EventTooLong:
            self.failure = MalformedAnswer("an event without end")
            return b""
        return self._forwarded(events)

    def feed_end(self) -> bytes:
        """The bytes have ended: take what is left as the last event."""
        return self._forwarded(self._buffer.take_rest())

    def units(self, *, to_its_end: bool = True) -> tuple[Units, bool]:
        """What was delivered until now, and whether that is our estimate."""
        if to_its_end or self._counts_are_final:
            return self._request.metered(self._counts, self._weight)
        return self._request.metered(self._counts, self._weight - self._held_weight, to_its_end=False)

    def closing(self, credits_consumed: int | float) -> bytes:
        """What ends the answer, with the price beside its counts."""
        price = {PRICE: credits_consumed}
        if self._writer is not None:
            return b"".join(map(written, [*self._held, *self._writer.closing(price)]))
        for event in reversed(self._held):
            usage = _usage_of(event.values)
            if usage is not None:
                usage.update(price)
                break
        return b"".join(map(written, self._held))

    def failed(self, body: dict[str, Any]) -> bytes:
        """The event that tells the caller of an error, from the body that it would have been."""
        return error_event(self._caller, body, self._received)

    def _forwarded(self, events: Iterable[bytes]) -> bytes:
        forward: list[bytes] = []
        for each in events:
            try:
                forward += self._take(each)
            except (MalformedAnswer, UpstreamStreamError) as error:
                self.failure = error
                break
            if self.done:
                break
        return b"".join(forward)

    def _take(self, text: bytes) -> Iterator[bytes]:
        name, data = fields_of(text)
        if not data.strip():
            return
        event = Event(name.decode(errors="replace"), None if data.strip() == END_MARK else _json(data))
        try:
            told = self._reader.read(event)
        except UnreadableReply as error:
            raise MalformedAnswer(str(error)) from None
        self._received += 1
        # Pings are no sign that the answer goes on.
        self.chunks += bool(told)
        before = self._weight
        for each in told:
            self._note(each)
        if self.finished:
            self._held_weight += self._weight - before
        if self._writer is not None:
            events = [sent for each in told for sent in self._writer.write(each)]
            if self.finished:
                self._held += events
            else:
                yield from map(written, events)
        elif self.finished:
            if told or len(self._held) < _MOST_HELD_UNTOLD:
                self._held.append(self._renamed(event))
        else:
            yield self._passed_on(text, event)

    def _note(self, told: ReplyEvent) -> None:
        self._weight += event_weight(told)
        match told:
            case Started(counts=counts) if counts is not None:
                self._count(counts)
            case Counted(counts):
                self._count(counts)
            case Finished(choice):
                self._finished_choices.add(choice)
                self.finished = len(self._finished_choices) >= self._wanted_choices
                self._counts_are_final = self._counts_are_final and self.finished
            case Failed():
                raise UpstreamStreamError
            case StreamEnded():
                self.done = True

    def _count(self, counts: TokenCounts) -> None:
        self._counts = larger(units_of(counts), self._counts)
        self._counts_are_final = self.finished

    def _passed_on(self, text: bytes, event: Event) -> bytes:
        """The event's own bytes, unless they name the upstream's model in other than the plainest way."""
        holder, name = _model_in(event.values)
        if holder is None or holder[name] == self._context.model:
            return text + b"\n\n"
        theirs = orjson.dumps(name) + b":" + write_json(holder[name])
        if text.count(theirs) == 1:
            ours = orjson.dumps(name) + b":" + orjson.dumps(self._context.model)
            return text.replace(theirs, ours) + b"\n\n"
        return written(self._renamed(event))

    def _renamed(self, event: Event) -> Event:
        holder, name = _model_in(event.values)
        if holder is not None:
            holder[name] = self._context.model
        return event


def _json(data: bytes) -> Any:
    try:
        return read_json(data, half_characters=True)
    except UnreadableJson:
        raise MalformedAnswer("an event that is not JSON") from None


def _holders(values: Any) -> Iterator[dict[str, Any]]:
    if isinstance(values, dict):
        yield values
        yield from (values[name] for name in _HOLDERS if isinstance(values.get(name), dict))


def _model_in(values: Any) -> tuple[dict[str, Any] | None, str]:
    for holder in _holders(values):
        for name in _MODEL_NAMES:
            if isinstance(holder.get(name), str):
                return holder, name
    return None, ""


def _usage_of(values: Any) -> dict[str, Any] | None:
    for holder in _holders(values):
        for name in _USAGE_NAMES:
            if isinstance(holder.get(name), dict):
                usage: dict[str, Any] = holder[name]
                return usage
    return None
