"""How the sandbox counts tokens: one rule, so that every bill can be asserted exactly.

tokens = ceil(UTF-8 bytes / 4), with a single rounding over everything that is counted together.
"""

from __future__ import annotations

from collections.abc import Iterable

BYTES_PER_TOKEN = 4
IMAGE_TOKENS = 85


def utf8_length(text: str) -> int:
    """The number of bytes `text` takes in UTF-8; never fails, not even on lone surrogates."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def tokens_in_bytes(length: int) -> int:
    """ceil(length / 4)."""
    return -(-length // BYTES_PER_TOKEN)


def count(texts: Iterable[str]) -> int:
    """The tokens of all `texts` together: their bytes are summed first and rounded up once."""
    return tokens_in_bytes(sum(map(utf8_length, texts)))


def cut(text: str, tokens: int) -> str:
    """The longest start of `text` that is at most `tokens` tokens, never splitting a character."""
    limit = max(tokens, 0) * BYTES_PER_TOKEN
    if utf8_length(text) <= limit:
        return text
    return text.encode("utf-8", "surrogatepass")[:limit].decode("utf-8", "ignore")


def filler(tokens: int) -> str:
    """A text of exactly `tokens` tokens (one four-byte word each), readable when printed."""
    return "".join(_FILLER_WORDS[index % len(_FILLER_WORDS)] for index in range(max(tokens, 0)))


# Each is four ASCII bytes with its space, so a text of N of them is exactly N tokens.
_FILLER_WORDS = ("the ", "sea ", "and ", "sky ", "are ", "one ", "big ", "map ")
