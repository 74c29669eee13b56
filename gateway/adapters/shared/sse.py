"""Server-sent events out of bytes as they come: whole events, each a block of lines, in linear time.

Source: the HTML standard, "Server-sent events": lines end with CR LF, LF or CR; an event ends with an empty line.
"""

from typing import NamedTuple

from gateway.adapters.shared.upstream_json import BYTE_ORDER_MARK

# An image as a data URI, or sound, comes in one event.
MAX_EVENT_BYTES = 32_000_000


class EventTooLong(Exception):
    """An event that does not end."""


class EventFields(NamedTuple):
    """An event's name, and its data: lines joined as the standard says. Ids, retries and comments are left out."""

    name: bytes
    data: bytes


class EventBuffer:
    """What came and is no whole event yet. A long event's bytes are looked at once and joined once."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._ends_line = False
        self._after_cr = False
        self.size_bytes = 0

    def take(self, data: bytes) -> list[bytes]:
        """The events that are whole now, without the empty line that ends each. Raises EventTooLong."""
        if self._after_cr or b"\r" in data:
            data = self._with_plain_line_ends(data)
        if self._pieces:
            if b"\n\n" not in data and not (self._ends_line and data.startswith(b"\n")):
                self._keep(data)
                return []
            data = b"".join([*self._pieces, data])
            self._pieces.clear()
            self.size_bytes = 0
        cut = data.rfind(b"\n\n")
        if cut < 0:
            self._keep(data)
            return []
        if cut + 2 < len(data):
            self._keep(data[cut + 2 :])
        return data[:cut].split(b"\n\n")

    def take_rest(self) -> list[bytes]:
        """At the end of all bytes: the last event, which need not be ended by an empty line."""
        return self.take(b"\n\n") if self._pieces else []

    def _keep(self, data: bytes) -> None:
        if data:
            self._pieces.append(data)
            self._ends_line = data.endswith(b"\n")
            self.size_bytes += len(data)
            if self.size_bytes > MAX_EVENT_BYTES:
                raise EventTooLong

    def _with_plain_line_ends(self, data: bytes) -> bytes:
        # A CR at the end is a line end already; an LF that follows in the next read belongs to it.
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def fields_of(event: bytes) -> EventFields:
    """Read an event's lines. Data is empty where it has none."""
    name, data = b"", []
    for line in event.removeprefix(BYTE_ORDER_MARK).split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.strip()
    return EventFields(name, b"\n".join(data))
