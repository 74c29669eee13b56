"""JSON as upstreams write it, read as tolerantly as the official SDKs read it, and written so that all can read it.

Python's and JavaScript's parsers take a byte order mark and half a surrogate pair (an emoji split over two events);
Python's takes NaN in log probabilities too. orjson takes none of these, so what it refuses is tried once more with
the standard library.
"""

import json
from typing import Any

import orjson

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Below what orjson can write again (254) by more than any shape of ours adds.
MAX_DEPTH = 200
# What orjson refuses and the standard library takes contains one of these; broken JSON is not read twice.
_LENIENT_SIGNS = (b"NaN", b"Infinity", b"\\ud", b"\\uD")
MAX_LENIENT_BYTES = 32_000_000


class UnreadableJson(ValueError):
    """Not JSON by any parser in use, or nested deeper than MAX_DEPTH."""


class UnwritableJson(ValueError):
    """A value that no JSON text can be made of."""


def read_json(text: bytes, *, half_characters: bool = False) -> Any:
    """The text's value; NaN and infinities become None. Raises UnreadableJson.

    With `half_characters` it may hold half surrogate pairs, which only `write_json` can write: for what goes back to
    the caller and nowhere else. The books' and the tasks' encoders take none.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = _read_leniently(text)
        if not half_characters:
            _check_writable(value)
    if len(text) > 2 * MAX_DEPTH and text.count(b"[") + text.count(b"{") > MAX_DEPTH:
        check_depth(value)
    return value


def check_depth(value: Any) -> None:
    """Raises UnreadableJson where the value is nested deeper than MAX_DEPTH."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _containers_in(outer)]
        if not level:
            return
    raise UnreadableJson("nested too deeply")


def _containers_in(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [inner for inner in value.values() if isinstance(inner, dict | list)]
    # A vector is one look, not one for each of its numbers.
    if isinstance(value, list) and not {dict, list}.isdisjoint(map(type, value)):
        return [inner for inner in value if isinstance(inner, dict | list)]
    return []


def _read_leniently(text: bytes) -> Any:
    marked = text.startswith(BYTE_ORDER_MARK)
    if len(text) > MAX_LENIENT_BYTES or not (marked or any(sign in text for sign in _LENIENT_SIGNS)):
        raise UnreadableJson("not JSON")
    try:
        return json.loads(text.decode("utf-8-sig"), parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        raise UnreadableJson("not JSON") from None


def _check_writable(value: Any) -> None:
    try:
        orjson.dumps(value)
    except TypeError:
        raise UnreadableJson("text or numbers that no other encoder takes") from None


def write_json(value: Any) -> bytes:
    """The value as JSON in UTF-8. Half a surrogate pair is written as an escape. Raises UnwritableJson."""
    try:
        return orjson.dumps(value)
    except TypeError:
        try:
            return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
        except (TypeError, ValueError, RecursionError):
            raise UnwritableJson("cannot be written as JSON") from None
