"""A streamed answer as one JSON array, as Google sends it to who does not ask for server-sent events.

Each event's data is an element; the array is valid JSON once the answer has ended, also where it ended in an error.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.adapters.protocol import Adapter, AdapterRoute, EventAnswer, EventStream, Steps
from gateway.adapters.shared.sse import fields_of
from usage.ledger.units import Units

CONTENT_TYPE = "application/json"
# Between elements a reader passes over it.
_BLANK = b"\n"


class ArrayStream:
    """A stream of events, its events as the elements of an array; see `EventStream`."""

    def __init__(self, events: EventStream, told_error: Callable[[dict[str, Any]], bytes]) -> None:
        self._events, self._told_error = events, told_error
        self._has_begun = False

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
        return self._events.failure

    @property
    def unfinished_event_bytes(self) -> int:
        return self._events.unfinished_event_bytes

    def feed(self, data: bytes) -> bytes:
        return self._elements(self._events.feed(data))

    def feed_end(self) -> bytes:
        return self._elements(self._events.feed_end())

    def units(self, *, to_its_end: bool = True) -> tuple[Units, bool]:
        return self._events.units(to_its_end=to_its_end)

    def closing(self, credits_consumed: int | float) -> bytes:
        return self._ended(self._events.closing(credits_consumed))

    def failed(self, body: dict[str, Any]) -> bytes:
        """The element that tells the caller of an error, and the array's end."""
        return self._ended(self._told_error(body))

    def _elements(self, events: bytes) -> bytes:
        parts: list[bytes] = []
        for event in events.split(b"\n\n") if events else ():
            data = fields_of(event).data
            if data:
                parts += [b",\r\n" if self._has_begun else b"[", data]
                self._has_begun = True
        return b"".join(parts)

    def _ended(self, events: bytes) -> bytes:
        last = self._elements(events)
        return last + b"]" if self._has_begun else b"[]"


class InArrays:
    """One adapter of a dialect, its streams as arrays."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self.SERVES = adapter.SERVES

    def ceiling(self, request: Any, route: AdapterRoute) -> Units:
        """The adapter's own."""
        return self._adapter.ceiling(request, route)

    def left_out(self, request: Any, route: AdapterRoute) -> list[str]:
        """The fields of the request that the server was not told, as far as the adapter tells."""
        tell = getattr(self._adapter, "left_out", None)
        told: list[str] = [] if tell is None else tell(request, route)
        return told

    def steps(self, request: Any, route: AdapterRoute) -> Steps:
        """The adapter's own, and its stream in an array."""
        answer = yield from self._adapter.steps(request, route)
        if not isinstance(answer, EventAnswer):
            return answer
        stream = ArrayStream(answer.events, answer.failed)
        return EventAnswer(stream, answer.content_type, heartbeat=_BLANK, failed=stream.failed)


def in_arrays(adapters: Mapping[str, Adapter]) -> dict[str, Adapter]:
    """The same adapters, whose streams are arrays."""
    return {name: InArrays(adapter) for name, adapter in adapters.items()}
