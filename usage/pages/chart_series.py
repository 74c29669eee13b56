"""Sums over time as a chart's series: the leading groups one by one, all others as one more. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from aio_platform.charts import Chart, Kind, Series, Unit
from aio_platform.refusals import refusal_label
from usage.labels import outcome_name
from usage.queries.aggregates.histograms import percentiles
from usage.queries.keys import SESSION

SHOWN_GROUPS = 6
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of a summary's row. Percentiles, which a `histogram` gives, do not add up to an "other" group."""

    name: Promise
    unit: Unit
    of: Callable[[Row], int | None]
    histogram: str | None = None
    percentile: str = ""

    @property
    def adds_up(self) -> bool:
        return self.histogram is None

    @property
    def kind(self) -> Kind:
        return "bars" if self.adds_up else "line"

    def over_time(self, row: Row) -> int | None:
        """The same figure of a row of `usage.queries.aggregates.time_series`."""
        if self.histogram is None:
            return self.of(row)
        [value] = percentiles(row[self.histogram], [SHARES[self.percentile]])
        return value


def _latency(name: Promise, percentile: str) -> Measure:
    return Measure(name, "ms", lambda row: row["latency_ms"][percentile], "latencies", percentile)


def _first_byte(name: Promise, percentile: str) -> Measure:
    return Measure(name, "ms", lambda row: row["first_byte_ms"][percentile], "first_bytes", percentile)


SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
MEASURES: dict[str, Measure] = {
    "cost": Measure(gettext_lazy("Cost"), "credits", lambda row: row["cost_microcredits"]),
    "calls": Measure(gettext_lazy("Calls"), "count", lambda row: row["calls"]),
    "tokens": Measure(gettext_lazy("Tokens"), "count", lambda row: row["tokens_in"] + row["tokens_out"]),
    "errors": Measure(gettext_lazy("Errors"), "count", lambda row: row["errors"]),
    "p50": _latency(gettext_lazy("Latency p50"), "p50"),
    "p95": _latency(gettext_lazy("Latency p95"), "p95"),
    "p99": _latency(gettext_lazy("Latency p99"), "p99"),
    "first_token": _first_byte(gettext_lazy("First token p50"), "p50"),
    "first_token_p95": _first_byte(gettext_lazy("First token p95"), "p95"),
}


@dataclass(frozen=True, slots=True)
class Group:
    """What calls were added up by: its name for people, and what a filter takes for it; None has no filter."""

    label: str
    filter_value: str | None


def group_of(row: Row, dimension: str | None) -> Group:
    """The group that a summary's row is of."""
    if dimension is None:
        return Group(_("All calls"), None)
    value = row[dimension]
    if dimension == "key":
        if value is None:
            return Group(_("Signed-in members"), SESSION)
        return Group(f"{value['name']} ({value['prefix']}…)", value["id"])
    if dimension == "member":
        if value is None:
            return Group(_("API keys"), None)
        return Group(value["email"] or _("somebody who left"), value["email"])
    if dimension == "outcome":
        return Group(outcome_name(value), value)
    return Group(value, value)


def ranked(rows: Sequence[Row], dimension: str | None, measure: Measure) -> list[tuple[Group, Row]]:
    """The period's groups, the largest measure first; those without one come last."""
    pairs = [(group_of(row, dimension), row) for row in rows]
    return sorted(pairs, key=lambda pair: (-(measure.of(pair[1]) or 0), -pair[1]["calls"], pair[0].label))


def chart_of(
    title: str,
    measure: Measure,
    dimension: str | None,
    leading: Sequence[Group],
    moments: Sequence[datetime],
    rows: Sequence[Row],
) -> Chart:
    """One series for each of the `leading` groups; what adds up has the sum of the others as well."""
    empty: int | None = 0 if measure.adds_up else None
    places = {moment: place for place, moment in enumerate(moments)}
    series: dict[Group, list[int | None]] = {group: [empty] * len(moments) for group in leading}
    other: list[int | None] = [empty] * len(moments)
    has_other = False
    for row in rows:
        place = places[row["bucket"]]
        group = group_of(row, dimension)
        if group in series:
            series[group][place] = measure.over_time(row)
        elif measure.adds_up and (value := measure.over_time(row)):
            has_other = True
            other[place] = (other[place] or 0) + value
    named = [Series(group.label, values) for group, values in series.items()]
    if has_other:
        named.append(Series(_("Other"), other))
    return Chart(title, measure.unit, moments, named, kind=measure.kind)


def refusals_chart(moments: Sequence[datetime], rows: Sequence[Row]) -> Chart:
    """Refused calls by reason; the rarer reasons as one."""
    sums: dict[str, int] = {}
    for row in rows:
        sums[row["code"]] = sums.get(row["code"], 0) + row["calls"]
    leading = sorted(sums, key=lambda code: (-sums[code], code))[:SHOWN_GROUPS]
    places = {moment: place for place, moment in enumerate(moments)}
    values = {code: [0] * len(moments) for code in [*leading, "other"]}
    for row in rows:
        code = row["code"] if row["code"] in leading else "other"
        values[code][places[datetime.fromisoformat(row["bucket"])]] += row["calls"]
    names = {code: refusal_label(code) for code in leading} | {"other": _("Other")}
    series = [Series(names[code], found) for code, found in values.items() if any(found)]
    return Chart(_("Refused calls by reason"), "count", moments, series)
