"""The life of a key: issued, renamed, limited, rotated, revoked; each a function and its own transaction.

Rows are locked FOR NO KEY UPDATE, as in `accounts.actions`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import errors
from accounts.keys import delegation, rules
from accounts.keys.format import digest_of, last_four_of, new_key, prefix_of
from accounts.models import Account, ApiKey, User

log = structlog.get_logger(__name__)


class Unchanged(Enum):
    """Stands for "leave it as it is" where None means "no limit"."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED


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


def revoke_key(api_key: ApiKey, also: Callable[[], object] | None = None) -> ApiKey:
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
