"""Tasks: the list, one with its life and its results, cancelling it, and sending its callbacks again."""

from datetime import datetime
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from rest_framework.request import Request

from accounts.page_context import MAKERS, member_page, page_member
from aio_platform.errors import InvalidRequest
from aio_platform.http.query_parameters import QueryParameters
from aio_platform.i18n.translatable import gettext_noop
from gateway.api.tasks import ENDED_BEFORE, TaskEnded, UnknownTask
from gateway.endpoints import TASK_ENDPOINT_NAMES, TASK_ENDPOINTS
from gateway.pages.shown_tasks import ShownTask, find_task, task_page
from gateway.pages.task_timeline import timeline_of
from gateway.task_models.shipped import SHIPPED
from gateway.tasks.listing import AFTER, TaskFilter, place_of
from gateway.tasks.records import TaskKey, TransitionResult
from gateway.tasks.states import FAILED, IN_PROGRESS, SUCCESS
from gateway.tasks.store import TaskStore
from gateway.webhooks_out import deliveries

PAGE_SIZE = 25
DELIVERIES_SHOWN = 20
FILTERS = ("status", "endpoint", "model", "since", "until")


@require_safe
@member_page()
def tasks(request: HttpRequest) -> HttpResponse:
    """The account's tasks, newest first; htmx asks for the rows alone while some of them live."""
    given = {name: text for name, text in request.GET.items() if text and name in (*FILTERS, AFTER)}
    page = task_page(page_member(request).account.pk, _filter_of(request))
    filters = request.GET.copy()
    for name in (AFTER, *(name for name, text in request.GET.items() if not text)):
        filters.pop(name, None)
    older = filters.copy()
    older[AFTER] = page.next or ""
    context = {
        "page": page,
        "given": given,
        "is_filtered": any(name in given for name in FILTERS),
        "statuses": [(IN_PROGRESS, _("In progress")), (SUCCESS, _("Succeeded")), (FAILED, _("Failed"))],
        "endpoints": [(each.name, each.label) for each in TASK_ENDPOINTS],
        "models": SHIPPED.slugs(),
        "newest_query": filters.urlencode(),
        "older_query": older.urlencode(),
        "here": request.get_full_path(),
    }
    part = (
        "gateway/tasks_rows.html" if request.headers.get("HX-Target") == "task-rows" else "gateway/tasks.html"
    )
    return render(request, part, context)


@require_safe
@member_page()
def task(request: HttpRequest, task_id: str) -> HttpResponse:
    """One task, whole."""
    shown = _own_task(request, task_id)
    context = _state_of(request, shown) | _deliveries_of(request, shown)
    return render(request, "gateway/task.html", context)


@require_safe
@member_page()
def task_panel(request: HttpRequest, task_id: str) -> HttpResponse:
    """How a task stands with the dialog that cancels it: for the workbench."""
    context = _state_of(request, _own_task(request, task_id))
    return render(request, "gateway/task_panel.html", context | {"in_workbench": True})


@require_safe
@member_page()
def task_state(request: HttpRequest, task_id: str) -> HttpResponse:
    """How a task stands, for htmx: it asks again while the task lives."""
    return render(request, "gateway/task_state.html", _state_of(request, _own_task(request, task_id)))


@require_safe
@member_page()
def task_callbacks(request: HttpRequest, task_id: str) -> HttpResponse:
    """What became of the task's callbacks, for htmx."""
    context = _deliveries_of(request, _own_task(request, task_id))
    return render(request, "gateway/task_callbacks.html", context)


@require_POST
@member_page(*MAKERS)
def cancel(request: HttpRequest, task_id: str) -> HttpResponseBase:
    """End a task that lives; raises TaskEnded where it had ended before."""
    shown = _own_task(request, task_id)
    ended = async_to_sync(_cancelled)(TaskKey(page_member(request).account.pk, shown.id))
    if not ended.won:
        assert ended.state is not None
        raise TaskEnded(ENDED_BEFORE[ended.state])
    if request.headers.get("HX-Request"):
        return task_state(_as_read(request), task_id)
    messages.success(request, _("The task was cancelled. Its credits were released."))
    return redirect("task", task_id=shown.id)


@require_POST
@member_page(*MAKERS)
def resend_callback(request: HttpRequest, task_id: str, delivery_id: str) -> HttpResponseBase:
    """Send one of the task's callbacks again, now."""
    shown = _own_task(request, task_id)
    account_id = page_member(request).account.pk
    if deliveries.find_delivery(account_id, delivery_id)["task_id"] != shown.id:
        raise deliveries.DeliveryNotFound
    deliveries.resend(account_id, delivery_id)
    if request.headers.get("HX-Request"):
        return task_callbacks(_as_read(request), task_id)
    messages.success(request, _("The callback is being sent again."))
    return redirect("task", task_id=shown.id)


async def _cancelled(key: TaskKey) -> TransitionResult:
    store = TaskStore()
    try:
        return await store.cancel(key)
    finally:
        await store.close()


def _own_task(request: HttpRequest, task_id: str) -> ShownTask:
    """The account's task; raises UnknownTask, also for another account's."""
    shown = find_task(page_member(request).account.pk, task_id)
    if shown is None:
        raise UnknownTask
    return shown


def _state_of(request: HttpRequest, shown: ShownTask) -> dict[str, Any]:
    return {
        "task": shown,
        "timeline": timeline_of(shown),
        "may_change": page_member(request).is_maker,
    }


def _deliveries_of(request: HttpRequest, shown: ShownTask) -> dict[str, Any]:
    page = deliveries.delivery_page(
        page_member(request).account.pk, deliveries.DeliveryFilter(limit=DELIVERIES_SHOWN, task_id=shown.id)
    )
    return {
        "task": shown,
        "deliveries": [
            delivery | {"next_attempt_at": _parse_timestamp(delivery["next_attempt_at"])}
            for delivery in page.deliveries
        ],
        "any_pending": any(delivery["status"] == "pending" for delivery in page.deliveries),
        "may_change": page_member(request).is_maker,
    }


def _parse_timestamp(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _as_read(request: HttpRequest) -> HttpRequest:
    """What changed something answers with the part as it is now."""
    request.method = "GET"
    return request


def _filter_of(request: HttpRequest) -> TaskFilter:
    """What the query string asks for; a field that a form sent empty counts as not given. Raises InvalidRequest."""
    given = request.GET.copy()
    for name in [name for name, text in given.items() if not text]:
        del given[name]
    request.GET = given  # type: ignore[assignment]
    parameters = QueryParameters(Request(request), (*FILTERS, AFTER))
    since, until = parameters.timestamp("since"), parameters.timestamp("until")
    if since is not None and until is not None and since >= until:
        raise InvalidRequest(gettext_noop("since is before until."), param="since")
    after = parameters.text(AFTER)
    return TaskFilter(
        limit=PAGE_SIZE,
        after=None if after is None else place_of(after),
        status=parameters.choice("status", (IN_PROGRESS, SUCCESS, FAILED)),
        model=parameters.text("model"),
        endpoint=parameters.choice("endpoint", TASK_ENDPOINT_NAMES),
        since=since,
        until=until,
    )
