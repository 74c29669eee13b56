"""Settings: how pages look to oneself, how one signs in, and what the account is called."""

import zoneinfo

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import member_service
from accounts.audit import person
from accounts.page_context import MANAGERS, member_page, page_member
from aio_platform.appearance import CHOSEN_TIME_ZONE_COOKIE
from aio_platform.errors import PlatformError

A_YEAR_S = 365 * 24 * 60 * 60


@member_page()
def general(request: HttpRequest) -> HttpResponse:
    """One's language and time zone, and the account's name."""
    return _shown(request)


@require_POST
@member_page()
def profile(request: HttpRequest) -> HttpResponse:
    """Keep the language and the time zone in this browser; an unknown one changes nothing."""
    response = redirect("settings")
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES):
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, max_age=A_YEAR_S, samesite="Lax")
    zone = request.POST.get("time_zone", "")
    if not zone:
        response.delete_cookie(CHOSEN_TIME_ZONE_COOKIE)
    elif zone in zoneinfo.available_timezones():
        response.set_cookie(CHOSEN_TIME_ZONE_COOKIE, zone, max_age=A_YEAR_S, samesite="Lax")
    messages.success(request, _("Saved."))
    return response


@require_POST
@member_page(*MANAGERS)
def rename(request: HttpRequest) -> HttpResponse:
    """Give the account another name."""
    member = page_member(request)
    name = request.POST.get("name", "")
    try:
        member_service.rename_account(member, person(request, member.user), name)
    except PlatformError as error:
        if error.param != "name":
            raise
        return _shown(request, name=name, problem=error)
    messages.success(request, _("Saved."))
    return redirect("settings")


@member_page()
def security(request: HttpRequest) -> HttpResponse:
    """How one signs in, each with where it is changed."""
    member = page_member(request)
    user = member.user
    kinds = list(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    return render(
        request,
        "accounts/security.html",
        {
            "address": EmailAddress.objects.filter(user=user, primary=True).first(),
            "has_password": user.has_usable_password(),
            "has_totp": Authenticator.Type.TOTP in kinds,
            "passkeys": kinds.count(Authenticator.Type.WEBAUTHN),
            "has_recovery_codes": Authenticator.Type.RECOVERY_CODES in kinds,
            "sessions": UserSession.objects.filter(user=user).count(),
        },
    )


def _shown(
    request: HttpRequest, name: str | None = None, problem: PlatformError | None = None
) -> HttpResponse:
    member = page_member(request)
    return render(
        request,
        "accounts/settings.html",
        {
            "name": member.account.name if name is None else name,
            "problem": problem,
            "time_zones": sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone),
            "chosen_time_zone": request.COOKIES.get(CHOSEN_TIME_ZONE_COOKIE, ""),
        },
        status=problem.status if problem else 200,
    )
