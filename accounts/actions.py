"""The flows that change who may do what, one a function, each its own transaction.

Rows are locked FOR NO KEY UPDATE: rows that refer to an account or a key by foreign key can still be written
meanwhile, so the money path never waits for a person's click.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import errors
from accounts.addresses import end_all_access, is_prepared, valid_address
from accounts.keys import delegation, rules
from accounts.keys.format import digest_of, last_four_of, new_key, prefix_of
from accounts.models import Account, ApiKey, Membership, Plan, User
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _

log = structlog.get_logger(__name__)


class Unchanged(Enum):
    """Stands for "leave it as it is" where None means "no limit"."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED
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


def issue_key(
    account: Account,
    name: str,
    *,
    endpoints: Sequence[str] | None = None,
    models: Sequence[str] | None = None,
    networks: Sequence[str] | None = None,
    expires_at: datetime | None = None,
    cap_day_microcredits: int | None = None,
    cap_month_microcredits: int | None = None,
    may_manage_keys: bool = False,
    created_by: User | None = None,
    issued_by: ApiKey | None = None,
) -> tuple[ApiKey, str]:
    """Make a key, and return it with its text, which nothing can show again. None means no limit.

    A key that a key issues is within its terms, and counts against its caps. Raises InvalidRequest naming the field
    that breaks `keys.rules`, AccountSuspended, and for `issued_by` BeyondOwnKey and KeyNotLive.
    """
    terms: dict[str, Any] = {
        "allowed_endpoints": rules.valid_endpoints(endpoints),
        "allowed_models": known_slugs(rules.valid_models(models)),
        "allowed_networks": rules.valid_networks(networks),
        "expires_at": rules.valid_expiry(expires_at, timezone.now()),
        "cap_day_microcredits": rules.valid_cap(cap_day_microcredits, "cap_day"),
        "cap_month_microcredits": rules.valid_cap(cap_month_microcredits, "cap_month"),
        "may_manage_keys": may_manage_keys,
    }
    name = rules.valid_name(name)
    with transaction.atomic():
        _check_active(account)
        if issued_by is not None:
            [holder] = _locked_live_keys(issued_by)
            delegation.check_within(delegation.terms_of(holder), delegation.terms_of(ApiKey(**terms)))
            terms |= {"issued_by": holder, "issuer_roots": delegation.issuer_roots(holder)}
        api_key, key_text = _insert_key(account, name=name, created_by=created_by, **terms)
    log.info("key issued", account_id=account.public_id, key_id=api_key.public_id)
    return api_key, key_text


def rename_key(api_key: ApiKey, name: str) -> ApiKey:
    """Give a key, live or not, another name; InvalidRequest for one that breaks the rules."""
    api_key.name = rules.valid_name(name)
    api_key.save(update_fields=["name"])
    return api_key


def change_limits(
    api_key: ApiKey,
    *,
    cap_day_microcredits: int | Unchanged | None = UNCHANGED,
    cap_month_microcredits: int | Unchanged | None = UNCHANGED,
    expires_at: datetime | Unchanged | None = UNCHANGED,
    by: ApiKey | None = None,
) -> ApiKey:
    """Change a live key's caps and expiry, from its next call on; None removes a limit.

    Caps are shared with the keys it replaced. What a key changes is within its own limits, and a key that it gives
    more counts against its caps from then on. Raises InvalidRequest naming the field, KeyNotLive (what has ended is
    not brought back), and for `by` BeyondOwnKey.
    """
    caps: dict[str, int | None] = {}
    if not isinstance(cap_day_microcredits, Unchanged):
        caps["cap_day_microcredits"] = rules.valid_cap(cap_day_microcredits, "cap_day")
    if not isinstance(cap_month_microcredits, Unchanged):
        caps["cap_month_microcredits"] = rules.valid_cap(cap_month_microcredits, "cap_month")
    wanted: dict[str, Any] = {name.removesuffix("_microcredits"): cap for name, cap in caps.items()}
    if not isinstance(expires_at, Unchanged):
        wanted["expires_at"] = rules.valid_expiry(expires_at, timezone.now())
    with transaction.atomic():
        locked, *holders = _locked_live_keys(api_key, *([by] if by is not None else []))
        lineage_changes: dict[str, Any] = dict(caps)
        for holder in holders:
            delegation.check_limits_within(delegation.terms_of(holder), **wanted)
            if delegation.gives_more(delegation.terms_of(locked), **wanted):
                lineage_changes["issuer_roots"] = delegation.issuer_roots(holder, locked) or None
        if lineage_changes:
            _lineage_of(locked).update(**lineage_changes)
        if "expires_at" in wanted:
            ApiKey.objects.filter(pk=locked.pk).update(expires_at=wanted["expires_at"])
        locked.refresh_from_db()
    log.info("key limits changed", account_id=locked.account.public_id, key_id=locked.public_id)
    return locked


def revoke_key(api_key: ApiKey, also: Also | None = None) -> ApiKey:
    """End a key for good: committed on return, so every call that starts afterwards is refused, everywhere.

    Revoking again changes nothing. Must not be called inside a transaction: RuntimeError.
    """
    with transaction.atomic(durable=True):
        revoked = ApiKey.objects.filter(pk=api_key.pk, revoked_at=None).update(revoked_at=timezone.now())
        api_key.refresh_from_db()
        if also is not None:
            also()
    if revoked:
        log.info("key revoked", account_id=api_key.account.public_id, key_id=api_key.public_id)
    return api_key


