"""The flows that change accounts and their members, one a function, each its own transaction. Keys: `keys.lifecycle`.

Rows are locked FOR NO KEY UPDATE: rows that refer to an account or a key by foreign key can still be written
meanwhile, so the money path never waits for a person's click.
"""

from collections.abc import Callable

import structlog
from django.db import IntegrityError, transaction

from accounts import errors
from accounts.addresses import end_all_access, is_prepared, valid_address
from accounts.keys import rules
from accounts.models import Account, Membership, Plan, User
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _

log = structlog.get_logger(__name__)


# Something to be written in the same commit as an action, as its audit entry is.
Also = Callable[[], object]


def create_account(
    name: str, plan: str, owner: User | str | None = None, *, take_over: bool = False
) -> Account:
    """Make an account on the plan of that slug, and its owner's membership; grants no credits.

    The owner is a person or an address; the person is made when there is none of that address. With `take_over`
    whoever signed up with an address that they have not proven loses all access first. Raises InvalidRequest for a
    bad name, plan or address, NameTaken for another account's name, AddressNotProven.
    """
    name = valid_account_name(name)
    chosen = _plan(plan)
    with transaction.atomic():
        try:
            with transaction.atomic():
                account = Account.objects.create(name=name, plan=chosen)
        except IntegrityError:
            raise errors.NameTaken(name) from None
        if owner is not None:
            person = owner if isinstance(owner, User) else _user(owner, take_over=take_over)
            Membership.objects.create(account=account, user=person, role=Membership.Role.OWNER)
    log.info("account created", account_id=account.public_id, plan=plan)
    return account


def rename_account(account: Account, name: str, also: Also | None = None) -> Account:
    """Give an account another name; InvalidRequest for one that breaks the rules, NameTaken for another's."""
    name = valid_account_name(name)
    try:
        with transaction.atomic():
            Account.objects.filter(pk=account.pk).update(name=name)
            if also is not None:
                also()
    except IntegrityError:
        raise errors.NameTaken(name) from None
    account.name = name
    log.info("account renamed", account_id=account.public_id)
    return account


def set_plan(account: Account, plan: str) -> Account:
    """Put the account on the plan of that slug, from its next call on; InvalidRequest where there is none."""
    account.plan = _plan(plan)
    account.save(update_fields=["plan"])
    log.info("plan set", account_id=account.public_id, plan=plan)
    return account


def suspend_account(account: Account, also: Also | None = None) -> Account:
    """From this call's return on, every call with any of the account's keys is refused. Repeatable."""
    return _set_status(account, Account.Status.SUSPENDED, also)


def reactivate_account(account: Account, also: Also | None = None) -> Account:
    """Undo `suspend_account`; keys revoked or expired meanwhile stay so. Repeatable."""
    return _set_status(account, Account.Status.ACTIVE, also)


def change_role(
    membership: Membership, role: str, also: Callable[[Membership], object] | None = None
) -> Membership:
    """Give a member another role; `also` runs in the same commit, with the member as they were.

    Raises LastOwner where that would leave the account without an owner, InvalidRequest for an unknown role,
    MembershipNotFound where it ended meanwhile.
    """
    role = valid_role(role)
    with transaction.atomic():
        locked = _locked_membership(membership)
        if role != Membership.Role.OWNER:
            _check_not_last_owner(locked)
        if also is not None:
            also(locked)
        locked.role = role
        locked.save(update_fields=["role"])
    log.info("role changed", account_id=locked.account.public_id, user_id=locked.user_id, role=role)
    return locked


def remove_member(membership: Membership, also: Callable[[Membership], object] | None = None) -> None:
    """End a membership; keys the person issued stay, they are the account's.

    `also` runs in the same commit, with the member as they were. Raises as `change_role`.
    """
    with transaction.atomic():
        locked = _locked_membership(membership)
        _check_not_last_owner(locked)
        if also is not None:
            also(locked)
        locked.delete()
    log.info("member removed", account_id=membership.account.public_id, user_id=membership.user_id)


def _set_status(account: Account, status: str, also: Also | None) -> Account:
    with transaction.atomic(durable=True):
        account.status = status
        account.save(update_fields=["status"])
        if also is not None:
            also()
    log.info("account status set", account_id=account.public_id, status=status)
    return account


def _locked_membership(membership: Membership) -> Membership:
    """The membership as it is now, with its account's row locked, so that owners change one at a time."""
    Account.objects.select_for_update(no_key=True).get(pk=membership.account_id)
    locked = Membership.objects.select_related("account").filter(pk=membership.pk).first()
    if locked is None:
        raise errors.MembershipNotFound
    return locked


def _check_not_last_owner(membership: Membership) -> None:
    if membership.role != Membership.Role.OWNER:
        return
    owners = Membership.objects.filter(account=membership.account_id, role=Membership.Role.OWNER)
    if not owners.exclude(pk=membership.pk).exists():
        raise errors.LastOwner


def valid_account_name(name: str) -> str:
    name = rules.valid_name(name)
    if name.startswith("acct_"):
        raise InvalidRequest(_("A name must not look like an account id."), param="name")
    return name


def _plan(slug: str) -> Plan:
    plans = {plan.slug: plan for plan in Plan.objects.order_by("slug")}
    if slug not in plans:
        raise InvalidRequest(
            _("There is no plan %(slug)s; the plans are %(plans)s."),
            param="plan",
            slug=repr(slug),
            plans=", ".join(plans),
        )
    return plans[slug]


def valid_role(text: str) -> str:
    """The role as it is; InvalidRequest for one there is not."""
    if text not in Membership.Role.values:
        raise InvalidRequest(
            _("A role is one of %(roles)s."), param="role", roles=", ".join(Membership.Role.values)
        )
    return text


def _user(email: str, *, take_over: bool = False) -> User:
    """The person of that address, made without a password when there is none.

    Raises AddressNotProven where somebody signed up with the address and has not proven it: they would be given what
    is meant for whoever the address belongs to.
    """
    address = valid_address(email)
    found = User.objects.filter(email=address).first()
    if found is not None:
        if is_prepared(found):
            if not take_over:
                raise errors.AddressNotProven(address)
            end_all_access(found)
        return found
    try:
        with transaction.atomic():
            return User.objects.create_user(address)
    except IntegrityError:  # made by somebody else since we looked
        return _user(email, take_over=take_over)
