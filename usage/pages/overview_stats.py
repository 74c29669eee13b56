"""The overview's stats: what a period came to, how it compares with the one before, and what leads it. Pure but
for the look at the books."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from aio_platform.charts import Chart, Series
from usage.pages.periods import interval_starts, visitors_grouping
from usage.queries.aggregates.intervals import start_of_interval
from usage.queries.aggregates.summaries import summarise, total
from usage.queries.aggregates.time_series import time_series
from usage.queries.filters import CallFilter
from usage.snapshot import Snapshot

# How long each lasts, and into what its charts are cut.
PERIODS: dict[str, tuple[timedelta, str]] = {
    "24h": (timedelta(hours=24), "hour"),
    "7d": (timedelta(days=7), "day"),
    "30d": (timedelta(days=30), "day"),
}
LEADERS = 5
RUNWAY_LOOK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Stat:
    """A figure with its chart. `change` is relative, or the difference of two shares; None: nothing before."""

    value: Any
    change: float | None
    chart: Chart
    detail: Any = None


@dataclass(frozen=True, slots=True)
class Leader:
    """A model or key, its cost and calls, and its part of the period's cost (of its calls where all were free)."""

    label: str
    filter_value: str
    cost_microcredits: int
    calls: int
    share: float


@dataclass(frozen=True, slots=True)
class OverviewStats:
    spend: Stat
    calls: Stat
    success: Stat
    latency: Stat
    models: list[Leader]
    keys: list[Leader]


@dataclass(frozen=True, slots=True)
class Runway:
    """How long the available credits last at the average of the last days; `days` is None when nothing is spent."""

    days: int | None
    per_day_microcredits: int
    looked_days: int


def look_at_period(books: Snapshot, account_id: int, name: str) -> OverviewStats:
    """The stats of the last 24 hours, 7 or 30 days; compared with as long a time before."""
    length, interval = PERIODS[name]
    grouping = visitors_grouping(interval=interval)
    # The first interval is a whole one; what it is compared with is as long, to the hour.
    since = start_of_interval(books.as_of - length, interval, grouping.zone)
    now = CallFilter(account_id, since=since)
    # Hours are kept in sums for longer than any period here, so a whole hour is cheap to begin with.
    before_since = start_of_interval(since - (books.as_of - since), "hour", grouping.zone)
    before = CallFilter(account_id, since=before_since, until=since)
    rows = {datetime.fromisoformat(row["bucket"]): row for row in summarise(books, now, grouping)}
    moments = interval_starts(since, books.as_of, grouping, rows)
    cut = [rows.get(moment) for moment in moments]
    current, previous = total(books, now), total(books, before)
    led = time_series(books, now, visitors_grouping(("model", "key")))
    return OverviewStats(
        spend=Stat(
            current["cost_microcredits"],
            _relative(current["cost_microcredits"], previous["cost_microcredits"]),
            Chart(_("Spend"), "credits", moments, [Series(_("Credits"), _of(cut, "cost_microcredits"))]),
        ),
        calls=Stat(
            current["calls"],
            _relative(current["calls"], previous["calls"]),
            Chart(
                _("Calls"),
                "count",
                moments,
                [
                    Series(_("Without error"), [row["calls"] - row["errors"] if row else 0 for row in cut]),
                    Series(_("Errors"), _of(cut, "errors")),
                ],
            ),
            detail=current["errors"],
        ),
        success=Stat(
            _success(current),
            _difference(_success(current), _success(previous)),
            Chart(
                _("Success rate"),
                "percent",
                moments,
                [Series(_("Success rate"), [_success(row) if row else None for row in cut])],
                kind="line",
            ),
        ),
        latency=Stat(
            current["latency_ms"]["p50"],
            _relative(current["latency_ms"]["p95"], previous["latency_ms"]["p95"]),
            Chart(
                _("Latency"),
                "ms",
                moments,
                [
                    Series(name, [row["latency_ms"][name] if row else None for row in cut])
                    for name in ("p50", "p95")
                ],
                kind="line",
            ),
            detail=current["latency_ms"]["p95"],
        ),
        models=_leaders(led, "model", current),
        keys=_leaders(led, "key", current),
    )


def look_at_runway(books: Snapshot, account_id: int, available: int, first_call_at: datetime) -> Runway:
    """At the average of the last 7 days, or since the first call where that is later; but of one day at least."""
    since = max(books.as_of - RUNWAY_LOOK, min(first_call_at, books.as_of - timedelta(days=1)))
    days = (books.as_of - since) / timedelta(days=1)
    whole_hour = since.replace(minute=0, second=0, microsecond=0)
    sums = time_series(books, CallFilter(account_id, since=whole_hour), visitors_grouping())
    spent = sum(row["cost_microcredits"] for row in sums)
    per_day = round(spent / days)
    return Runway(available // per_day if per_day > 0 else None, per_day, round(days))


def _of(cut: list[dict[str, Any] | None], name: str) -> list[int]:
    return [row[name] if row else 0 for row in cut]


def _success(row: dict[str, Any]) -> float | None:
    return (row["calls"] - row["errors"]) / row["calls"] if row["calls"] else None


def _relative(value: int | None, before: int | None) -> float | None:
    return (value - before) / before if value is not None and before else None


def _difference(value: float | None, before: float | None) -> float | None:
    return None if value is None or before is None else value - before


def _leaders(rows: list[dict[str, Any]], dimension: str, total: dict[str, Any]) -> list[Leader]:
    sums: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        if dimension == "model":
            named = (row["model"], row["model"])
        else:
            key = row["key"]
            named = (key["name"], key["id"]) if key else (_("Signed-in members"), "session")
        cost_and_calls = sums.setdefault(named, [0, 0])
        cost_and_calls[0] += row["cost_microcredits"]
        cost_and_calls[1] += row["calls"]
    by_cost = total["cost_microcredits"] > 0
    whole = total["cost_microcredits"] if by_cost else total["calls"]
    ranked = sorted(sums.items(), key=lambda one: (-one[1][0], -one[1][1], one[0]))[:LEADERS]
    return [
        Leader(label, value, cost, calls, (cost if by_cost else calls) / whole if whole else 0.0)
        for (label, value), (cost, calls) in ranked
    ]
