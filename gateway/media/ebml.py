"""Elements of EBML, which Matroska and WebM are made of. Source: RFC 8794."""

from struct import unpack
from typing import BinaryIO, NamedTuple

UNKNOWN_SIZE = -1
# An identifier has up to four bytes, a size up to eight.
MAX_HEADER_BYTES = 12
_READ_BYTES = 262_144


class Element(NamedTuple):
    """An element's identifier, the size of its content (UNKNOWN_SIZE where it states none), and that of its header."""

    name: int
    size_bytes: int
    header_bytes: int


def element_at(data: bytes, at: int) -> Element | None:
    """The element whose header begins at this offset; None for what is none."""
    if at >= len(data):
        return None
    name_bytes = 9 - data[at].bit_length()
    if name_bytes > 4 or at + name_bytes >= len(data):
        return None
    size, size_bytes = number_at(data, at + name_bytes)
    if size_bytes == 0:
        return None
    name = int.from_bytes(data[at : at + name_bytes], "big")
    if size == (1 << 7 * size_bytes) - 1:
        size = UNKNOWN_SIZE
    return Element(name, size, name_bytes + size_bytes)


def number_at(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length and how many bytes it has; no bytes where there is none."""
    if at >= len(data):
        return 0, 0
    first = data[at]
    if first >= 0x80:
        return first & 0x7F, 1
    length = 9 - first.bit_length()
    if length > 8 or at + length > len(data):
        return 0, 0
    return int.from_bytes(data[at : at + length], "big") & (1 << 7 * length) - 1, length


def unsigned(value: bytes) -> int:
    """An unsigned number of up to eight bytes."""
    return int.from_bytes(value[:8], "big")


def floating(value: bytes) -> float:
    """A floating-point number of four or eight bytes; 0 for another size, and for what is no number."""
    if len(value) not in (4, 8):
        return 0.0
    number: float = unpack(">f" if len(value) == 4 else ">d", value)[0]
    return number if 0 <= number < 1e18 else 0.0


class Window:
    """The part of a file that is in memory, moved along as it is read."""

    __slots__ = ("_base", "_end", "_file", "data")

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file, self._end = file, end
        self._base, self.data = 0, b""

    def index_of(self, place: int, wanted: int) -> int:
        """Where in `data` a place in the file is, with as many bytes behind it as are wanted, if they are there."""
        index = place - self._base
        if index < 0 or index + wanted > len(self.data):
            self._file.seek(place)
            self._base, self.data = place, self._file.read(min(max(_READ_BYTES, wanted), self._end - place))
            return 0
        return index

    def find(self, mark: bytes, place: int) -> int:
        """The next place in the file, from one on, where these bytes stand; the end where none does."""
        while place < self._end:
            index = self.index_of(place, len(mark))
            found = self.data.find(mark, index)
            if found >= 0:
                return self._base + found
            place = max(self._base + len(self.data) - len(mark) + 1, place + 1)
        return self._end
