"""Answers of adapters that know OpenAI's chat alone, for callers of another dialect.

Such an adapter carries the call in OpenAI's form, in which every call is put besides its own; what it answers is read
into the inner form and written in the caller's dialect.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.adapters.chat.caller_dialect import CallerDialect
from gateway.adapters.chat.dialect_requests import left_out_of, refuse_losses
from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.chat.writing import END_MARK, PRICE, error_event, heartbeat_in, written
from gateway.adapters.protocol import (
    Adapter,
    AdapterRoute,
    EventAnswer,
    EventStream,
    JsonAnswer,
    MalformedAnswer,
    Steps,
    UncountedAnswer,
)
from gateway.adapters.shared.sse import EventBuffer, fields_of
from gateway.adapters.shared.upstream_json import UnreadableJson, read_json
from gateway.dialects.dialect import Event, UnreadableReply
from gateway.dialects.openai_chat.dialect import OPENAI_CHAT
from usage.ledger.units import Units


class Translated:
    """One adapter, its answers in the caller's dialect."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self.SERVES = adapter.SERVES

    def ceiling(self, request: ChatRequest, route: AdapterRoute) -> Units:
        """The adapter's own. Raises InvalidRequest for what OpenAI's form cannot say besides."""
        refuse_losses(request.losses, _came_as(request).dialect.name)
        return self._adapter.ceiling(request, route)

    def left_out(self, request: ChatRequest, route: AdapterRoute) -> list[str]:
        """The fields of the request that the server was not told, which changes nothing of the answer."""
        return left_out_of(request.losses, _came_as(request).dialect.name)

    def steps(self, request: ChatRequest, route: AdapterRoute) -> Steps:
        """The adapter's own, and its answer translated."""
        came_as = _came_as(request)
        answer = yield from self._adapter.steps(request, route)
        match answer:
            case UncountedAnswer(values, count):
                return UncountedAnswer(_in_dialect(came_as, values, route.model), count)
            case JsonAnswer(values, units, estimated):
                return JsonAnswer(_in_dialect(came_as, values, route.model), units, estimated)
            case EventAnswer(events, content_type):
                stream = TranslatedStream(events, came_as, route.model)
                return EventAnswer(stream, content_type, heartbeat_in(came_as.dialect.name), stream.failed)
        return answer


class TranslatedStream:
    """A stream whose events are OpenAI's chat chunks, written in another dialect; see `EventStream`."""

    def __init__(self, events: EventStream, came_as: CallerDialect, model: str) -> None:
        self._events = events
        self._dialect = came_as.dialect.name
        self._writer = came_as.dialect.event_writer(came_as.context(model))
        self._sent = 0
        self._reader = OPENAI_CHAT.event_reader()
        self._buffer = EventBuffer()
        self._failure: Exception | None = None

    @property
    def says_something(self) -> bool:
        return self._events.says_something

    @property
    def finished(self) -> bool:
        return self._events.finished

    @property
    def chunks(self) -> int:
        return self._events.chunks

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
        return self._translated(self._events.feed(data))

    def feed_end(self) -> bytes:
        return self._translated(self._events.feed_end())

    def units(self, *, to_its_end: bool = True) -> tuple[Units, bool]:
        return self._events.units(to_its_end=to_its_end)

    def closing(self, credits_consumed: int | float) -> bytes:
        last = self._translated(self._events.closing(credits_consumed))
        return last + b"".join(map(written, self._writer.closing({PRICE: credits_consumed})))

    def failed(self, body: dict[str, Any]) -> bytes:
        """The event that tells the caller of an error, from the body that it would have been."""
        return error_event(self._dialect, body, self._sent)

    def _translated(self, chunks: bytes) -> bytes:
        if not chunks or self._failure is not None:
            return b""
        return b"".join(self._each(chunks))

    def _each(self, chunks: bytes) -> Iterator[bytes]:
        for chunk in self._buffer.take(chunks):
            name, data = fields_of(chunk)
            if not data:
                continue
            try:
                values = None if data == END_MARK else read_json(data, half_characters=True)
                told = self._reader.read(Event(name.decode(), values))
            except (UnreadableJson, UnreadableReply) as error:
                self._failure = MalformedAnswer(str(error))
                return
            for each in told:
                for event in self._writer.write(each):
                    self._sent += 1
                    yield written(event)


def in_dialects(adapters: Mapping[str, Adapter]) -> dict[str, Adapter]:
    """The adapters of chat for callers of any dialect: those that speak none but OpenAI's are translated."""
    return {
        name: adapter if getattr(adapter, "SPEAKS_DIALECTS", False) else Translated(adapter)
        for name, adapter in adapters.items()
        if "chat" in adapter.SERVES
    }


def _came_as(request: ChatRequest) -> CallerDialect:
    assert request.came_as is not None, "callers of OpenAI's chat need no translation"
    return request.came_as


def _in_dialect(came_as: CallerDialect, values: Any, model: str) -> dict[str, Any]:
    try:
        reply = OPENAI_CHAT.read_reply(values)
    except UnreadableReply as error:
        raise MalformedAnswer(str(error)) from None
    return came_as.dialect.write_reply(reply, came_as.context(model))
