"""API keys: what there is, what each spent, and issuing, changing, revoking and rotating them.

In usage and not in accounts, because the page shows the books. The rules and their words are the key API's.
Each form is a page of its own that htmx shows as a dialog.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from accounts.audit import person
from accounts.errors import RoleNotAllowed
from accounts.keys import service
from accounts.keys.serializers import ChangeBody, IssueBody, RotateBody
from accounts.models import ApiKey
from accounts.page_context import MAKERS, member_page, page_member
from accounts.principal import Principal
from aio_platform import problems
from aio_platform.credits import format_credits
from aio_platform.errors import NotFound, PlatformError
from aio_platform.http.serializers import validated
from usage.queries.key_usage import KeyUsage, recent_calls, usage_by_key

IDLE_AFTER = timedelta(days=90)
EXPIRES_IN_DAYS = (7, 30, 90, 365)
OVERLAPS_S = (0, 3600, 24 * 3600, 7 * 24 * 3600, 30 * 24 * 3600)
MAX_SHOWN = 500


@member_page()
def keys(request: HttpRequest) -> HttpResponse:
    """Live keys with their spend and warnings, ended ones folded away."""
    principal = _principal(request)
    usage = usage_by_key(principal.account)
    now = timezone.now()
    found = list(service.keys_of(principal).order_by("-id")[: MAX_SHOWN + 1])
    rows = [_row(api_key, usage.get(api_key.pk, KeyUsage()), now) for api_key in found[:MAX_SHOWN]]
    return render(
        request,
        "usage/keys/list.html",
        {
            "live": [row for row in rows if row["is_live"]],
            "ended": [row for row in rows if not row["is_live"]],
            "more_than": MAX_SHOWN if len(found) > MAX_SHOWN else None,
        },
    )


@member_page(*MAKERS)
def new(request: HttpRequest) -> HttpResponse:
    """Issue a key; its text is shown this once."""
    problem = None
    if request.method == "POST":
        principal = _principal(request)
        try:
            wanted = validated(IssueBody, _issue_body(request))
            return _made(
                request, *service.issue(principal, person(request, page_member(request).user), wanted)
            )
        except (PlatformError, ValidationError) as error:
            problem = _shown_problem(error)
    endpoints, models = import_string(settings.KEY_SCOPE_CHOICES)()
    return _form(
        request,
        "usage/keys/new.html",
        problem,
        {
            "form": request.POST if problem else {"name": "", "expires_in": "90"},
            "chosen_endpoints": request.POST.getlist("endpoints"),
            "endpoints": endpoints,
            "models": models,
            "expires_in_days": EXPIRES_IN_DAYS,
        },
    )


@member_page(*MAKERS)
def change(request: HttpRequest, key_id: str) -> HttpResponse:
    """Rename a key, and change its caps and expiry."""
    principal = _principal(request)
    api_key = service.find(principal, key_id)
    problem = None
    form: Any = {
        "name": api_key.name,
        "cap_day": _credits_text(api_key.cap_day_microcredits),
        "cap_month": _credits_text(api_key.cap_month_microcredits),
        "expires_at": _local_timestamp(api_key.expires_at),
    }
    if request.method == "POST":
        form = request.POST
        try:
            wanted = validated(ChangeBody, _change_body(request, api_key))
            service.change(principal, person(request, page_member(request).user), api_key, wanted)
            return _done(request, _("%(name)s is changed.") % {"name": wanted["name"]})
        except (PlatformError, ValidationError) as error:
            problem = _shown_problem(error)
    return _form(
        request,
        "usage/keys/change.html",
        problem,
        {"form": form, "api_key": api_key, "is_live": api_key.is_live(timezone.now())},
    )


@member_page(*MAKERS)
def revoke(request: HttpRequest, key_id: str) -> HttpResponse:
    """Say what a revocation would break, and revoke."""
    principal = _principal(request)
    api_key = service.find(principal, key_id)
    if request.method == "POST":
        service.revoke(principal, person(request, page_member(request).user), api_key)
        return _done(request, _("%(name)s is revoked.") % {"name": api_key.name})
    recent = recent_calls(principal.account.pk, api_key.pk)
    return _form(request, "usage/keys/revoke.html", None, {"api_key": api_key, "recent": recent})


@member_page(*MAKERS)
def rotate(request: HttpRequest, key_id: str) -> HttpResponse:
    """Issue a key's successor; the old one goes on for the overlap that is chosen."""
    principal = _principal(request)
    api_key = service.find(principal, key_id)
    problem = None
    if request.method == "POST":
        try:
            wanted = validated(RotateBody, {"overlap_s": request.POST.get("overlap_s", "")})
            made = service.rotate(
                principal, person(request, page_member(request).user), api_key, wanted["overlap_s"]
            )
            return _made(request, *made)
        except (PlatformError, ValidationError) as error:
            problem = _shown_problem(error)
    return _form(
        request,
        "usage/keys/rotate.html",
        problem,
        {
            "api_key": api_key,
            "recent": recent_calls(principal.account.pk, api_key.pk),
            "overlaps": [(seconds, _overlap_name(seconds)) for seconds in OVERLAPS_S],
            "chosen": request.POST.get("overlap_s", str(24 * 3600)),
        },
    )


