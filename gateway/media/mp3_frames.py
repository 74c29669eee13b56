"""An MP3's length: what its first frame's index says, else its first frames' average over the whole file."""

from struct import unpack
from typing import BinaryIO, NamedTuple

_SCANNED_BYTES = 262_144
_KBITS_MPEG1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_LAYER_3 = 1
_MPEG_1 = 3
_TAG_V1_BYTES = 128


class Frame(NamedTuple):
    """One frame of layer III: its bytes, the samples it plays, and their rate."""

    size_bytes: int
    samples: int
    rate: int
    side_bytes: int


def mp3_ms(file: BinaryIO, size_bytes: int) -> int | None:
    """Milliseconds, rounded up; None where no frame of layer III is found.

    Exact with an index (Xing, Info, VBRI) and for files of a constant bit rate, an estimate for others.
    """
    start = _end_of_tag(file)
    file.seek(start)
    data = file.read(_SCANNED_BYTES)
    at = _first_frame(data)
    if at is None:
        return None
    first = _frame_at(data, at)
    assert first is not None
    indexed = _indexed_frames(data, at, first)
    if indexed:
        return -(-indexed * first.samples * 1000 // first.rate)
    return _estimated_ms(data, at, size_bytes - start - at - _tail_tag_bytes(file, size_bytes))


def _end_of_tag(file: BinaryIO) -> int:
    """Where an ID3v2 tag ends; 0 where there is none."""
    file.seek(0)
    head = file.read(10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _tail_tag_bytes(file: BinaryIO, size_bytes: int) -> int:
    if size_bytes < _TAG_V1_BYTES:
        return 0
    file.seek(size_bytes - _TAG_V1_BYTES)
    return _TAG_V1_BYTES if file.read(3) == b"TAG" else 0


def _first_frame(data: bytes) -> int | None:
    """The first offset where a frame stands and another follows it, or the data ends with it."""
    at = data.find(b"\xff")
    while 0 <= at <= len(data) - 4:
        frame = _frame_at(data, at)
        if frame is not None:
            after = at + frame.size_bytes
            if after >= len(data) - 4 or _frame_at(data, after) is not None:
                return at
        at = data.find(b"\xff", at + 1)
    return None


def _frame_at(data: bytes, at: int) -> Frame | None:
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[at + 1] >> 3 & 3, data[at + 1] >> 1 & 3
    bits, rate_index, padding = data[at + 2] >> 4, data[at + 2] >> 2 & 3, data[at + 2] >> 1 & 1
    if layer != _LAYER_3 or version == 1 or bits in (0, 15) or rate_index == 3:
        return None
    mono = data[at + 3] >> 6 == 3
    rate = _RATES[version][rate_index]
    if version == _MPEG_1:
        return Frame(144_000 * _KBITS_MPEG1[bits] // rate + padding, 1152, rate, 17 if mono else 32)
    return Frame(72_000 * _KBITS_MPEG2[bits] // rate + padding, 576, rate, 9 if mono else 17)


def _indexed_frames(data: bytes, at: int, first: Frame) -> int:
    """The number of frames that an index in the first frame states; 0 where there is no index."""
    xing = at + 4 + first.side_bytes
    if data[xing : xing + 4] in (b"Xing", b"Info") and len(data) >= xing + 12:
        flags, frames = unpack(">II", data[xing + 4 : xing + 12])
        return int(frames) if flags & 1 else 0
    vbri = at + 36
    if data[vbri : vbri + 4] == b"VBRI" and len(data) >= vbri + 18:
        return int(unpack(">I", data[vbri + 14 : vbri + 18])[0])
    return 0


def _estimated_ms(data: bytes, at: int, sound_bytes: int) -> int | None:
    start, samples, rate = at, 0, 0
    while (frame := _frame_at(data, at)) is not None:
        samples, rate = samples + frame.samples, frame.rate
        at += frame.size_bytes
    scanned = at - start
    if scanned <= 0 or rate == 0 or sound_bytes <= 0:
        return None
    return -(-sound_bytes * samples * 1000 // (scanned * rate))
