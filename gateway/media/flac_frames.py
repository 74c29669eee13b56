"""A FLAC's length: what its header states, beside the blocks of all frames that are in the file.

A decoder reads frame after frame, whatever the header said of their number. A frame's header has a checksum of its
own, so frames are found wherever they stand: behind a second header, behind other bytes, one file behind another.
Source: RFC 9639, sections 8.2 (streaminfo) and 9.1 (frame header).
"""

import re
from typing import BinaryIO, NamedTuple

from aio_platform.i18n.translatable import gettext_noop
from gateway.media.sound_length import BrokenSound, SoundLength, Tally, milliseconds, reconciled

MAX_HEADER_BYTES = 16
MAX_BLOCK_SAMPLES = 65_536
_READ_BYTES = 262_144
# Sync code and blocking strategy; block size and rate; channels (of which there are eleven kinds) and bits.
_SYNC = re.compile(rb"\xff[\xf8\xf9][\x10-\xff][\x00-\xaf]", re.DOTALL)
_RATES = (0, 88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
_STREAM_INFO_BYTES = 38
_MAX_METADATA_BLOCKS = 1_000
# Of 32 bits, with one more for the difference of two channels.
_MOST_BYTES_A_SAMPLE = 5


class Block(NamedTuple):
    """A frame's samples, how many of them make a second, and the most bytes that it can have."""

    samples: int
    rate: int
    most_bytes: int


def flac_length(file: BinaryIO, start: int, end: int) -> SoundLength:
    """The length of the FLAC between two offsets.

    Raises BrokenSound for one that is cut short within its header, or whose header makes no sense.
    """
    file.seek(start + 4)
    block = file.read(_STREAM_INFO_BYTES)
    if len(block) < _STREAM_INFO_BYTES or block[0] & 0x7F != 0:
        raise BrokenSound(gettext_noop("the FLAC file is cut short within its header"))
    packed = int.from_bytes(block[14:22], "big")
    rate, samples = packed >> 44, packed & (1 << 36) - 1
    if rate == 0:
        raise BrokenSound(gettext_noop("the FLAC file's header makes no sense"))
    tally = count_frames(file, start, end, rate, _end_of_metadata(file, start + 4, end))
    return reconciled(milliseconds(samples, rate) if samples else None, tally)


def _end_of_metadata(file: BinaryIO, at: int, end: int) -> int:
    """Where the sound begins, by the sizes that the blocks before it state."""
    for _ in range(_MAX_METADATA_BLOCKS):
        file.seek(at)
        header = file.read(4)
        if len(header) < 4:
            break
        at += 4 + int.from_bytes(header[1:], "big")
        if header[0] & 0x80:
            break
    return min(at, end)


def count_frames(file: BinaryIO, start: int, end: int, stated_rate: int, sound_from: int) -> Tally:
    """The blocks of all frames between two offsets; `stated_rate` is that of frames that name none.

    From `sound_from` on, bytes that no frame can be so large as to cover are unread.
    """
    tally = Tally()
    covered_to = sound_from
    at = start
    while at < end:
        file.seek(at)
        data = file.read(min(_READ_BYTES, end - at))
        is_last = at + len(data) >= end
        stop = len(data) if is_last else len(data) - MAX_HEADER_BYTES
        if stop <= 0:
            break
        misses = 0
        for match in _SYNC.finditer(data):
            if match.start() >= stop:
                break
            block = block_at(data, match.start(), stated_rate)
            if block is None:
                misses += 1
                continue
            tally.add(block.samples, block.rate)
            frame_at = at + match.start()
            tally.unread_bytes += max(frame_at - covered_to, 0)
            covered_to = max(covered_to, frame_at + block.most_bytes)
        tally.count_pieces(misses)
        at += stop
    tally.unread_bytes += max(end - covered_to, 0)
    return tally


def block_at(data: bytes, at: int, stated_rate: int) -> Block | None:
    """What the frame plays whose header stands at this offset; None where none does."""
    header = data[at : at + MAX_HEADER_BYTES]
    if len(header) < 6 or header[3] >> 1 & 7 == 3 or header[3] & 1:
        return None
    size_code, rate_code = header[2] >> 4, header[2] & 0xF
    size_bytes = {6: 1, 7: 2}.get(size_code, 0)
    rate_bytes = {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    size_at = 4 + _number_bytes(header[4])
    rate_at = size_at + size_bytes
    checksum_at = rate_at + rate_bytes
    if size_at == 4 or rate_code == 15 or checksum_at >= len(header):
        return None
    if _checksum(header[:checksum_at]) != header[checksum_at]:
        return None
    samples = _block_samples(size_code, int.from_bytes(header[size_at:rate_at], "big"))
    rate = _block_rate(rate_code, int.from_bytes(header[rate_at:checksum_at], "big"), stated_rate)
    if samples == 0 or rate == 0:
        return None
    channels = min(header[3] >> 4, 7) + 1
    return Block(samples, rate, MAX_HEADER_BYTES + channels * (samples * _MOST_BYTES_A_SAMPLE + 8))


def _number_bytes(first: int) -> int:
    """How many bytes the frame's number has, coded as UTF-8 codes its; 0 for what is no first byte."""
    if first < 0x80:
        return 1
    ones = 8 - (first ^ 0xFF).bit_length()
    return ones if 2 <= ones <= 7 else 0


def _block_samples(code: int, stated: int) -> int:
    if code == 1:
        return 192
    if code <= 5:
        return 576 << (code - 2) if code else 0
    if code <= 7:
        return stated + 1
    return 256 << (code - 8)


def _block_rate(code: int, stated: int, stated_in_header: int) -> int:
    if code == 0:
        return stated_in_header
    if code < 12:
        return _RATES[code]
    return stated * (1000 if code == 12 else 1 if code == 13 else 10)


def _checksum_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = (byte << 1 ^ 0x07) & 0xFF if byte & 0x80 else byte << 1
    return byte


_CHECKSUMS = tuple(map(_checksum_of_byte, range(256)))


def _checksum(header: bytes) -> int:
    checksum = 0
    for byte in header:
        checksum = _CHECKSUMS[checksum ^ byte]
    return checksum
