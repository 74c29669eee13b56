"""Calls, credits, errors and latency, added up by key, member, model, endpoint and outcome, over time."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from aio_platform.timestamps import local_text
from usage.ledger.units import NULLABLE_UNITS
from usage.queries.aggregates.histograms import percentiles
from usage.queries.aggregates.intervals import start_of_interval
from usage.queries.aggregates.sums import ZERO_SUMS, Wanted, aggregate_calls
from usage.queries.filters import CallFilter
from usage.queries.keys import describe_keys
from usage.queries.members import describe_members
from usage.queries.money import money
from usage.snapshot import Snapshot

MAX_BUCKETS = 10_000
MAX_ROWS = 10_000
NO_INTERVAL = "none"
# An interval's length, and how far back one looks who does not say.
INTERVALS: dict[str, tuple[timedelta, timedelta]] = {
    "minute": (timedelta(minutes=1), timedelta(hours=1)),
    "hour": (timedelta(hours=1), timedelta(days=2)),
    "day": (timedelta(days=1), timedelta(days=30)),
    "month": (timedelta(days=28), timedelta(days=365)),
    NO_INTERVAL: (timedelta(days=1), timedelta(days=30)),
}
# Both wholes first, then their parts.
TOKEN_UNITS = ("tokens_in", "tokens_out", *NULLABLE_UNITS)
DIMENSIONS = ("key", "member", "model", "endpoint", "outcome")


@dataclass(frozen=True, slots=True)
class Grouping:
    """By what calls are added up: some of DIMENSIONS (and "account", for operators), and an interval."""

    by: tuple[str, ...]
    interval: str = NO_INTERVAL
    zone: tzinfo = UTC
    zone_name: str = "UTC"


def within_period(which: CallFilter, grouping: Grouping, as_of: datetime) -> CallFilter:
    """The calls of the period asked for, or of the interval's usual one that starts with a whole interval.

    An end that is not asked for stays open, so that nobody's clock hides a call. Raises InvalidRequest,
    naming `since`, for a period with more than 10,000 intervals.
    """
    length, usual = INTERVALS[grouping.interval]
    end = which.until or as_of
    whole = "day" if grouping.interval == NO_INTERVAL else grouping.interval
    since = which.since or start_of_interval(end - usual, whole, grouping.zone)
    if end - since > length * MAX_BUCKETS:
        raise InvalidRequest(
            _("A period has at most %(max_buckets)s %(unit)ss; since is too early."),
            param="since",
            max_buckets=f"{MAX_BUCKETS:,}",
            unit=whole,
        )
    return replace(which, since=since)


def summarise(books: Snapshot, which: CallFilter, grouping: Grouping) -> list[dict[str, Any]]:
    """One row a bucket and group that has calls: by time, then dearest first.

    Raises InvalidRequest, naming `group_by`, when that makes more than 10,000 rows.
    """
    rows = aggregate_calls(books, which, _wanted(grouping, limit=MAX_ROWS + 1))
    check_row_count(rows)
    keys = describe_keys(row["key"] for row in rows if "key" in row)
    members = describe_members(row["member"] for row in rows if row.get("member") is not None)
    return [_describe(row, grouping, keys, members) for row in rows]


def total(books: Snapshot, which: CallFilter) -> dict[str, Any]:
    """Everything in one row; percentiles cannot be had from those of the groups."""
    rows = aggregate_calls(books, which, _wanted(Grouping(())))
    return describe_sums(rows[0] if rows else ZERO_SUMS)


def _wanted(grouping: Grouping, limit: int | None = None) -> Wanted:
    return Wanted(
        grouping.by,
        grouping.interval,
        grouping.zone,
        grouping.zone_name,
        histograms=("latencies", "first_bytes"),
        units=TOKEN_UNITS,
        limit=limit,
    )


def check_row_count(rows: list[Any]) -> None:
    """Raise InvalidRequest, naming `group_by`, for more rows than an answer has."""
    if len(rows) > MAX_ROWS:
        raise InvalidRequest(
            _("That makes more than %(max_rows)s rows; group by less, or ask for a shorter time."),
            param="group_by",
            max_rows=f"{MAX_ROWS:,}",
        )


def describe_sums(row: dict[str, Any]) -> dict[str, Any]:
    """`cost` is net of refunds, `gross` is not; latencies are exact up to 100 ms, then within 2 %."""
    p50, p95, p99 = percentiles(row["latencies"], (0.5, 0.95, 0.99))
    first_p50, first_p95 = percentiles(row["first_bytes"], (0.5, 0.95))
    gross, refunded = row["gross_microcredits"], row["refunded_microcredits"]
    return {
        "calls": row["calls"],
        "errors": row["errors"],
        **money("cost", gross - refunded),
        **money("gross", gross),
        **money("refunded", refunded),
        **{unit: row[unit] for unit in TOKEN_UNITS},
        "latency_ms": {"p50": p50, "p95": p95, "p99": p99},
        "first_byte_ms": {"p50": first_p50, "p95": first_p95},
    }


def _describe(
    row: dict[str, Any],
    grouping: Grouping,
    keys: dict[int, dict[str, Any]],
    members: dict[int, dict[str, Any]],
) -> dict[str, Any]:
    described: dict[str, Any] = {}
    if grouping.interval != NO_INTERVAL:
        described["bucket"] = local_text(row["bucket"], grouping.zone)
    for name in grouping.by:
        if name == "key":
            described["key"] = keys.get(row["key"])
        elif name == "member":
            described["member"] = members.get(row["member"])
        elif name == "account":
            described["account_id"] = row["account"]
        else:
            described[name] = row[name]
    return described | describe_sums(row)
