"""An MP3's length: what its first frame's index states, beside all of its frames."""

from struct import unpack
from typing import BinaryIO

from gateway.media.frame_walk import Frame, walk_frames
from gateway.media.sound_length import SoundLength, milliseconds, reconciled

_HEAD_BYTES = 262_144
_KBITS_MPEG1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_LAYER_3 = 1
_MPEG_1 = 3
_TAG_V1_BYTES = 128


def mp3_length(file: BinaryIO, start: int, end: int) -> SoundLength:
    """The length of the MP3 between two offsets, which begins behind its tag; unknown where it has no frame.

    The lowest bit rate there is has a byte a millisecond, so bytes that are in no frame are bounded by their number.
    """
    if end - start >= _TAG_V1_BYTES:
        file.seek(end - _TAG_V1_BYTES)
        end -= _TAG_V1_BYTES if file.read(3) == b"TAG" else 0
    file.seek(start)
    head = file.read(min(_HEAD_BYTES, end - start))
    at = _first_frame(head)
    if at is None:
        return SoundLength(None, max(end - start, 0))
    first = mp3_frame_at(head, at)
    assert first is not None
    indexed, index_bytes = _indexed_frames(head, at, first), 0
    if indexed:
        # The frame of the index plays nothing.
        index_bytes = first.size_bytes
    tally = walk_frames(file, start + at + index_bytes, end, mp3_frame_at)
    tally.unread_bytes += at
    stated_ms = milliseconds(indexed * first.samples, first.rate) if indexed else None
    return reconciled(stated_ms, tally)


def mp3_frame_at(data: bytes, at: int) -> Frame | None:
    """The frame of layer III that begins at this offset, if one does."""
    if at + 4 > len(data) or data[at] != 0xFF:
        return None
    return _FRAMES.get(data[at + 1] << 8 | data[at + 2])


def _frame_of(second: int, third: int) -> Frame | None:
    """A frame by the two bytes that tell its size: the second and the third of its header."""
    version, layer = second >> 3 & 3, second >> 1 & 3
    bits, rate_index, padding = third >> 4, third >> 2 & 3, third >> 1 & 1
    if second & 0xE0 != 0xE0 or layer != _LAYER_3 or version == 1 or bits in (0, 15) or rate_index == 3:
        return None
    rate = _RATES[version][rate_index]
    if version == _MPEG_1:
        return Frame(144_000 * _KBITS_MPEG1[bits] // rate + padding, 1152, rate)
    return Frame(72_000 * _KBITS_MPEG2[bits] // rate + padding, 576, rate)


_FRAMES = {
    second << 8 | third: frame
    for second in range(0xE0, 0x100)
    for third in range(0x100)
    if (frame := _frame_of(second, third)) is not None
}


def _first_frame(data: bytes) -> int | None:
    """The first offset where a frame stands and another follows it, or the data ends with it."""
    at = data.find(b"\xff")
    while 0 <= at <= len(data) - 4:
        frame = mp3_frame_at(data, at)
        if frame is not None:
            after = at + frame.size_bytes
            if after >= len(data) - 4 or mp3_frame_at(data, after) is not None:
                return at
        at = data.find(b"\xff", at + 1)
    return None


def _indexed_frames(data: bytes, at: int, first: Frame) -> int:
    """The number of frames that an index in the first frame states; 0 where there is no index."""
    mono, mpeg_1 = data[at + 3] >> 6 == 3, first.samples == 1152
    side_bytes = (17 if mono else 32) if mpeg_1 else (9 if mono else 17)
    xing = at + 4 + side_bytes
    if data[xing : xing + 4] in (b"Xing", b"Info") and len(data) >= xing + 12:
        flags, frames = unpack(">II", data[xing + 4 : xing + 12])
        return int(frames) if flags & 1 else 0
    vbri = at + 36
    if data[vbri : vbri + 4] == b"VBRI" and len(data) >= vbri + 18:
        return int(unpack(">I", data[vbri + 14 : vbri + 18])[0])
    return 0
