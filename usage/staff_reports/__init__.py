"""What staff ask of the books, one question a file; every answer has the shape of `shape.Report`.

`REPORTS` lists them by name. Nothing here writes, and nothing here knows how an answer is shown.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from usage.staff_reports import calls
from usage.staff_reports.question import Question
from usage.staff_reports.shape import Report


class ReportKind(NamedTuple):
    """A report there is: its name in addresses, its title, the groupings it takes, and how it is made."""

    name: str
    title: str
    dimensions: tuple[str, ...]
    make: Callable[[Question], Report]


REPORTS: Mapping[str, ReportKind] = MappingProxyType(
    {kind.name: kind for kind in (ReportKind(calls.NAME, calls.TITLE, calls.DIMENSIONS, calls.calls),)}
)
