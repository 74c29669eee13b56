"""ReadsInTurns: tells which reads of a connection are parsed at once, and parses the others in turns (see `turns`)."""

import marshal
import time

from aio_platform.edge.bounded_connection import LARGE_READ_BYTES, BoundedConnection
from aio_platform.http.request_head import HEADERS_BY_NAME

# So much is parsed between two looks at the clock: a third of a millisecond's work at worst.
SLICE_BYTES = 4_096
# More headers than these are packed while their head has not ended.
FEW_HEADERS = 8
_ANY_SIZE = 1 << 62


class ReadsInTurns(BoundedConnection):
    """A connection whose `data_received` gives reads larger than `_parsed_at_once` to `_read_large`.

    That is every read while a body comes in chunks. Bodies of an announced length are parsed whole, for that is one
    call for each read, and so are those of callers who have shown a valid key.
    """

    def _read_large(self, data: bytes) -> None:
        if not (self._is_refused or self._has_chunks or self._may_parse_at_once(data)):
            self._parse(data[:SLICE_BYTES])
            data = data[SLICE_BYTES:]
            if not data:
                return
        if self._is_refused:
            self._drop(len(data))
        elif self._may_parse_at_once(data):
            self._parse(data)
        else:
            self._unparsed = data
            self.flow.hold()
            self.shared.body_came(len(data))
            self.shared.turns.wait(self)

    def take_turn(self, until: float) -> bool:
        data, position = self._unparsed, 0
        while position < len(data) and not self._is_refused:
            if self.transport.is_closing():
                position = len(data)
                break
            size_bytes = max(SLICE_BYTES, self._announced_to_come())
            self._parse(data[position : position + size_bytes])
            position += size_bytes
            if time.perf_counter() >= until:
                break
        if self._is_refused:
            self._drop(max(len(data) - position, 0))
            position = len(data)
        self._unparsed = data[position:] if self._unparsed else b""
        if self._unparsed:
            return True
        self.flow.release()
        return False

    def _pack_headers(self) -> None:
        """Keep the headers of an unfinished head as one object: as two hundred they are ten times their size.

        Small objects of many connections also keep the memory between them from going back to the system.
        """
        if len(self.headers) > FEW_HEADERS:
            self._packed_headers = marshal.dumps(self.headers)
            self.headers.clear()
            self._parsed_at_once = -1

    @property
    def _has_chunks(self) -> bool:
        """Whether a body that comes in chunks has not ended."""
        return self._parsed_at_once < 0 and not (self._is_refused or self._packed_headers)

    def _may_parse_at_once(self, data: bytes) -> bool:
        return self.trust.request_proven or len(data) <= self._announced_to_come()

    def _announced_to_come(self) -> int:
        """How much is still to come of a body with a Content-Length; 0 outside one."""
        if self._message_ended or self._in_head:
            return 0
        announced = self.scope[HEADERS_BY_NAME].get(b"content-length", b"0")  # type: ignore[literal-required]
        return int(announced) - self._body_bytes_of_message()

    def _body_bytes_of_message(self) -> int:
        """How much has come of the body under way."""
        raise NotImplementedError

    def _parse(self, data: bytes) -> None:
        """Let `data_received` parse all of this at once."""
        if self._packed_headers:
            self.headers[:0] = marshal.loads(self._packed_headers)  # noqa: S302 - our own bytes
            self._packed_headers = b""
        self._parsed_at_once = _ANY_SIZE
        self.data_received(data)
        if self._parsed_at_once == _ANY_SIZE:
            self._parsed_at_once = LARGE_READ_BYTES
