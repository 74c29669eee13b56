"""The first page of the staff site: the figures that matter today, and the way to everything else."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.staff.pages import may, show, staff_page
from accounts.staff.tables import Tone
from usage.admin.report_pages import PERMISSION, shown_value
from usage.queries.filters import CallFilter
from usage.staff_reports import REPORTS, Question
from usage.staff_reports.shape import Report

OVERVIEW = "Overview"


class Figure(NamedTuple):
    """One figure, what it was before or what it means, and the report behind it."""

    name: str
    value: str
    remark: str
    href: str
    tone: Tone = ""


@staff_page("", name="home", title="Overview", permission="", menu=(OVERVIEW, "home"))
def home(request: HttpRequest) -> HttpResponse:
    """Every member of the staff may come here; the figures are for those who may see reports."""
    allowed = may(request, [PERMISSION])
    sees_reports = allowed["view_usageevent"]
    return show(
        request,
        "staff/home.html",
        "Overview",
        {
            "figures": _figures() if sees_reports else [],
            "reports": list(REPORTS.values()) if sees_reports else [],
        },
    )


def _figures() -> list[Figure]:
    """The day so far beside the day before, and what is so at this moment."""
    day = Question(
        which=CallFilter(account_id=None, since=datetime.now(UTC) - timedelta(days=1)),
        group_by=(),
        interval="hour",
        compare=True,
    )
    calls = REPORTS["calls"].make(day)
    return [_total(calls, name) for name in ("calls", "cost", "error_rate")]


def _total(report: Report, name: str) -> Figure:
    column: Any = next(column for column in report.figures if column.name == name)
    before = (report.previous.totals or {}).get(name) if report.previous is not None else None
    return Figure(
        f"{column.title}, 24 hours",
        shown_value(column, (report.totals or {}).get(name)),
        f"{shown_value(column, before)} the day before",
        reverse("staff:report", args=[report.name]),
    )
