"""Tokens of texts: bounds that hold for any tokenizer in use, readings of what upstreams report, and guesses."""

import unicodedata
from collections.abc import Iterable

from gateway.adapters.chat_request import estimated_tokens

# What tokenizers add around each text: start, end and separator marks, and a leading-space piece.
SPECIAL_TOKENS = 8
# A count beyond this is a broken counter, and would not fit the books.
MOST_BELIEVABLE = 10**12


def most_tokens(text: str) -> int:
    """The most tokens a text can be, special ones not counted.

    A token covers at least one byte of what the tokenizer sees, and some see the text after NFKC
    (SentencePiece's `nmt_nfkc` rule, as XLM-R and so bge-m3 use it), which can be longer: U+FDFA is 3 bytes
    before and 33 after.
    """
    if text.isascii():
        return len(text)
    return max(_size(text), _size(unicodedata.normalize("NFKC", text)))


def guessed_tokens(texts: Iterable[str]) -> int:
    """A fair guess where the upstream does not say: four bytes a token, over all texts together."""
    return estimated_tokens(sum(_size(text) for text in texts))


def reported_tokens(usage: object) -> int | None:
    """Input tokens of an OpenAI-like usage object; None where there are none that make sense.

    OpenAI and vLLM say `prompt_tokens`; Jina's rerank says only `total_tokens`, which is the same there.
    """
    if not isinstance(usage, dict):
        return None
    for name in ("prompt_tokens", "total_tokens"):
        count = usage.get(name)
        if type(count) is int and 0 <= count <= MOST_BELIEVABLE:
            return count
    return None


def _size(text: str) -> int:
    # A lone surrogate, which JSON can carry, has no UTF-8 of its own; it counts as its replacement.
    return len(text.encode("utf-8", "replace")) if not text.isascii() else len(text)
