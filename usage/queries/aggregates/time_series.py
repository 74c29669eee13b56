"""Sums over time for a chart: only what it draws, so that a month of hours by model is still quick."""

from typing import Any

from usage.queries.aggregates.summaries import MAX_ROWS, Grouping, check_row_count
from usage.queries.aggregates.sums import Wanted, aggregate_calls
from usage.queries.filters import CallFilter
from usage.queries.keys import describe_keys
from usage.queries.members import describe_members
from usage.snapshot import Snapshot


def time_series(
    books: Snapshot,
    which: CallFilter,
    grouping: Grouping,
    histogram: str | None = None,
    only: tuple[str, ...] | None = None,
) -> list[dict[str, Any]]:
    """One row a bucket and group that has calls: `bucket`, the dimensions as in a summary, and its sums.

    A histogram ("latencies" or "first_bytes") comes along as `usage.queries.aggregates.histograms` reads it. `only`
    leaves out all but these models, endpoints or outcomes, whichever comes first in the grouping. Raises
    InvalidRequest, naming `group_by`, when that makes more than 10,000 rows.
    """
    wanted = Wanted(
        grouping.by,
        grouping.interval,
        grouping.zone,
        grouping.zone_name,
        histograms=() if histogram is None else (histogram,),
        units=("tokens_in", "tokens_out"),
        limit=MAX_ROWS + 1,
        only=only,
    )
    rows = aggregate_calls(books, which, wanted)
    check_row_count(rows)
    if "key" in grouping.by:
        keys = describe_keys({row["key"] for row in rows})
        rows = [row | {"key": keys.get(row["key"])} for row in rows]
    if "member" in grouping.by:
        members = describe_members({row["member"] for row in rows if row["member"] is not None})
        rows = [row | {"member": members.get(row["member"])} for row in rows]
    for row in rows:
        row["cost_microcredits"] = row["gross_microcredits"] - row["refunded_microcredits"]
    return rows
