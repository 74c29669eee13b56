"""Callbacks: where an account is told of its tasks' ends, the secret that signs it, and what became of every event."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import audit
from accounts.errors import Conflict
from accounts.page_context import MAKERS, member_page, page_member
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop
from gateway.labels import DELIVERY_STATES
from gateway.webhooks_out import deliveries, endpoints, service, signing_secrets
from gateway.webhooks_out.deliveries import STATES, DeliveryFilter
from gateway.webhooks_out.signing_secrets import MAX_OVERLAP_S, UnreadableSecret

PAGE_SIZE = 50
STATE_BADGES = {"pending": "accent", "delivered": "good", "failed": "bad", "stopped": ""}
OVERLAPS_S = (MAX_OVERLAP_S, 3600, 0)


@member_page(*MAKERS)
def callbacks(request: HttpRequest) -> HttpResponse:
    """The endpoint, the secret, and a page of deliveries, filtered by state and task in the URL."""
    return _shown(request)


@require_POST
@member_page(*MAKERS)
def set_endpoint(request: HttpRequest) -> HttpResponse:
    """Tell this URL of every task's end, or with an empty one nowhere."""
    member = page_member(request)
    url = request.POST.get("url", "").strip()
    try:
        service.set_endpoint(audit.person(request, member.user), member.account, url or None)
    except InvalidRequest as problem:
        return _shown(request, url=url, problem=problem)
    messages.success(request, _("Saved."))
    return redirect("callbacks")


@require_POST
@member_page(*MAKERS)
def rotate_secret(request: HttpRequest) -> HttpResponse:
    """Make a new secret; the old one signs beside it for the overlap."""
    member = page_member(request)
    wanted = request.POST.get("overlap_s", "")
    overlaps = {str(seconds): seconds for seconds in OVERLAPS_S}
    if wanted not in overlaps:
        raise InvalidRequest(gettext_noop("That is not one of the overlaps."), param="overlap_s")
    try:
        service.rotate_secret(audit.person(request, member.user), member.account, overlaps[wanted])
    except Conflict as refusal:
        messages.error(request, refusal.shown)
        return redirect("callbacks")
    messages.success(request, _("There is a new secret."))
    return redirect("callbacks")


@member_page(*MAKERS)
def delivery(request: HttpRequest, delivery_id: str) -> HttpResponse:
    """One delivery with its attempts."""
    found = deliveries.find_delivery(page_member(request).account.pk, delivery_id)
    attempts = [
        attempt | {"started_at": parse_datetime(attempt["started_at"])} for attempt in found["attempts"]
    ]
    return render(request, "gateway/delivery.html", {"delivery": _described(found) | {"attempts": attempts}})


@require_POST
@member_page(*MAKERS)
def resend(request: HttpRequest, delivery_id: str) -> HttpResponse:
    """Send the event again now, under its own id."""
    deliveries.resend(page_member(request).account.pk, delivery_id)
    messages.success(request, _("It is sent again."))
    return redirect("callbacks-delivery", delivery_id)


def _shown(
    request: HttpRequest, url: str | None = None, problem: InvalidRequest | None = None
) -> HttpResponse:
    member = page_member(request)
    endpoint = endpoints.endpoint_of(member.account.pk)
    state = request.GET.get("status", "")
    task_id = request.GET.get("task", "").strip()
    after = request.GET.get("after", "")
    page = deliveries.delivery_page(
        member.account.pk,
        DeliveryFilter(
            limit=PAGE_SIZE,
            state=state if state in STATES else None,
            task_id=task_id or None,
            after=deliveries.place_of(after) if after else None,
        ),
    )
    context: dict[str, Any] = {
        "endpoint": endpoint,
        "url": (endpoint.url if endpoint else "") if url is None else url,
        "problem": problem,
        "overlaps": [(seconds, _overlap_name(seconds)) for seconds in OVERLAPS_S],
        "deliveries": [_described(row) for row in page.deliveries],
        "next": page.next,
        "state": state,
        "task_id": task_id,
        "is_first": not after,
        "states": [(name, DELIVERY_STATES[name]) for name in STATES],
    }
    # Staff who look as members do see no secret: it would let them sign as us to the account's servers.
    if not member.is_staff_view:
        try:
            context["secrets"] = signing_secrets.secrets_of(member.account.pk)
        except UnreadableSecret as refusal:
            context["secret_problem"] = refusal
    response = render(request, "gateway/callbacks.html", context, status=problem.status if problem else 200)
    response["Cache-Control"] = "no-store"
    return response


def _described(row: dict[str, Any]) -> dict[str, Any]:
    moments = {
        name: parse_datetime(row[name]) if row[name] else None
        for name in ("created_at", "next_attempt_at", "ended_at")
    }
    return (
        row
        | moments
        | {"state_name": DELIVERY_STATES[row["status"]], "state_badge": STATE_BADGES[row["status"]]}
    )


def _overlap_name(seconds: int) -> str:
    return {
        0: _("none: every older secret ends at once"),
        3600: _("an hour"),
        MAX_OVERLAP_S: _("a day"),
    }[seconds]
