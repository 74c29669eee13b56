"""Who signs in has an account: the one that invited them, or one of their own with the trial's credits.

Here and not in accounts, because an account is opened with a balance. Where addresses are proven first, nobody
signs in before, so credits are given to proven addresses only. Whatever broke off half-way is made up for at the
next sign-in. See ADR 15.
"""

import re
from typing import Any

import structlog
from allauth.account.signals import user_logged_in
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts import invitations
from accounts.addresses import had_a_trial
from accounts.errors import NameTaken
from accounts.models import Account, Membership, User
from usage.ledger.grants import open_account

log = structlog.get_logger(__name__)

PLAN = "trial"
MAX_STEM_LENGTH = 60
MAX_NUMBER = 1000
_odd = re.compile(r"[^\w.+-]+")


@receiver(user_logged_in, dispatch_uid="usage.sign_up")
def have_an_account(request: HttpRequest, user: User, **_: Any) -> None:
    """After the last step of every sign-in, the one that follows sign-up included."""
    if invitations.accept_remembered(request, user) is None and not user.is_staff:
        open_own_account(user)


def open_own_account(user: User) -> Account | None:
    """Open an account for a person who belongs to none, and None for who does.

    The trial's credits come once to a person, and once to a mailbox under whatever tags it has addresses.
    """
    with transaction.atomic():
        person = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if Membership.objects.filter(user=person).exists():
            return None
        with_bonus = person.trial_given_at is None and not had_a_trial(person)
        account = _open_under_a_free_name(person, with_bonus=with_bonus)
        if with_bonus:
            person.trial_given_at = timezone.now()
            person.save(update_fields=["trial_given_at"])
    log.info("account opened for a person", account_id=account.public_id, user_id=person.pk)
    return account


def _open_under_a_free_name(person: User, *, with_bonus: bool) -> Account:
    stem = account_name_stem(person.email)
    taken = set(Account.objects.filter(name__startswith=stem).values_list("name", flat=True))
    for number in range(1, MAX_NUMBER):
        name = stem if number == 1 else f"{stem}-{number}"
        if name in taken:
            continue
        try:
            return open_account(name, PLAN, person, with_bonus=with_bonus).account
        except NameTaken:  # by somebody else since we looked
            continue
    return open_account(f"{stem}-{person.pk}-{MAX_NUMBER}", PLAN, person, with_bonus=with_bonus).account


def account_name_stem(email: str) -> str:
    """What an account is called after its owner's address: the part before the @."""
    stem = _odd.sub("-", email.partition("@")[0]).strip("-.")[:MAX_STEM_LENGTH]
    # "acct_" begins ids.
    return "team" if not stem or stem.startswith("acct_") else stem