def _row(api_key: ApiKey, usage: KeyUsage, now: datetime) -> dict[str, Any]:
    is_live = api_key.is_live(now)
    has_no_cap = api_key.cap_day_microcredits is None and api_key.cap_month_microcredits is None
    return {
        "key": api_key,
        "usage": usage,
        "is_live": is_live,
        "has_no_expiry": is_live and api_key.expires_at is None,
        "has_no_cap": is_live and has_no_cap,
        "is_idle": is_live and (usage.last_used_at or api_key.created_at) < now - IDLE_AFTER,
    }


def _issue_body(request: HttpRequest) -> dict[str, Any]:
    """The form as the key API's IssueBody; what is left empty is no limit."""
    form = request.POST
    scopes = {
        "endpoints": form.getlist("endpoints") or None,
        "models": _words(form.get("models", "")),
        "networks": _words(form.get("networks", "")),
    }
    expires_at: Any = form.get("expires_at", "") or None
    days = form.get("expires_in", "")
    if days.isascii() and days.isdecimal() and int(days) in EXPIRES_IN_DAYS:
        expires_at = timezone.now() + timedelta(days=int(days))
    elif days == "never":
        expires_at = None
    return {
        "name": form.get("name", ""),
        "scopes": scopes if any(scopes.values()) else None,
        "may_manage_keys": form.get("may_manage_keys") == "on",
        "cap_day": form.get("cap_day", "").strip() or None,
        "cap_month": form.get("cap_month", "").strip() or None,
        "expires_at": expires_at,
    }


def _change_body(request: HttpRequest, api_key: ApiKey) -> dict[str, Any]:
    """The form as the key API's ChangeBody: an ended key has a name to change and no limits."""
    form = request.POST
    body: dict[str, Any] = {"name": form.get("name", "")}
    if api_key.is_live(timezone.now()):
        body["cap_day"] = form.get("cap_day", "").strip() or None
        body["cap_month"] = form.get("cap_month", "").strip() or None
        # To the minute is what the form shows; what was not touched keeps its seconds.
        if form.get("expires_at", "") != _local_timestamp(api_key.expires_at):
            body["expires_at"] = form.get("expires_at", "") or None
    return body


def _words(text: str) -> list[str] | None:
    return text.replace(",", " ").split() or None


def _shown_problem(error: PlatformError | ValidationError) -> PlatformError:
    """What the form shows at its field; what is no mistake in the form has a page of its own."""
    problem = problems.as_platform_error(error)
    if isinstance(problem, (NotFound, RoleNotAllowed)):
        raise problem
    return problem


def _form(
    request: HttpRequest, template: str, problem: PlatformError | None, context: dict[str, Any]
) -> HttpResponse:
    """The form as a page, or as a dialog where htmx asked; there a refusal is swapped in like everything else."""
    in_dialog = bool(request.headers.get("HX-Request"))
    status = problem.status if problem is not None and not in_dialog else 200
    return render(request, template, {**context, **_frame(in_dialog), "problem": problem}, status=status)


def _made(request: HttpRequest, api_key: ApiKey, key_text: str) -> HttpResponse:
    in_dialog = bool(request.headers.get("HX-Request"))
    base = settings.PUBLIC_URL.rstrip("/") or request.build_absolute_uri("/").rstrip("/")
    response = render(
        request,
        "usage/keys/made.html",
        {
            "api_key": api_key,
            "key_text": key_text,
            "env_lines": f"AIO_API_KEY={key_text}\nOPENAI_API_KEY={key_text}\nOPENAI_BASE_URL={base}/v1",
            **_frame(in_dialog),
        },
    )
    response["Cache-Control"] = "no-store"
    response["HX-Trigger"] = "keys-changed"
    return response


def _done(request: HttpRequest, said: str) -> HttpResponse:
    messages.success(request, said)
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("keys")})
    return redirect("keys")


def _frame(in_dialog: bool) -> dict[str, Any]:
    return {"in_dialog": in_dialog, "frame": f"usage/keys/{'dialog' if in_dialog else 'page'}.html"}


def _overlap_name(seconds: int) -> str:
    return {
        0: _("none: the old key ends at once"),
        3600: _("an hour"),
        24 * 3600: _("a day"),
        7 * 24 * 3600: _("a week"),
        30 * 24 * 3600: _("30 days"),
    }[seconds]


def _credits_text(microcredits: int | None) -> str:
    return "" if microcredits is None else format_credits(microcredits)


def _local_timestamp(moment: datetime | None) -> str:
    return "" if moment is None else timezone.localtime(moment).strftime("%Y-%m-%dT%H:%M")


def _principal(request: HttpRequest) -> Principal:
    member = page_member(request)
    return Principal(account=member.account, user=member.user, role=member.role)
