"""Fields of a request's JSON, each as it should be, absent where it is null, or an error that names its path."""

import binascii
from collections.abc import Iterable, Mapping
from typing import Any

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import OtherField
from gateway.dialects.dialect import bad_field

Json = Mapping[str, Any]


def within(path: str, name: str | int) -> str:
    """The path of what is called `name` in what stands at `path`."""
    return f"{path}.{name}" if path else str(name)


def text_at(values: Json, name: str, path: str) -> str | None:
    value = values.get(name)
    if value is None or isinstance(value, str):
        return value
    raise bad_field(within(path, name), _("expected a string"))


def required_text_at(values: Json, name: str, path: str, *, may_be_empty: bool = False) -> str:
    value = text_at(values, name, path)
    if value is None:
        raise missing(within(path, name))
    if not value and not may_be_empty:
        raise bad_field(within(path, name), _("must not be empty"))
    return value


def flag_at(values: Json, name: str, path: str = "") -> bool | None:
    value = values.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise bad_field(within(path, name), _("expected true or false"))


def number_at(values: Json, name: str, least: float, most: float) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise bad_field(name, _("expected a number"))
    if not least <= value <= most:
        raise bad_field(name, _("must be from %(least)s to %(most)s"), least=least, most=most)
    return value


def whole_number_at(values: Json, name: str, least: int, most: int, path: str = "") -> int | None:
    """A whole number, also where it is written as 5.0."""
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int:
        raise bad_field(within(path, name), _("expected a whole number"))
    if not least <= value <= most:
        raise bad_field(within(path, name), _("must be from %(least)s to %(most)s"), least=least, most=most)
    return value


def object_at(values: Json, name: str, path: str = "") -> Json | None:
    value = values.get(name)
    return None if value is None else as_object(value, within(path, name))


def required_object_at(values: Json, name: str, path: str) -> Json:
    value = object_at(values, name, path)
    if value is None:
        raise missing(within(path, name))
    return value


def as_object(value: object, path: str) -> Json:
    if isinstance(value, Mapping):
        return value
    raise bad_field(path, _("expected an object"))


def objects_at(values: Json, name: str, path: str = "", most: int = 10_000) -> list[tuple[str, Json]]:
    """A list of objects, each with its path; empty where there is none."""
    value = values.get(name)
    here = within(path, name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise bad_field(here, _("expected a list"))
    if len(value) > most:
        raise bad_field(here, _("at most %(count)s items"), count=most)
    return [(within(here, index), as_object(item, within(here, index))) for index, item in enumerate(value)]


def one_of_at(values: Json, name: str, path: str, choices: tuple[str, ...]) -> str | None:
    value = text_at(values, name, path)
    if value is None or value in choices:
        return value
    raise bad_field(within(path, name), _("must be one of %(choices)s"), choices=", ".join(choices))


def checked_base64(data: str, path: str) -> str:
    """The text itself where it is base64 of something."""
    try:
        if binascii.a2b_base64(data, strict_mode=True):
            return data
    except ValueError:
        pass
    raise bad_field(path, _("expected base64"))


def missing(path: str) -> InvalidRequest:
    return bad_field(path, _("this field is required"))


def leftovers(
    values: Json, known: Iterable[str], path: str, harmless: Iterable[str] = ()
) -> list[OtherField]:
    """What stands there beside the known fields and says something: not null, nor empty."""
    names = values.keys() - set(known)
    harmless = set(harmless)
    return [
        OtherField(within(path, name), value, name in harmless)
        for name, value in values.items()
        if name in names and not (value is None or value == "" or value == [] or value == {})
    ]
