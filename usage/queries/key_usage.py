"""What each key has spent and when it was last used, as the page of keys shows it."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from accounts.models import Account
from usage.queries.aggregates.sums import Wanted, aggregate_calls
from usage.queries.filters import CallFilter
from usage.snapshot import snapshot

# What counts against a key's caps stands with the first of the keys it replaced.
_USAGE_SQL = """
    SELECT k.id AS key_id, own.last_used_at,
        CASE WHEN m.month = date_trunc('month', %(today)s::date)::date THEN m.month_microcredits ELSE 0 END AS month,
        CASE WHEN m.day = %(today)s THEN m.day_microcredits ELSE 0 END AS day
    FROM accounts_apikey k
    JOIN usage_key_meter m ON m.account_id = k.account_id AND m.key_id = coalesce(k.rotation_root_id, k.id)
    LEFT JOIN usage_key_meter own ON own.account_id = k.account_id AND own.key_id = k.id
    WHERE k.account_id = %(account_id)s
"""
_LAST_SQL = (
    "SELECT last_used_at FROM usage_key_meter WHERE account_id = %(account_id)s AND key_id = %(key_id)s"
)
RECENTLY = timedelta(days=7)


class KeyUsage(NamedTuple):
    """Day and month are what its caps count: with the keys it replaced and those it issued. The rest is its own."""

    last_used_at: datetime | None = None
    day_microcredits: int = 0
    month_microcredits: int = 0
    spent_microcredits: int = 0


class RecentCalls(NamedTuple):
    """Calls of the last seven days."""

    calls: int
    last_at: datetime | None


def usage_by_key(account: Account) -> dict[int, KeyUsage]:
    """By the key's id in its table; keys that were never used are missing."""
    # From a midnight on, whole days are read as one sum each.
    since = account.created_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with snapshot() as books:
        spent = {
            row["key"]: row["gross_microcredits"] - row["refunded_microcredits"]
            for row in aggregate_calls(books, CallFilter(account.pk, since=since), _wanted("key"))
        }
        parameters = {"account_id": account.pk, "today": books.as_of.astimezone(UTC).date()}
        return {
            row["key_id"]: KeyUsage(
                row["last_used_at"], row["day"], row["month"], spent.get(row["key_id"], 0)
            )
            for row in books.rows(_USAGE_SQL, parameters)
        }


def recent_calls(account_id: int, key_id: int) -> RecentCalls:
    """What a key did in the last seven days, which is what its revocation would break."""
    with snapshot() as books:
        which = CallFilter(account_id, key_id=key_id, since=books.as_of - RECENTLY)
        calls = sum(row["calls"] for row in aggregate_calls(books, which, _wanted()))
        last = books.row(_LAST_SQL, {"account_id": account_id, "key_id": key_id})
    return RecentCalls(calls, last["last_used_at"] if last is not None else None)


def _wanted(*by: str) -> Wanted:
    return Wanted(by, histograms=(), units=())
