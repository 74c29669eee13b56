"""Looking at an account as its members see it: to read only, with a banner, for an hour, and written down.

The session says which account (`VIEW_AS_SESSION_KEY`) and since when; the members' pages show it as they would to a
viewer. Whatever would change something is refused, on every address, until it ends.
"""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from accounts.audit import account_target, record_by_staff
from accounts.models import Account, User
from accounts.page_context import SAFE_METHODS, VIEW_AS_SESSION_KEY
from aio_platform import problems
from aio_platform.errors import PermissionRefused
from aio_platform.i18n.translatable import gettext_noop as _

API_PATHS = ("/api/", "/v1/", "/llm/")
STARTED_SESSION_KEY = "staff_view_as_since"
TIME_LIMIT_S = 3600
PERMISSION = "accounts.view_as_member"
# Names of the addresses that end it: they change nothing else.
ENDS_IT = frozenset({"staff:view-as-stop", "account_logout", "staff:logout"})
# And of those that change nothing but what the visitor's own browser keeps.
OWN_LOOK = frozenset({"set_language"})


class ReadsOnly(PermissionRefused):
    """A change was asked for while looking at an account as its members do."""

    code = "reads_only"
    template = _(
        "You are looking at an account as its members see it, which is to read only. End that first."
    )


def start(request: HttpRequest, account: Account) -> None:
    """From the next request on, the members' pages are the account's."""
    request.session[VIEW_AS_SESSION_KEY] = account.public_id
    request.session[STARTED_SESSION_KEY] = int(time.time())
    record_by_staff(request, "account.view_as", account_target(account), account=account)


def stop(request: HttpRequest) -> Account | None:
    """Back to one's own; the account that was looked at, None where there was none."""
    public_id = request.session.pop(VIEW_AS_SESSION_KEY, None)
    request.session.pop(STARTED_SESSION_KEY, None)
    account = Account.objects.filter(public_id=public_id).first() if public_id is not None else None
    if account is not None:
        record_by_staff(request, "account.view_as_end", account_target(account), account=account)
    return account


class ViewAsMiddleware:
    """Holds view-as to what it is: reading, by staff who may, for an hour."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, arguments: object, keywords: object
    ) -> HttpResponseBase | None:
        if not is_viewing_as(request):
            return None
        if not _may_go_on(request):
            stop_silently(request)
            return None
        match = request.resolver_match
        if request.method not in SAFE_METHODS and (
            match is None or match.view_name not in ENDS_IT | OWN_LOOK
        ):
            return _refusal(request)
        return None


def is_viewing_as(request: HttpRequest) -> bool:
    """Whether the session looks at an account as its members do."""
    return VIEW_AS_SESSION_KEY in request.session


def stop_silently(request: HttpRequest) -> None:
    """What is over by the clock, or by a permission that was taken away, ends without anybody's action."""
    request.session.pop(VIEW_AS_SESSION_KEY, None)
    request.session.pop(STARTED_SESSION_KEY, None)


def _may_go_on(request: HttpRequest) -> bool:
    user = request.user
    if not isinstance(user, User) or not user.is_staff or not user.has_perm(PERMISSION):
        return False
    since = request.session.get(STARTED_SESSION_KEY)
    return isinstance(since, int) and 0 <= time.time() - since < TIME_LIMIT_S


def _refusal(request: HttpRequest) -> HttpResponse:
    error, request_id = ReadsOnly(), getattr(request, "request_id", "")
    if request.path.startswith(API_PATHS):
        return problems.render(error, request.path, request_id)
    return render(request, "error.html", {"error": error, "request_id": request_id}, status=error.status)
