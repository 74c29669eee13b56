"""How long a sound is, read from its file's own structure: a few small reads, no decoding."""

from struct import unpack
from typing import BinaryIO

from gateway.media.mp3_frames import mp3_ms

_PCM_FORMATS = frozenset({1, 3, 6, 7, 0xFFFE})
# Writers that stream cannot go back to fill in the size, and leave one of these.
_UNKNOWN_SIZES = frozenset({0, 0xFFFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF - 36, 0x7FFFFFFF - 36})
_OGG_TAIL_BYTES = 65_536
_OGG_HEAD_BYTES = 4_096
_MAX_CHUNKS = 256
_OPUS_RATE = 48_000
# Nothing that is uploaded here plays longer: a figure beyond it is not believed.
_LONGEST_MS = 7 * 24 * 3600 * 1000


class BrokenSound(ValueError):
    """The file contradicts its own headers, or ends before they say; the message tells the caller which."""


def sound_ms(file: BinaryIO, kind: str, size_bytes: int) -> int | None:
    """Milliseconds of the sound in `file`, rounded up; None where its format does not tell.

    Raises BrokenSound for a WAV or FLAC that is cut short or has no usable header, and for one of no length.
    """
    reader = _READERS.get(kind)
    if reader is None:
        return None
    length_ms = reader(file, size_bytes)
    if length_ms is not None and length_ms > _LONGEST_MS:
        raise BrokenSound("the file's header gives it an impossible length")
    return length_ms


def _wav_ms(file: BinaryIO, size_bytes: int) -> int:
    file.seek(12)
    bytes_a_second = 0
    for _ in range(_MAX_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            break
        name, length = header[:4], unpack("<I", header[4:])[0]
        at = file.tell()
        if name == b"fmt ":
            bytes_a_second = _wav_bytes_a_second(file.read(min(length, 40)))
        elif name == b"data":
            return _wav_data_ms(length, size_bytes - at, bytes_a_second)
        file.seek(at + length + length % 2)
    raise BrokenSound("the WAV file is cut short: it has no sound in it")


def _wav_bytes_a_second(layout: bytes) -> int:
    if len(layout) < 16:
        raise BrokenSound("the WAV file is cut short within its header")
    code, channels, rate, announced, block, bits = unpack("<HHIIHH", layout[:16])
    if code in _PCM_FORMATS:
        # Counted from what the samples are, not from the sum that the header states beside.
        return int(rate * (channels * -(-bits // 8) or block))
    return int(announced)


def _wav_data_ms(length: int, there: int, bytes_a_second: int) -> int:
    if bytes_a_second <= 0:
        raise BrokenSound("the WAV file's header makes no sense")
    if length in _UNKNOWN_SIZES:
        length = there
    if length > there:
        raise BrokenSound(f"the WAV file is cut short: {there:,} of {length:,} bytes of sound are there")
    if length == 0:
        raise BrokenSound("the WAV file has no sound in it")
    return _milliseconds(length, bytes_a_second)


def _flac_ms(file: BinaryIO, size_bytes: int) -> int | None:
    file.seek(4)
    block = file.read(38)
    if len(block) < 38 or block[0] & 0x7F != 0:
        raise BrokenSound("the FLAC file is cut short within its header")
    packed = int.from_bytes(block[14:22], "big")
    rate, samples = packed >> 44, packed & (1 << 36) - 1
    if rate == 0:
        raise BrokenSound("the FLAC file's header makes no sense")
    return _milliseconds(samples, rate) if samples else None


def _ogg_ms(file: BinaryIO, size_bytes: int) -> int | None:
    """The last page's position, at the codec's rate: Opus always counts at 48 kHz, Vorbis names its own."""
    file.seek(0)
    head = file.read(_OGG_HEAD_BYTES)
    skipped, opus = 0, head.find(b"OpusHead")
    if 0 <= opus <= len(head) - 12:
        rate, skipped = _OPUS_RATE, unpack("<H", head[opus + 10 : opus + 12])[0]
    else:
        vorbis = head.find(b"\x01vorbis")
        if not 0 <= vorbis <= len(head) - 16:
            return None
        rate = unpack("<I", head[vorbis + 12 : vorbis + 16])[0]
    file.seek(max(size_bytes - _OGG_TAIL_BYTES, 0))
    tail = file.read(_OGG_TAIL_BYTES)
    last = tail.rfind(b"OggS")
    if rate == 0 or not 0 <= last <= len(tail) - 14:
        return None
    position = unpack("<q", tail[last + 6 : last + 14])[0]
    return _milliseconds(position - skipped, rate) if position > skipped else None


def _mp4_ms(file: BinaryIO, size_bytes: int) -> int | None:
    """The movie header's duration; it may stand at the file's end."""
    moov = _find_box(file, b"moov", 0, size_bytes)
    mvhd = moov and _find_box(file, b"mvhd", *moov)
    if not mvhd:
        return None
    file.seek(mvhd[0])
    fields = file.read(32)
    if len(fields) < 32:
        return None
    if fields[0] == 1:
        rate, length = unpack(">IQ", fields[20:32])
    else:
        rate, length = unpack(">II", fields[12:20])
    unknown = length in (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
    return None if rate == 0 or unknown else _milliseconds(length, rate)


def _find_box(file: BinaryIO, wanted: bytes, at: int, end: int) -> tuple[int, int] | None:
    """Where the content of the first such box between two offsets begins and ends."""
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        header = file.read(16)
        if len(header) < 8 or at >= end:
            return None
        length, name, start = unpack(">I", header[:4])[0], header[4:8], at + 8
        if length == 1 and len(header) == 16:
            length, start = unpack(">Q", header[8:16])[0], at + 16
        elif length == 0:
            length = end - at
        if length < start - at:
            return None
        if name == wanted:
            return start, min(at + length, end)
        at += length
    return None


def _mp3_ms(file: BinaryIO, size_bytes: int) -> int | None:
    return mp3_ms(file, size_bytes)


def _milliseconds(count: int, a_second: int) -> int:
    return -(-count * 1000 // a_second)


_READERS = {
    "audio/wav": _wav_ms,
    "audio/flac": _flac_ms,
    "audio/ogg": _ogg_ms,
    "audio/mp4": _mp4_ms,
    "audio/mpeg": _mp3_ms,
}
