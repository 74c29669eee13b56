"""Generation by task: submit, poll, list, cancel. Only submitting costs anything, and only once a task succeeds."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from accounts.keys.guessing import refusal_for_failed_key
from aio_platform.credits import format_credits
from aio_platform.errors import InvalidRequest, NotFound, PlatformError
from aio_platform.http.async_api import AsyncAPIView
from aio_platform.http.handler import GatewayRequest
from aio_platform.http.query_parameters import QueryParameters
from aio_platform.http.request_ids import public_request_id
from aio_platform.http.safe_urls import check_url
from gateway.api.openai import OpenAIImageView, OpenAISpeechView
from gateway.calls.relay import SANDBOX_HEADERS
from gateway.calls.runtime import runtime
from gateway.catalog.routes import TASK_ENDPOINTS, Route
from gateway.contracts.parsing import RequestContract, parse_body
from gateway.http.authentication import credentials_of, error_after_precheck, precheck
from gateway.http.endpoint_view import JsonEndpointView, json_response
from gateway.http.idempotency import ORIGINAL, REPLAYED, fingerprint_of, idempotency_key_of, run_idempotent
from gateway.http.json_body import read_json_body
from gateway.http.uploads import body_deadline
from gateway.openapi import tasks
from gateway.task_models import TaskParameters, read_task
from gateway.tasks import answers
from gateway.tasks.ids import is_task_id, new_task_id
from gateway.tasks.listing import AFTER, DEFAULT_LIMIT, MAX_LIMIT, TaskFilter, place_of
from gateway.tasks.records import IdempotencyClaim, TaskKey, TaskRow, TaskToOpen
from gateway.tasks.states import SHOWN, State
from usage.errors import IdempotencyMismatch
from usage.ledger.calls import ADMITTED, CallToAuthorize, Credentials
from usage.ledger.verdicts import error_for_verdict, rate_headers

# A task's hold outlives its deadline by this, so that it never expires under a task that is still alive.
HOLD_MARGIN_S = 86_400
SUBMIT_LIMIT_S = 30.0
# JSON may spell a NUL, and PostgreSQL cannot store one.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
ENDED_BEFORE: Mapping[State, str] = {
    State.SUCCEEDED: "The task has already succeeded, so it cannot be cancelled.",
    State.FAILED: "The task has already failed, so it cannot be cancelled. Nothing was charged.",
    State.CANCELLED: "The task is cancelled already.",
    State.TIMED_OUT: "The task has already reached its time limit, so it cannot be cancelled. Nothing was charged.",
}


class UnknownTask(NotFound):
    """No such task in the caller's account; another's looks the same."""

    code = "unknown_task"

    def __init__(self) -> None:
        super().__init__("There is no such task.", param="task_id")


class TaskEnded(PlatformError):
    """The task had ended before it could be cancelled."""

    code = "task_ended"
    status = 409
    type = "invalid_request"


class NewTaskView(AsyncAPIView):
    """POST to an endpoint of asynchronous generation: opens a task and answers at once; a worker submits it.

    Takes a signed-in member's session too, as Omakase's endpoints do: the workbench opens tasks.
    """

    endpoint = ""
    session_allowed = True

    @extend_schema(**tasks.NEW_TASK)
    async def post(self, drf_request: Request) -> HttpResponseBase:
        request: GatewayRequest = drf_request._request  # type: ignore[assignment]
        caller = await credentials_of(request, session_allowed=self.session_allowed)
        try:
            # For no endpoint yet: the body may turn out to be one for the endpoint that answers as OpenAI does.
            body = await read_json_body(request, caller, None, settings.MAX_TASK_BODY_BYTES)
            _, values = parse_body(RequestContract, body, request.header(b"content-type"))
            synchronous = self.synchronous_view(values)
            if synchronous is None:
                route, task = self.to_request(values, body)
                callback_url = _callback_url(values)
                idempotency_key = idempotency_key_of(request)
        except PlatformError as error:
            raise await error_after_precheck(caller, self.endpoint, error) from None
        if synchronous is not None:
            return await synchronous.execute(drf_request)
        request.watch_disconnect()
        opening = self._to_open(request, caller, route, task, values, callback_url)
        if not idempotency_key:
            return await _opened(opening, task)
        claim = IdempotencyClaim(idempotency_key, fingerprint_of(request, body))
        return await run_idempotent(
            request,
            caller,
            idempotency_key,
            body,
            SUBMIT_LIMIT_S,
            self.endpoint,
            route.model,
            lambda: _opened_once(opening._replace(claim=claim), claim, task),
            lambda: _recalled(caller, claim, task),
        )

    def synchronous_view(self, values: Mapping[str, Any]) -> "JsonEndpointView[Any] | None":
        """The view that answers this body as OpenAI does, where the body is one for OpenAI."""
        return None

    def to_request(self, values: Mapping[str, Any], body: bytes) -> tuple[Route, TaskParameters]:
        """Where the task will go, and what it is; raises InvalidRequest and UnknownModel."""
        model = values.get("model")
        if model is not None and (not isinstance(model, str) or not model):
            raise InvalidRequest("model: must be a model's name.", param="model")
        if _NUL.search(body):
            raise InvalidRequest("The body must not contain the character U+0000.")
        # What a tool's model is called, nobody has to know; of the others one must be chosen.
        route = runtime().catalog.current.routes_for(self.endpoint, model)[0]
        if model is None and self.endpoint not in TOOLS:
            raise InvalidRequest("model: this field is required.", param="model")
        task = read_task(self.endpoint, route.model, values)
        for param, url in task.urls:
            check_url(url, param)
        return route, task

    def _to_open(
        self,
        request: GatewayRequest,
        caller: Credentials,
        route: Route,
        task: TaskParameters,
        values: Mapping[str, Any],
        callback_url: str | None,
    ) -> TaskToOpen:
        deadline_s = int(route.time_limit_s or settings.TASK_TIME_LIMIT_S)
        call = CallToAuthorize(
            request.request_uuid,
            caller,
            self.endpoint,
            route.model,
            route.name,
            route.rate.id,
            route.rate.cost_microcredits(task.units),
            deadline_s + HOLD_MARGIN_S,
        )
        return TaskToOpen(
            call,
            new_task_id(route.model),
            route.adapter,
            route.upstream.name,
            values,
            task.parameters,
            task.units,
            callback_url,
            deadline_s,
        )


class ImageTaskView(NewTaskView):
    """POST /api/v1/images/generations: a task, or OpenAI's answer to a body with OpenAI's own fields."""

    endpoint = "image_task"
    also_calls = ("images",)

    def synchronous_view(self, values: Mapping[str, Any]) -> "JsonEndpointView[Any] | None":
        is_openai = any(values.get(name) is not None for name in ("n", "size", "response_format"))
        return OpenAIImageView() if is_openai else None


class SpeechTaskView(NewTaskView):
    """POST /api/v1/audio/speech: a task, or OpenAI's answer to `input` and `voice`."""

    endpoint = "speech_task"
    also_calls = ("speech",)

    def synchronous_view(self, values: Mapping[str, Any]) -> "JsonEndpointView[Any] | None":
        is_openai = values.get("input") is not None and values.get("voice") is not None
        return OpenAISpeechView() if is_openai else None


