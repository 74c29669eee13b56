"""E-mail addresses: the one rule of what is an address, and whether a person has proven theirs.

Sign-up, invitations, owners and staff all use `valid_address`, so that all of them accept the same addresses.
"""

import unicodedata
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiKey, User
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop

MAX_ADDRESS_LENGTH = 254


@dataclass(frozen=True, slots=True)
class EndedAccess:
    """What a person could sign in or call with, and cannot any more."""

    sessions: int
    authenticators: int
    keys: int


def valid_address(text: str) -> str:
    """The e-mail address in lower case, as people are known by it; InvalidRequest for what is none.

    The part before the @ is ASCII: among other letters are some whose lower case is another letter's or two characters
    long, so that an address would change by being written down.
    """
    refusal = InvalidRequest(gettext_noop("That is not an e-mail address."), param="email")
    local, _, domain = text.strip().rpartition("@")
    domain = domain.lower()
    if not local.isascii() or unicodedata.normalize("NFKC", domain).lower() != domain:
        raise refusal
    address = f"{local.lower()}@{domain}"
    try:
        validate_email(address)
    except ValidationError:
        raise refusal from None
    if len(address) > MAX_ADDRESS_LENGTH:
        raise refusal
    return address


def had_a_trial(mailbox_of: User) -> bool:
    """Whether the trial's credits were given to another address of the same mailbox, as ada+2@… is of ada@…'s.

    Takes a lock for the mailbox until the transaction ends, so that of two at once one is the second.
    """
    local, _, domain = mailbox_of.email.rpartition("@")
    stem = local.partition("+")[0]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"trial {stem}@{domain}"])
    theirs = Q(email=f"{stem}@{domain}") | Q(email__startswith=f"{stem}+", email__endswith=f"@{domain}")
    return User.objects.filter(theirs, trial_given_at__isnull=False).exclude(pk=mailbox_of.pk).exists()


def is_proven(user: User) -> bool:
    """Whether the person has shown that mails to their address reach them."""
    return EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists()


def is_prepared(user: User) -> bool:
    """Whether somebody who never proved the address can sign in as the person of that address."""
    if is_proven(user):
        return False
    return user.has_usable_password() or Authenticator.objects.filter(user=user).exists()


def end_all_access(user: User) -> EndedAccess:
    """Leave whoever signed up as this person with nothing to come back with; the caller holds a transaction open.

    The password, sessions, passkeys and codes, the keys they issued, and the other addresses a reset could be sent to.
    """
    user.set_unusable_password()
    # Every session is signed with the password: those that are listed nowhere end by this too.
    user.save(update_fields=["password"])
    sessions = list(UserSession.objects.filter(user=user))
    for session in sessions:
        session.end()
    authenticators, _ = Authenticator.objects.filter(user=user).delete()
    EmailAddress.objects.filter(user=user).delete()
    keys = ApiKey.objects.filter(created_by=user, revoked_at=None).update(revoked_at=timezone.now())
    return EndedAccess(len(sessions), authenticators, keys)
