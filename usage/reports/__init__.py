"""What staff ask of the books, one question a file; every answer has the shape of `shape.Report`.

`REPORTS` lists them by name. Nothing here writes, and nothing here knows how an answer is shown.
"""

from collections.abc import Callable
from typing import NamedTuple

from usage.reports.calls import calls
from usage.reports.conversion import conversion
from usage.reports.holds import holds
from usage.reports.latency import latency
from usage.reports.liability import liability
from usage.reports.margin import margin
from usage.reports.overruns import overruns
from usage.reports.reconciliation import reconciliation
from usage.reports.refusals import refusals
from usage.reports.report_query import ReportQuery
from usage.reports.shape import Report
from usage.reports.top_accounts import top_accounts

__all__ = ["REPORTS", "Report", "ReportKind", "ReportQuery", "add_report"]


class ReportKind(NamedTuple):
    """A report there is: its name in addresses, its title, the groupings it takes, and how it is made."""

    name: str
    title: str
    dimensions: tuple[str, ...]
    make: Callable[[ReportQuery], Report]


REPORTS: dict[str, ReportKind] = {}


def add_report(kind: ReportKind) -> None:
    """Let there be one more report; an app above this one adds its own when it is ready (stuck tasks)."""
    assert kind.name not in REPORTS, kind.name
    REPORTS[kind.name] = kind


for _definition in (calls, margin, latency, refusals):
    add_report(ReportKind(_definition.name, _definition.title, _definition.dimensions, _definition))
add_report(ReportKind("conversion", "Trial to paid, and retention", (), conversion))
add_report(ReportKind("top_accounts", "Top accounts and unusual changes", ("account",), top_accounts))
add_report(ReportKind("liability", "Unspent credits", (), liability))
add_report(ReportKind("holds", "Holds open too long", (), holds))
add_report(ReportKind("overruns", "Calls above their hold", (), overruns))
add_report(ReportKind("reconciliation", "Do the books agree?", (), reconciliation))
