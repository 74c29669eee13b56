"""How often calls were refused, and why. Refused calls have no receipts; they are counted by the minute."""

from typing import Any

from aio_platform.timestamps import local_text
from usage.queries.aggregates.intervals import start_of_bucket
from usage.queries.aggregates.summaries import MAX_ROWS, NO_INTERVAL, Grouping, check_row_count
from usage.queries.filters import CallFilter
from usage.queries.keys import describe_keys
from usage.snapshot import Snapshot

DIMENSIONS = ("code", "endpoint", "key")
_COUNTS_SQL = """
    SELECT
        CASE WHEN %(interval)s <> 'none' THEN date_trunc(%(interval)s, minute, %(zone)s) END AS bucket,
        CASE WHEN %(by_code)s THEN code END AS code,
        CASE WHEN %(by_endpoint)s THEN endpoint END AS endpoint,
        CASE WHEN %(by_key)s THEN key_id END AS key_id,
        sum(calls)::bigint AS calls
    FROM usage_refusal
    WHERE account_id = %(account_id)s
        AND (%(key_id)s::bigint IS NULL OR key_id = %(key_id)s)
        AND (%(endpoint)s::text IS NULL OR endpoint = %(endpoint)s)
        AND (%(since)s::timestamptz IS NULL OR minute >= date_trunc('minute', %(since)s::timestamptz))
        AND (%(until)s::timestamptz IS NULL OR minute < %(until)s::timestamptz)
    GROUP BY 1, 2, 3, 4
    ORDER BY 1, 5 DESC, 2, 3, 4
    LIMIT %(limit)s
"""


def count_refusals(books: Snapshot, which: CallFilter, grouping: Grouping) -> list[dict[str, Any]]:
    """One row a bucket and group that has refusals: by time, then most first.

    Raises InvalidRequest, naming `group_by`, when that makes more than 10,000 rows.
    """
    rows = books.rows(
        _COUNTS_SQL,
        {
            **which.parameters(),
            **{f"by_{name}": name in grouping.by for name in DIMENSIONS},
            "interval": grouping.interval,
            "zone": grouping.zone_name,
            "limit": MAX_ROWS + 1,
        },
    )
    check_row_count(rows)
    keys = describe_keys(row["key_id"] for row in rows if row["key_id"] is not None)
    return [_describe(row, grouping, keys) for row in rows]


def _describe(row: dict[str, Any], grouping: Grouping, keys: dict[int, dict[str, Any]]) -> dict[str, Any]:
    described: dict[str, Any] = {}
    if grouping.interval != NO_INTERVAL:
        described["bucket"] = local_text(
            start_of_bucket(row["bucket"], grouping.interval, grouping.zone), grouping.zone
        )
    for name in grouping.by:
        described[name] = keys.get(row["key_id"]) if name == "key" else row[name]
    return described | {"calls": row["calls"]}
