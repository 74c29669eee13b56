"""Reading a catalog's tables field by field, noting every problem with its line instead of stopping at one.

A field that cannot be used is noted and read as None (or its default), so that the rest is still checked.
What was written is never repeated in a message: it may be a secret in the wrong place.
"""

import difflib
import math
import re
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar

from gateway.catalog.line_numbers import LineMap, TomlPath, shown_path

Default = TypeVar("Default")

MAX_TEXT_LENGTH = 200
ENV_PREFIX = "env:"
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class Problem(NamedTuple):
    """One thing wrong with a catalog, as `FILE:LINE: path: message`."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: "
        return f"{place}{self.path}: {self.message}" if self.path else place + self.message


class CatalogErrors(Exception):
    """Everything that is wrong with a catalog, in the order of its lines."""

    def __init__(self, errors: Collection[Problem]) -> None:
        self.errors = sorted(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


class Problems:
    """Collects what is wrong with one file, and knows the process's environment."""

    def __init__(self, file: str, lines: LineMap, environ: Mapping[str, str]) -> None:
        self.noted: list[Problem] = []
        self.environ = environ
        self._file = file
        self._lines = lines

    def note(self, path: TomlPath, message: str) -> None:
        self.noted.append(Problem(self._file, self._lines.line_of(path), shown_path(path), message))

    def line_of(self, path: TomlPath) -> int:
        return self._lines.line_of(path)


