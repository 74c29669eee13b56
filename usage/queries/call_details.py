"""What pages show of a call beyond its receipt: each refund, and where there is no receipt, the refusals around it."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from usage.request_times import CallName
from usage.snapshot import Snapshot

# A refusal is counted in the minute in which it was decided, which may be the one after the call's start.
AROUND = timedelta(minutes=1)
_REFUNDS_SQL = """
    SELECT r.entry, r.amount_microcredits AS amount, r.reason, l.created_at
    FROM usage_event e
    JOIN usage_refund r ON r.account_id = e.account_id AND r.capture_entry = e.ledger_entry
    JOIN usage_ledger_entry l ON l.account_id = r.account_id AND l.entry = r.entry
    WHERE e.account_id = %(account_id)s AND e.started_at = %(started_at)s AND e.request_id = %(request_id)s
    ORDER BY r.entry
"""
_REFUSALS_SQL = """
    SELECT minute, endpoint, code, sum(calls)::bigint AS calls FROM usage_refusal
    WHERE account_id = %(account_id)s AND minute >= %(from)s AND minute <= %(to)s
    GROUP BY 1, 2, 3
    ORDER BY 1, 4 DESC, 2, 3
    LIMIT 50
"""
_CALLS_SQL = """
    SELECT e.request_id, e.endpoint, e.model
    FROM unnest(%(request_ids)s::uuid[], %(started_at)s::timestamptz[]) AS asked (request_id, started_at)
    JOIN usage_event e ON e.account_id = %(account_id)s AND e.started_at = asked.started_at
        AND e.request_id = asked.request_id
"""


class Refund(NamedTuple):
    entry: int
    amount_microcredits: int
    reason: str
    created_at: datetime


class RefusalCount(NamedTuple):
    minute: datetime
    endpoint: str
    code: str
    calls: int


def refunds_of(books: Snapshot, account_id: int, call: CallName) -> list[Refund]:
    """The call's refunds, oldest first."""
    return [
        Refund(row["entry"], row["amount"], row["reason"], row["created_at"])
        for row in books.rows(_REFUNDS_SQL, _named(account_id, call))
    ]


def refusals_around(books: Snapshot, account_id: int, call: CallName) -> list[RefusalCount]:
    """The account's refusals of the minute in which the call would have started, and of the next."""
    minute = call.started_at.replace(second=0, microsecond=0)
    rows = books.rows(_REFUSALS_SQL, {"account_id": account_id, "from": minute, "to": minute + AROUND})
    return [RefusalCount(row["minute"], row["endpoint"], row["code"], row["calls"]) for row in rows]


def endpoints_of(books: Snapshot, account_id: int, calls: list[CallName]) -> dict[str, tuple[str, str]]:
    """Endpoint and model of each call that has ended, by its request uuid."""
    rows: list[dict[str, Any]] = books.rows(
        _CALLS_SQL,
        {
            "account_id": account_id,
            "request_ids": [call.request_uuid for call in calls],
            "started_at": [call.started_at for call in calls],
        },
    )
    return {row["request_id"].hex: (row["endpoint"], row["model"]) for row in rows}


def _named(account_id: int, call: CallName) -> dict[str, Any]:
    return {"account_id": account_id, "started_at": call.started_at, "request_id": call.request_uuid}
