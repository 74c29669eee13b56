"""Reads the fields of a caller's JSON object, each named by its path in an error. A field that is null is absent."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import OtherField
from gateway.dialects.dialect import bad_field


@dataclass(slots=True, frozen=True)
class Fields:
    """A JSON object that stands at `path` of a request; the path of the request itself is empty."""

    values: Mapping[str, Any]
    path: str = ""

    @classmethod
    def of(cls, value: object, path: str) -> "Fields":
        """Raises InvalidRequest unless the value is an object."""
        if not isinstance(value, dict):
            raise bad_field(path, _("expected an object"))
        return cls(value, path)

    def at(self, name: str) -> str:
        """The path of a field."""
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        return self.values.get(name) is not None

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

    def required_choice(self, name: str, words: Collection[str]) -> str:
        value = self.choice(name, words)
        if value is None:
            raise bad_field(self.at(name), _("this field is required"))
        return value

    def flag(self, name: str) -> bool | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise bad_field(self.at(name), _("expected true or false"))
        return value

    def whole(self, name: str, least: int) -> int | None:
        """A whole number that the books can hold."""
        value = self.values.get(name)
        if value is None:
            return None
        if type(value) is not int or not least <= value < 2**63:
            raise bad_field(self.at(name), _("expected a whole number of at least %(least)s"), least=least)
        return value

    def share(self, name: str) -> float | None:
        """A number from 0 to 1."""
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise bad_field(self.at(name), _("expected a number from %(least)s to %(most)s"), least=0, most=1)
        return value

    def items(self, name: str) -> list[Any] | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, list):
            raise bad_field(self.at(name), _("expected a list"))
        return value

    def object(self, name: str) -> "Fields | None":
        value = self.values.get(name)
        return None if value is None else Fields.of(value, self.at(name))

    def required_object(self, name: str) -> "Fields":
        if not self.has(name):
            raise bad_field(self.at(name), _("this field is required"))
        return Fields.of(self.values[name], self.at(name))

    def others(self, known: Collection[str], *, harmless: bool = False) -> Iterator[OtherField]:
        """The fields that are not known by name, without those that ask for nothing."""
        for name, value in self.values.items():
            if name not in known and not asks_nothing(value):
                yield OtherField(self.at(name), value, is_harmless=harmless)


def asks_nothing(value: object) -> bool:
    """Whether a field of this value could as well be left out."""
    return value is None or value is False or value in ("", [], {})
