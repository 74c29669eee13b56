"""Tasks as answers show them. A new task has both shapes of the seed document, a polled one its only one."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from aio_platform.credits import json_credits
from aio_platform.timestamps import utc_text
from gateway.tasks.listing import Page
from gateway.tasks.records import TaskRow
from gateway.tasks.states import IN_PROGRESS, SHOWN

PENDING = "pending"


def new_task(task_id: str, model: str, created_at: datetime, warnings: Sequence[str]) -> dict[str, Any]:
    """The answer to a submission. `warnings` say which parts of the request were ignored or moved."""
    data: dict[str, Any] = {"task_id": task_id, "status": IN_PROGRESS}
    if warnings:
        data["warnings"] = list(warnings)
    return {
        **_enveloped(data),
        "id": task_id,
        "status": PENDING,
        "model": model,
        "created_at": utc_seconds(created_at),
    }


def task(row: TaskRow) -> dict[str, Any]:
    """The answer to a poll, in whatever state the task is."""
    return _enveloped(task_data(row))


def task_page(page: Page) -> dict[str, Any]:
    """A page of tasks, newest first; `next` is given as `after` for the one that follows."""
    return {
        **_enveloped(
            [{**task_data(row), "model": row.model, "endpoint": row.endpoint} for row in page.tasks]
        ),
        "as_of": utc_text(page.as_of),
        "has_more": page.has_more,
        "next": page.next,
    }


def utc_seconds(moment: datetime) -> str:
    """The time as the seed document writes it: 2026-02-25T12:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def task_data(row: TaskRow) -> dict[str, Any]:
    """A task as polls, listings and callbacks all show it."""
    return {
        "task_id": row.id,
        "status": SHOWN[row.state],
        "consumed_credits": json_credits(row.consumed_microcredits),
        "error_message": row.error_message,
        "created_at": utc_seconds(row.created_at),
        "request": row.request,
        "response": row.results or [],
    }


def _enveloped(data: Any) -> dict[str, Any]:
    return {"code": 200, "message": "success", "data": data}
