"""Changes a few fields of a JSON object in its bytes, and leaves every other byte as it came.

A body that passes from one server to another of the same dialect keeps its numbers, escapes and order: what an upstream
signs, or counts a cache by, is the text itself.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

import orjson

# All that matters for the structure of a sound JSON text: strings whole, brackets and commas.
_TOKEN = re.compile(rb'"(?:[^"\\]+|\\.)*"|[{}\[\],]', re.DOTALL)
_BLANKS = b" \t\r\n"


class _Field(NamedTuple):
    """A field of the outermost object: its name, and where in the text it and its value begin and end."""

    name: str
    start: int
    value_start: int
    end: int


def spliced(text: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    """The object's text with these fields' values replaced, added at its end, or (None) taken out.

    `text` is an object that orjson has read; a field that stands there several times is changed everywhere.
    """
    fields = _fields(text)
    parts: list[bytes] = []
    at = 0
    for place, field in enumerate(fields):
        if field.name not in changes:
            continue
        value = changes[field.name]
        if value is not None:
            parts += [text[at : field.value_start], value]
            at = field.end
            continue
        # With the comma behind it, or of the last field the one before it.
        last = place + 1 == len(fields)
        parts.append(text[at : field.start])
        at = field.end if last else fields[place + 1].start
    parts.append(text[at:])
    changed = b"".join(parts)
    if any(changes.get(field.name, b"") is None for field in fields[-1:]):
        changed = _without_trailing_comma(changed)
    known = {field.name for field in fields}
    added = {name: value for name, value in changes.items() if value is not None and name not in known}
    return _with_added(changed, added) if added else changed


def _fields(text: bytes) -> list[_Field]:
    found: list[_Field] = []
    depth = 0
    name: str | None = None
    start = value_start = 0
    for token in _TOKEN.finditer(text):
        mark = token.group()[:1]
        if mark in b"{[":
            depth += 1
            continue
        if mark == b'"':
            if depth == 1 and name is None:
                name, start = orjson.loads(token.group()), token.start()
                value_start = _after_blanks(text, text.index(b":", token.end()) + 1)
            continue
        if depth == 1 and name is not None:
            value = text[value_start : token.start()].rstrip(_BLANKS)
            found.append(_Field(name, start, value_start, value_start + len(value)))
            name = None
        depth -= mark != b","
    return found


def _after_blanks(text: bytes, start: int) -> int:
    while text[start] in _BLANKS:
        start += 1
    return start


def _without_trailing_comma(text: bytes) -> bytes:
    end = text.rindex(b"}")
    kept = text[:end].rstrip(_BLANKS)
    return kept.removesuffix(b",") + text[len(kept) :] if kept.endswith(b",") else text


def _with_added(text: bytes, added: Mapping[str, bytes]) -> bytes:
    end = text.rindex(b"}")
    before = text[:end]
    is_empty = before.rstrip(_BLANKS).endswith(b"{")
    written = b",".join(orjson.dumps(name) + b":" + value for name, value in added.items())
    return before + (b"" if is_empty else b",") + written + text[end:]
