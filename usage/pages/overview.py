"""The overview: what there is to spend, what the last days came to, and a new account's way to its first call."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.audit import person
from accounts.keys import service
from accounts.models import ApiKey
from accounts.page_context import MAKERS, member_page, page_member
from accounts.principal import Principal
from aio_platform.http.query_parameters import QueryParameters
from usage.pages.field_errors import explains_bad_fields
from usage.pages.overview_stats import PERIODS, Runway, look_at_period, look_at_runway
from usage.queries import account_status
from usage.queries.credit import credit_of
from usage.snapshot import Snapshot, snapshot

DEFAULT_PERIOD = "7d"
LOW_RUNWAY_DAYS = 7
EXPIRES_SOON = timedelta(days=7)
PLACEHOLDER_KEY = "aio_…"


@require_GET
@never_cache
@member_page()
@explains_bad_fields
def overview(request: HttpRequest) -> HttpResponse:
    """Figures of the period in the address; the checklist instead, until the first call has ended."""
    return _overview(request, made=None)


@require_POST
@never_cache
@member_page(*MAKERS)
def first_key(request: HttpRequest) -> HttpResponse:
    """Issue a key with the checklist's one button, and show its text this once, in the curl line too."""
    member = page_member(request)
    principal = Principal(account=member.account, user=member.user, role=member.role)
    made = service.issue(
        principal, person(request, member.user), {**service.NO_LIMITS, "name": _("First key")}
    )
    if request.headers.get("HX-Request"):
        return render(request, "usage/checklist.html", _checklist(request, made))
    return _overview(request, made)


@require_GET
@never_cache
@member_page()
def first_call(request: HttpRequest) -> HttpResponse:
    """The checklist's last step, asked again every second: 204 while nothing is new, so that nothing flickers."""
    parameters = QueryParameters(request, ("refused",))
    with snapshot() as books:
        waited = _waited(books, page_member(request).account.pk)
    if waited["first_call"] is None and waited["refused_at"] == (parameters.text("refused") or ""):
        return HttpResponse(status=204)
    return render(request, "usage/checklist_call.html", waited)


def _overview(request: HttpRequest, made: tuple[ApiKey, str] | None) -> HttpResponse:
    parameters = QueryParameters(request, ("period",))
    name = parameters.choice("period", tuple(PERIODS), DEFAULT_PERIOD) or DEFAULT_PERIOD
    member = page_member(request)
    credit = credit_of(member.account).content
    context: dict[str, Any] = {"credit": credit, "period": name, "periods": PERIODS}
    with snapshot() as books:
        if account_status.has_called(books, member.account.pk) and made is None:
            started_at = account_status.calling_since(books, member.account.pk) or books.as_of
            runway = look_at_runway(books, member.account.pk, credit["available_microcredits"], started_at)
            context |= {
                "stats": look_at_period(books, member.account.pk, name),
                "runway": runway,
                "warnings": _warnings(books, credit, runway),
                "key_warnings": account_status.key_warnings(books, member.account.pk),
                "as_of": books.as_of,
            }
        else:
            context |= _checklist(request, made) | _waited(books, member.account.pk)
    return render(request, "usage/overview.html", context)


def _checklist(request: HttpRequest, made: tuple[ApiKey, str] | None) -> dict[str, Any]:
    account = page_member(request).account
    key = made[0] if made is not None else _live_key(account.pk)
    key_text = made[1] if made is not None else None
    return {
        "key": key,
        "key_text": key_text,
        "curl": _curl(request, key_text or PLACEHOLDER_KEY),
        "first_call": None,
        "refused_at": "",
    }


def _waited(books: Snapshot, account_id: int) -> dict[str, Any]:
    """The first call, or the latest refusal of one: a mistake in the line would otherwise look like nothing."""
    refusal = account_status.last_refusal(books, account_id)
    return {
        "first_call": account_status.first_call(books, account_id),
        "refused": refusal,
        "refused_at": f"{refusal.minute.timestamp():.0f}.{refusal.code}" if refusal is not None else "",
    }


def _live_key(account_id: int) -> ApiKey | None:
    now = timezone.now()
    keys = ApiKey.objects.filter(account_id=account_id, revoked_at=None).order_by("-id")[:50]
    return next((key for key in keys if key.is_live(now)), None)


def _curl(request: HttpRequest, key_text: str) -> str:
    """A call that works as it stands: /api/chat takes the default model."""
    return (
        f"curl {request.build_absolute_uri('/api/chat')} \\\n"
        f'  -H "Authorization: Bearer {key_text}" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        '  -d \'{"input": "Hello!"}\''
    )


def _warnings(books: Snapshot, credit: dict[str, Any], runway: Runway) -> dict[str, Any]:
    trial, expiry = credit["trial"], credit["next_expiry"]
    return {
        "trial": trial if trial and trial["left_today"] <= trial["calls_per_day"] // 5 else None,
        "no_credits": credit["available_microcredits"] <= 0,
        "low_balance": runway.days is not None and runway.days < LOW_RUNWAY_DAYS,
        "expiry": expiry
        if expiry and datetime.fromisoformat(expiry["expires_at"]) <= books.as_of + EXPIRES_SOON
        else None,
    }
