"""Pages of signed-in members: which account a page is about, and with what role the visitor sees it.

A page's view is decorated with `member_page`; `page_member` then says whose page it is. The account shown is the one
chosen with the account switch, else the one joined first. Staff who look at an account as its members see it are
viewers of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse

from accounts import errors
from accounts.models import Account, Membership, User

ACCOUNT_SESSION_KEY = "account"
VIEW_AS_SESSION_KEY = "staff_view_as"
MANAGERS = (Membership.Role.OWNER, Membership.Role.ADMIN)
MAKERS = (*MANAGERS, Membership.Role.DEVELOPER)
SIGN_IN_PATH = "/auth/"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Member:
    """On whose behalf a page is shown. `role` is None for staff who view the account as its members do."""

    account: Account
    user: User
    role: str | None

    @property
    def is_manager(self) -> bool:
        """May change members, settings and every key."""
        return self.role in MANAGERS

    @property
    def is_maker(self) -> bool:
        """May issue keys and make calls."""
        return self.role in MAKERS

    @property
    def is_staff_view(self) -> bool:
        return self.role is None


def member_page(*roles: str) -> Callable[[View], View]:
    """Decorate a page's view: signed-in members only, of one of the roles where any are named.

    Nobody signed in: to the sign-in page and back. Member of no account: to the page that says so. Raises
    RoleNotAllowed (403) for another role, and for whoever of staff changes something while viewing as a member.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            user = request.user
            if not isinstance(user, User):
                return _to_sign_in(request)
            member = member_of(request, user)
            if member is None:
                return redirect("no-account")
            if member.is_staff_view and request.method not in SAFE_METHODS:
                raise errors.RoleNotAllowed(*(roles or MAKERS))
            if roles and not member.is_staff_view and member.role not in roles:
                raise errors.RoleNotAllowed(*roles)
            request.member = member  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)

        return page

    return decorate


def page_member(request: HttpRequest) -> Member:
    """The member whom `member_page` let in."""
    member: Member = request.member  # type: ignore[attr-defined]
    return member


def member_of(request: HttpRequest, user: User) -> Member | None:
    """The signed-in person as a member of the account their pages are about; None who belongs to none."""
    viewed = request.session.get(VIEW_AS_SESSION_KEY)
    if viewed is not None and user.is_staff and user.is_active:
        account = Account.objects.filter(public_id=viewed).select_related("plan").first()
        if account is not None:
            return Member(account, user, None)
    memberships = Membership.objects.filter(user=user).select_related("account__plan").order_by("id")
    chosen = request.session.get(ACCOUNT_SESSION_KEY)
    membership = memberships.filter(account__public_id=chosen).first() if chosen is not None else None
    membership = membership or memberships.first()
    return None if membership is None else Member(membership.account, user, membership.role)


def switch_account(request: HttpRequest, public_id: str) -> None:
    """Make the visitor's pages about another of their accounts; Http404 for one that is not theirs."""
    assert isinstance(request.user, User)
    if not Membership.objects.filter(user=request.user, account__public_id=public_id).exists():
        raise Http404
    request.session[ACCOUNT_SESSION_KEY] = public_id


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context of every template: the member a page is about, and the accounts they can switch to."""
    member: Member | None = getattr(request, "member", None)
    # Pages about one's own sign-in are allauth's, which knows no members; their frame is the same.
    if member is None and request.path.startswith(SIGN_IN_PATH) and isinstance(request.user, User):
        member = member_of(request, request.user)
    if member is None:
        return {"member": None}
    return {
        "member": member,
        "their_accounts": Account.objects.filter(memberships__user=member.user).order_by("memberships__id"),
    }


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    sign_in = f"{reverse(settings.LOGIN_URL)}?next={quote(request.get_full_path())}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": sign_in})
    return HttpResponseRedirect(sign_in)
