"""The team: members and their roles, and who is invited. Everybody looks; owners and admins change."""

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts import invitations, member_service
from accounts.audit import person
from accounts.errors import Conflict
from accounts.models import ApiKey, Membership
from accounts.page_context import MANAGERS, member_page, page_member
from aio_platform.errors import PlatformError

ROLE_NAMES = {
    Membership.Role.OWNER: gettext_lazy("Owner"),
    Membership.Role.ADMIN: gettext_lazy("Admin"),
    Membership.Role.DEVELOPER: gettext_lazy("Developer"),
    Membership.Role.VIEWER: gettext_lazy("Viewer"),
}
ROLE_MEANINGS = {
    Membership.Role.OWNER: gettext_lazy("everything, other owners included"),
    Membership.Role.ADMIN: gettext_lazy("members, settings and every key"),
    Membership.Role.DEVELOPER: gettext_lazy("keys, calls and callbacks"),
    Membership.Role.VIEWER: gettext_lazy("looks and changes nothing"),
}


@member_page()
def team(request: HttpRequest) -> HttpResponse:
    """Members, roles and open invitations."""
    return _shown(request)


@require_POST
@member_page(*MANAGERS)
def invite(request: HttpRequest) -> HttpResponse:
    """Invite somebody; the page then shows the link to copy."""
    member = page_member(request)
    wanted = {"email": request.POST.get("email", ""), "role": request.POST.get("role", "")}
    try:
        member_service.check_may_give(member, wanted["role"])
        invitation = invitations.invite(
            member.account, wanted["email"], wanted["role"], member.user, person(request, member.user)
        )
    except PlatformError as error:
        if error.param not in wanted:
            raise
        return _shown(request, wanted=wanted, problem=error)
    _mail(request, invitation)
    return redirect("team")


@require_POST
@member_page(*MANAGERS)
def invite_again(request: HttpRequest, invitation_id: str) -> HttpResponse:
    """Another week and another mail for an invitation."""
    member = page_member(request)
    invitation = invitations.find_open(member.account, invitation_id)
    member_service.check_may_give(member, invitation.role)
    _mail(request, invitations.extend(invitation, person(request, member.user)))
    return redirect("team")


@require_POST
@member_page(*MANAGERS)
def withdraw(request: HttpRequest, invitation_id: str) -> HttpResponse:
    member = page_member(request)
    invitation = invitations.find_open(member.account, invitation_id)
    invitations.withdraw(invitation, person(request, member.user))
    messages.success(request, _("The invitation of %(email)s is withdrawn.") % {"email": invitation.email})
    return redirect("team")


@require_POST
@member_page(*MANAGERS)
def change_role(request: HttpRequest, user_id: int) -> HttpResponse:
    member = page_member(request)
    membership = member_service.find(member.account, user_id)
    try:
        member_service.change_role(
            member, person(request, member.user), membership, request.POST.get("role", "")
        )
    except Conflict as error:
        messages.error(request, error.shown)
    else:
        messages.success(request, _("%(email)s has another role now.") % {"email": membership.user.email})
    return redirect("team")


@require_POST
@member_page()
def remove(request: HttpRequest, user_id: int) -> HttpResponse:
    """Remove a member: managers anybody, everybody themselves."""
    member = page_member(request)
    membership = member_service.find(member.account, user_id)
    try:
        member_service.remove(member, person(request, member.user), membership)
    except Conflict as error:
        messages.error(request, error.shown)
        return redirect("team")
    if membership.user_id == member.user.pk:
        messages.success(request, _("You left %(account)s.") % {"account": member.account.name})
        return redirect("overview")
    messages.success(request, _("%(email)s is no longer a member.") % {"email": membership.user.email})
    return redirect("team")


def _shown(
    request: HttpRequest, wanted: dict[str, str] | None = None, problem: PlatformError | None = None
) -> HttpResponse:
    member = page_member(request)
    open_ones = invitations.open_invitations(member.account) if member.is_manager else []
    now = timezone.now()
    keys_of = dict(
        ApiKey.objects.filter(account=member.account, revoked_at=None)
        .values_list("created_by")
        .annotate(Count("pk"))
    )
    context: dict[str, Any] = {
        "members": [
            {
                "membership": membership,
                "role_name": ROLE_NAMES[Membership.Role(membership.role)],
                "live_keys": keys_of.get(membership.user_id, 0),
                "is_self": membership.user_id == member.user.pk,
                "may_change": member.is_manager
                and (membership.role != Membership.Role.OWNER or member.role == Membership.Role.OWNER),
            }
            for membership in member_service.members_of(member.account)
        ],
        "invitations": [
            {
                "invitation": invitation,
                "role_name": ROLE_NAMES[Membership.Role(invitation.role)],
                "is_late": not invitation.is_open(now),
                "link": invitations.link_of(request, invitation),
            }
            for invitation in open_ones
        ],
        "roles": [
            (role.value, ROLE_NAMES[role], ROLE_MEANINGS[role])
            for role in Membership.Role
            if role != Membership.Role.OWNER or member.role == Membership.Role.OWNER
        ],
        "role_meanings": [(role.value, ROLE_NAMES[role], ROLE_MEANINGS[role]) for role in Membership.Role],
        "wanted": wanted or {"email": "", "role": Membership.Role.DEVELOPER.value},
        "problem": problem,
    }
    return render(request, "accounts/team.html", context, status=problem.status if problem else 200)


def _mail(request: HttpRequest, invitation: Any) -> None:
    if invitations.send(request, invitation):
        messages.success(request, _("The invitation is mailed to %(email)s.") % {"email": invitation.email})
    else:
        messages.warning(request, _("The mail could not be sent. Copy the invitation's link instead."))
