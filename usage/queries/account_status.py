"""How an account stands: its first call, what was refused, and which of its keys run out of something."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from aio_platform.http.request_ids import public_request_id
from usage.snapshot import Snapshot

EXPIRES_SOON = timedelta(days=7)
MAX_KEYS = 20
_HAS_CALLED_SQL = "SELECT holds_ended > 0 AS has FROM usage_balance WHERE account_id = %(account_id)s"
_FIRST_CALL_SQL = """
    SELECT started_at, request_id, endpoint, model, outcome, latency_ms,
        cost_microcredits - refunded_microcredits AS cost
    FROM usage_event WHERE account_id = %(account_id)s
    ORDER BY started_at, request_id
    LIMIT 1
"""
_CALLING_SINCE_SQL = """
    SELECT least(
        (SELECT min(month) FROM usage_archived_month WHERE account_id = %(account_id)s)::timestamp AT TIME ZONE 'UTC',
        (SELECT started_at FROM usage_event WHERE account_id = %(account_id)s ORDER BY started_at LIMIT 1)) AS since
"""
_LAST_REFUSAL_SQL = """
    SELECT minute, code FROM usage_refusal WHERE account_id = %(account_id)s
    ORDER BY account_id DESC, minute DESC, calls DESC
    LIMIT 1
"""
_KEYS_SQL = """
    SELECT k.public_id, k.name, k.prefix, k.expires_at,
        k.cap_day_microcredits AS day_cap, k.cap_month_microcredits AS month_cap,
        CASE WHEN m.day = %(today)s THEN m.day_microcredits ELSE 0 END AS day_used,
        CASE WHEN m.month = %(month)s THEN m.month_microcredits ELSE 0 END AS month_used
    FROM accounts_apikey k
    LEFT JOIN usage_key_meter m ON m.account_id = k.account_id AND m.key_id = coalesce(k.rotation_root_id, k.id)
    WHERE k.account_id = %(account_id)s AND k.revoked_at IS NULL
        AND (k.expires_at IS NULL OR k.expires_at > %(as_of)s)
        AND (k.expires_at <= %(soon)s
             OR m.day = %(today)s AND m.day_microcredits >= %(share)s * k.cap_day_microcredits
             OR m.month = %(month)s AND m.month_microcredits >= %(share)s * k.cap_month_microcredits)
    ORDER BY k.id
    LIMIT %(limit)s
"""
NEARLY = 0.8


class FirstCall(NamedTuple):
    """The account's oldest ended call that is kept."""

    request_id: str
    started_at: datetime
    endpoint: str
    model: str
    outcome: str
    latency_ms: int
    cost_microcredits: int


class Refused(NamedTuple):
    """The latest minute in which a call was refused, and why."""

    minute: datetime
    code: str


class KeyWarning(NamedTuple):
    """A live key that soon refuses calls. `used_share` of its fuller cap, None unless that is nearly reached."""

    key_id: str
    name: str
    prefix: str
    expires_at: datetime | None
    cap: str | None
    used_share: float | None


def has_called(books: Snapshot, account_id: int) -> bool:
    """Whether any call of the account has ended."""
    row = books.row(_HAS_CALLED_SQL, {"account_id": account_id})
    return row is not None and row["has"]


def first_call(books: Snapshot, account_id: int) -> FirstCall | None:
    row = books.row(_FIRST_CALL_SQL, {"account_id": account_id})
    if row is None:
        return None
    return FirstCall(
        public_request_id(row["request_id"].hex),
        row["started_at"],
        row["endpoint"],
        row["model"],
        row["outcome"],
        row["latency_ms"],
        row["cost"],
    )


def calling_since(books: Snapshot, account_id: int) -> datetime | None:
    """When the account's first call started, to the month where it is archived; None where none has ended."""
    row = books.row(_CALLING_SINCE_SQL, {"account_id": account_id})
    return None if row is None else row["since"]


def last_refusal(books: Snapshot, account_id: int) -> Refused | None:
    row = books.row(_LAST_REFUSAL_SQL, {"account_id": account_id})
    return None if row is None else Refused(row["minute"], row["code"])


def key_warnings(books: Snapshot, account_id: int) -> list[KeyWarning]:
    """Live keys that end within a week, or have used four fifths of a cap."""
    today = books.as_of.astimezone(UTC).date()
    rows = books.rows(
        _KEYS_SQL,
        {
            "account_id": account_id,
            "as_of": books.as_of,
            "soon": books.as_of + EXPIRES_SOON,
            "today": today,
            "month": today.replace(day=1),
            "share": NEARLY,
            "limit": MAX_KEYS,
        },
    )
    return [_warning(row, books.as_of) for row in rows]


def _warning(row: dict[str, Any], as_of: datetime) -> KeyWarning:
    shares = [
        # Nothing may be spent under a cap of zero: it is always reached.
        (row[f"{cap}_used"] / row[f"{cap}_cap"] if row[f"{cap}_cap"] else 1.0, cap)
        for cap in ("day", "month")
        if row[f"{cap}_cap"] is not None
    ]
    share, cap = max(shares, default=(0.0, ""))
    expires_at = row["expires_at"]
    ends_soon = expires_at is not None and expires_at <= as_of + EXPIRES_SOON
    return KeyWarning(
        row["public_id"],
        row["name"],
        row["prefix"],
        expires_at if ends_soon else None,
        cap if share >= NEARLY else None,
        share if share >= NEARLY else None,
    )
