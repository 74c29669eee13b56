"""How long one sample of an MP4's track plays at most, by the description of its codec.

A track's own table of durations is only a claim: what a decoder makes of a sample is settled by the codec. Sources:
ISO/IEC 14496-12 (sample descriptions), 14496-1 (esds), ALACMagicCookieDescription.txt.
"""

from collections.abc import Callable
from fractions import Fraction
from struct import unpack_from
from typing import NamedTuple

from gateway.media.aac_config import aac_frame_ms

# Samples of a second of the sound itself, in formats where every sample of the track is one of the sound.
_PCM = frozenset(
    {b"sowt", b"twos", b"lpcm", b"raw ", b"NONE", b"in24", b"in32", b"fl32", b"fl64", b"ulaw", b"alaw"}
)
_MP3 = frozenset({b".mp3", b"ms\x00U"})
_AC3 = frozenset({b"ac-3", b"ec-3"})
_LONGEST_MP3_FRAME_MS = 72
_LONGEST_OPUS_PACKET_MS = 120
_AC3_FRAME_MS = 48
_AAC_TYPES, _MP3_TYPES = frozenset({0x40, 0x66, 0x67, 0x68}), frozenset({0x69, 0x6B})
_MAX_ENTRY_BYTES = 65_536
_MAX_BOXES_OF_A_NAME = 8
_MAX_BOX_BYTES = 512
_HIGHEST_RATE = 10_000_000
_MAX_ALAC_FRAME_SAMPLES = 1 << 20
# Of the descriptors inside esds: elementary stream, decoder's configuration, what is specific to the codec.
_STREAM, _DECODER, _SPECIFIC = 3, 4, 5


class SampleTime(NamedTuple):
    """Milliseconds of one sample: exactly, or at most where `is_exact` is false."""

    ms: Fraction
    is_exact: bool


def sample_time(name: bytes, entry: bytes) -> SampleTime | None:
    """By the codec's four letters and its description; None for a codec that is not known here."""
    if name == b"mp4a":
        return _longest(entry, b"esds", _aac)
    if name == b"alac":
        return _longest(entry, b"alac", _alac)
    if name == b"Opus":
        return SampleTime(Fraction(_LONGEST_OPUS_PACKET_MS), False)
    if name in _MP3:
        return SampleTime(Fraction(_LONGEST_MP3_FRAME_MS), False)
    if name in _AC3:
        return SampleTime(Fraction(_AC3_FRAME_MS), False)
    if name in _PCM:
        rate = _pcm_rate(entry)
        return SampleTime(Fraction(1000, rate), True) if rate else None
    return None


def _longest(entry: bytes, name: bytes, read: Callable[[bytes], SampleTime | None]) -> SampleTime | None:
    """Of all that may be the box of this name, the one with the longest time; None where one is not understood."""
    longest = None
    at = entry.find(name)
    if len(entry) > _MAX_ENTRY_BYTES or entry.count(name) > _MAX_BOXES_OF_A_NAME:
        return None
    while at >= 0:
        time = read(entry[at + 8 : at + 8 + _MAX_BOX_BYTES])
        if time is None:
            return None
        longest = time if longest is None or time.ms > longest.ms else longest
        at = entry.find(name, at + 4)
    return longest


def _pcm_rate(entry: bytes) -> int:
    """A second's samples, from the description of uncompressed sound in either of its versions; 0 for none."""
    if len(entry) < 28:
        return 0
    if unpack_from(">H", entry, 8)[0] < 2:
        return int(unpack_from(">H", entry, 24)[0])
    rate = unpack_from(">d", entry, 32)[0] if len(entry) >= 40 else 0.0
    return int(rate) if 1 <= rate <= _HIGHEST_RATE else 0


def _aac(esds: bytes) -> SampleTime | None:
    kind, specific = _descriptors(esds)
    if kind in _MP3_TYPES:
        return SampleTime(Fraction(_LONGEST_MP3_FRAME_MS), False)
    if kind not in _AAC_TYPES:
        return None
    frame_ms = aac_frame_ms(specific)
    return None if frame_ms is None else SampleTime(frame_ms, True)


def _descriptors(data: bytes) -> tuple[int, bytes]:
    """The kind of codec, and what is specific to it, from the descriptors of an elementary stream."""
    at, kind = 0, 0
    while at + 2 <= len(data):
        tag, at = data[at], at + 1
        size = 0
        for _ in range(4):
            if at >= len(data):
                return kind, b""
            byte, at = data[at], at + 1
            size = size << 7 | byte & 0x7F
            if byte < 0x80:
                break
        if tag == _STREAM and at + 3 <= len(data):
            flags = data[at + 2]
            at += 3 + (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
            if flags & 0x40 and at < len(data):
                at += 1 + data[at]
        elif tag == _DECODER and at + 13 <= len(data):
            kind, at = data[at], at + 13
        elif tag == _SPECIFIC:
            return kind, data[at : at + size]
        else:
            at += size
    return kind, b""


def _alac(cookie: bytes) -> SampleTime | None:
    if len(cookie) < 24:
        return None
    samples, rate = unpack_from(">I", cookie)[0], unpack_from(">I", cookie, 20)[0]
    if rate == 0 or not 0 < samples <= _MAX_ALAC_FRAME_SAMPLES:
        return None
    return SampleTime(Fraction(samples * 1000, rate), True)
