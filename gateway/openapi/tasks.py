"""Generation by task in OpenAPI. A model's own parameters are described where it is declared."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.endpoints import TASK_ENDPOINT_NAMES
from gateway.openapi.chat import titled
from gateway.openapi.endpoint_operations import json_object, operation
from gateway.openapi.field_descriptions import ANYWHERE
from gateway.tasks.listing import AFTER, DEFAULT_LIMIT, MAX_LIMIT
from gateway.tasks.states import SHOWN

_STRING: dict[str, Any] = {"type": "string"}
_MOMENT = {"type": "string", "format": "date-time"}
_STATUS = {"type": "string", "enum": list(dict.fromkeys(SHOWN.values()))}
_TASK_FIELDS: dict[str, Any] = {
    "task_id": _STRING,
    "status": _STATUS,
    "consumed_credits": {"type": "number"},
    "error_message": {"type": ["string", "null"]},
    "created_at": _MOMENT,
    "request": {"type": "object", "additionalProperties": True},
    "response": {"type": "array", "items": _STRING, "description": "URLs, once it has succeeded"},
}
_TASK = titled("Task", **_TASK_FIELDS)
_ENVELOPE = {"code": {"type": "integer"}, "message": _STRING}
_BODY = {
    "application/json": {
        "type": "object",
        "title": "NewTaskBody",
        "properties": {
            "model": {"type": "string", "description": _("The model's slug; the tools need none.")},
            "callback_url": {
                "type": "string",
                "format": "uri",
                "description": ANYWHERE["callback_url"],
            },
        },
        "additionalProperties": True,
    }
}
# `operation_id` is left to the address: one view serves several.
NEW_TASK = operation(
    "",
    "Open a task",
    _BODY,
    json_object(
        "OpenedTask",
        **_ENVELOPE,
        data=titled(
            "OpenedTaskData",
            "warnings",
            task_id=_STRING,
            status=_STATUS,
            warnings={"type": "array", "items": _STRING},
        ),
        id=_STRING,
        status=_STRING,
        model=_STRING,
        created_at=_MOMENT,
    ),
)
del NEW_TASK["operation_id"]
TASK = operation(
    "get_task", "How a task stands; free of charge", None, json_object("TaskAnswer", **_ENVELOPE, data=_TASK)
)
CANCEL = operation(
    "cancel_task",
    "Cancel a task that has not ended; nothing is charged",
    None,
    json_object("TaskAnswer", **_ENVELOPE, data=_TASK),
)
CANCEL["request"] = None
LISTING = ("limit", AFTER, "status", "model", "endpoint", "since", "until")
TASKS = operation(
    "list_tasks",
    "The account's tasks, newest first",
    None,
    json_object(
        "TaskPage",
        **_ENVELOPE,
        data={
            "type": "array",
            "items": titled("ListedTask", **_TASK_FIELDS, model=_STRING, endpoint=_STRING),
        },
        as_of=_MOMENT,
        has_more={"type": "boolean"},
        next={"type": ["string", "null"]},
    ),
)
TASKS["parameters"] = [
    OpenApiParameter("limit", int, description=f"1 to {MAX_LIMIT}, {DEFAULT_LIMIT} when not given"),
    OpenApiParameter(AFTER, str, description="`next` of the page before"),
    OpenApiParameter("status", str, enum=_STATUS["enum"]),
    OpenApiParameter("model", str),
    OpenApiParameter("endpoint", str, enum=list(TASK_ENDPOINT_NAMES)),
    OpenApiParameter("since", str, description="from this moment on, as in 2026-02-25T12:00:00Z"),
    OpenApiParameter("until", str, description="before this moment"),
]
