"""Fields of a JSON object are changed in its bytes; every other byte stays as it came."""

import json
import time
import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.shared.json_splice import spliced, values_of

NAMES = st.sampled_from(["model", "max_tokens", "a", 'quo"te', "back\\slash", "é", "{", ",", "]"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=6)
CHANGES = st.dictionaries(NAMES, st.none() | VALUES.map(orjson.dumps), max_size=4)


@st.composite
def texts(draw: st.DrawFn) -> tuple[bytes, dict[str, Any]]:
    """An object and one of the many ways to write it."""
    values = draw(OBJECTS)
    text = json.dumps(
        values, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 0, 2, "\t"])),
        separators=draw(st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")])),
    )  # fmt: skip
    return draw(st.sampled_from(["", " \n"])).encode() + text.encode(), values


@given(texts(), CHANGES)
def test_the_changed_object_holds_the_changes_and_all_else(
    written: tuple[bytes, dict[str, Any]], changes: dict[str, bytes | None]
) -> None:
    text, values = written
    expected = {name: value for name, value in values.items() if changes.get(name, b"") is not None}
    expected |= {name: orjson.loads(value) for name, value in changes.items() if value is not None}
    assert orjson.loads(spliced(text, changes)) == expected


@given(texts())
def test_without_changes_no_byte_is_touched(written: tuple[bytes, dict[str, Any]]) -> None:
    assert spliced(written[0], {}) == written[0]


@pytest.mark.parametrize(
    ("text", "changes", "expected"),
    [
        (b'{"n": 1.0e2, "m" : "x" , "t":"\\u00e9"}', {"m": b'"y"'}, b'{"n": 1.0e2, "m" : "y" , "t":"\\u00e9"}'),
        (b'{"a":1,"model":"x"}', {"model": None}, b'{"a":1}'),
        (b'{"model":"x", "a":1}', {"model": None}, b'{"a":1}'),
        (b'{ "model":"x" }', {"model": None}, b"{  }"),
        (b'{"a":1}', {"b": b"2"}, b'{"a":1,"b":2}'),
        (b"{}", {"b": b"2"}, b'{"b":2}'),
        (b'{"a":1,"a":2}', {"a": b"3"}, b'{"a":3,"a":3}'),
        (b'{"a":1,"b":1,"a":2}', {"a": None}, b'{"b":1}'),
        (b'{"\\u0061":1}', {"a": b"3"}, b'{"\\u0061":3}'),
        (b'{"b":[1],"a":1,"b":2}', {"a": b"3"}, b'{"a":3,"b":2}'),
        (b'{"b":1, "b":2, "a":1, "b":[3]}', {"a": b"3"}, b'{"a":3, "b":[3]}'),
        (b'{"b":1,"\\u0062":2,"a":1}', {"a": None}, b'{"\\u0062":2}'),
        (b'\xef\xbb\xbf{"\\ud800":NaN,"a":"\\udc00"}', {"a": b"3"}, b'\xef\xbb\xbf{"\\ud800":NaN,"a":3}'),
        (b'{"s":"a\\\\","model":"}"}', {"model": b"1"}, b'{"s":"a\\\\","model":1}'),
        (b'{"d":{"m":"x"},"l":[{"m":1}]}', {"m": b"2"}, b'{"d":{"m":"x"},"l":[{"m":1}],"m":2}'),
    ],
)  # fmt: skip
def test_only_the_named_fields_bytes_change(
    text: bytes, changes: dict[str, bytes | None], expected: bytes
) -> None:
    assert spliced(text, changes) == expected


@pytest.mark.parametrize("unit", [r"\n", '","', "x"])
def test_a_long_list_or_text_is_read_in_little_time_and_room(unit: str) -> None:
    body = b'{"model":"m","l":["' + (unit * (3_000_000 // len(unit))).encode() + b'"]}'
    began = time.process_time()
    spliced(body, {"model": b"1"})
    assert time.process_time() - began < 1.0

    short = b'{"model":"m","l":["' + (unit * (300_000 // len(unit))).encode() + b'"]}'
    tracemalloc.start()
    spliced(short, {"model": b"1"})
    most_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most_bytes < 30 * 300_000


@given(texts(), NAMES)
def test_a_fields_text_is_that_of_its_value(written: tuple[bytes, dict[str, Any]], name: str) -> None:
    text, values = written
    found = values_of(text, {name, "model"})
    assert found.keys() == values.keys() & {name, "model"}
    assert all(each in text and orjson.loads(each) == values[name] for name, each in found.items())


def test_of_a_field_that_stands_twice_the_last_text_is_found() -> None:
    assert values_of(b'{"a":1, "\\u0061" : [2 ] ,"b":3}', ["a"]) == {"a": b"[2 ]"}
