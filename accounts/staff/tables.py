"""What lists on the staff site are made of: rows of cells, the filters above them, and the way to the next page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.functional import Promise

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop
from aio_platform.templatetags.formatting import credits_exact

Tone = Literal["", "good", "bad", "warn", "quiet"]
PAGE_SIZE = 50
MAX_FILTER_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Cell:
    """Text, perhaps a link, perhaps with a tone that its words bear out."""

    text: str
    href: str = ""
    tone: Tone = ""
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings. `caption` names it for those who cannot see where it stands."""

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    empty: str = ""
    next_href: str = ""

    @property
    def cells(self) -> list[list[Cell]]:
        return [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Filter:
    """One field of the form above a list; `choices` make it a list to choose from."""

    name: str
    label: str
    choices: Sequence[tuple[str, str]] = ()
    hint: str = ""
    value: str = field(default="", compare=False)


def filters_of(request: HttpRequest, *filters: Filter) -> tuple[list[Filter], dict[str, str]]:
    """The filters with what the address says, and the same by name, "" where it says nothing.

    Raises InvalidRequest, naming the field, for a choice that there is not, or a text that nobody typed.
    """
    filled, values = [], {}
    for one in filters:
        value = request.GET.get(one.name, "").strip()
        if len(value) > MAX_FILTER_LENGTH or not value.isprintable():
            raise InvalidRequest(
                gettext_noop("%(label)s: that is not a text to look for."), param=one.name, label=one.label
            )
        if value and one.choices and value not in {choice for choice, _ in one.choices}:
            raise InvalidRequest(
                gettext_noop("%(label)s: there is no such choice."), param=one.name, label=one.label
            )
        filled.append(Filter(one.name, one.label, one.choices, one.hint, value))
        values[one.name] = value
    return filled, values


def choices(values: Iterable[str], names: Mapping[str, str | Promise] | None = None) -> list[tuple[str, str]]:
    """What a Filter lists: values, and what people call them, which is the value where nothing else is said."""
    return [(value, str((names or {}).get(value, value))) for value in values]


def href_with(request: HttpRequest, **changes: str) -> str:
    """This page's address with other parameters."""
    parameters = {name: request.GET[name] for name in request.GET} | changes
    return f"?{urlencode({name: value for name, value in parameters.items() if value})}"


def credits_cell(microcredits: int | None) -> Cell:
    """An amount with every decimal there is."""
    return Cell(credits_exact(microcredits), is_number=True)


def number_cell(number: int | float | None, tone: Tone = "") -> Cell:
    return Cell("–" if number is None else f"{number:,}", tone=tone, is_number=True)


def timestamp_text(at: datetime | None) -> str:
    """A moment as the staff site shows it: UTC, to the second."""
    return "–" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def changes_text(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What a record says of a change, in one line."""
    names = [*before, *(name for name in after if name not in before)]
    parts = []
    for name in names:
        if name in before and name in after:
            parts.append(f"{name}: {before[name]} → {after[name]}")
        else:
            parts.append(f"{name}: {after.get(name, before.get(name))}")
    return "; ".join(parts)


def place_before(request: HttpRequest) -> int | None:
    """The number in the address that a page of older rows starts below; InvalidRequest for what is none."""
    text = request.GET.get("before", "")
    if not text:
        return None
    if not text.isdecimal() or not text.isascii() or len(text) > 18:
        raise InvalidRequest(
            gettext_noop("before is the number that the link to the older rows names."), param="before"
        )
    return int(text)
