"""Tasks after they are opened: look at one, cancel it, list them. None of it costs anything."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from aio_platform.errors import InvalidRequest, NotFound, PlatformError
from aio_platform.http.async_api import AsyncAPIView
from aio_platform.http.handler import GatewayRequest
from aio_platform.http.query_parameters import QueryParameters
from aio_platform.i18n.translatable import Template, gettext_noop
from gateway.calls.relay import SANDBOX_HEADERS
from gateway.calls.runtime import runtime
from gateway.endpoints import TASK_ENDPOINT_NAMES
from gateway.http.authentication import credentials_of, precheck
from gateway.http.endpoint_view import json_response
from gateway.http.uploads import body_deadline
from gateway.openapi.schemas import INTEGER, MAYBE_STRING, NUMBER, STRING, json_object, operation, titled
from gateway.tasks import answers
from gateway.tasks.ids import is_task_id
from gateway.tasks.listing import AFTER, DEFAULT_LIMIT, MAX_LIMIT, TaskFilter, place_of
from gateway.tasks.records import TaskKey, TaskRow
from gateway.tasks.states import SHOWN, State
from usage.ledger.calls import Credentials

MOMENT = {"type": "string", "format": "date-time"}
STATUS = {"type": "string", "enum": list(dict.fromkeys(SHOWN.values()))}
_TASK_FIELDS: dict[str, Any] = {
    "task_id": STRING,
    "status": STATUS,
    "consumed_credits": NUMBER,
    "error_message": MAYBE_STRING,
    "created_at": MOMENT,
    "request": {"type": "object", "additionalProperties": True},
    "response": {"type": "array", "items": STRING, "description": "URLs, once it has succeeded"},
}
_TASK = titled("Task", **_TASK_FIELDS)
_ENVELOPE = {"code": INTEGER, "message": STRING}
_SHOW = operation(
    "get_task", "How a task stands; free of charge", None, json_object("TaskAnswer", **_ENVELOPE, data=_TASK)
)
_CANCEL = operation(
    "cancel_task",
    "Cancel a task that has not ended; nothing is charged",
    None,
    json_object("TaskAnswer", **_ENVELOPE, data=_TASK),
)
_CANCEL["request"] = None
LISTING = ("limit", AFTER, "status", "model", "endpoint", "since", "until")
_LIST = operation(
    "list_tasks",
    "The account's tasks, newest first",
    None,
    json_object(
        "TaskPage",
        **_ENVELOPE,
        data={
            "type": "array",
            "items": titled("ListedTask", **_TASK_FIELDS, model=STRING, endpoint=STRING),
        },
        as_of=MOMENT,
        has_more={"type": "boolean"},
        next=MAYBE_STRING,
    ),
)
_LIST["parameters"] = [
    OpenApiParameter("limit", int, description=f"1 to {MAX_LIMIT}, {DEFAULT_LIMIT} when not given"),
    OpenApiParameter(AFTER, str, description="`next` of the page before"),
    OpenApiParameter("status", str, enum=STATUS["enum"]),
    OpenApiParameter("model", str),
    OpenApiParameter("endpoint", str, enum=list(TASK_ENDPOINT_NAMES)),
    OpenApiParameter("since", str, description="from this moment on, as in 2026-02-25T12:00:00Z"),
    OpenApiParameter("until", str, description="before this moment"),
]
ENDED_BEFORE: Mapping[State, Template] = {
    State.SUCCEEDED: gettext_noop("The task has already succeeded, so it cannot be cancelled."),
    State.FAILED: gettext_noop(
        "The task has already failed, so it cannot be cancelled. Nothing was charged."
    ),
    State.CANCELLED: gettext_noop("The task is cancelled already."),
    State.TIMED_OUT: gettext_noop(
        "The task has already reached its time limit, so it cannot be cancelled. Nothing was charged."
    ),
}


class UnknownTask(NotFound):
    """No such task in the caller's account; another's looks the same."""

    code = "unknown_task"
    template = gettext_noop("There is no such task.")

    def __init__(self) -> None:
        super().__init__(param="task_id")


class TaskEnded(PlatformError):
    """The task had ended before it could be cancelled."""

    code = "task_ended"
    status = 409
    type = "invalid_request"


class OwnTaskView(AsyncAPIView):
    """What looking at a task and cancelling it have in common."""

    async def own_task(self, drf_request: Request, task_id: str) -> tuple[TaskKey, TaskRow]:
        """The caller's task of that id; raises UnknownTask. Reads only, and is never billed."""
        caller = await _reader(drf_request)
        found = await runtime().tasks.find(caller, task_id) if is_task_id(task_id) else None
        if found is None:
            raise UnknownTask
        return found


