"""From frame to frame through a file whose frames follow one another, as those of MP3 and of AAC do."""

from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from gateway.media.sound_length import Tally

_READ_BYTES = 262_144
_HEADER_BYTES = 8


class Frame(NamedTuple):
    """One frame: its bytes, the samples that it plays, and how many of those make a second."""

    size_bytes: int
    samples: int
    rate: int


FrameAt = Callable[[bytes, int], Frame | None]


def walk_frames(file: BinaryIO, start: int, end: int, frame_at: FrameAt) -> Tally:
    """What the frames between two offsets play. Raises BrokenSound for too many.

    A decoder that loses the thread takes the next bytes that look like a frame, and so does this: what decoders make
    of a damaged or hostile file is counted, and bytes that are in no frame are `unread_bytes`.
    """
    tally = Tally()
    at = start
    while at < end:
        file.seek(at)
        data = file.read(min(_READ_BYTES, end - at))
        if not data:
            break
        at += _walk(data, at + len(data) >= end, frame_at, tally)
    return tally


def _walk(data: bytes, is_last: bool, frame_at: FrameAt, tally: Tally) -> int:
    """Walk through what was read; returns how far, which may be beyond it."""
    counts: dict[Frame, int] = {}
    at, misses = 0, 0
    stop = len(data) if is_last else len(data) - _HEADER_BYTES
    while at < stop:
        frame = frame_at(data, at)
        if frame is not None:
            counts[frame] = counts.get(frame, 0) + 1
            at += frame.size_bytes
            continue
        misses += 1
        found = data.find(b"\xff", at + 1)
        found = stop if found < 0 else min(found, stop)
        tally.unread_bytes += found - at
        at = found
    tally.count_pieces(misses)
    for frame, count in counts.items():
        tally.add(frame.samples * count, frame.rate, count)
    return at
