"""What each key has spent and when it was last used, as the page of keys shows it."""

from datetime import UTC, datetime
from typing import NamedTuple

from usage.queries.snapshot import snapshot

_FIGURES_SQL = """
    SELECT m.key_id, m.last_used_at,
        CASE WHEN m.month = date_trunc('month', %(today)s::date)::date THEN m.month_microcredits ELSE 0 END AS month,
        CASE WHEN m.day = %(today)s THEN m.day_microcredits ELSE 0 END AS day
    FROM usage_key_meter m WHERE m.account_id = %(account_id)s
"""
_SPEND_SQL = """
    SELECT key_id, sum(cost_microcredits - refunded_microcredits)::bigint AS spent
    FROM usage_event WHERE account_id = %(account_id)s GROUP BY key_id
"""
_RECENT_SQL = """
    SELECT count(*) AS calls, max(started_at) AS last_at
    FROM usage_event
    WHERE account_id = %(account_id)s AND key_id = %(key_id)s AND started_at >= now() - interval '7 days'
"""


class KeyFigures(NamedTuple):
    last_used_at: datetime | None = None
    day_microcredits: int = 0
    month_microcredits: int = 0
    spent_microcredits: int = 0


class RecentCalls(NamedTuple):
    """Calls of the last seven days."""

    calls: int
    last_at: datetime | None


def figures_of_keys(account_id: int) -> dict[int, KeyFigures]:
    """By the key's id in its table; keys that were never used are missing."""
    with snapshot() as books:
        parameters = {"account_id": account_id, "today": books.as_of.astimezone(UTC).date()}
        spent = {row["key_id"]: row["spent"] for row in books.rows(_SPEND_SQL, parameters)}
        return {
            row["key_id"]: KeyFigures(
                row["last_used_at"], row["day"], row["month"], spent.get(row["key_id"], 0)
            )
            for row in books.rows(_FIGURES_SQL, parameters)
        }


def recent_calls(account_id: int, key_id: int) -> RecentCalls:
    """What a key did in the last seven days, which is what its revocation would break."""
    with snapshot() as books:
        row = books.row(_RECENT_SQL, {"account_id": account_id, "key_id": key_id})
    assert row is not None, "an aggregate has a row"
    return RecentCalls(row["calls"], row["last_at"])
