"""How large a picture says it is, read from its header: a bomb is known by its own figures, not by decoding.

A library would let pass what this refuses (see ADR 27).
"""

from struct import unpack
from typing import BinaryIO

from aio_platform.i18n.translatable import gettext_noop

_HEAD_BYTES = 64
_MAX_SEGMENTS = 512
# Before its first frame a GIF may have a profile of some megabytes, in pieces of 255 bytes.
_MAX_GIF_PIECES = 100_000
# Start-of-frame markers; the three others in their range are tables.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Tables, what applications add, and comments: all that has a place before the frame, each with its length. Of any other
# mark decoders think differently whether a length follows, and would find another frame than we do.
_JPEG_BEFORE_FRAME = frozenset({0xC4, 0xCC, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)})


class BrokenImage(ValueError):
    """The file has its format's mark but no usable header."""


def image_size(file: BinaryIO, kind: str) -> tuple[int, int]:
    """Width and height in pixels. Raises BrokenImage where the header is cut short or makes no sense."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    size = _READERS[kind](file, head)
    if size is None:
        raise BrokenImage(gettext_noop("the image is cut short within its header"))
    if 0 in size:
        raise BrokenImage(gettext_noop("the image's header makes no sense"))
    return size


def _png_size(file: BinaryIO, head: bytes) -> tuple[int, int] | None:
    if len(head) < 33:
        return None
    if head[12:16] != b"IHDR":
        raise BrokenImage(gettext_noop("the image's header makes no sense"))
    width, height = unpack(">II", head[16:24])
    return width, height


def _gif_size(file: BinaryIO, head: bytes) -> tuple[int, int] | None:
    """The screen's size, or as far as the first frame goes beyond it: decoders make room for that.

    Raises BrokenImage where more stands before the first frame than any encoder writes.
    """
    if len(head) < 13:
        return None
    width, height = unpack("<HH", head[6:10])
    colours_bytes = 3 << (head[10] & 7) + 1 if head[10] & 0x80 else 0
    file.seek(13 + colours_bytes)
    in_extension = False
    for _ in range(_MAX_GIF_PIECES):
        mark = file.read(1)
        if in_extension and mark:
            file.seek(mark[0], 1)
            in_extension = mark != b"\0"
        elif mark in (b"", b";"):
            return width, height
        elif mark == b",":
            place = file.read(8)
            if len(place) < 8:
                return None
            left, top, frame_width, frame_height = unpack("<HHHH", place)
            return max(width, left + frame_width), max(height, top + frame_height)
        elif mark == b"!":
            file.seek(1, 1)
            in_extension = True
    raise BrokenImage(gettext_noop("the image's header makes no sense"))


def _webp_size(file: BinaryIO, head: bytes) -> tuple[int, int] | None:
    if len(head) < 30:
        return None
    form = head[12:16]
    if form == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if form == b"VP8L":
        packed = int.from_bytes(head[21:25], "little")
        return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    if form == b"VP8 ":
        width, height = unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    raise BrokenImage(gettext_noop("the image's header makes no sense"))


def _jpeg_size(file: BinaryIO, head: bytes) -> tuple[int, int] | None:
    """From segment to segment until the frame's; what stands before it may be long (profiles, thumbnails)."""
    file.seek(2)
    for _ in range(_MAX_SEGMENTS):
        mark = file.read(2)
        while len(mark) == 2 and mark == b"\xff\xff":
            mark = b"\xff" + file.read(1)
        if len(mark) < 2 or mark[0] != 0xFF:
            return None
        header = file.read(2)
        if len(header) < 2:
            return None
        length = unpack(">H", header)[0]
        if mark[1] in _JPEG_FRAMES:
            fields = file.read(5)
            if len(fields) < 5:
                return None
            height, width = unpack(">HH", fields[1:5])
            return width, height
        if length < 2 or mark[1] not in _JPEG_BEFORE_FRAME:
            raise BrokenImage(gettext_noop("the image's header makes no sense"))
        file.seek(length - 2, 1)
    return None


_READERS = {
    "image/png": _png_size,
    "image/jpeg": _jpeg_size,
    "image/gif": _gif_size,
    "image/webp": _webp_size,
}
