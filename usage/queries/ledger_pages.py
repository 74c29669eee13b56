"""Pages of ledger entries, newest first."""

from datetime import datetime
from typing import Any, NamedTuple

from aio_platform.http.request_ids import public_request_id
from aio_platform.timestamps import utc_text
from usage.queries.cursors import cursor_after_entry
from usage.queries.money import money
from usage.snapshot import snapshot

_PAGE_SQL = """
    SELECT l.*, coalesce(g.reason, r.reason) AS reason
    FROM usage_ledger_entry l
    LEFT JOIN usage_grant g ON g.account_id = l.account_id AND g.entry = l.entry AND l.kind = 'grant'
    LEFT JOIN usage_refund r ON r.account_id = l.account_id AND r.entry = l.entry AND l.kind = 'refund'
    WHERE l.account_id = %(account_id)s AND (%(after)s::bigint IS NULL OR l.entry < %(after)s)
    ORDER BY l.entry DESC
    LIMIT %(limit)s
"""


class LedgerPage(NamedTuple):
    """Entries as answers show them; `next` is the cursor of the page after, None on the last."""

    as_of: datetime
    entries: list[dict[str, Any]]
    next: str | None


def ledger_page(account_id: int, *, limit: int, after: int | None = None) -> LedgerPage:
    """The newest `limit` entries, or those before the entry `after`."""
    with snapshot() as books:
        rows = books.rows(_PAGE_SQL, {"account_id": account_id, "after": after, "limit": limit + 1})
    has_more = len(rows) > limit
    rows = rows[:limit]
    return LedgerPage(
        books.as_of,
        [_describe(row) for row in rows],
        cursor_after_entry(rows[-1]["entry"]) if has_more else None,
    )


def _describe(row: dict[str, Any]) -> dict[str, Any]:
    """`amount` is negative where credits went; `balance` is available plus held, after the entry."""
    return {
        "entry": row["entry"],
        "kind": row["kind"],
        **money("amount", row["amount_microcredits"]),
        **money("balance", row["balance_microcredits"]),
        "request_id": row["request_id"] and public_request_id(row["request_id"].hex),
        "cause_entry": row["cause_entry"],
        "reason": row["reason"],
        "created_at": utc_text(row["created_at"]),
    }
