"""Lists of ended calls for people: narrowed also by cost and time taken, page by page, and what came in since."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from aio_platform.http.request_ids import started_at
from usage.queries.cursors import cursor_after_call
from usage.queries.events import describe_event
from usage.queries.filters import MATCHES_SQL, CallFilter
from usage.queries.keys import describe_keys
from usage.queries.members import describe_members
from usage.queries.retention import check_calls_are_kept
from usage.request_times import CallName
from usage.snapshot import Snapshot, snapshot

ROWS_AT_ONCE = 1000
# A settlement's moment is taken before its commit, so a look may miss one that is a little older than itself.
COMMIT_MARGIN = timedelta(seconds=5)
_LIST_SQL = f"""
    SELECT * FROM usage_event
    WHERE {MATCHES_SQL}
        AND (%(cost_over)s::bigint IS NULL OR cost_microcredits - refunded_microcredits > %(cost_over)s)
        AND (%(slower_than_ms)s::integer IS NULL OR latency_ms > %(slower_than_ms)s)
        AND (%(after_started_at)s::timestamptz IS NULL
             OR (started_at, request_id) < (%(after_started_at)s::timestamptz, %(after_request_id)s::uuid))
        AND (%(settled_from)s::timestamptz IS NULL OR settled_at >= %(settled_from)s::timestamptz)
        AND (%(settled_by)s::timestamptz IS NULL OR settled_at <= %(settled_by)s::timestamptz)
    ORDER BY started_at DESC, request_id DESC
    LIMIT %(limit)s
"""  # noqa: S608 - both parts are constants
# Request ids begin with the time: the smallest is that of the oldest call under way.
_UNDER_WAY_SQL = """
    SELECT count(*) AS calls, (array_agg(request_id ORDER BY request_id))[1] AS oldest
    FROM (SELECT request_id FROM usage_hold WHERE account_id = %(account_id)s ORDER BY request_id LIMIT 1000) held
"""


@dataclass(frozen=True, slots=True)
class CallSearch:
    """A filter, and what only lists have: calls that cost more, or took longer. None asks for nothing."""

    which: CallFilter
    cost_over_microcredits: int | None = None
    slower_than_ms: int | None = None


class CallPage(NamedTuple):
    """Calls as answers show them with their `member`, newest first; `next` is the cursor of the page after."""

    calls: list[dict[str, Any]]
    next: str | None


class Seen(NamedTuple):
    """Up to where a list has been looked at: whatever starts or ends later is new to it.

    A call that was under way may have started long before; none had started before `oldest_open_at`.
    """

    looked_at: datetime
    oldest_open_at: datetime


def call_page(books: Snapshot, search: CallSearch, *, limit: int, after: CallName | None = None) -> CallPage:
    """The newest calls, or those after where another page ended."""
    rows = _rows(books, search, limit=limit + 1, after=after)
    has_more = len(rows) > limit
    rows = rows[:limit]
    return CallPage(_describe(rows), cursor_after_call(rows[-1]["request_id"]) if has_more else None)


def calls_since(books: Snapshot, search: CallSearch, seen: Seen, *, limit: int) -> list[dict[str, Any]]:
    """Calls that ended since `seen` was read. Some of them may have been in it; the list drops those that it shows."""
    oldest = seen.oldest_open_at - COMMIT_MARGIN
    since = max(oldest, search.which.since) if search.which.since is not None else oldest
    pruned = replace(search, which=replace(search.which, since=since))
    return _describe(_rows(books, pruned, limit=limit, settled_from=seen.looked_at - COMMIT_MARGIN))


def under_way(books: Snapshot, account_id: int) -> tuple[int, Seen]:
    """How many calls hold credits now (at most 1,000 are counted), and the mark for the next look."""
    row = books.row(_UNDER_WAY_SQL, {"account_id": account_id})
    assert row is not None
    oldest = books.as_of if row["oldest"] is None else min(started_at(row["oldest"].hex), books.as_of)
    return row["calls"], Seen(books.as_of, oldest)


def call_batches(search: CallSearch) -> Iterator[list[dict[str, Any]]]:
    """Every call settled before the first batch was asked for, newest first; each thousand is a look of its own.

    Raises CallsNotKept.
    """
    after: CallName | None = None
    settled_by: datetime | None = None
    while True:
        with snapshot() as books:
            check_calls_are_kept(books, search.which)
            settled_by = settled_by or books.as_of
            rows = _rows(books, search, limit=ROWS_AT_ONCE, after=after, settled_by=settled_by)
            described = _describe(rows)
        yield described
        if len(rows) < ROWS_AT_ONCE:
            return
        after = CallName(rows[-1]["request_id"].hex, rows[-1]["started_at"])


def _describe(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    keys = describe_keys(row["key_id"] for row in rows)
    members = describe_members(row["member_id"] for row in rows if row["member_id"] is not None)
    return [
        describe_event(row, keys.get(row["key_id"])) | {"member": members.get(row["member_id"])}
        for row in rows
    ]


def _rows(
    books: Snapshot,
    search: CallSearch,
    *,
    limit: int,
    after: CallName | None = None,
    settled_from: datetime | None = None,
    settled_by: datetime | None = None,
) -> list[dict[str, Any]]:
    return books.rows(
        _LIST_SQL,
        {
            **search.which.parameters(),
            "cost_over": search.cost_over_microcredits,
            "slower_than_ms": search.slower_than_ms,
            "after_started_at": after and after.started_at,
            "after_request_id": after and after.request_uuid,
            "settled_from": settled_from,
            "settled_by": settled_by,
            "limit": limit,
        },
    )
