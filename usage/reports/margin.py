"""What calls brought in less what their upstreams cost us, where that is known.

A route's cost is published from an hour on (`usage.ledger.route_costs`) and applies to calls that started then or
later and that succeeded, wholly or in part. It is computed from the exact sum of their units and rounded once, for
each figure shown. Calls of routes without a published cost are counted as `uncosted`; they bring revenue and cost
nothing.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext_noop as _

from usage.ledger.outcomes import CHARGED
from usage.ledger.rates import Bracket, brackets_of
from usage.ledger.route_costs import RouteCost, route_costs
from usage.queries.aggregates.summaries import MAX_ROWS, Grouping, check_row_count
from usage.queries.aggregates.sums import UNIT_SUMS, Wanted, aggregate_calls
from usage.queries.filters import CallFilter
from usage.reports.builder import CALL_DIMENSIONS, ReportDefinition, Row
from usage.reports.rows import share
from usage.reports.shape import Column, Kind
from usage.snapshot import Snapshot

VALUE_COLUMNS = (
    Column("calls", _("Calls"), Kind.COUNT),
    Column("revenue", _("Revenue, net"), Kind.MICROCREDITS),
    Column("upstream_cost", _("Upstream cost"), Kind.MICROCREDITS),
    Column("margin", _("Margin"), Kind.MICROCREDITS),
    Column("margin_share", _("Margin share"), Kind.SHARE),
    Column("uncosted", _("Calls without known cost"), Kind.COUNT),
)
_CHARGED = {outcome.value for outcome in CHARGED}


@dataclass(slots=True)
class _Sum:
    calls: int = 0
    revenue: int = 0
    uncosted: int = 0
    cost: Fraction = field(default_factory=Fraction)

    def row(self) -> Row:
        cost = round(self.cost)
        margin = self.revenue - cost
        return {
            "calls": self.calls,
            "revenue": self.revenue,
            "upstream_cost": cost,
            "margin": margin,
            "margin_share": share(margin, self.revenue),
            "uncosted": self.uncosted,
        }


def _query_rows(books: Snapshot, which: CallFilter, grouping: Grouping) -> tuple[list[Row], Row]:
    costs = route_costs(books)
    by = tuple(dict.fromkeys((*grouping.by, "route", "outcome")))
    sums: dict[tuple[Any, ...], _Sum] = defaultdict(_Sum)
    total = _Sum()
    for part in _between_changes(which, costs):
        in_force = {route: _in_force(found, part.since) for route, found in costs.items()}
        priced = {unit for bracket in filter(None, in_force.values()) for unit in bracket.weights}
        units = tuple(unit for unit in UNIT_SUMS if unit in priced)
        wanted = Wanted(by, grouping.interval, grouping.zone, grouping.zone_name, (), units)
        for row in aggregate_calls(books, part, wanted):
            key = (row["bucket"], *(row[name] for name in grouping.by))
            cost = _cost(row, in_force.get(row["route"]))
            for one in (sums[key], total):
                _add(one, row, cost)
    check_row_count(list(sums)[: MAX_ROWS + 1])
    names = ("bucket", *grouping.by)
    rows = [dict(zip(names, key, strict=True)) | one.row() for key, one in sums.items()]
    rows.sort(key=lambda row: (row["bucket"] or which.since, -row["revenue"]))
    return rows, total.row()


def _cost(row: dict[str, Any], bracket: Bracket | None) -> Fraction | None:
    """What summed calls cost us: weights price a sum as they price each of its calls. None where that is not known."""
    if row["outcome"] not in _CHARGED:
        return Fraction()
    if bracket is None:
        return None
    return Fraction(sum(row[unit] * weight for unit, weight in bracket.weights.items()), bracket.divisor)


def _add(one: _Sum, row: dict[str, Any], cost: Fraction | None) -> None:
    one.calls += row["calls"]
    one.revenue += row["gross_microcredits"] - row["refunded_microcredits"]
    if cost is None:
        one.uncosted += row["calls"]
    else:
        one.cost += cost


def _between_changes(which: CallFilter, costs: dict[str, list[RouteCost]]) -> Iterator[CallFilter]:
    """The period in pieces, each with the same costs throughout."""
    assert which.since is not None
    changes = sorted({cost.since for found in costs.values() for cost in found})
    since = which.since
    for change in changes:
        if change > since and (which.until is None or change < which.until):
            yield replace(which, since=since, until=change)
            since = change
    yield replace(which, since=since)


def _in_force(found: list[RouteCost], at: datetime | None) -> Bracket | None:
    assert at is not None
    earlier = [cost for cost in found if cost.since <= at]
    return brackets_of(earlier[-1].prices)[0] if earlier else None


margin = ReportDefinition(
    "margin",
    _("Margin"),
    CALL_DIMENSIONS,
    ("route",),
    "none",
    VALUE_COLUMNS,
    ("revenue", "upstream_cost"),
    _query_rows,
)
