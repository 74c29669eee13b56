"""The objects of a Gemini request, read field by field, and what is left over of them.

Google's API reads proto3's JSON: each name as in `mimeType` or as in `mime_type`, whole numbers also as text or as 5.0,
and one object where a list of objects is meant. So do we.
"""

from collections.abc import Mapping
from functools import lru_cache
from math import isfinite
from re import sub
from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import OtherField
from gateway.dialects.dialect import bad_field

FIELD_REQUIRED = _("this field is required")
EMPTY = _("must not be empty")
# What proto3's int32 and int64 hold.
MOST_INT32, MOST_INT64 = 2**31 - 1, 2**63 - 1


@lru_cache(maxsize=256)
def snake(name: str) -> str:
    """`mime_type` for `mimeType`."""
    return sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


@lru_cache(maxsize=256)
def camel(name: str) -> str:
    """`mimeType` for `mime_type`, and for itself."""
    return sub(r"_([a-z])", lambda letter: letter[1].upper(), name)


class Fields:
    """One object of a request at `path`. Null is absence. Raises InvalidRequest for what is no object."""

    __slots__ = ("_left", "_written", "path")

    def __init__(self, values: object, path: str) -> None:
        if not isinstance(values, Mapping):
            raise bad_field(path, _("expected an object"))
        self._written = values
        self._left = {name: value for name, value in values.items() if value is not None}
        self.path = path

    def take(self, name: str) -> Any:
        """The field's value, None where it is missing. Raises InvalidRequest where both spellings give one.

        Servers differ in which of the two they take.
        """
        value = self._left.pop(name, None)
        other = self._left.pop(snake(name), None) if snake(name) != name else None
        if value is not None and other is not None:
            raise bad_field(
                self.path_of(name), _("give either %(one)s or %(other)s"), one=name, other=snake(name)
            )
        return other if value is None else value

    def has(self, name: str) -> bool:
        return name in self._left or snake(name) in self._left

    def peek(self, name: str) -> Any:
        """The field's value, which is not taken by that."""
        return self._left.get(name, self._left.get(snake(name)))

    def names(self) -> list[str]:
        """The names of what nobody has taken, as Gemini's documentation spells them."""
        return [camel(name) for name in self._left]

    def path_of(self, name: str) -> str:
        """Where the caller wrote the field, in the caller's own spelling."""
        written = snake(name) if name not in self._written and snake(name) in self._written else name
        return f"{self.path}.{written}" if self.path else written

    def string(self, name: str) -> str | None:
        value, path = self.take(name), self.path_of(name)
        if value is not None and not isinstance(value, str):
            raise bad_field(path, _("expected a string"))
        return value

    def required_string(self, name: str) -> str:
        value = self.string(name)
        if value is None:
            raise bad_field(self.path_of(name), FIELD_REQUIRED)
        if not value:
            raise bad_field(self.path_of(name), EMPTY)
        return value

    def boolean(self, name: str) -> bool | None:
        value, path = self.take(name), self.path_of(name)
        if value is not None and not isinstance(value, bool):
            raise bad_field(path, _("expected true or false"))
        return value

    def integer(self, name: str, least: int, most: int) -> int | None:
        value, path = self.take(name), self.path_of(name)
        if value is None:
            return None
        number = whole_number(value)
        if number is None:
            raise bad_field(path, _("expected a whole number"))
        _check_range(path, number, least, most)
        return number

    def number(self, name: str, least: float, most: float) -> float | None:
        value, path = self.take(name), self.path_of(name)
        if value is None:
            return None
        if isinstance(value, str):
            try:
                value = float(value) if len(value) < 40 else None
            except ValueError:
                value = None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise bad_field(path, _("expected a number"))
        if isinstance(value, float) and not isfinite(value):
            raise bad_field(path, _("expected a number"))
        _check_range(path, value, least, most)
        return value

    def items(self, name: str) -> list[Any]:
        """The values of a list, or the one object that stands for it; empty where the field is missing."""
        value, path = self.take(name), self.path_of(name)
        if value is None:
            return []
        if isinstance(value, Mapping):
            return [value]
        if not isinstance(value, list):
            raise bad_field(path, _("expected a list"))
        return value

    def strings(self, name: str) -> tuple[str, ...]:
        path, values = self.path_of(name), self.items(name)
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise bad_field(f"{path}.{index}", _("expected a string"))
        return tuple(values)

    def inner(self, name: str) -> "Fields | None":
        value, path = self.take(name), self.path_of(name)
        return None if value is None else Fields(value, path)

    def word(self, name: str, known: tuple[str, ...]) -> str | None:
        """A value of an enumeration, in capitals; None for its `…_UNSPECIFIED`."""
        value, path = self.string(name), self.path_of(name)
        if value is None or value.upper().endswith("UNSPECIFIED"):
            return None
        if value.upper() not in known:
            raise bad_field(path, _("must be one of %(choices)s"), choices=", ".join(known))
        return value.upper()

    def left_over(self, harmless: frozenset[str] = frozenset()) -> list[OtherField]:
        """The fields that nobody has taken; empty ones say nothing and are not among them."""
        return [
            OtherField(self.path_of(name), value, camel(name) in harmless)
            for name, value in self._left.items()
            if value not in ("", [], {})
        ]


def whole_number(value: object) -> int | None:
    """A whole number, also where it is written as 5.0 or "5"; None for anything else."""
    if isinstance(value, str):
        digits = value.removeprefix("-")
        return int(value) if digits.isascii() and digits.isdecimal() and len(digits) < 20 else None
    if isinstance(value, float):
        return int(value) if isfinite(value) and value == int(value) else None
    return value if type(value) is int else None


def _check_range(path: str, number: float, least: float, most: float) -> None:
    if not least <= number <= most:
        raise bad_field(path, _("must be between %(least)s and %(most)s"), least=least, most=most)
