"""The form of an API key: `aio_`, 32 random base62 characters, and 6 more that check all before them.

Pure, and on the hot path. The prefix lets secret scanners recognise a leaked key, the checksum lets us refuse
a mistyped or invented one without asking the database. A key is never kept, only its digest.
"""

import hashlib
import re
import zlib

from accounts.errors import MalformedKey, MissingKey
from accounts.public_ids import BASE62, random_base62

PREFIX_LENGTH = 12  # "aio_" and the eight characters after it: what people see of a key
LAST_LENGTH = 4
_BRAND = "aio_"
_RANDOM_LENGTH = 32
_CHECKED_LENGTH = len(_BRAND) + _RANDOM_LENGTH
_has_form = re.compile(r"aio_[0-9A-Za-z]{38}").fullmatch
# Two characters at a time: three look-ups and no loop to read a checksum.
_PAIR_VALUES = {
    high + low: 62 * high_value + low_value
    for high_value, high in enumerate(BASE62)
    for low_value, low in enumerate(BASE62)
}
_PAIRS = list(_PAIR_VALUES)


def new_key() -> str:
    """A new key of 42 characters, with 190 random bits from the operating system."""
    body = _BRAND + random_base62(_RANDOM_LENGTH)
    return body + checksum_of(body)


def checksum_of(body: str) -> str:
    """CRC32 of the ASCII bytes as 6 base62 characters, most significant first, padded with zeros."""
    rest, low = divmod(zlib.crc32(body.encode("ascii")), 62 * 62)
    high, middle = divmod(rest, 62 * 62)
    return _PAIRS[high] + _PAIRS[middle] + _PAIRS[low]


def digest_of(key_text: str) -> bytes:
    """The SHA-256 digest by which a key is stored and found: 32 bytes.

    Raises MalformedKey, without the database, where form or checksum is wrong.
    """
    if _has_form(key_text) is None:
        raise MalformedKey
    key_bytes = key_text.encode("ascii")
    stated = (_PAIR_VALUES[key_text[36:38]] * 3844 + _PAIR_VALUES[key_text[38:40]]) * 3844 + _PAIR_VALUES[
        key_text[40:42]
    ]
    if zlib.crc32(key_bytes[:_CHECKED_LENGTH]) != stated:
        raise MalformedKey
    return hashlib.sha256(key_bytes).digest()


def bearer_key(authorization_header: str) -> str:
    """The key in an Authorization header; `digest_of` checks its form.

    Raises MissingKey when the header is empty, of another scheme or without a key, and MalformedKey when more
    than one word follows the scheme.
    """
    scheme, _, credentials = authorization_header.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise MissingKey
    key_text = credentials.strip()
    if not key_text:
        raise MissingKey
    if " " in key_text:
        raise MalformedKey
    return key_text


def prefix_of(key_text: str) -> str:
    """The part of a key that people see: `aio_` and the next 8 characters."""
    return key_text[:PREFIX_LENGTH]


def last_four_of(key_text: str) -> str:
    return key_text[-LAST_LENGTH:]
