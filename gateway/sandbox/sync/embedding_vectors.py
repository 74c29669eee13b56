"""Embedding vectors without a model: hashed n-grams, so that texts alike get vectors alike."""

from __future__ import annotations

import math
import re
import struct
import zlib
from array import array

DEFAULT_DIMENSIONS = 384
MAX_DIMENSIONS = 8192
_WORD = re.compile(r"\w+")


def embed_text(text: str, dimensions: int) -> array[float]:
    """A vector of unit length for `text`; the same text always gets the same one."""
    lowered = text.lower()
    features = [f"w:{word}" for word in _WORD.findall(lowered)]
    features.extend(f"g:{lowered[at : at + 3]}" for at in range(max(len(lowered) - 2, 1)))
    return _unit(features, dimensions)


def embed_tokens(tokens: list[int], dimensions: int) -> array[float]:
    """A vector of unit length for an array of token ids."""
    return _unit([f"t:{token}" for token in tokens], dimensions)


def to_base64_bytes(vector: array[float]) -> bytes:
    """Little-endian 32-bit floats, as OpenAI's base64 encoding has them."""
    return struct.pack(f"<{len(vector)}f", *vector)


def overlap(query: str, passage: str) -> float:
    """How well `passage` answers `query`, 0 to 1: the share of the query's words that it has."""
    wanted = set(_WORD.findall(query.lower()))
    found = wanted & set(_WORD.findall(passage.lower()))
    if not wanted:
        return 0.0
    # A shorter passage with the same words is the better one, and no two scores tie by accident.
    brevity = 1.0 / (1.0 + len(passage) / 10_000.0)
    return round(0.02 + 0.96 * (len(found) / len(wanted)) * brevity, 6)


def _unit(features: list[str], dimensions: int) -> array[float]:
    vector = array("d", bytes(8 * dimensions))
    for feature in features:
        code = zlib.crc32(feature.encode("utf-8", "surrogatepass"))
        vector[code % dimensions] += 1.0 if code & 0x80000000 else -1.0
    length = math.sqrt(sum(value * value for value in vector))
    if length == 0.0:
        # Opposite features may cancel out; a vector of no direction would be no embedding.
        vector[zlib.crc32(repr(features).encode()) % dimensions] = length = 1.0
    return array("f", (value / length for value in vector))