TOOLS = frozenset({"remove_bg", "face_swap", "video_bg_remover"})


async def _opened(opening: TaskToOpen, task: TaskParameters) -> HttpResponse:
    """Open the task and say so, or raise the refusal."""
    verdict, created_at = await runtime().tasks.open(opening)
    if verdict.name != ADMITTED or created_at is None:
        error = error_for_verdict(verdict, opening.call.ceiling_microcredits, datetime.now(UTC))
        if verdict.account_id is None:
            error = await asyncio.to_thread(refusal_for_failed_key, opening.call.caller.address, error)
        raise error
    response = _new_task(opening.id, opening.call.model, created_at, task, verdict.available or 0)
    _mark_made_up(response, [opening.upstream])
    for name, value in rate_headers(verdict).items():
        response[name] = value
    return response


async def _opened_once(opening: TaskToOpen, claim: IdempotencyClaim, task: TaskParameters) -> HttpResponse:
    """The task that the key stands for, or else a new one that it stands for from now on."""
    recalled = await _recalled(opening.call.caller, claim, task)
    if recalled is None:
        return await _opened(opening, task)
    refusal = await precheck(opening.call.caller, opening.call.endpoint, opening.call.model)
    if refusal is not None:
        raise refusal
    return recalled


async def _recalled(
    caller: Credentials, claim: IdempotencyClaim, task: TaskParameters
) -> HttpResponse | None:
    """What was answered, or would have been, when the key's task was opened; raises IdempotencyMismatch."""
    found = await runtime().tasks.recall(caller, claim.key)
    if found is None:
        return None
    if found.fingerprint != claim.fingerprint:
        raise IdempotencyMismatch
    response = _new_task(found.id, found.model, found.created_at, task, found.available_microcredits)
    _mark_made_up(response, [found.upstream])
    response[REPLAYED] = "true"
    response[ORIGINAL] = public_request_id(found.request_uuid)
    return response