class Fields:
    """One table of the file. Read each field once, then call `refuse_the_rest`."""

    def __init__(self, problems: Problems, path: TomlPath, table: Mapping[str, Any]) -> None:
        self.path = path
        self._problems = problems
        self._table = table
        self._read: list[str] = []

    def note(self, key: str | int | None, message: str) -> None:
        """Note a problem with one field, or (None) with the table as a whole."""
        self._problems.note(self.path if key is None else (*self.path, key), message)

    def has(self, key: str) -> bool:
        """Whether the field is written down, whatever it holds."""
        return key in self._table

    def raw(self, key: str, *, required: bool = False) -> Any:
        """The value as it was parsed, or None when the field is not there."""
        self._read.append(key)
        if required and key not in self._table:
            self.note(key, "missing")
        return self._table.get(key)

    def text(self, key: str, *, required: bool = False, form: re.Pattern[str] | None = None) -> str | None:
        """A string that is not empty, not longer than MAX_TEXT_LENGTH, printable, and of that form."""
        value = self.raw(key, required=required)
        if value is None:
            return None
        return self.checked_text(key, value, form)

    def checked_text(self, key: str | int, value: object, form: re.Pattern[str] | None = None) -> str | None:
        """The value itself where it is a string as `text` wants it."""
        if not isinstance(value, str):
            self.note(key, f"expected a string, not {_type_name(value)}")
        elif not value.strip():
            self.note(key, "must not be empty")
        elif len(value) > MAX_TEXT_LENGTH:
            self.note(key, f"must be at most {MAX_TEXT_LENGTH} characters")
        elif _UNPRINTABLE.search(value):
            self.note(key, "must not contain control characters")
        elif form is not None and not form.fullmatch(value):
            self.note(key, f"must match {form.pattern}")
        else:
            return value
        return None

    def texts(self, key: str, form: re.Pattern[str]) -> list[str]:
        """A list of strings of that form; those that are not are noted and left out."""
        value = self.raw(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.note(key, f"expected a list of strings, not {_type_name(value)}")
            return []
        inside = Fields(self._problems, (*self.path, key), {})
        checked = [inside.checked_text(place, text, form) for place, text in enumerate(value)]
        return [text for text in checked if text is not None]

    def environment(self, key: str, value: str) -> str | None:
        """What an `env:NAME` stands for in this process; notes a name that is unset, empty or unprintable."""
        name = value.removeprefix(ENV_PREFIX)
        if not _ENV_NAME.fullmatch(name):
            self.note(key, "expected env: and the name of an environment variable")
            return None
        found = self._problems.environ.get(name, "").strip()
        if not found:
            self.note(key, f"the environment variable {name} is not set in this process")
            return None
        if _UNPRINTABLE.search(found):
            self.note(key, f"the environment variable {name} contains control characters")
            return None
        return found

    def integer(self, key: str, default: Default, low: int, high: int) -> int | Default:
        """A whole number from low to high, else the default."""
        value = self.raw(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            self.note(key, f"expected a whole number, not {_type_name(value)}")
        elif not low <= value <= high:
            self.note(key, f"must be from {low:,} to {high:,}")
        else:
            return value
        return default

    def seconds(self, key: str, default: Default, high: float) -> float | Default:
        """A number above 0 and up to high, as a float, else the default."""
        value = self.raw(key)
        if value is None:
            return default
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.note(key, f"expected a number of seconds, not {_type_name(value)}")
        elif not 0 < value <= high:  # also false for NaN
            self.note(key, f"must be above 0 and at most {high:,.0f}")
        else:
            return float(value)
        return default

    def flag(self, key: str, default: bool = False) -> bool:
        """True or false, else the default."""
        value = self.raw(key)
        if isinstance(value, bool):
            return value
        if value is not None:
            self.note(key, f"expected true or false, not {_type_name(value)}")
        return default

    def day(self, key: str) -> date | None:
        """A required calendar date, without a time."""
        value = self.raw(key, required=True)
        if value is None:
            return None
        if not isinstance(value, date) or isinstance(value, datetime):
            self.note(key, f"expected a date, as in 2026-01-31, not {_type_name(value)}")
            return None
        return value

    def table(self, key: str, *, required: bool = False) -> Mapping[str, Any]:
        """A table of anything, empty when it is not there."""
        value = self.raw(key, required=required)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.note(key, f"expected a table, not {_type_name(value)}")
            return {}
        return value

    def inside(self, key: str, table: Mapping[str, Any]) -> "Fields":
        """The fields of a table that stands under `key`."""
        return Fields(self._problems, (*self.path, key), table)

    def tables(self, key: str) -> dict[str, "Fields"]:
        """The required tables `[key.NAME]`, by name; what is not a table is noted and left out."""
        inside = self.inside(key, self.table(key, required=True))
        tables = {}
        for name, table in inside.items():
            if isinstance(table, dict):
                tables[name] = inside.inside(name, table)
            else:
                inside.note(name, f"expected a table, not {_type_name(table)}")
        return tables

    def array_of_tables(self, key: str) -> list["Fields"]:
        """The required tables `[[key]]`, in order."""
        value = self.raw(key, required=True)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
            self.note(key, f"expected tables, as in [[{key}]]")
            return []
        return [Fields(self._problems, (*self.path, key, place), table) for place, table in enumerate(value)]

    def items(self) -> Collection[tuple[str, Any]]:
        """Every field as it was parsed, in the order of the file."""
        self._read.extend(self._table)
        return self._table.items()

    def json_table(self, key: str) -> dict[str, Any]:
        """A table that can be sent as JSON: no dates, no NaN, no infinity."""
        value = dict(self.table(key))
        self._note_unless_json((*self.path, key), value)
        return value

    def reference(self, key: str, known: Collection[str], what: str) -> str | None:
        """A required name of something that exists; suggests the nearest one where it does not."""
        name = self.text(key, required=True)
        if name is None or name in known:
            return name
        self.note(key, f"no such {what}{suggestion(name, known)}")
        return None

    def refuse_the_rest(self) -> None:
        """Note every field of the table that nothing has read."""
        for key in self._table:
            if key not in self._read:
                self.note(key, f"unknown key{suggestion(key, self._read)}")

    def _note_unless_json(self, path: TomlPath, value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                self._note_unless_json((*path, key), inner)
        elif isinstance(value, list):
            for place, inner in enumerate(value):
                self._note_unless_json((*path, place), inner)
        elif isinstance(value, float) and not math.isfinite(value):
            self._problems.note(path, "must be finite")
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            self._problems.note(path, "must fit 64 bits")
        elif not isinstance(value, str | int | float):
            self._problems.note(path, f"must be a JSON value, not {_type_name(value)}")


def suggestion(name: str, known: Collection[str]) -> str:
    """ "; did you mean …?" where something known is close, else what there is to choose from."""
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there is {', '.join(sorted(known))}" if known else "; there is none"


def _type_name(value: object) -> str:
    names = {
        str: "a string",
        bool: "a boolean",
        int: "a whole number",
        float: "a number",
        list: "a list",
        dict: "a table",
    }
    return names.get(type(value), "a date or time")
