"""What has to happen to tasks and callbacks by the clock: keys are forgotten, and bodies and deliveries deleted.

A few at a time, so that no chore holds a lock for long, and in the database alone. The books keep everything.
"""

from django.conf import settings
from django.db import connection

from usage.retention import Chore

AT_ONCE = 500
FORGET_KEYS_SQL = "SELECT gateway_forget_task_keys_v1(%s)"
DELETE_BODIES_SQL = "SELECT gateway_delete_task_bodies_v1(%s, %s)"
DELETE_DELIVERIES_SQL = "SELECT gateway_delete_deliveries_v1(%s, %s)"


def chores() -> list[Chore]:
    """Everything that tasks and callbacks need done by the clock."""
    return [
        Chore("forget task keys", 30.0, lambda: forget_keys(AT_ONCE), AT_ONCE),
        Chore("delete task bodies", 60.0, lambda: delete_bodies(AT_ONCE), AT_ONCE),
        Chore("delete callback deliveries", 60.0, lambda: delete_deliveries(AT_ONCE), AT_ONCE),
    ]


def forget_keys(limit: int) -> int:
    """Forget up to `limit` Idempotency-Keys whose day is over; how many."""
    return _count(FORGET_KEYS_SQL, limit)


def delete_bodies(limit: int) -> int:
    """Empty requests, parameters and results of up to `limit` tasks that ended TASK_KEEP_DAYS ago; how many."""
    return _count(DELETE_BODIES_SQL, settings.TASK_KEEP_DAYS, limit)


def delete_deliveries(limit: int) -> int:
    """Delete up to `limit` deliveries that ended CALLBACK_KEEP_DAYS ago, with their attempts; how many."""
    return _count(DELETE_DELIVERIES_SQL, settings.CALLBACK_KEEP_DAYS, limit)


def _count(sql: str, *parameters: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.fetchone()[0])
