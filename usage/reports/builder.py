"""How a report over summed calls is made: the same way for all of them, but for what its value columns are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from usage.queries.aggregates.summaries import MAX_ROWS, NO_INTERVAL, Grouping, check_row_count
from usage.queries.aggregates.sums import ZERO_SUMS, Wanted, aggregate_calls, kept_sums
from usage.queries.filters import CallFilter
from usage.reports.report_query import ReportQuery, period_of, previous_of
from usage.reports.rows import group_columns, name_rows
from usage.reports.shape import Chart, Column, Previous, Report, totals_of
from usage.snapshot import Snapshot, snapshot

CALL_DIMENSIONS = ("account", "plan", "key", "member", "endpoint", "model", "upstream", "route", "outcome")
Row = dict[str, Any]
QueryFn = Callable[[Snapshot, CallFilter, Grouping], tuple[list[Row], Row]]


@dataclass(frozen=True, slots=True)
class ReportDefinition:
    """`query_fn` gives the rows, by the table's ids and with the bucket as a moment, and the totals."""

    name: str
    title: str
    dimensions: tuple[str, ...]
    default_by: tuple[str, ...]
    default_interval: str
    value_columns: tuple[Column, ...]
    drawn: tuple[str, ...]
    query_fn: QueryFn

    def __call__(self, query: ReportQuery) -> Report:
        """The report; InvalidRequest for what it cannot be asked."""
        grouping = query.grouping(self.dimensions, self.default_by, self.default_interval)
        with snapshot() as books:
            which = query.within(grouping, books.as_of)
            found, totals = self.query_fn(books, which, grouping)
            previous = None
            if query.compare:
                before = previous_of(which, query, books.as_of, kept_sums(books))
                rows, totals_before = self.query_fn(books, before, grouping)
                previous = Previous(period_of(before), name_rows(rows, grouping), totals_before)
        # A timeline is never cut: it would end in the middle.
        limit = MAX_ROWS if grouping.interval != NO_INTERVAL else query.limit
        return Report(
            self.name,
            self.title,
            books.as_of,
            period_of(which),
            (*group_columns(grouping), *self.value_columns),
            name_rows(found[:limit], grouping),
            totals,
            previous,
            self._chart(grouping),
            is_cut=len(found) > limit,
            interval=grouping.interval,
            zone=query.zone,
            zone_name=query.zone_name,
        )

    def _chart(self, grouping: Grouping) -> Chart | None:
        if grouping.interval != NO_INTERVAL:
            return Chart("line", "bucket", self.drawn, grouping.by[0] if grouping.by else None)
        return Chart("bar", grouping.by[0], self.drawn) if grouping.by else None


def query_of_sums(
    describe: Callable[[Mapping[str, Any]], Row],
    histograms: tuple[str, ...] = (),
    units: tuple[str, ...] = (),
) -> QueryFn:
    """A query function over summed calls: `describe` makes each of its rows and the totals from one sum."""

    def query_fn(books: Snapshot, which: CallFilter, grouping: Grouping) -> tuple[list[Row], Row]:
        wanted = Wanted(
            grouping.by,
            grouping.interval,
            grouping.zone,
            grouping.zone_name,
            histograms,
            units,
            MAX_ROWS + 1,
        )
        rows = aggregate_calls(books, which, wanted)
        check_row_count(rows)
        if histograms:
            everything = aggregate_calls(books, which, Wanted((), histograms=histograms, units=units))
        else:  # sums of all rows, which are all there are
            everything = [totals_of(rows, [name for name in ZERO_SUMS if name in rows[0]])] if rows else []
        groups = ("bucket", *grouping.by)
        described = [{name: row[name] for name in groups} | describe(row) for row in rows]
        return described, describe(everything[0] if everything else ZERO_SUMS)

    return query_fn
