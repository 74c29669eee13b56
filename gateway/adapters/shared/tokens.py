"""Tokens of texts: bounds that hold for any tokenizer in use, and guesses where no upstream counts."""

import unicodedata
from typing import Any

from gateway.adapters.shared.upstream_json import UnwritableJson, write_json

# What tokenizers add around each text: start, end and separator marks, and a leading-space piece.
SPECIAL_TOKENS = 8
# The estimate: four bytes of text a token, and a token for each character of three bytes, which is where Korean,
# Chinese and Japanese lie: their tokenizers need about one a character.
WEIGHT_PER_TOKEN = 4
_LEADS_OF_THREE_BYTES = bytes(range(0xE0, 0xF0))


def most_tokens(text: str) -> int:
    """The most tokens a text can be, special ones not counted.

    A token covers at least one byte of what the tokenizer sees, and some see the text after NFKC
    (SentencePiece's `nmt_nfkc` rule, as XLM-R and so bge-m3 use it), which can be longer: U+FDFA is 3 bytes
    before and 33 after.
    """
    if text.isascii():
        return len(text)
    return max(_size(text), _size(unicodedata.normalize("NFKC", text)))


def text_weight(text: str) -> int:
    """What a text weighs in an estimate: its UTF-8 bytes, a character of three bytes weighing four."""
    if text.isascii():
        return len(text)
    # Half a surrogate pair, which JSON can carry, is three bytes here.
    encoded = text.encode("utf-8", "surrogatepass")
    return 2 * len(encoded) - len(encoded.translate(None, _LEADS_OF_THREE_BYTES))


def value_weight(value: Any) -> int:
    """What any JSON value weighs in an estimate: a text as itself, anything else as its JSON; nothing for nothing."""
    if isinstance(value, str):
        return text_weight(value)
    if not value:
        return 0
    try:
        return text_weight(write_json(value).decode())
    except UnwritableJson:
        return 0


def estimated_tokens(weight: int) -> int:
    """The tokens guessed for what weighs so much, rounded up."""
    return -(-weight // WEIGHT_PER_TOKEN)


def _size(text: str) -> int:
    # A lone surrogate, which JSON can carry, has no UTF-8 of its own; it counts as its replacement.
    return len(text.encode("utf-8", "replace")) if not text.isascii() else len(text)