class TaskView(OwnTaskView):
    """GET /api/v1/tasks/{task_id}."""

    @extend_schema(**_SHOW)
    async def get(self, drf_request: Request, task_id: str) -> HttpResponseBase:
        _, row = await self.own_task(drf_request, task_id)
        response = json_response(answers.task(row))
        mark_made_up(response, [row.upstream])
        response["Cache-Control"] = "no-store"
        return response


class CancelTaskView(OwnTaskView):
    """POST /api/v1/tasks/{task_id}/cancel: wins or loses against the task's end, whole."""

    @extend_schema(**_CANCEL)
    async def post(self, drf_request: Request, task_id: str) -> HttpResponseBase:
        request: GatewayRequest = drf_request._request  # type: ignore[assignment]
        key, _ = await self.own_task(drf_request, task_id)
        async with body_deadline():
            async for _ in request.chunks(settings.MAX_TASK_BODY_BYTES):
                pass  # it says nothing
        ended = await runtime().tasks.cancel(key)
        if not ended.won:
            assert ended.state is not None
            raise TaskEnded(ENDED_BEFORE[ended.state])
        _, row = await self.own_task(drf_request, task_id)
        response = json_response(answers.task(row))
        mark_made_up(response, [row.upstream])
        return response


class TaskListView(AsyncAPIView):
    """GET /api/v1/tasks: the account's tasks, newest first."""

    @extend_schema(**_LIST)
    async def get(self, drf_request: Request) -> HttpResponseBase:
        caller = await _reader(drf_request)
        wanted = _filter_of(QueryParameters(drf_request, LISTING))
        page = await runtime().tasks.page(caller, wanted)
        response = json_response(answers.task_page(page))
        mark_made_up(response, [row.upstream for row in page.tasks])
        return response


async def _reader(drf_request: Request) -> Credentials:
    """The caller, who may look at the account's tasks; raises the refusal otherwise."""
    request: GatewayRequest = drf_request._request  # type: ignore[assignment]
    caller = await credentials_of(request)
    refusal = await precheck(caller)
    if refusal is not None:
        raise refusal
    return caller


def _filter_of(parameters: QueryParameters) -> TaskFilter:
    since, until = parameters.timestamp("since"), parameters.timestamp("until")
    if since is not None and until is not None and since >= until:
        raise InvalidRequest(gettext_noop("since is before until."), param="since")
    after = parameters.text(AFTER)
    return TaskFilter(
        limit=parameters.whole_number("limit", low=1, high=MAX_LIMIT, default=DEFAULT_LIMIT),
        after=None if after is None else place_of(after),
        status=parameters.choice("status", tuple(dict.fromkeys(SHOWN.values()))),
        model=parameters.text("model"),
        endpoint=parameters.choice("endpoint", TASK_ENDPOINT_NAMES),
        since=since,
        until=until,
    )


def mark_made_up(response: HttpResponse, upstreams: Iterable[str | None]) -> None:
    """Say in the headers that it is made up, where one of its upstreams is a sandbox."""
    if not runtime().catalog.current.sandboxes.isdisjoint(upstreams):
        for name, value in SANDBOX_HEADERS.items():
            response[name] = value
