"""Streams of legacy completions: a chat's chunks as chunks of text, and a server's own texts as a chat's deltas.

Counting, holding back what ends the answer and the price in its last chunk are a chat stream's (see ADR 10).
"""

from collections.abc import Iterator
from typing import Any

from gateway.adapters.chat.openai_stream import DONE
from gateway.adapters.chat.text_choices import index_of, said_in, text_choice, text_completion
from gateway.adapters.chat.text_request import TextCompletionRequest
from gateway.adapters.chat.writing import END_MARK, PRICE
from gateway.adapters.protocol import EventStream, MalformedAnswer
from gateway.adapters.shared.sse import EventBuffer, EventTooLong, fields_of
from gateway.adapters.shared.upstream_json import UnreadableJson, read_json, write_json
from usage.ledger.units import Units


class TextStream:
    """A stream whose events are OpenAI's chat chunks, as chunks of text; see `EventStream`."""

    def __init__(self, events: EventStream, request: TextCompletionRequest, model: str) -> None:
        self._events, self._request, self._model = events, request, model
        self._buffer = EventBuffer()
        # By choice: how many characters of it were sent.
        self._sent: dict[int, int] = {}
        self._failure: Exception | None = None

    @property
    def says_something(self) -> bool:
        return self._events.says_something

    @property
    def chunks(self) -> int:
        return self._events.chunks

    @property
    def finished(self) -> bool:
        return self._events.finished

    @property
    def done(self) -> bool:
        return self._events.done

    @property
    def failure(self) -> Exception | None:
        return self._failure or self._events.failure

    @property
    def unfinished_event_bytes(self) -> int:
        return self._events.unfinished_event_bytes

    def feed(self, data: bytes) -> bytes:
        return self._as_texts(self._events.feed(data))

    def feed_end(self) -> bytes:
        return self._as_texts(self._events.feed_end())

    def units(self, *, to_its_end: bool = True) -> tuple[Units, bool]:
        return self._events.units(to_its_end=to_its_end)

    def closing(self, credits_consumed: int | float) -> bytes:
        return self._as_texts(self._events.closing(credits_consumed))

    def _as_texts(self, chunks: bytes) -> bytes:
        if not chunks or self._failure is not None:
            return b""
        return b"".join(self._each(chunks))

    def _each(self, chunks: bytes) -> Iterator[bytes]:
        for event in self._buffer.take(chunks):
            data = fields_of(event).data
            if data == END_MARK:
                yield DONE
            elif data:
                try:
                    values = read_json(data, half_characters=True)
                except UnreadableJson as error:
                    self._failure = MalformedAnswer(str(error))
                    return
                chunk = self._chunk(values)
                if chunk is not None:
                    yield b"data: " + write_json(chunk) + b"\n\n"

    def _chunk(self, values: dict[str, Any]) -> dict[str, Any] | None:
        """The chunk in its older form; None where it holds nothing that this form can show, as a chat's role."""
        told = values.get("choices") or ()
        choices = [choice for place, each in enumerate(told) if (choice := self._choice(each, place))]
        if not choices and not values.get("usage") and PRICE not in values:
            return None
        chunk = text_completion(self._request, self._model, choices)
        return chunk | {name: values[name] for name in ("usage", PRICE) if name in values}

    def _choice(self, told: dict[str, Any], place: int) -> dict[str, Any] | None:
        index = index_of(told, place)
        text = said_in(told.get("delta") or told.get("message"))
        if not text and not told.get("finish_reason"):
            return None
        offset = self._sent.get(index)
        if offset is None:
            echo = self._request.echo_of(index)
            text, offset = echo + text, len(echo)
            self._sent[index] = 0
        choice = text_choice(index, text, told, offset)
        self._sent[index] += len(text)
        return choice


class TextsAsDeltas:
    """A server's stream of text completions, given to a chat's stream as deltas; see `EventStream`."""

    def __init__(self, events: EventStream) -> None:
        self._events = events
        self._buffer = EventBuffer()
        self._failure: Exception | None = None

    @property
    def says_something(self) -> bool:
        return self._events.says_something

    @property
    def chunks(self) -> int:
        return self._events.chunks

    @property
    def finished(self) -> bool:
        return self._events.finished

    @property
    def done(self) -> bool:
        return self._events.done

    @property
    def failure(self) -> Exception | None:
        return self._failure or self._events.failure

    @property
    def unfinished_event_bytes(self) -> int:
        return self._buffer.size_bytes

    def feed(self, data: bytes) -> bytes:
        try:
            events = self._buffer.take(data)
        except EventTooLong:
            self._failure = MalformedAnswer("an event without end")
            return b""
        return self._events.feed(b"".join(map(_with_deltas, events))) if events else b""

    def feed_end(self) -> bytes:
        last = self._events.feed(b"".join(map(_with_deltas, self._buffer.take_rest())))
        return last + self._events.feed_end()

    def units(self, *, to_its_end: bool = True) -> tuple[Units, bool]:
        return self._events.units(to_its_end=to_its_end)

    def closing(self, credits_consumed: int | float) -> bytes:
        return self._events.closing(credits_consumed)


def _with_deltas(event: bytes) -> bytes:
    """The event with each choice's text as its delta; anything else as it came, for a chat's stream to judge."""
    name, data = fields_of(event)
    try:
        values = read_json(data, half_characters=True)
    except UnreadableJson:
        return event + b"\n\n"
    choices = values.get("choices") if isinstance(values, dict) else None
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and isinstance(choice.get("text"), str):
            choice["delta"] = {"content": choice.pop("text")}
    named = b"event: " + name + b"\n" if name else b""
    return named + b"data: " + write_json(values) + b"\n\n"
