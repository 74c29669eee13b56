"""The first page of the staff site: the stats that matter today, and the way to everything else."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.staff.page_registry import OVERVIEW, may, show, staff_page
from accounts.staff.tables import Tone
from usage.queries.filters import CallFilter
from usage.reports import REPORTS, ReportQuery
from usage.reports.report_query import MAX_LIMIT
from usage.reports.shape import Column, Report
from usage.staff.report_pages import PERMISSION, shown_title, shown_value

# Reports of what should not be, as of now; the gateway adds the upstreams and the tasks.
AS_OF_NOW = ("upstream_problems", "stuck_tasks", "holds")


class Stat(NamedTuple):
    """A number on the home page, a remark that compares or explains it, and the link to its report."""

    name: str
    value: str
    remark: str
    href: str
    tone: Tone = ""


@staff_page("", name="home", title=OVERVIEW, permission="", menu=(OVERVIEW, "home"))
def home(request: HttpRequest) -> HttpResponse:
    """Every member of the staff may come here; the stats are for those who may see reports."""
    allowed = may(request, [PERMISSION])
    sees_reports = allowed["view_usageevent"]
    return show(
        request,
        "staff/home.html",
        _("Overview"),
        {
            "stats": _stats() if sees_reports else [],
            "reports": list(REPORTS.values()) if sees_reports else [],
        },
    )


def _stats() -> list[Stat]:
    """The day so far beside the day before, and what is so at this moment."""
    day = ReportQuery(
        which=CallFilter(account_id=None, since=datetime.now(UTC) - timedelta(days=1)),
        group_by=(),
        interval="hour",
        compare=True,
    )
    calls = REPORTS["calls"].make(day)
    now = ReportQuery(limit=MAX_LIMIT)
    stats = [_total(calls, name) for name in ("calls", "cost", "error_rate")]
    stats.append(_liability(REPORTS["liability"].make(now)))
    stats += [_rows(REPORTS[name].make(now), _("now")) for name in AS_OF_NOW if name in REPORTS]
    stats.append(_rows(REPORTS["overruns"].make(now), _("24 hours")))
    stats.append(_books(REPORTS["reconciliation"].make(now)))
    return stats


def _total(report: Report, name: str) -> Stat:
    column = _column(report, name)
    before = (report.previous.totals or {}).get(name) if report.previous is not None else None
    return Stat(
        _("%(figure)s, 24 hours") % {"figure": shown_title(column)},
        shown_value(column, (report.totals or {}).get(name)),
        _("%(value)s the day before") % {"value": shown_value(column, before)},
        _href(report),
    )


def _liability(report: Report) -> Stat:
    totals = report.totals or {}
    column = _column(report, "unspent")
    return Stat(
        _("Unspent credits"),
        shown_value(column, totals.get("unspent")),
        _("owed to accounts"),
        _href(report),
    )


def _rows(report: Report, when: str) -> Stat:
    """How many rows there are of what there should be none."""
    count = f"{len(report.rows):,}"
    if report.is_cut:
        count = _("%(count)s or more") % {"count": count}
    return Stat(_(report.title), count, when, _href(report), "warn" if report.rows else "good")


def _books(report: Report) -> Stat:
    """What the newest look and the newest whole reconciliation found."""
    wrong = [row for row in _newest_of_each(report.rows) if row["disagreements"]]
    value = _("disagree") if wrong else _("agree")
    scope = next(column for column in report.groups if column.name == "scope")
    looked = ", ".join(
        f"{shown_value(scope, row['scope'])} {row['checked_at']:%m-%d %H:%M}"
        for row in _newest_of_each(report.rows)
    )
    return Stat(_("The books"), value, looked, _href(report), "bad" if wrong else "good")


def _newest_of_each(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    newest: dict[str, dict[str, Any]] = {}
    for row in rows:
        newest.setdefault(row["scope"], row)
    return list(newest.values())


def _column(report: Report, name: str) -> Column:
    return next(column for column in report.value_columns if column.name == name)


def _href(report: Report) -> str:
    return reverse("staff:report", args=[report.name])
