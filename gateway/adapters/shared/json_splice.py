"""Changes a few fields of a JSON object in its bytes, and leaves every other byte as it came.

A body that passes from one server to another of the same dialect keeps its numbers, escapes and order: what an upstream
signs, or counts a cache by, is the text itself.
"""

import json
from collections.abc import Collection, Mapping
from typing import NamedTuple

import orjson

# The standard library's own reader tells where a value ends. In Python, a body of small values would take seconds.
_scan = json.JSONDecoder().raw_decode
_BLANKS = " \t\r\n"


class _Field(NamedTuple):
    """A field of the outermost object: its name, and where in the text it and its value begin and end."""

    name: str
    start: int
    value_start: int
    end: int


def spliced(body: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    """The object's text with these fields' values replaced, added at its end, or (None) taken out.

    `body` is an object that `read_json` has read. A field that stands there several times is changed everywhere; of
    any other, what its last place says is what was read and checked, and the rest goes: servers differ in which they
    take.
    """
    text = body.decode()
    fields = _fields(text)
    last_places = {field.name: place for place, field in enumerate(fields)}
    parts: list[str] = []
    at = 0
    for place, field in enumerate(fields):
        value = changes.get(field.name)
        if value is not None:
            parts += [text[at : field.value_start], value.decode()]
            at = field.end
        elif field.name in changes or last_places[field.name] != place:
            # With the comma behind it, or of the last field the one before it.
            last = place + 1 == len(fields)
            parts.append(text[at : field.start])
            at = field.end if last else fields[place + 1].start
    parts.append(text[at:])
    changed = "".join(parts)
    if any(changes.get(field.name, b"") is None for field in fields[-1:]):
        changed = _without_trailing_comma(changed)
    added = {name: value for name, value in changes.items() if value is not None and name not in last_places}
    return (_with_added(changed, added) if added else changed).encode()


def values_of(body: bytes, names: Collection[str]) -> dict[str, bytes]:
    """The texts of the values of these fields, as far as they are there; of one that stands several times the last."""
    text = body.decode()
    return {
        field.name: text[field.value_start : field.end].encode()
        for field in _fields(text)
        if field.name in names
    }


def _fields(text: str) -> list[_Field]:
    found: list[_Field] = []
    at = _after_blanks(text, text.index("{") + 1)
    while text[at] != "}":
        name, end = _scan(text, at)
        value_start = _after_blanks(text, text.index(":", end) + 1)
        _value, end = _scan(text, value_start)
        found.append(_Field(name, at, value_start, end))
        at = _after_blanks(text, end)
        if text[at] == ",":
            at = _after_blanks(text, at + 1)
    return found


def _after_blanks(text: str, start: int) -> int:
    while text[start] in _BLANKS:
        start += 1
    return start


def _without_trailing_comma(text: str) -> str:
    end = text.rindex("}")
    kept = text[:end].rstrip(_BLANKS)
    return kept.removesuffix(",") + text[len(kept) :] if kept.endswith(",") else text


def _with_added(text: str, added: Mapping[str, bytes]) -> str:
    end = text.rindex("}")
    before = text[:end]
    is_empty = before.rstrip(_BLANKS).endswith("{")
    written = ",".join(f"{orjson.dumps(name).decode()}:{value.decode()}" for name, value in added.items())
    return before + ("" if is_empty else ",") + written + text[end:]
