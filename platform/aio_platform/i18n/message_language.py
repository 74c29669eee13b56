"""Errors' messages in the visitor's language. They are written in English, for the API; pages translate them here.

A message with values in it is found by its pattern: `message_texts` lists them as the source writes them, and
`manage.py make_messages` writes that list. A value named {why} is words of ours, and is translated with the rest.
"""

import re
from collections.abc import Mapping
from functools import cache

from django.utils.translation import get_language, gettext

from aio_platform.i18n.message_texts import MESSAGES

_PLACEHOLDER = re.compile(r"{(\w+)}")
_FIELD = re.compile(r"(?P<field>[\w.\[\]-]+): (?P<rest>.+)", re.DOTALL)


def in_visitors_language(message: str) -> str:
    """The message translated, its values kept; the message itself where nobody has translated it."""
    if (get_language() or "en").startswith("en"):
        return message
    whole = _translated(message)
    if whole is not None:
        return whole
    field = _FIELD.fullmatch(message)
    if field is not None:
        rest = _translated(field["rest"]) or _translated(field["rest"].removesuffix("."))
        if rest is not None:
            return f"{field['field']}: {rest}"
    return message


def _translated(message: str) -> str | None:
    translated = gettext(message) if message else message
    if translated != message:
        return translated
    for text, pattern in _patterns():
        found = pattern.fullmatch(message)
        if found is not None:
            translated = gettext(text)
            if translated == text:
                return None
            return _with_values(translated, found.groupdict())
    return None


def _with_values(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda place: _value(place.group(1), values), text)


def _value(name: str, values: Mapping[str, str]) -> str:
    return gettext(values[name]) if name == "why" else values[name]


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Those with the most words of their own first: they say most."""
    with_values = [text for text in MESSAGES if _PLACEHOLDER.search(text)]
    with_values.sort(key=lambda text: -len(_PLACEHOLDER.sub("", text)))
    return [(text, re.compile(_as_pattern(text), re.DOTALL)) for text in with_values]


def _as_pattern(text: str) -> str:
    parts = _PLACEHOLDER.split(text)
    return "".join(f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
