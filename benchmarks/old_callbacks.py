"""An event, a delivery and its attempts for each of the tasks that a benchmark reads among, and reading those."""

from collections.abc import Callable
from typing import Any

from django.db import connection

from gateway.webhooks_out import deliveries
from gateway.webhooks_out.deliveries import DeliveryFilter
from usage.snapshot import snapshot

PAGE = 100
# The trigger would make deliveries that are due now, and the platform's worker would set out to send them.
FILL_SQL = """
    ALTER TABLE gateway_task_event DISABLE TRIGGER gateway_task_event_callbacks;
    INSERT INTO gateway_task_event (account_id, task_id, type, created_at)
    SELECT account_id, id, CASE WHEN state = 'succeeded' THEN 'task.succeeded' ELSE 'task.failed' END, created_at
    FROM gateway_task WHERE account_id = %(account)s AND upstream = 'old';
    ALTER TABLE gateway_task_event ENABLE TRIGGER gateway_task_event_callbacks;
    INSERT INTO gateway_callback_delivery (account_id, event_id, task_id, type, target, url, state, attempts, tries,
        due_at, event_at, created_at, ended_at)
    SELECT e.account_id, e.id, e.task_id, e.type, 'endpoint', 'https://customer.example.com/hooks/aio', s.state,
        s.attempts, s.attempts, now() + interval '7 hours', e.created_at, e.created_at,
        CASE WHEN s.state <> 'pending' THEN e.created_at END
    FROM (SELECT *, row_number() OVER () AS n FROM gateway_task_event
          WHERE account_id = %(account)s AND task_id LIKE 'n1a%%') e,
    LATERAL (SELECT CASE n %% 1000 WHEN 0 THEN 'failed' WHEN 1 THEN 'pending' ELSE 'delivered' END AS state,
                    CASE WHEN n %% 1000 = 0 THEN 17 WHEN n %% 10 = 1 THEN 3 ELSE 1 END AS attempts) s;
    INSERT INTO gateway_callback_attempt (account_id, delivery_id, number, url, started_at, duration_ms, status,
        response)
    SELECT d.account_id, d.id, number, d.url, d.created_at, 80,
        CASE WHEN d.state = 'delivered' AND number = d.attempts THEN 200 ELSE 503 END, 'Service unavailable'
    FROM gateway_callback_delivery d, generate_series(1, d.attempts) number
    WHERE d.account_id = %(account)s
"""
EVENTS_OF_TASK_SQL = """
    SELECT * FROM gateway_task_event WHERE account_id = %(account)s AND task_id = %(task)s
"""
NEWEST_EVENTS_SQL = """
    SELECT * FROM gateway_task_event WHERE account_id = %(account)s ORDER BY created_at DESC, id DESC LIMIT 100
"""


def fill(account_id: int) -> None:
    """One event for each old task of the account, told once, three times, or (one in a thousand) in vain."""
    with connection.cursor() as cursor:
        cursor.execute(FILL_SQL, {"account": account_id})
        for table in ("gateway_task_event", "gateway_callback_delivery", "gateway_callback_attempt"):
            cursor.execute(f"ANALYZE {table}")


def reads(account_id: int) -> dict[str, Callable[[], Any]]:
    """What an account's pages ask, by name."""

    def page(**wanted: Any) -> Callable[[], deliveries.Page]:
        return lambda: deliveries.delivery_page(account_id, DeliveryFilter(PAGE, **wanted))

    with snapshot() as books:
        old = books.row(
            "SELECT * FROM gateway_callback_delivery WHERE account_id = %(account)s AND state = 'failed'"
            " ORDER BY created_at LIMIT 1",
            {"account": account_id},
        )
    assert old is not None
    public_id = deliveries.DELIVERY_PREFIX + old["id"].hex
    return {
        "deliveries, newest": page(),
        "deliveries, a page far back": page(after=(old["created_at"], old["id"])),
        "deliveries that failed": page(state="failed"),
        "deliveries that wait": page(state="pending"),
        "deliveries of a task": page(task_id=old["task_id"]),
        "deliveries that failed, up to a day": page(state="failed", until=old["created_at"]),
        "a delivery with its 17 attempts": lambda: deliveries.find_delivery(account_id, public_id),
        "events of a task": lambda: _rows(EVENTS_OF_TASK_SQL, account=account_id, task=old["task_id"]),
        "events, newest": lambda: _rows(NEWEST_EVENTS_SQL, account=account_id),
    }


def _rows(sql: str, **parameters: Any) -> list[dict[str, Any]]:
    with snapshot() as books:
        return books.rows(sql, parameters)