def rotate_key(
    api_key: ApiKey,
    overlap_s: int,
    *,
    created_by: User | None = None,
    by: ApiKey | None = None,
    also: Callable[[ApiKey], object] | None = None,
) -> tuple[ApiKey, str]:
    """Issue a successor with the same name, scopes, caps and expiry; the old key works `overlap_s` longer.

    Overlap 0 revokes the old key with the same commit; an earlier expiry of its own stands. Money is the account's, so
    none moves; what was spent of the caps and of the minute counts for the successor, and while both work they share
    it. Whoever rotates a key learns the successor's text; so where a key (`by`) rotates another, the successor counts
    against the caps of `by` too. Raises InvalidRequest for an overlap beyond 30 days, KeyNotLive, KeyAlreadyReplaced
    (rotate the successor), AccountSuspended, and for `by` BeyondOwnKey. Not inside a transaction: RuntimeError.
    """
    overlap = timedelta(seconds=rules.valid_overlap_s(overlap_s))
    with transaction.atomic(durable=True):
        old, *holders = _locked_live_keys(api_key, *([by] if by is not None else []))
        _check_active(old.account)
        successor = ApiKey.objects.filter(replaces=old).first()
        if successor is not None:
            raise errors.KeyAlreadyReplaced(successor.public_id)
        terms = delegation.terms_of(old)
        for holder in holders:
            delegation.check_within(delegation.terms_of(holder), terms)
            old.issuer_roots = delegation.issuer_roots(holder, old) or None
            _lineage_of(old).update(issuer_roots=old.issuer_roots)
        new, key_text = _insert_key(
            old.account,
            name=old.name,
            allowed_endpoints=terms.endpoints,
            allowed_models=terms.models,
            allowed_networks=terms.networks,
            expires_at=terms.expires_at,
            cap_day_microcredits=terms.cap_day_microcredits,
            cap_month_microcredits=terms.cap_month_microcredits,
            may_manage_keys=terms.may_manage_keys,
            created_by=created_by,
            replaces=old,
            rotation_root_id=old.meter_id,
            issued_by_id=old.issued_by_id,
            issuer_roots=old.issuer_roots,
        )
        now = timezone.now()
        if overlap:
            old.expires_at = min(now + overlap, old.expires_at or now + overlap)
        else:
            old.revoked_at = now
        old.save(update_fields=["expires_at", "revoked_at"])
        if also is not None:
            also(new)
    log.info("key rotated", account_id=old.account.public_id, key_id=old.public_id, successor=new.public_id)
    return new, key_text


def add_member(account: Account, email: str, role: str) -> Membership:
    """Make the person of that address a member; the user is made when there is none.

    Raises InvalidRequest for a bad address or role, AlreadyAMember, AddressNotProven.
    """
    role = valid_role(role)
    with transaction.atomic():
        user = _user(email)
        try:
            with transaction.atomic():
                membership = Membership.objects.create(account=account, user=user, role=role)
        except IntegrityError:
            raise errors.AlreadyAMember(user.email) from None
    log.info("member added", account_id=account.public_id, user_id=user.pk, role=role)
    return membership


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


def known_slugs(models: Sequence[str] | None) -> list[str] | None:
    """Models of a key's scope by the names that its calls are checked by; the catalog knows which those are."""
    if models is None:
        return None
    slugs: list[str] = import_string(settings.MODEL_SLUGS)(models)
    return slugs


def _insert_key(account: Account, **fields: Any) -> tuple[ApiKey, str]:
    key_text = new_key()
    api_key = ApiKey.objects.create(
        account=account,
        prefix=prefix_of(key_text),
        last_four=last_four_of(key_text),
        digest=digest_of(key_text),
        **fields,
    )
    return api_key, key_text


def _locked_live_keys(*api_keys: ApiKey) -> list[ApiKey]:
    """The keys as they are now, locked together with the first keys of their lineages.

    Raises KeyNotLive where one has ended. A key that acts on itself comes twice. First keys are locked in the order of
    their ids, so that nobody waits in a circle; whoever changes a lineage holds its first key's lock.
    """
    first_ones = sorted({api_key.meter_id for api_key in api_keys})
    locking = ApiKey.objects.select_for_update(no_key=True, of=("self",)).order_by("pk")
    assert len(locking.filter(pk__in=first_ones)) == len(first_ones)
    found = {key.pk: key for key in locking.select_related("account").filter(pk__in=[k.pk for k in api_keys])}
    for key in found.values():
        if not key.is_live(timezone.now()):
            raise errors.KeyNotLive
    return [found[api_key.pk] for api_key in api_keys]


def _lineage_of(api_key: ApiKey) -> QuerySet[ApiKey]:
    """The keys that replaced one another, this one among them."""
    first = api_key.meter_id
    return ApiKey.objects.filter(Q(pk=first) | Q(rotation_root=first))


def _check_active(account: Account) -> None:
    """Look again: the caller's object may be older than the suspension."""
    if Account.objects.filter(pk=account.pk, status=Account.Status.SUSPENDED).exists():
        raise errors.AccountSuspended


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
