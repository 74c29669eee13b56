"""Reads the fields of a caller's JSON object, each named by its path in an error. A field that is null is absent."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import OtherField
from gateway.dialects.dialect import bad_field


@dataclass(slots=True, frozen=True)
class Fields:
    """A JSON object that stands at `path` of a request; the path of the request itself is empty.

    What the inner form has no place for is put into `other`.
    """

    values: Mapping[str, Any]
    other: list[OtherField]
    path: str = ""

    def at(self, name: str | int) -> str:
        """The path of a field."""
        return f"{self.path}.{name}" if self.path else str(name)

    def inner(self, value: object, path: str) -> "Fields":
        """Raises InvalidRequest unless the value is an object."""
        if not isinstance(value, dict):
            raise bad_field(path, _("expected an object"))
        return Fields(value, self.other, path)

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise bad_field(self.at(name), _("expected a string"))
        return value

    def required_text(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise bad_field(self.at(name), _("this field is required"))
        return value

    def name(self, name: str) -> str:
        """A required text that says something."""
        value = self.required_text(name)
        if not value:
            raise bad_field(self.at(name), _("must not be empty"))
        return value

    def choice(self, name: str, words: Collection[str]) -> str | None:
        value = self.values.get(name)
        if value is not None and (not isinstance(value, str) or value not in words):
            raise bad_field(self.at(name), _("expected one of: %(words)s"), words=", ".join(words))
        return value

    def flag(self, name: str) -> bool | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise bad_field(self.at(name), _("expected true or false"))
        return value

    def whole(self, name: str, least: int, most: int = 2**63 - 1) -> int | None:
        value = self.values.get(name)
        if value is not None and (type(value) is not int or not least <= value <= most):
            if most < 2**63 - 1:
                problem = _("expected a whole number from %(least)s to %(most)s")
                raise bad_field(self.at(name), problem, least=least, most=most)
            raise bad_field(self.at(name), _("expected a whole number of at least %(least)s"), least=least)
        return value

    def number(self, name: str, least: float, most: float) -> float | None:
        value = self.values.get(name)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not isfinite(value) or not least <= value <= most:
            problem = _("expected a number from %(least)s to %(most)s")
            raise bad_field(self.at(name), problem, least=f"{least:g}", most=f"{most:g}")
        return value

    def items(self, name: str, most: int) -> list[Any] | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, list):
            raise bad_field(self.at(name), _("expected a list"))
        if value is not None and len(value) > most:
            raise bad_field(self.at(name), _("expected at most %(most)s items"), most=most)
        return value

    def objects(self, name: str, most: int) -> list["Fields"]:
        """The objects of a list; none where there is no list."""
        items = self.items(name, most) or []
        return [self.inner(each, f"{self.at(name)}.{index}") for index, each in enumerate(items)]

    def object(self, name: str) -> "Fields | None":
        value = self.values.get(name)
        return None if value is None else self.inner(value, self.at(name))

    def required_object(self, name: str) -> "Fields":
        found = self.object(name)
        if found is None:
            raise bad_field(self.at(name), _("this field is required"))
        return found

    def set_aside(self, name: str, *, harmless: bool, nothing: Collection[Any] = ()) -> None:
        """Keep a known field that the inner form has no place for, unless it is empty or one of `nothing`."""
        value = self.values.get(name)
        if not is_empty(value) and value not in nothing:
            self.other.append(OtherField(self.at(name), value, is_harmless=harmless))

    def set_aside_unknown(self, known: Collection[str], *, harmless: bool = False) -> None:
        """Keep every field that is not among `known`: who knows what it asks for."""
        for name in self.values:
            if name not in known:
                self.set_aside(name, harmless=harmless)


def is_empty(value: object) -> bool:
    """Whether a field of this value could as well be left out."""
    return value is None or (isinstance(value, str | list | dict) and not value)
