"""What the link of an invitation opens: who invites whom to what, and the button that accepts it."""

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts import audit, invitations
from accounts.models import Invitation, Membership, User
from accounts.page_context import ACCOUNT_SESSION_KEY
from accounts.pages.team import ROLE_MEANINGS, ROLE_NAMES


def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show the invitation, and accept it where somebody is signed in; by signing up or in for everybody else."""
    found = invitations.find_by_token(token)
    if found is None:
        return render(request, "accounts/invitation_ended.html", status=404)
    if not isinstance(request.user, User):
        invitations.remember(request, token)
        return _shown(request, found, "anonymous")
    if not invitations.is_for(found, request.user):
        if request.method == "POST":
            logout(request)
            invitations.remember(request, token)
            return redirect("invitation", token)
        return _shown(request, found, "another")
    if request.method != "POST":
        return _shown(request, found, "invited")
    membership = invitations.accept(found, request.user, audit.person(request, request.user))
    request.session[ACCOUNT_SESSION_KEY] = membership.account.public_id
    messages.success(
        request, _("You are a member of %(account)s now.") % {"account": membership.account.name}
    )
    return redirect("overview")


def _shown(request: HttpRequest, found: Invitation, visitor: str) -> HttpResponse:
    role = Membership.Role(found.role)
    return render(
        request,
        "accounts/invitation.html",
        {
            "invitation": found,
            "visitor": visitor,
            "role_name": ROLE_NAMES[role],
            "role_meaning": ROLE_MEANINGS[role],
            "is_known": User.objects.filter(email=found.email).exists(),
        },
    )
