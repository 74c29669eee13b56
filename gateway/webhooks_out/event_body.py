"""What a customer's endpoint is sent: the task as `GET /api/v1/tasks/{id}` shows it, with what happened and when."""

from datetime import datetime
from uuid import UUID

import orjson

from aio_platform.timestamps import utc_text
from gateway.tasks import answers
from gateway.tasks.records import TaskRow

EVENT_PREFIX = "evt_"


def public_event_id(event_id: UUID) -> str:
    """The `webhook-id`: one for an event, over all its retries, addresses and resends."""
    return EVENT_PREFIX + event_id.hex


def event_body(event_type: str, event_at: datetime, task: TaskRow) -> bytes:
    """The event's JSON. A task that has ended does not change, so every attempt sends the same bytes."""
    shown = answers.task_data(task)
    return orjson.dumps({"type": event_type, "timestamp": utc_text(event_at), "data": shown})
