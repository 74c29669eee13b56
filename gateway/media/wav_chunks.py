"""A WAV's length: all its chunks of sound, by what their samples are and not by the sum that the header states.

Source: Microsoft, "Multimedia Data Standards Update" (RIFF WAVE), mmreg.h.
"""

from struct import unpack
from typing import BinaryIO

from aio_platform.i18n.translatable import gettext_noop
from gateway.media.mp3_frames import mp3_length
from gateway.media.sound_length import BrokenSound, SoundLength, believable, milliseconds

_PCM, _ADPCM, _IMA_ADPCM, _GSM, _MP3, _EXTENSIBLE = 1, 2, 0x11, 0x31, 0x55, 0xFFFE
# Whole and floating-point numbers, A-law and µ-law: a sample is so many bytes.
_SAMPLE_BY_SAMPLE = frozenset({_PCM, 3, 6, 7})
# Writers that stream cannot go back to fill in the size, and leave one of these.
_UNKNOWN_SIZES = frozenset({0, 0xFFFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF - 36, 0x7FFFFFFF - 36})
_MAX_CHUNKS = 256
_MAX_CHANNELS = 512
_MAX_BITS = 64
_GSM_BYTES, _GSM_SAMPLES = 65, 320


class _Layout:
    """What a fmt chunk says of the samples."""

    def __init__(self, fields: bytes) -> None:
        if len(fields) < 16:
            raise BrokenSound(gettext_noop("the WAV file is cut short within its header"))
        self.code, self.channels, self.rate, self.stated, self.block, self.bits = unpack(
            "<HHIIHH", fields[:16]
        )
        if self.code == _EXTENSIBLE:
            self.code = unpack("<H", fields[24:26])[0] if len(fields) >= 26 else _PCM

    def bytes_a_second(self) -> tuple[int, int] | None:
        """So many bytes for so many seconds, as a ratio; None where the coding does not tell."""
        if self.code in _SAMPLE_BY_SAMPLE:
            if self.channels > _MAX_CHANNELS or self.bits > _MAX_BITS:
                return 0, 1
            return self.rate * (self.channels * -(-self.bits // 8) or self.block), 1
        if self.code in (_ADPCM, _IMA_ADPCM):
            # Four bits a sample; what a block begins with is not left out, which makes the sound longer.
            return self.rate * self.channels, 2
        if self.code == _GSM:
            return self.rate * _GSM_BYTES, _GSM_SAMPLES
        return None


def wav_length(file: BinaryIO, start: int, end: int) -> SoundLength:
    """The length of all data chunks, as decoders play one after another.

    Raises BrokenSound for a file that is cut short, makes no sense, or has no sound.
    """
    layout: _Layout | None = None
    lengths: list[SoundLength] = []
    at = start + 12
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        header = file.read(8)
        if len(header) < 8 or at + 8 > end:
            break
        name, size = header[:4], unpack("<I", header[4:])[0]
        at += 8
        if name == b"fmt ":
            layout = _Layout(file.read(min(size, 40)))
        elif name == b"data":
            size = _checked_size(size, end - at, layout)
            assert layout is not None
            lengths.append(_data_length(file, at, at + size, layout))
        at += size + size % 2
    else:
        raise BrokenSound(gettext_noop("the WAV file has more chunks than any recording"))
    if not lengths:
        raise BrokenSound(gettext_noop("the WAV file is cut short: it has no sound in it"))
    known = [length.ms for length in lengths if length.ms is not None]
    most_ms = sum(length.most_ms for length in lengths)
    return SoundLength(sum(known) if len(known) == len(lengths) else None, most_ms)


def _checked_size(size: int, there: int, layout: _Layout | None) -> int:
    ratio = None if layout is None else layout.bytes_a_second()
    if layout is None or (ratio is not None and ratio[0] <= 0):
        raise BrokenSound(gettext_noop("the WAV file's header makes no sense"))
    if size in _UNKNOWN_SIZES:
        size = there
    if size > there:
        raise BrokenSound(f"the WAV file is cut short: {there:,} of {size:,} bytes of sound are there")
    if size == 0:
        raise BrokenSound(gettext_noop("the WAV file has no sound in it"))
    return size


def _data_length(file: BinaryIO, start: int, end: int, layout: _Layout) -> SoundLength:
    ratio = layout.bytes_a_second()
    if ratio is not None:
        ms = milliseconds((end - start) * ratio[1], ratio[0])
        return SoundLength(ms, ms)
    if layout.code == _MP3:
        return mp3_length(file, start, end)
    # The stated number of bytes a second is a claim; nobody records with less than a byte a millisecond.
    stated_ms = milliseconds(end - start, layout.stated) if layout.stated else None
    return SoundLength(believable(stated_ms, end - start), max(stated_ms or 0, end - start))
