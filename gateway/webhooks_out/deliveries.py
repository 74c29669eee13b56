"""Deliveries as their account sees them: pages, one with its attempts, and sending one again."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from aio_platform.errors import InvalidRequest, NotFound
from aio_platform.i18n.translatable import gettext_noop
from aio_platform.timestamps import utc_text
from gateway.webhooks_out.event_body import public_event_id
from usage.snapshot import snapshot

DELIVERY_PREFIX = "dlv_"
STATES = ("pending", "delivered", "failed", "stopped")
AFTER = "after"
_is_delivery_id = re.compile(r"dlv_[0-9a-f]{32}").fullmatch
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_PAGE_SQL = """
    SELECT * FROM gateway_callback_delivery
    WHERE account_id = %(account_id)s
        AND (%(state)s::text IS NULL OR state = %(state)s)
        AND (%(task_id)s::text IS NULL OR task_id = %(task_id)s)
        AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)
        AND (%(after_at)s::timestamptz IS NULL OR (created_at, id) < (%(after_at)s, %(after_id)s::uuid))
    ORDER BY created_at DESC, id DESC
    LIMIT %(limit)s
"""
_ONE_SQL = "SELECT * FROM gateway_callback_delivery WHERE account_id = %(account_id)s AND id = %(id)s"
_ATTEMPTS_SQL = """
    SELECT * FROM gateway_callback_attempt
    WHERE account_id = %(account_id)s AND delivery_id = %(id)s ORDER BY number
"""
# An endpoint's delivery goes to where the account's endpoint is now.
_RESEND_SQL = """
    UPDATE gateway_callback_delivery d
    SET state = 'pending', ended_at = NULL, tries = 0, due_at = now(),
        url = CASE WHEN d.target = 'endpoint' THEN coalesce(
            (SELECT p.url FROM gateway_callback_endpoint p WHERE p.account_id = d.account_id), d.url) ELSE d.url END
    WHERE d.account_id = %s AND d.id = %s
    RETURNING d.id
"""


class DeliveryNotFound(NotFound):
    """No such delivery in the account; another account's is not found either."""

    code = "delivery_not_found"
    template = gettext_noop("There is no such delivery.")


class DeliveryFilter(NamedTuple):
    """Which deliveries to list. Times are [since, until); `after` is where the page before ended."""

    limit: int
    state: str | None = None
    task_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[datetime, UUID] | None = None


class Page(NamedTuple):
    """Deliveries as answers show them, newest first; `next` is None on the last page."""

    as_of: datetime
    deliveries: list[dict[str, Any]]
    next: str | None


def delivery_page(account_id: int, wanted: DeliveryFilter) -> Page:
    """The account's newest deliveries that match."""
    after_at, after_id = wanted.after or (None, None)
    parameters = wanted._asdict() | {
        "account_id": account_id,
        "after_at": after_at,
        "after_id": after_id,
        "limit": wanted.limit + 1,
    }
    with snapshot() as books:
        rows = books.rows(_PAGE_SQL, parameters)
    has_more, rows = len(rows) > wanted.limit, rows[: wanted.limit]
    return Page(books.as_of, [_describe(row) for row in rows], _cursor_after(rows[-1]) if has_more else None)


def find_delivery(account_id: int, delivery_id: str) -> dict[str, Any]:
    """One delivery with all its attempts, oldest first; raises DeliveryNotFound."""
    parameters = {"account_id": account_id, "id": _uuid_of(delivery_id)}
    with snapshot() as books:
        row = books.row(_ONE_SQL, parameters)
        if row is None:
            raise DeliveryNotFound
        attempts = books.rows(_ATTEMPTS_SQL, parameters)
    return _describe(row) | {"attempts": [_describe_attempt(attempt) for attempt in attempts]}


def resend(account_id: int, delivery_id: str) -> dict[str, Any]:
    """Send the event again now, whatever came of it before, with the whole schedule of retries before it.

    Under the same event id: a receiver that has it already can tell. Raises DeliveryNotFound.
    """
    with connection.cursor() as cursor:
        cursor.execute(_RESEND_SQL, [account_id, _uuid_of(delivery_id)])
        if cursor.fetchone() is None:
            raise DeliveryNotFound
    return find_delivery(account_id, delivery_id)


def place_of(cursor: str) -> tuple[datetime, UUID]:
    """Where a page ended, from its `next`; InvalidRequest for what we did not hand out."""
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
        microseconds, _, delivery_id = text.partition(".")
        return _EPOCH + timedelta(microseconds=int(microseconds)), UUID(hex=delivery_id)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            gettext_noop("%(param)s is the `next` of the page before, as it was given."), param=AFTER
        ) from None


def _cursor_after(row: dict[str, Any]) -> str:
    microseconds = (row["created_at"] - _EPOCH) // timedelta(microseconds=1)
    return urlsafe_b64encode(f"{microseconds}.{row['id'].hex}".encode()).rstrip(b"=").decode()


def _uuid_of(delivery_id: str) -> UUID:
    if _is_delivery_id(delivery_id) is None:
        raise DeliveryNotFound
    return UUID(hex=delivery_id.removeprefix(DELIVERY_PREFIX))


def _describe(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": DELIVERY_PREFIX + row["id"].hex,
        "object": "callback_delivery",
        "event_id": public_event_id(row["event_id"]),
        "type": row["type"],
        "task_id": row["task_id"],
        "target": row["target"],
        "url": row["url"],
        "status": row["state"],
        "attempt_count": row["attempts"],
        "created_at": utc_text(row["created_at"]),
        "next_attempt_at": utc_text(row["due_at"]) if row["state"] == "pending" else None,
        "ended_at": row["ended_at"] and utc_text(row["ended_at"]),
    }


def _describe_attempt(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": row["number"],
        "url": row["url"],
        "started_at": utc_text(row["started_at"]),
        "duration_ms": row["duration_ms"],
        "status": row["status"],
        "error": row["error"],
        "response": row["response"],
    }
