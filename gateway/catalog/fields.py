"""The kinds of fields a catalog's tables have, and reading a table so that every problem is noted with its line.

Pydantic checks, and its findings are said in our words: see ADR 28. What was written is never repeated in a message: it
may be a secret in the wrong place.
"""

import difflib
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Annotated, Any, NamedTuple, TypeVar, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, ValidationInfo
from pydantic_core import ErrorDetails

from gateway.catalog.line_numbers import LineMap, TomlPath, shown_path

MAX_TEXT_LENGTH = 200
ENV_PREFIX = "env:"
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# Pydantic's codes for a value of another type, as people call what was expected.
_EXPECTED = {
    "string_type": "a string",
    "int_type": "a whole number",
    "float_type": "a number of seconds",
    "bool_type": "true or false",
    "date_type": "a date, as in 2026-01-31",
    "list_type": "a list of strings",
    "dict_type": "a table",
    "model_type": "a table",
}


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


class Surroundings(NamedTuple):
    """What a catalog is read against: the process's environment, and by kind the names that a route may refer to."""

    environ: Mapping[str, str]
    names: Mapping[str, Collection[str]]


class Table(BaseModel):
    """A table of the file. Types are strict, and unknown keys are refused.

    TOML has no null. A field that may be None and has no default has to be there, and is None only in what
    `Problems.read` could save of a table with a mistake.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    @classmethod
    def further_problems(cls, given: Mapping[str, Any]) -> Iterator[tuple[TomlPath, str]]:
        """What the types of fields cannot say of a table as it was parsed, each with its place in there."""
        yield from ()


SomeTable = TypeVar("SomeTable", bound=Table)


class Problems:
    """Collects what is wrong with one file."""

    def __init__(self, file: str, lines: LineMap) -> None:
        self.noted: list[Problem] = []
        self._file = file
        self._lines = lines

    def note(self, path: TomlPath, message: str) -> None:
        self.noted.append(Problem(self._file, self._lines.line_of(path), shown_path(path), message))

    def line_of(self, path: TomlPath) -> int:
        return self._lines.line_of(path)

    def read(
        self, kind: type[SomeTable], path: TomlPath, given: object, surroundings: Surroundings
    ) -> SomeTable:
        """The table at `path`. Fields that cannot be used are noted, and None, so that the rest is still checked."""
        # Of what is no table at all, every field is one that cannot be used.
        fields = given if isinstance(given, dict) else dict.fromkeys(kind.model_fields)
        for place, message in kind.further_problems(fields):
            self.note((*path, *place), message)
        try:
            return kind.model_validate(given, context=surroundings)
        except ValidationError as error:
            found = error.errors(include_url=False)
        for problem in found:
            self.note((*path, *problem["loc"]), _in_our_words(problem, kind))
        saved = {**fields, **{str(problem["loc"][0]): None for problem in found if problem["loc"]}}
        known = {name: saved[name] for name in kind.model_fields if name in saved}
        return cast(SomeTable, kind.model_construct(**known))


def _in_our_words(problem: ErrorDetails, kind: type[Table]) -> str:
    code = problem["type"]
    if code == "missing":
        return "missing"
    if code == "extra_forbidden":
        return f"unknown key{suggestion(str(problem['loc'][-1]), kind.model_fields)}"
    if code in _EXPECTED:
        return f"expected {_EXPECTED[code]}, not {type_name(problem['input'])}"
    return problem["msg"].removeprefix("Value error, ")


def suggestion(name: str, known: Collection[str]) -> str:
    """ "; did you mean …?" where something known is close, else what there is to choose from."""
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there is {', '.join(sorted(known))}" if known else "; there is none"


def type_name(value: object) -> str:
    """What people call the type of a TOML value."""
    names = {
        str: "a string",
        bool: "a boolean",
        int: "a whole number",
        float: "a number",
        list: "a list",
        dict: "a table",
    }
    return names.get(type(value), "a date or time")


def readable(value: str) -> str:
    """The text, where people can read it and it is no longer than they want to; raises ValueError otherwise."""
    if not value.strip():
        raise ValueError("must not be empty")
    if len(value) > MAX_TEXT_LENGTH:
        raise ValueError(f"must be at most {MAX_TEXT_LENGTH} characters")
    if _UNPRINTABLE.search(value):
        raise ValueError("must not contain control characters")
    return value


def resolved(value: str, info: ValidationInfo[Surroundings]) -> str:
    """The text itself, or what it stands for in this process where it is `env:NAME`."""
    if not value.startswith(ENV_PREFIX):
        return value
    name = value.removeprefix(ENV_PREFIX)
    if not _ENV_NAME.fullmatch(name):
        raise ValueError("expected env: and the name of an environment variable")
    found = info.context.environ.get(name, "").strip()
    if not found:
        raise ValueError(f"the environment variable {name} is not set in this process")
    if _UNPRINTABLE.search(found):
        raise ValueError(f"the environment variable {name} contains control characters")
    return found


Text = Annotated[str, AfterValidator(readable)]
Resolved = Annotated[Text, AfterValidator(resolved)]


def fits(sound: Callable[[Any], bool], otherwise: str) -> AfterValidator:
    """Refuses values that are not sound, in these words."""

    def check(value: Any) -> Any:
        if not sound(value):
            raise ValueError(otherwise)
        return value

    return AfterValidator(check)


def matches(form: re.Pattern[str]) -> AfterValidator:
    """For a text that has this form as a whole."""
    return fits(lambda value: form.fullmatch(value) is not None, f"must match {form.pattern}")


def from_to(low: int, high: int) -> AfterValidator:
    """For a whole number from low to high."""
    return fits(lambda value: low <= value <= high, f"must be from {low:,} to {high:,}")


def seconds_up_to(high: float) -> AfterValidator:
    """For a number of seconds above 0 and up to high."""
    return fits(lambda value: 0 < value <= high, f"must be above 0 and at most {high:,.0f}")


def names_a(what: str) -> AfterValidator:
    """For the name of something that exists; suggests the nearest one where it does not."""

    def check(name: str, info: ValidationInfo[Surroundings]) -> str:
        known = info.context.names[what]
        if name not in known:
            raise ValueError(f"no such {what}{suggestion(name, known)}")
        return name

    return AfterValidator(check)


def unfit_for_json(path: TomlPath, value: object) -> Iterator[tuple[TomlPath, str]]:
    """Whatever in a value cannot be sent as JSON: dates, NaN, infinity, and what is wider than 64 bits."""
    if isinstance(value, dict | list):
        for place, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from unfit_for_json((*path, place), inner)
    elif isinstance(value, float) and not math.isfinite(value):
        yield path, "must be finite"
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        yield path, "must fit 64 bits"
    elif not isinstance(value, str | int | float):
        yield path, f"must be a JSON value, not {type_name(value)}"
