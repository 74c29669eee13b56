"""WAV files by hand: speech is beeps whose number follows the text, with the text itself in a LIST chunk."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Iterator
from functools import lru_cache

SAMPLE_RATE = 24_000
BYTES_PER_SAMPLE = 2
# One sixteenth of a second for a character: about how fast people speak, and exact in samples.
SAMPLES_PER_CHARACTER = SAMPLE_RATE // 16
_TONES = 12


def speak(text: str, speed: float = 1.0) -> bytes:
    """A WAV file that says `text`: one tone a character, its length len(text) / 16 s at speed 1."""
    return file_of(samples_of(text, speed), text)


def samples_of(text: str, speed: float = 1.0) -> bytes:
    """The raw 16-bit little-endian mono samples of `text`."""
    length = max(int(SAMPLES_PER_CHARACTER / speed), 1)
    spoken = text or " "
    return b"".join(_tone(ord(character) % _TONES, length) for character in spoken)


def tune(seed: bytes, seconds: float) -> bytes:
    """Samples of exactly `seconds` of music that depend on `seed`."""
    wanted = round(seconds * SAMPLE_RATE) * BYTES_PER_SAMPLE
    bar = b"".join(_tone(byte % _TONES, SAMPLE_RATE // 4) for byte in seed)
    return (bar * (wanted // len(bar) + 1))[:wanted]


def file_of(samples: bytes, comment: str) -> bytes:
    """`samples` as a WAV file with `comment` in an INFO list, before the data."""
    layout = struct.pack(
        "<HHIIHH", 1, 1, SAMPLE_RATE, SAMPLE_RATE * BYTES_PER_SAMPLE, BYTES_PER_SAMPLE, 8 * BYTES_PER_SAMPLE
    )
    info = b"INFO" + _chunk(b"ICMT", comment.encode("utf-8", "replace") + b"\x00")
    content = b"WAVE" + _chunk(b"fmt ", layout) + _chunk(b"LIST", info) + _chunk(b"data", samples)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def duration_of(data: bytes) -> float | None:
    """The length in seconds of a WAV file, by its own header; None for anything else."""
    rate, size = 0, None
    for name, content in _chunks(data):
        if name == b"fmt " and len(content) >= 12:
            (rate,) = struct.unpack("<I", content[8:12])
        elif name == b"data":
            size = len(content)
    if not rate or size is None:
        return None
    return size / rate


def transcript_of(data: bytes) -> str | None:
    """The comment in a WAV file's INFO list; None where there is none."""
    for name, content in _chunks(data):
        if name == b"LIST" and content.startswith(b"INFO"):
            for inner, value in _walk(content, 4):
                if inner == b"ICMT":
                    return value.rstrip(b"\x00").decode("utf-8", "replace")
    return None


@lru_cache(maxsize=256)
def _tone(number: int, length: int) -> bytes:
    frequency = 220.0 * 2.0 ** (number / _TONES)
    step = 2.0 * math.pi * frequency / SAMPLE_RATE
    fade = max(length // 8, 1)
    samples = array(
        "h",
        (int(9000 * math.sin(step * at) * min(1.0, at / fade, (length - at) / fade)) for at in range(length)),
    )
    return samples.tobytes()


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        yield from _walk(data, 12)


def _walk(data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    while at + 8 <= len(data):
        (length,) = struct.unpack("<I", data[at + 4 : at + 8])
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\x00" * (len(content) % 2)
