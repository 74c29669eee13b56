"""Pages of usage events, newest first: by key, without counting, without offsets."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from aio_platform.http.request_ids import public_request_id
from aio_platform.timestamps import utc_text
from usage.ledger.units import Units
from usage.queries.aggregates.time_pruning import is_selective, spans_of_newest
from usage.queries.cursors import cursor_after_call
from usage.queries.filters import MATCHES_SQL, CallFilter
from usage.queries.keys import describe_keys
from usage.queries.money import money
from usage.queries.retention import check_calls_are_kept, kept_from
from usage.request_times import CallName
from usage.snapshot import Snapshot, snapshot

EXPORT_ROWS_AT_ONCE = 1000
UNIT_COLUMNS = tuple(unit for unit in Units._fields if unit != "calls")
_CONDITIONS_SQL = f"""
    {MATCHES_SQL}
        AND (%(after_started_at)s::timestamptz IS NULL
             OR (started_at, request_id) < (%(after_started_at)s::timestamptz, %(after_request_id)s::uuid))
        AND (%(settled_by)s::timestamptz IS NULL OR settled_at <= %(settled_by)s::timestamptz)
"""
_NEWEST_SQL = "ORDER BY started_at DESC, request_id DESC LIMIT %(limit)s"
_PAGE_SQL = f"SELECT * FROM usage_event WHERE {_CONDITIONS_SQL} {_NEWEST_SQL}"  # noqa: S608 - constants
# Of few calls among many: those in the spans where the sums say that they are, and those that no sum has yet.
_PRUNED_SQL = f"""
    SELECT * FROM (
        (SELECT e.* FROM unnest(%(span_since)s::timestamptz[], %(span_until)s::timestamptz[]) AS span (since, until)
         CROSS JOIN LATERAL (
            -- OFFSET 0: span by span, and not all of the account's calls backwards until enough of them fit.
            SELECT * FROM usage_event
            WHERE started_at >= span.since AND started_at < span.until AND {_CONDITIONS_SQL} OFFSET 0) e
         {_NEWEST_SQL})
        UNION
        (SELECT * FROM usage_event e WHERE e.settled_at > %(rolled_up_to)s AND {_CONDITIONS_SQL} {_NEWEST_SQL})
    ) either {_NEWEST_SQL}
"""  # noqa: S608 - constants


class EventPage(NamedTuple):
    """Events as answers show them; `next` is the cursor of the page after, None on the last.

    Events that started before `kept_from` are archived; None where none are.
    """

    as_of: datetime
    events: list[dict[str, Any]]
    next: str | None
    kept_from: datetime | None


def event_page(which: CallFilter, *, limit: int, after: CallName | None = None) -> EventPage:
    """The first `limit` events, or those after where another page ended."""
    with snapshot() as books:
        # One more than asked for tells whether there is a next page.
        rows = _rows(books, which, limit=limit + 1, after=after)
        has_more = len(rows) > limit
        rows = rows[:limit]
        keys = describe_keys(row["key_id"] for row in rows)
        kept = kept_from(books)
    return EventPage(
        books.as_of,
        [describe_event(row, keys.get(row["key_id"])) for row in rows],
        cursor_after_call(rows[-1]["request_id"]) if has_more else None,
        kept,
    )


def event_batches(which: CallFilter) -> Iterator[list[dict[str, Any]]]:
    """Every event settled before the first batch was asked for, some at a time, newest first.

    Each batch is a look of its own: a slow reader keeps no transaction open. Raises CallsNotKept.
    """
    after: CallName | None = None
    settled_by: datetime | None = None
    while True:
        with snapshot() as books:
            check_calls_are_kept(books, which)
            settled_by = settled_by or books.as_of
            rows = _rows(books, which, limit=EXPORT_ROWS_AT_ONCE, after=after, settled_by=settled_by)
            keys = describe_keys(row["key_id"] for row in rows)
        yield [describe_event(row, keys.get(row["key_id"])) for row in rows]
        if len(rows) < EXPORT_ROWS_AT_ONCE:
            return
        after = CallName(rows[-1]["request_id"].hex, rows[-1]["started_at"])


def describe_event(row: dict[str, Any], key: dict[str, Any] | None) -> dict[str, Any]:
    """A usage event as answers show it. `cost` is what the call costs now: its capture less its refunds."""
    return {
        "request_id": public_request_id(row["request_id"].hex),
        "started_at": utc_text(row["started_at"]),
        "settled_at": utc_text(row["settled_at"]),
        "key": key,
        "endpoint": row["endpoint"],
        "model": row["model"],
        "route": row["route"],
        "upstream": row["upstream"],
        "outcome": row["outcome"],
        "status": row["status"],
        "streamed": row["streamed"],
        "estimated": row["estimated"],
        "trial": row["trial"],
        "units": {unit: row[unit] or 0 for unit in UNIT_COLUMNS},
        **money("cost", row["cost_microcredits"] - row["refunded_microcredits"]),
        **money("capture", row["cost_microcredits"]),
        **money("refunded", row["refunded_microcredits"]),
        **money("hold", row["hold_microcredits"]),
        "timings": describe_timings(row),
    }


def describe_timings(row: dict[str, Any]) -> dict[str, int | None]:
    """Where the milliseconds went; `platform_ms` is what was not the upstream's, null when none was asked."""
    upstream_ms = row["upstream_latency_ms"]
    return {
        "latency_ms": row["latency_ms"],
        "platform_ms": None if upstream_ms is None else max(row["latency_ms"] - upstream_ms, 0),
        "upstream_ms": upstream_ms,
        "first_byte_ms": row["first_byte_ms"],
    }


def _rows(
    books: Snapshot,
    which: CallFilter,
    *,
    limit: int,
    after: CallName | None,
    settled_by: datetime | None = None,
) -> list[dict[str, Any]]:
    parameters = {
        **which.parameters(),
        "after_started_at": after and after.started_at,
        "after_request_id": after and after.request_uuid,
        "settled_by": settled_by,
        "limit": limit,
    }
    pruned = None
    if is_selective(which):
        pruned = spans_of_newest(books, which, limit=limit, before=after and after.started_at)
    if pruned is None:
        return books.rows(_PAGE_SQL, parameters)
    kept, spans = pruned
    parameters |= {
        "rolled_up_to": kept.rolled_up_to,
        "span_since": [span.since for span in spans],
        "span_until": [span.until for span in spans],
    }
    return books.rows(_PRUNED_SQL, parameters)
