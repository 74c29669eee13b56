"""Inviting somebody to an account: a link that is mailed and can be copied, for whoever has the invited address.

The link carries the invitation's id, signed. Account, role and expiry are in the table, so that an invitation can be
withdrawn and extended.
"""

from datetime import timedelta
from smtplib import SMTPException

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.core.signing import BadSignature, Signer
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import actions, audit, errors, rate_limits
from accounts.addresses import valid_address
from accounts.models import Account, Invitation, Membership, User
from accounts.public_ids import is_invitation_id
from accounts.sign_in.adapter import public_link

log = structlog.get_logger(__name__)

OPEN_FOR = timedelta(days=7)
MAX_OPEN = 100
SESSION_KEY = "invitation"
_signer = Signer(salt="accounts.invitations", sep=".")


def invite(account: Account, email: str, role: str, by: User, actor: audit.Actor) -> Invitation:
    """Offer that address a role in the account, for a week.

    Raises InvalidRequest for a bad address or role, AlreadyAMember, AlreadyInvited, and TooManyInvitations.
    """
    address = valid_address(email)
    role = actions.valid_role(role)
    if Membership.objects.filter(account=account, user__email=address).exists():
        raise errors.AlreadyAMember(address)
    now = timezone.now()
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        stale = Invitation.objects.filter(account=account, ended_at=None, expires_at__lte=now)
        stale.update(ended_at=now)
        if Invitation.objects.filter(account=account, ended_at=None).count() >= MAX_OPEN:
            raise errors.TooManyInvitations(MAX_OPEN)
        try:
            with transaction.atomic():
                invitation = Invitation.objects.create(
                    account=account, email=address, role=role, invited_by=by, expires_at=now + OPEN_FOR
                )
        except IntegrityError:
            raise errors.AlreadyInvited(address) from None
        audit.record(
            actor, "member.invite", audit.invitation_target(invitation), account=account, after={"role": role}
        )
    return invitation


def extend(invitation: Invitation, actor: audit.Actor) -> Invitation:
    """Give an invitation another week from now; its link stays the same. Raises InvitationEnded."""
    with transaction.atomic():
        locked = _locked(invitation)
        locked.expires_at = timezone.now() + OPEN_FOR
        locked.save(update_fields=["expires_at"])
        audit.record(actor, "member.invite_again", audit.invitation_target(locked), account=locked.account)
    return locked


def withdraw(invitation: Invitation, actor: audit.Actor) -> None:
    """End an invitation: its link is good for nothing from now on. Raises InvitationEnded."""
    with transaction.atomic():
        locked = _locked(invitation)
        locked.ended_at = timezone.now()
        locked.save(update_fields=["ended_at"])
        audit.record(actor, "member.invite_withdraw", audit.invitation_target(locked), account=locked.account)


def accept(invitation: Invitation, user: User, actor: audit.Actor) -> Membership:
    """Make the invited person a member. Raises InvitationEnded, InvitationForAnother."""
    with transaction.atomic():
        locked = _locked(invitation)
        if not locked.is_open(timezone.now()):
            raise errors.InvitationEnded
        if not is_for(locked, user):
            raise errors.InvitationForAnother
        existing = Membership.objects.filter(account=locked.account, user=user).first()
        membership = existing or Membership.objects.create(
            account=locked.account, user=user, role=locked.role
        )
        locked.ended_at = timezone.now()
        locked.save(update_fields=["ended_at"])
        audit.record(
            actor,
            "member.join",
            audit.member_target(membership),
            account=locked.account,
            after={"role": membership.role},
        )
    log.info("invitation accepted", account_id=locked.account.public_id, user_id=user.pk)
    return membership


def is_for(invitation: Invitation, user: User) -> bool:
    """Whether the person has the invited address; a link that was passed on lets nobody else in."""
    return invitation.email == user.email.lower()


def link_of(request: HttpRequest, invitation: Invitation) -> str:
    """The address that whoever is invited opens."""
    path = reverse("invitation", args=[_signer.sign(invitation.public_id)])
    return public_link(request.build_absolute_uri(path))


def find_by_token(token: str) -> Invitation | None:
    """The open invitation that a link stands for; None for a changed, ended or late one."""
    try:
        public_id = _signer.unsign(token)
    except BadSignature:
        return None
    if not is_invitation_id(public_id):
        return None
    found = Invitation.objects.filter(public_id=public_id).select_related("account", "invited_by").first()
    return found if found is not None and found.is_open(timezone.now()) else None


def open_invitations(account: Account) -> list[Invitation]:
    """What is neither accepted nor withdrawn, newest first; those past their time can be sent again."""
    return list(
        Invitation.objects.filter(account=account, ended_at=None).select_related("invited_by").order_by("-id")
    )


def find_open(account: Account, public_id: str) -> Invitation:
    """The account's open invitation of that id; InvitationNotFound for another account's as for none."""
    found = None
    if is_invitation_id(public_id):
        found = (
            Invitation.objects.filter(account=account, public_id=public_id, ended_at=None)
            .select_related("account")
            .first()
        )
    if found is None:
        raise errors.InvitationNotFound
    return found


def send(request: HttpRequest, invitation: Invitation) -> bool:
    """Mail the link; False, and logged, where the mail server does not take it. The link can be copied as well.

    False too where the sender, or the address from whomever, has had too many: an invitation can be withdrawn and made
    again as often as one likes, and a mailbox is not flooded for it.
    """
    if _had_too_many(invitation):
        log.warning("invitation not mailed", invitation=invitation.public_id, error="too many mails")
        return False
    context = {
        "invitation": invitation,
        "account": invitation.account,
        "link": link_of(request, invitation),
        "days": OPEN_FOR.days,
    }
    subject = _("You are invited to %(account)s on AIO platform") % {"account": invitation.account.name}
    try:
        send_mail(
            subject, render_to_string("accounts/mail/invitation.txt", context), None, [invitation.email]
        )
    except (OSError, SMTPException) as error:
        log.warning("invitation not mailed", invitation=invitation.public_id, error=type(error).__name__)
        return False
    return True


def _had_too_many(invitation: Invitation) -> bool:
    sender = rate_limits.count(
        "invitation-sender", str(invitation.invited_by_id), settings.INVITATION_MAILS_PER_MEMBER
    )
    receiver = rate_limits.count(
        "invitation-receiver", invitation.email, settings.INVITATION_MAILS_PER_ADDRESS
    )
    return sender.is_exceeded or receiver.is_exceeded


def remember(request: HttpRequest, token: str) -> None:
    """Keep the link through sign-up or sign-in, after which it is accepted."""
    request.session[SESSION_KEY] = token


def accept_remembered(request: HttpRequest, user: User) -> Membership | None:
    """Accept the invitation whose link brought the person here; None where there is none for them."""
    token = request.session.pop(SESSION_KEY, None)
    invitation = find_by_token(token) if token is not None else None
    if invitation is None or not is_for(invitation, user):
        return None
    try:
        return accept(invitation, user, audit.person(request, user))
    except errors.InvitationEnded:  # withdrawn this very moment
        return None


def _locked(invitation: Invitation) -> Invitation:
    locked = (
        Invitation.objects.select_for_update(no_key=True, of=("self",))
        .select_related("account")
        .filter(pk=invitation.pk, ended_at=None)
        .first()
    )
    if locked is None:
        raise errors.InvitationEnded
    return locked
