"""MP4 containers by hand: the right length and the prompt, and no track to look at."""

from __future__ import annotations

import struct

_TIMESCALE = 1000
_IDENTITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def container(seconds: float, comment: str) -> bytes:
    """An MP4 file that says it is `seconds` long and carries `comment` as user data."""
    movie = struct.pack(">IIIIIIH", 0, 0, 0, _TIMESCALE, round(seconds * _TIMESCALE), 0x10000, 0x0100)
    header = _box(b"mvhd", movie + bytes(10) + _IDENTITY + bytes(24) + struct.pack(">I", 1))
    notes = _box(b"udta", _box(b"\xa9cmt", comment.encode("utf-8", "replace")))
    kind = _box(b"ftyp", b"isom" + struct.pack(">I", 512) + b"isomiso2mp41")
    return kind + _box(b"moov", header + notes) + _box(b"mdat", comment.encode("utf-8", "replace"))


def duration_of(data: bytes) -> float | None:
    """The length in seconds that an MP4 file states; None for anything else."""
    at = data.find(b"mvhd")
    if data[4:8] != b"ftyp" or at < 0:
        return None
    timescale, duration = struct.unpack(">II", data[at + 16 : at + 24])
    return float(duration / timescale)


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content
