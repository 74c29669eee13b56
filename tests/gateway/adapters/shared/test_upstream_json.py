"""JSON is read as the official SDKs read it, and what is read can always be written."""

import json
from typing import Any

import orjson
import pytest

from gateway.adapters.shared.upstream_json import (
    MAX_DEPTH,
    UnreadableJson,
    UnwritableJson,
    read_json,
    write_json,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": NaN, "b": -Infinity}', {"a": None, "b": None}),
        (b'"\\ud83d"', "\ud83d"),
        (b'"\\uD83D\\uDE00"', "😀"),
        (
            b'{"NaN": NaN, "big": 123456789012345678901234567890}',
            {"NaN": None, "big": 123456789012345678901234567890},
        ),
    ],
)
def test_what_the_official_clients_read_is_read_and_can_be_written(text: bytes, value: Any) -> None:
    assert read_json(text, half_characters=True) == value
    assert json.loads(write_json(read_json(text, half_characters=True))) == value


@pytest.mark.parametrize(
    "text", [b'["\\ud83d"]', b'{"\\ude00": 1}', b"[NaN, 123456789012345678901234567890]"]
)
def test_what_the_books_could_not_write_is_read_only_for_callers(text: bytes) -> None:
    read_json(text, half_characters=True)
    with pytest.raises(UnreadableJson):
        read_json(text)


def test_half_a_surrogate_pair_is_written_as_an_escape() -> None:
    assert write_json({"a": "\ud83d"}) == b'{"a":"\\ud83d"}'


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"NaN!",
        b'{"a": NaN',
        b"\xff",
        b'"\xff\\ud83d"',
        b"\xef\xbb\xbf",
        b"[NaN]" * 2,
        b"\xff\xfe[\x00N\x00",
    ],
)
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(UnreadableJson):
        read_json(text)


@pytest.mark.parametrize("opening", [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize("sign", [b"1", b"NaN"])
def test_what_is_nested_too_deeply_to_be_written_again_is_refused(
    opening: tuple[bytes, bytes], sign: bytes
) -> None:
    start, end = opening

    def nested(depth: int) -> bytes:
        return start * depth + sign + end * depth

    assert orjson.dumps(read_json(nested(MAX_DEPTH)))
    for depth in (MAX_DEPTH + 1, 300, 900, 5_000, 200_000):
        with pytest.raises(UnreadableJson):
            read_json(nested(depth))


def test_many_brackets_are_not_a_deep_nest() -> None:
    assert len(read_json(b"[" + b"[1.5],{}," * 5_000 + b"[]]")) == 10_001
    assert read_json(orjson.dumps({"text": "[" * 5_000})) == {"text": "[" * 5_000}


def test_what_no_json_can_say_is_unwritable() -> None:
    with pytest.raises(UnwritableJson):
        write_json({"a": object()})
