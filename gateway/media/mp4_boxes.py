"""Boxes of MP4: where they are in the file, and what is in those that hold an index."""

from collections.abc import Iterator
from struct import unpack_from
from typing import BinaryIO, NamedTuple

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.media.sound_length import BrokenSound, Tally

# An hour of AAC has an index of a megabyte.
MAX_INDEX_BYTES = 16_000_000


class Box(NamedTuple):
    """A box's name, and where its content begins and ends."""

    name: bytes
    start: int
    end: int


def boxes_of_file(file: BinaryIO, at: int, end: int, tally: Tally) -> Iterator[Box]:
    """The outermost boxes; what is behind the last one that makes sense counts as unread."""
    while at < end:
        file.seek(at)
        header = file.read(16)
        box = _box(header, 0, end - at)
        if box is None:
            tally.unread_bytes += end - at
            return
        tally.count_pieces(1)
        yield Box(box.name, at + box.start, at + box.end)
        at += box.end


def boxes_in(data: bytes, at: int, end: int, tally: Tally) -> Iterator[Box]:
    """The boxes between two offsets of an index; one that makes no sense ends them."""
    while at < end:
        box = _box(data[at : at + 16], at, end)
        if box is None:
            return
        tally.count_pieces(1)
        yield box
        at = box.end


def read_index(file: BinaryIO, box: Box) -> bytes:
    """The content of a box that holds an index; raises BrokenSound for one that is too large."""
    if box.end - box.start > MAX_INDEX_BYTES:
        raise BrokenSound(_("the file's index is larger than that of any recording"))
    file.seek(box.start)
    return file.read(box.end - box.start)


def _box(header: bytes, at: int, end: int) -> Box | None:
    """The box that this header begins at an offset, cut off at the end."""
    if len(header) < 8:
        return None
    length, name, start = unpack_from(">I", header)[0], header[4:8], at + 8
    if length == 1 and len(header) >= 16:
        length, start = unpack_from(">Q", header, 8)[0], at + 16
    elif length == 0:
        length = end - at
    if length < start - at:
        return None
    return Box(name, start, min(at + length, end))
