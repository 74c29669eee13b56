"""Opening a task: every endpoint of generation by task answers at once, and a worker submits the task.

It costs nothing until it has succeeded.
"""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from accounts.keys.guessing import refusal_for_failed_key
from aio_platform.credits import format_credits
from aio_platform.errors import InvalidRequest, PlatformError
from aio_platform.http.async_api import AsyncAPIView
from aio_platform.http.handler import GatewayRequest
from aio_platform.http.request_ids import public_request_id
from aio_platform.http.safe_urls import check_url
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.api.tasks import MOMENT, STATUS, mark_made_up
from gateway.calls.runtime import runtime
from gateway.catalog.routes import Route
from gateway.contracts.parsing import RequestContract, parse_body
from gateway.endpoints import BY_NAME, TASK_TIME_LIMIT
from gateway.http.authentication import credentials_of, error_after_precheck, precheck
from gateway.http.endpoint_view import JsonEndpointView, json_response
from gateway.http.idempotency import ORIGINAL, REPLAYED, fingerprint_of, idempotency_key_of, run_idempotent
from gateway.http.json_body import read_json_body
from gateway.openapi.field_descriptions import ANYWHERE
from gateway.openapi.presentation import Presented
from gateway.openapi.schemas import INTEGER, STRING, json_object, operation, titled
from gateway.task_models import TaskParameters, read_task
from gateway.tasks import answers
from gateway.tasks.ids import new_task_id
from gateway.tasks.records import IdempotencyClaim, TaskToOpen
from usage.errors import IdempotencyMismatch
from usage.ledger.calls import ADMITTED, CallToAuthorize, Credentials
from usage.ledger.verdicts import error_for_verdict, rate_headers

# A task's hold outlives its deadline by this, so that it never expires under a task that is still alive.
HOLD_MARGIN_S = 86_400
SUBMIT_LIMIT_S = 30.0
# JSON may spell a NUL, and PostgreSQL cannot store one.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
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
# `operation_id` is made of the endpoint's name.
_NEW_TASK = operation(
    "",
    "Open a task",
    _BODY,
    json_object(
        "OpenedTask",
        code=INTEGER,
        message=STRING,
        data=titled(
            "OpenedTaskData",
            "warnings",
            task_id=STRING,
            status=STATUS,
            warnings={"type": "array", "items": STRING},
        ),
        id=STRING,
        status=STRING,
        model=STRING,
        created_at=MOMENT,
    ),
)
del _NEW_TASK["operation_id"]


class NewTaskView(Presented, AsyncAPIView):
    """POST to an endpoint of asynchronous generation: opens a task and answers at once; a worker submits it.

    Takes a signed-in member's session too, as Omakase's endpoints do: the workbench opens tasks.
    """

    endpoint: str
    session_allowed = True

    @extend_schema(**_NEW_TASK)
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
            raise InvalidRequest(_("%(param)s: must be a model's name."), param="model")
        if _NUL.search(body):
            raise InvalidRequest(_("The body must not contain the character U+0000."))
        # What a tool's model is called, nobody has to know; of the others one must be chosen.
        route = runtime().catalog.current.routes_for(self.endpoint, model)[0]
        if model is None and not BY_NAME[self.endpoint].model_is_optional:
            raise InvalidRequest(_("%(param)s: this field is required."), param="model")
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
        deadline_s = int(route.time_limit_s or TASK_TIME_LIMIT.value())
        call = CallToAuthorize(
            request.request_uuid,
            caller,
            self.endpoint,
            route.model,
            route.name,
            route.rate.id,
            route.rate.ceiling_microcredits(task.units),
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


async def _opened(opening: TaskToOpen, task: TaskParameters) -> HttpResponse:
    """Open the task and say so, or raise the refusal."""
    verdict, created_at = await runtime().tasks.open(opening)
    if verdict.name != ADMITTED or created_at is None:
        error = error_for_verdict(verdict, opening.call.ceiling_microcredits, datetime.now(UTC))
        if verdict.account_id is None:
            error = await asyncio.to_thread(refusal_for_failed_key, opening.call.caller.address, error)
        raise error
    response = _new_task(opening.id, opening.call.model, created_at, task, verdict.available or 0)
    mark_made_up(response, [opening.upstream])
    for name, value in rate_headers(verdict).items():
        response[name] = value
    return response


async def _opened_once(opening: TaskToOpen, claim: IdempotencyClaim, task: TaskParameters) -> HttpResponse:
    """The task that was opened under this Idempotency-Key, or else a new one, opened under it."""
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
    mark_made_up(response, [found.upstream])
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


def _callback_url(values: Mapping[str, Any]) -> str | None:
    url = values.get("callback_url")
    if url is None:
        return None
    if not isinstance(url, str):
        raise InvalidRequest(_("%(param)s: must be a URL."), param="callback_url")
    check_url(url, "callback_url")
    return url