def _new_task(
    task_id: str, model: str, created_at: datetime, task: TaskParameters, available_microcredits: int
) -> HttpResponse:
    response = json_response(answers.new_task(task_id, model, created_at, task.warnings))
    # Held, not consumed: a task costs nothing until it has succeeded.
    response["X-Credits-Consumed"] = "0"
    response["X-Credits-Remaining"] = format_credits(available_microcredits)
    return response


def _mark_made_up(response: HttpResponse, upstreams: Iterable[str | None]) -> None:
    if not runtime().catalog.current.sandboxes.isdisjoint(upstreams):
        for name, value in SANDBOX_HEADERS.items():
            response[name] = value


def _callback_url(values: Mapping[str, Any]) -> str | None:
    url = values.get("callback_url")
    if url is None:
        return None
    if not isinstance(url, str):
        raise InvalidRequest("callback_url: must be a URL.", param="callback_url")
    check_url(url, "callback_url")
    return url


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

    @extend_schema(**tasks.TASK)
    async def get(self, drf_request: Request, task_id: str) -> HttpResponseBase:
        _, row = await self.own_task(drf_request, task_id)
        response = json_response(answers.task(row))
        _mark_made_up(response, [row.upstream])
        response["Cache-Control"] = "no-store"
        return response


class CancelTaskView(OwnTaskView):
    """POST /api/v1/tasks/{task_id}/cancel: wins or loses against the task's end, whole."""

    @extend_schema(**tasks.CANCEL)
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
        _mark_made_up(response, [row.upstream])
        return response


class TaskListView(AsyncAPIView):
    """GET /api/v1/tasks: the account's tasks, newest first."""

    @extend_schema(**tasks.TASKS)
    async def get(self, drf_request: Request) -> HttpResponseBase:
        caller = await _reader(drf_request)
        wanted = _filter_of(QueryParameters(drf_request, tasks.LISTING))
        page = await runtime().tasks.page(caller, wanted)
        response = json_response(answers.task_page(page))
        _mark_made_up(response, [row.upstream for row in page.tasks])
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
        raise InvalidRequest("since is before until.", param="since")
    after = parameters.text(AFTER)
    return TaskFilter(
        limit=parameters.whole_number("limit", low=1, high=MAX_LIMIT, default=DEFAULT_LIMIT),
        after=None if after is None else place_of(after),
        status=parameters.choice("status", tuple(dict.fromkeys(SHOWN.values()))),
        model=parameters.text("model"),
        endpoint=parameters.choice("endpoint", TASK_ENDPOINTS),
        since=since,
        until=until,
    )
