"""Reports on the staff site: a chart, a table, filters in the address, the period before, and the same as CSV."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Plan
from accounts.staff.page_registry import REPORTS as REPORT_MENU
from accounts.staff.page_registry import show, staff_page
from accounts.staff.tables import Cell, Table, choices, timestamp_text
from aio_platform.charts import Chart as Picture
from aio_platform.charts import Kind as PictureKind
from aio_platform.charts import Series, Unit
from aio_platform.errors import NotFound
from aio_platform.http.output_formats import csv_file
from aio_platform.http.query_parameters import QueryParameters
from aio_platform.i18n.translatable import gettext_noop
from aio_platform.templatetags.formatting import credits_exact
from usage.labels import OUTCOMES
from usage.ledger.outcomes import Outcome
from usage.pages.periods import interval_starts
from usage.queries.aggregates.summaries import INTERVALS, NO_INTERVAL, Grouping
from usage.reports import REPORTS, Report, ReportKind
from usage.reports.reading import PARAMETERS, read_report_query
from usage.reports.rendering import as_csv
from usage.reports.shape import Column, Kind

PERMISSION = "usage.view_usageevent"
_UNITS: dict[Kind, Unit] = {
    Kind.COUNT: "count",
    Kind.MICROCREDITS: "credits",
    Kind.SHARE: "percent",
    Kind.MILLISECONDS: "ms",
}
INTERVAL_NAMES = {
    "minute": gettext_lazy("minute"),
    "hour": gettext_lazy("hour"),
    "day": gettext_lazy("day"),
    "month": gettext_lazy("month"),
    NO_INTERVAL: gettext_lazy("none"),
}
MAX_SERIES = 8
MAX_BARS = 15


@staff_page(
    "reports/", name="reports", title=REPORT_MENU, permission=PERMISSION, menu=(REPORT_MENU, "monitoring")
)
def report_list(request: HttpRequest) -> HttpResponse:
    """Every report there is."""
    return show(request, "staff/reports.html", _("Reports"), {"reports": list(REPORTS.values())})


@staff_page("reports/<slug:name>/", name="report", title=gettext_noop("Report"), permission=PERMISSION)
def report(request: HttpRequest, name: str) -> HttpResponse:
    """One report as the address asks for it."""
    kind = _kind(name)
    texts = _texts(request)
    made = kind.make(read_report_query(texts))
    return show(
        request,
        "staff/report.html",
        _(kind.title),
        {
            "kind": kind,
            "report": made,
            "table": _table(made),
            "pictures": [(f"chart-{place}", picture) for place, picture in enumerate(_pictures(made))],
            "bars": _bars(made),
            "totals": _totals(made),
            "period": _period(made),
            "csv_href": f"{reverse('staff:report-csv', args=[name])}?{request.GET.urlencode()}",
            "asked": texts,
            "plans": Plan.objects.order_by("slug"),
            "outcomes": choices([outcome.value for outcome in Outcome], OUTCOMES),
            "intervals": choices(INTERVALS, INTERVAL_NAMES),
        },
    )


@staff_page("reports/<slug:name>.csv", name="report-csv", title=gettext_noop("Report"), permission=PERMISSION)
def report_csv(request: HttpRequest, name: str) -> HttpResponse:
    """The same rows for a spreadsheet, which takes none of them for a formula."""
    kind = _kind(name)
    made = kind.make(read_report_query(_texts(request)))
    return csv_file(f"{kind.name}.csv", as_csv(made))


def shown_title(column: Column) -> str:
    """A column's heading in the visitor's language."""
    return str(column.shown_as or _(column.title))


def shown_value(column: Column, value: Any) -> str:
    """A figure as people read it."""
    if value is None:
        return "–"
    if column.kind is Kind.MICROCREDITS:
        return credits_exact(value)
    if column.kind is Kind.SHARE:
        return f"{value:.2%}"
    if column.kind is Kind.MILLISECONDS:
        return f"{value:,} ms"
    if column.kind is Kind.SECONDS:
        return f"{value:,} s"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if column.words is not None:
        return str(column.words.get(value, value))
    return f"{value:,}" if column.kind is Kind.COUNT else str(value)


def _kind(name: str) -> ReportKind:
    kind = REPORTS.get(name)
    if kind is None:
        raise NotFound(gettext_noop("There is no such report."))
    return kind


def _texts(request: HttpRequest) -> dict[str, str]:
    """What the address asks for, of the parameters that every report takes."""
    parameters = QueryParameters(request, PARAMETERS, skip_empty=True)
    return {one: parameters.text(one) or "" for one in PARAMETERS}


def _table(made: Report) -> Table:
    headings = [shown_title(column) for column in made.groups]
    for column in made.value_columns:
        headings.append(shown_title(column))
        if made.previous is not None:
            headings.append(_("%(figure)s, before") % {"figure": shown_title(column)})
    rows = []
    for row, earlier in made.rows_with_previous():
        cells = [_group_cell(column, row) for column in made.groups]
        for column in made.value_columns:
            is_number = column.kind is not Kind.TEXT
            cells.append(Cell(shown_value(column, row[column.name]), is_number=is_number))
            if made.previous is not None:
                was = None if earlier is None else earlier[column.name]
                cells.append(Cell(shown_value(column, was), is_number=is_number))
        rows.append(cells)
    return Table(_(made.title), headings, rows, empty=_("Nothing in this period."))


def _group_cell(column: Column, row: dict[str, Any]) -> Cell:
    ids = row.get("ids") or {}
    href = ""
    if column.name == "account" and "account" in ids:
        href = f"/staff/accounts/{ids['account']}/"
    elif column.name == "request":
        href = f"/staff/calls/?request={ids['request']}"
    elif column.name == "task" and "account" in ids:
        href = f"/staff/tasks/{ids['account']}/{ids['task']}/"
    elif column.name == "key" and "key" in ids:
        href = f"/staff/keys/{ids['key']}/"
    return Cell(shown_value(column, row[column.name]), href=href)


def _totals(made: Report) -> list[tuple[str, str, str]]:
    if made.totals is None:
        return []
    before = (made.previous.totals or {}) if made.previous is not None else {}
    return [
        (
            shown_title(column),
            shown_value(column, made.totals[column.name]),
            _("before: %(value)s") % {"value": shown_value(column, before[column.name])}
            if column.name in before
            else "",
        )
        for column in made.value_columns
        if column.name in made.totals
    ]


def _period(made: Report) -> str:
    if made.period is None:
        return _("As of %(moment)s UTC.") % {"moment": timestamp_text(made.as_of)}
    return _("%(since)s to %(until)s UTC; as of %(moment)s.") % {
        "since": timestamp_text(made.period.since),
        "until": timestamp_text(made.period.until or made.as_of),
        "moment": timestamp_text(made.as_of),
    }


def _pictures(made: Report) -> list[Picture]:
    """One chart a figure over time, with a line for each group of rows."""
    chart = made.chart
    column_of = {column.name: column for column in made.columns}
    if chart is None or column_of[chart.x].kind is not Kind.TIMESTAMP:
        return []
    moments = _interval_starts(made, chart.x)
    pictures = []
    for name in chart.y:
        column = column_of[name]
        lines: dict[str, dict[datetime, Any]] = {}
        for row in made.rows:
            lines.setdefault(_label(made, row) or shown_title(column), {})[row[chart.x]] = row[name]
        # Where nothing was called there is no row: nothing is 0 calls, and no latency at all.
        nothing = 0 if column.kind in (Kind.COUNT, Kind.MICROCREDITS) else None
        largest = sorted(lines.items(), key=lambda item: -sum(value or 0 for value in item[1].values()))
        series = [
            Series(label, [line.get(at, nothing) for at in moments]) for label, line in largest[:MAX_SERIES]
        ]
        form: PictureKind = "line" if chart.form == "line" else "bars"
        pictures.append(Picture(shown_title(column), _UNITS.get(column.kind, "count"), moments, series, form))
    return pictures


def _interval_starts(made: Report, x: str) -> list[datetime]:
    found = {row[x] for row in made.rows}
    if made.period is None or made.interval == NO_INTERVAL:
        return sorted(found)
    grouping = Grouping((), made.interval, made.zone, made.zone_name)
    return interval_starts(made.period.since, made.period.until or made.as_of, grouping, found)


def _label(made: Report, row: dict[str, Any]) -> str:
    """What names the row besides its moment."""
    return " · ".join(
        shown_value(column, row[column.name]) for column in made.groups if column.kind is not Kind.TIMESTAMP
    )


def _bars(made: Report) -> list[dict[str, Any]]:
    """The largest rows of a report that is not over time, as bars beside their figures."""
    chart = made.chart
    column_of = {column.name: column for column in made.columns}
    if chart is None or column_of[chart.x].kind is Kind.TIMESTAMP or not chart.y:
        return []
    column = column_of[chart.y[0]]
    rows = [row for row in made.rows if row[column.name]][:MAX_BARS]
    most = max((abs(row[column.name]) for row in rows), default=0)
    return [
        {
            "name": _label(made, row),
            "figure": shown_value(column, row[column.name]),
            "percent": round(100 * abs(row[column.name]) / most, 1),
            "title": shown_title(column),
        }
        for row in rows
    ]
