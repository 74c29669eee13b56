"""What all accounts used, for `manage.py usage_report` without a report's name.

Its groups stand in the order asked for, and a day is text; the staff site has `calls` and `latency` instead.
"""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_noop as _

from usage.queries.aggregates.histograms import percentiles
from usage.queries.aggregates.summaries import (
    MAX_ROWS,
    NO_INTERVAL,
    Grouping,
    check_row_count,
    within_period,
)
from usage.queries.aggregates.sums import Wanted, aggregate_calls
from usage.queries.filters import CallFilter
from usage.reports.calls import UNITS as CALL_UNITS
from usage.reports.calls import VALUE_COLUMNS as CALL_COLUMNS
from usage.reports.calls import describe as describe_calls
from usage.reports.report_query import period_of
from usage.reports.rows import name_rows
from usage.reports.shape import Column, Kind, Report, group
from usage.snapshot import snapshot

DAY = "day"
DIMENSIONS = ("account", "key", "model", "endpoint", "outcome", DAY)
_OF_CALLS = ("calls", "errors", "cost", "gross", "refunded", "tokens_in", "tokens_out")
VALUE_COLUMNS = (
    *(column for column in CALL_COLUMNS if column.name in _OF_CALLS),
    Column("p50_ms", _("Latency p50"), Kind.MILLISECONDS),
    Column("p95_ms", _("Latency p95"), Kind.MILLISECONDS),
    Column("p99_ms", _("Latency p99"), Kind.MILLISECONDS),
)


def all_usage(since: datetime | None, until: datetime | None, group_by: tuple[str, ...]) -> Report:
    """Calls, credits, tokens and latencies by some of DIMENSIONS; of the last 30 days where no start is given.

    Raises InvalidRequest for a period or grouping that makes too much.
    """
    grouping = Grouping(
        by=tuple(name for name in group_by if name != DAY),
        interval=DAY if DAY in group_by else NO_INTERVAL,
    )
    wanted = Wanted(
        grouping.by,
        grouping.interval,
        histograms=("latencies",),
        units=CALL_UNITS,
        limit=MAX_ROWS + 1,
    )
    with snapshot() as books:
        which = within_period(CallFilter(account_id=None, since=since, until=until), grouping, books.as_of)
        found = aggregate_calls(books, which, wanted)
        check_row_count(found)
        rows = [row | _describe(row) for row in name_rows(found, grouping)]
    return Report(
        "usage",
        "Usage",
        books.as_of,
        period_of(which),
        (*(group(name, name.capitalize()) for name in group_by), *VALUE_COLUMNS),
        rows,
        interval=grouping.interval,
    )


def _describe(row: dict[str, Any]) -> dict[str, Any]:
    p50, p95, p99 = percentiles(row["latencies"], (0.5, 0.95, 0.99))
    day = {DAY: row["bucket"].date().isoformat()} if "bucket" in row else {}
    return {**day, **describe_calls(row), "p50_ms": p50, "p95_ms": p95, "p99_ms": p99}
