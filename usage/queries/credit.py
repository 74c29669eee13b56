"""What an account has to spend, where it came from, and when it ends."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from accounts.models import Account
from aio_platform.timestamps import utc_text
from usage.ledger.grants import expire_grants
from usage.queries.money import money
from usage.snapshot import Snapshot, snapshot

MAX_GRANTS = 100
_BALANCE_SQL = """
    SELECT coalesce(b.available_microcredits, 0) AS available, coalesce(b.held_microcredits, 0) AS held,
        coalesce(b.captured_microcredits, 0) AS captured,
        (SELECT coalesce(sum(g.amount_microcredits), 0)::bigint FROM usage_grant g
         WHERE g.account_id = a.id) AS granted,
        (SELECT coalesce(sum(r.amount_microcredits), 0)::bigint FROM usage_refund r
         WHERE r.account_id = a.id) AS refunded,
        p.slug AS plan, p.calls_per_minute, p.trial_calls_per_day,
        (SELECT d.calls FROM usage_trial_day d WHERE d.account_id = a.id AND d.day = %(today)s) AS trial_calls
    FROM accounts_account a
    JOIN accounts_plan p ON p.slug = a.plan_id
    LEFT JOIN usage_balance b ON b.account_id = a.id
    WHERE a.id = %(account_id)s
"""
# Captures come off the grant that expires first; those since that was last written down are `owed`. What is
# left beyond expiring grants belongs to the others, of which the oldest are spent first.
_GRANTS_SQL = """
    WITH balance AS (
        SELECT available_microcredits + held_microcredits AS owned,
               captured_microcredits - lots_settled_at_microcredits AS owed
        FROM usage_balance WHERE account_id = %(account_id)s
    ), expiring AS (
        SELECT g.*, least(g.remaining_microcredits, greatest(
            sum(g.remaining_microcredits) OVER (ORDER BY g.expires_at, g.entry) - b.owed, 0))::bigint
            AS remaining
        FROM usage_grant g CROSS JOIN balance b
        WHERE g.account_id = %(account_id)s AND g.expires_at IS NOT NULL AND g.remaining_microcredits > 0
    ), lasting AS (
        SELECT g.*, least(g.amount_microcredits, greatest(
            b.owned - (SELECT coalesce(sum(e.remaining), 0) FROM expiring e)
            - sum(g.amount_microcredits) OVER (ORDER BY g.entry DESC) + g.amount_microcredits, 0))::bigint
            AS remaining
        FROM usage_grant g CROSS JOIN balance b
        WHERE g.account_id = %(account_id)s AND g.expires_at IS NULL
    )
    SELECT entry, amount_microcredits AS amount, remaining, reason, created_at, expires_at
    FROM (SELECT * FROM expiring UNION ALL SELECT * FROM lasting) either
    WHERE remaining > 0
    ORDER BY expires_at NULLS LAST, entry
    LIMIT %(limit)s
"""


class Credit(NamedTuple):
    as_of: datetime
    content: dict[str, Any]


def credit_of(account: Account) -> Credit:
    """The account's credits as its next call would find them: what is past its expiry is taken back first."""
    expire_grants(account.pk)
    with snapshot() as books:
        today = books.as_of.astimezone(UTC).date()
        [row] = books.rows(_BALANCE_SQL, {"account_id": account.pk, "today": today})
        grants = books.rows(_GRANTS_SQL, {"account_id": account.pk, "limit": MAX_GRANTS})
    return Credit(books.as_of, _describe(row, grants, books))


def _describe(row: dict[str, Any], grants: list[dict[str, Any]], books: Snapshot) -> dict[str, Any]:
    expiring = [grant for grant in grants if grant["expires_at"] is not None]
    # The books agree that grants + refunds = captures + expiries + what is left; `reconcile` proves it.
    expired = row["granted"] + row["refunded"] - row["captured"] - row["available"] - row["held"]
    return {
        **money("available", row["available"]),
        **money("held", row["held"]),
        "plan": row["plan"],
        "calls_per_minute": row["calls_per_minute"],
        "lifetime": {
            **money("granted", row["granted"]),
            **money("captured", row["captured"]),
            **money("refunded", row["refunded"]),
            **money("expired", expired),
        },
        "grants": [_describe_grant(grant) for grant in grants],
        "next_expiry": {
            "expires_at": utc_text(expiring[0]["expires_at"]),
            **money("amount", expiring[0]["remaining"]),
        }
        if expiring
        else None,
        "trial": _describe_trial(row["trial_calls_per_day"], row["trial_calls"] or 0, books.as_of),
    }


def _describe_grant(grant: dict[str, Any]) -> dict[str, Any]:
    return {
        "entry": grant["entry"],
        "reason": grant["reason"],
        **money("amount", grant["amount"]),
        **money("remaining", grant["remaining"]),
        "created_at": utc_text(grant["created_at"]),
        "expires_at": grant["expires_at"] and utc_text(grant["expires_at"]),
    }


def _describe_trial(calls_per_day: int | None, used: int, as_of: datetime) -> dict[str, Any] | None:
    """The trial's calls of the running day (UTC); None on a plan that is no trial."""
    if calls_per_day is None:
        return None
    today = as_of.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "calls_per_day": calls_per_day,
        "used_today": used,
        "left_today": max(calls_per_day - used, 0),
        "resets_at": utc_text(today + timedelta(days=1)),
    }
