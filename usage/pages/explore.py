"""Usage as a chart and a table: any measure by any dimension, over any time, and the same as CSV."""

from datetime import datetime
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.page_context import member_page, page_member
from aio_platform.http.query_parameters import QueryParameters
from aio_platform.timestamps import utc_text
from usage import labels
from usage.api.query_parameters import CALL_FILTERS, read_call_filter
from usage.api.table_csv import csv_response, flat_summary, summary_columns
from usage.pages import chart_series
from usage.pages.chart_series import MEASURES, SHOWN_GROUPS, Measure
from usage.pages.field_errors import explains_bad_fields
from usage.pages.periods import (
    CUSTOM,
    INTERVALS,
    PRESETS,
    Period,
    interval_starts,
    read_interval,
    read_period,
    visitors_grouping,
)
from usage.queries import refusals
from usage.queries.aggregates import summaries
from usage.queries.aggregates.intervals import start_of_interval
from usage.queries.aggregates.time_series import time_series
from usage.queries.filter_options import Choices, filter_choices
from usage.queries.filters import CallFilter
from usage.snapshot import snapshot

DEFAULT_PERIOD = "7d"
DEFAULT_MEASURE = "cost"
FILTERS = ("key", "model", "endpoint", "outcome", "member")
NO_GROUP = "none"
_KNOWN = (*CALL_FILTERS, "period", "interval", "group_by", "measure")


class View(NamedTuple):
    """What the address asks for."""

    period: Period
    interval: str
    chosen_interval: str | None
    group_by: str | None
    measure_name: str
    measure: Measure
    which: CallFilter
    filters: dict[str, str]


@require_GET
@never_cache
@member_page()
@explains_bad_fields
def usage(request: HttpRequest) -> HttpResponse:
    """The chart, the table of the period's groups, and refused calls by reason."""
    account = page_member(request).account
    view = _read(request, account.pk)
    over_time = visitors_grouping(_by(view), view.interval)
    with snapshot() as books:
        which = summaries.within_period(view.which, over_time, books.as_of)
        groups = summaries.summarise(books, which, visitors_grouping(_by(view)))
        table = chart_series.ranked(groups, view.group_by, view.measure)
        leading = [group for group, _row in table[:SHOWN_GROUPS]]
        cut = time_series(books, which, over_time, view.measure.histogram, _drawn(view, leading))
        total = summaries.total(books, which)
        refusal_rows = refusals.count_refusals(books, which, visitors_grouping(("code",), view.interval))
        choices = filter_choices(books, account.pk)
    end = view.period.end(books.as_of)
    moments = interval_starts(view.period.since, end, over_time, {row["bucket"] for row in cut})
    context = _form(view, choices) | {
        "chart": chart_series.chart_of(
            str(view.measure.name), view.measure, view.group_by, leading, moments, cut
        ),
        "refusals": chart_series.refusals_chart(
            interval_starts(
                view.period.since,
                end,
                over_time,
                {datetime.fromisoformat(row["bucket"]) for row in refusal_rows},
            ),
            refusal_rows,
        ),
        "table": table,
        "hidden_groups": max(len(table) - SHOWN_GROUPS, 0) if not view.measure.adds_up else 0,
        "total": total,
        "since": which.since,
        "until": which.until or books.as_of,
        "api_query": _api_query(view, which),
        "as_of": books.as_of,
    }
    return render(request, "usage/explore.html", context)


@require_GET
@never_cache
@member_page()
@explains_bad_fields
def summary_csv(request: HttpRequest) -> HttpResponseBase:
    """The view that the address asks for, cut into its intervals, with the figures of /api/v1/usage/summary."""
    view = _read(request, page_member(request).account.pk)
    grouping = visitors_grouping(_by(view), view.interval)
    with snapshot() as books:
        which = summaries.within_period(view.which, grouping, books.as_of)
        rows = summaries.summarise(books, which, grouping)
    columns = summary_columns(grouping.by, with_bucket=True)
    return csv_response("usage-summary.csv", columns, (flat_summary(row) for row in rows))


def _read(request: HttpRequest, account_id: int) -> View:
    parameters = QueryParameters(request, _KNOWN, skip_empty=True)
    now = timezone.now()
    zone = timezone.get_current_timezone()
    period = read_period(parameters, now, DEFAULT_PERIOD)
    interval = read_interval(parameters, period, now)
    if period.name != CUSTOM:
        period = period._replace(since=start_of_interval(period.since, interval, zone))
    group_by = parameters.choice("group_by", (NO_GROUP, *summaries.DIMENSIONS), "model")
    measure_name = parameters.choice("measure", tuple(MEASURES), DEFAULT_MEASURE) or DEFAULT_MEASURE
    call_filter = read_call_filter(parameters, account_id, zone)
    return View(
        period,
        interval,
        parameters.text("interval"),
        None if group_by == NO_GROUP else group_by,
        measure_name,
        MEASURES[measure_name],
        CallFilter(
            account_id,
            key_id=call_filter.key_id,
            endpoint=call_filter.endpoint,
            model=call_filter.model,
            outcome=call_filter.outcome,
            since=period.since,
            until=period.until,
            member_id=call_filter.member_id,
        ),
        {name: text for name in FILTERS if (text := parameters.text(name)) is not None},
    )


def _by(view: View) -> tuple[str, ...]:
    return () if view.group_by is None else (view.group_by,)


def _drawn(view: View, leading: list[chart_series.Group]) -> tuple[str, ...] | None:
    """The groups that a chart of percentiles shows, where their names say which they are; None for all."""
    if view.measure.adds_up or view.group_by not in ("model", "endpoint", "outcome"):
        return None
    return tuple(group.filter_value for group in leading if group.filter_value is not None)


def _form(view: View, choices: Choices) -> dict[str, Any]:
    """What the toolbar's fields offer, and what is chosen; a choice that nothing was called with stays one."""
    return {
        "view": view,
        "periods": {name: label for name, (_length, label) in PRESETS.items()},
        "is_custom": view.period.name == CUSTOM,
        "intervals": {name: label for name, (_length, label) in INTERVALS.items()},
        "dimensions": labels.DIMENSIONS,
        "measures": MEASURES,
        "choices": choices.with_chosen(view.filters),
        "outcomes": {name: label for name, label in labels.OUTCOMES.items() if name != "in_flight"},
    }


def _api_query(view: View, which: CallFilter) -> str:
    """The same query for the API, from the moment that was looked at."""
    assert which.since is not None
    query = {"interval": view.interval, "timezone": timezone.get_current_timezone_name()}
    if view.group_by is not None:
        query["group_by"] = view.group_by
    query |= view.filters | {"since": utc_text(which.since)}
    if which.until is not None:
        query["until"] = utc_text(which.until)
    return urlencode(query)
