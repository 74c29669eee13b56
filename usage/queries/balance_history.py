"""What an account owned, available and held together, at some moments of the past."""

from collections.abc import Sequence
from datetime import datetime

from usage.snapshot import Snapshot

# Entries are numbered without gaps in the order of their times: the last one up to a moment is found by halving,
# for all moments at once. A few look-ups each, however long the ledger is.
_BALANCES_SQL = """
    WITH RECURSIVE search (moment, low, high) AS (
        SELECT moment, 0::bigint, coalesce((SELECT last_entry FROM usage_balance
                                            WHERE account_id = %(account_id)s), 0)
        FROM unnest(%(moments)s::timestamptz[]) AS asked (moment)
        UNION ALL
        SELECT s.moment, CASE WHEN e.created_at <= s.moment THEN e.entry ELSE s.low END,
            CASE WHEN e.created_at <= s.moment THEN s.high ELSE e.entry - 1 END
        FROM search s
        JOIN usage_ledger_entry e ON e.account_id = %(account_id)s AND e.entry = (s.low + s.high + 1) / 2
        WHERE s.low < s.high
    )
    SELECT s.moment, coalesce(e.balance_microcredits, 0) AS balance
    FROM search s
    LEFT JOIN usage_ledger_entry e ON e.account_id = %(account_id)s AND e.entry = s.low
    WHERE s.low = s.high
    ORDER BY s.moment
"""


def balances_at(books: Snapshot, account_id: int, moments: Sequence[datetime]) -> list[int]:
    """Available plus held after the last entry up to each of the moments, which ascend; 0 before the first."""
    rows = books.rows(_BALANCES_SQL, {"account_id": account_id, "moments": list(moments)})
    return [row["balance"] for row in rows]
