"""Key management for members and keys, by page or by API: checks permission and limits, and writes the audit log.

Bodies come validated by `keys.serializers`; `actions` makes the changes.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import audit, rate_limits
from accounts.errors import KeyNotFound, TooManyKeysIssued
from accounts.keys import delegation, lifecycle
from accounts.keys.serializers import KeyBody
from accounts.models import ApiKey, Membership
from accounts.principal import Principal, require_role
from accounts.public_ids import is_key_id

ISSUING_ROLES = (Membership.Role.OWNER, Membership.Role.ADMIN, Membership.Role.DEVELOPER)
# What a validated IssueBody says beside the name where a key is to do everything.
NO_LIMITS: Mapping[str, Any] = {
    "scopes": None,
    "may_manage_keys": False,
    "cap_day": None,
    "cap_month": None,
    "expires_at": None,
}
_LIMITS = ("name", "scopes", "may_manage_keys", "cap_day", "cap_month", "expires_at")


def check_may_manage(principal: Principal) -> None:
    """Raise RoleNotAllowed for a member without an issuing role. A key's scope was checked by authentication."""
    if principal.api_key is None:
        require_role(principal, *ISSUING_ROLES)


def keys_of(principal: Principal) -> Any:
    """The keys of the principal's account, including revoked and expired ones, as a QuerySet."""
    return ApiKey.objects.filter(account=principal.account).select_related(
        "account", "replaces", "issued_by", "created_by"
    )


def find(principal: Principal, key_id: str) -> ApiKey:
    """The account's key with that public id. Raises KeyNotFound, for another account's key too."""
    found = keys_of(principal).filter(public_id=key_id).first() if is_key_id(key_id) else None
    if found is None:
        raise KeyNotFound
    return found


def issue(principal: Principal, actor: audit.Actor, wanted: Mapping[str, Any]) -> tuple[ApiKey, str]:
    """Issue the key that a validated IssueBody describes. Returns it and its text, which is not kept anywhere.

    Raises RoleNotAllowed, BeyondOwnKey, TooManyKeysIssued, and what `lifecycle.issue_key` does.
    """
    check_may_manage(principal)
    scopes = wanted["scopes"] or {}
    terms = delegation.KeyTerms(
        endpoints=scopes.get("endpoints"),
        models=lifecycle.known_slugs(scopes.get("models")),
        networks=scopes.get("networks"),
        expires_at=wanted["expires_at"],
        cap_day_microcredits=wanted["cap_day"],
        cap_month_microcredits=wanted["cap_month"],
        may_manage_keys=wanted["may_manage_keys"],
    )
    if principal.api_key is not None:
        # Asked again by the action, of the key as it is then; here so that a refused one is not counted.
        delegation.check_within(delegation.terms_of(principal.api_key), terms)
    _count_issued_key(principal)
    with transaction.atomic():
        api_key, key_text = lifecycle.issue_key(
            principal.account,
            wanted["name"],
            endpoints=terms.endpoints,
            models=terms.models,
            networks=terms.networks,
            expires_at=terms.expires_at,
            cap_day_microcredits=terms.cap_day_microcredits,
            cap_month_microcredits=terms.cap_month_microcredits,
            may_manage_keys=terms.may_manage_keys,
            created_by=principal.user,
            issued_by=principal.api_key,
        )
        _record(actor, "key.issue", api_key, after=_described(api_key))
    return api_key, key_text


def change(principal: Principal, actor: audit.Actor, api_key: ApiKey, wanted: Mapping[str, Any]) -> ApiKey:
    """Change a key's name, caps and expiry as a validated ChangeBody says: all of it, or nothing.

    Raises RoleNotAllowed, BeyondOwnKey, and what `lifecycle.change_limits` does.
    """
    check_may_manage(principal)
    limits = {name: value for name, value in wanted.items() if name != "name"}
    before = _described(api_key)
    with transaction.atomic():
        if limits:
            api_key = lifecycle.change_limits(
                api_key,
                cap_day_microcredits=limits.get("cap_day", lifecycle.UNCHANGED),
                cap_month_microcredits=limits.get("cap_month", lifecycle.UNCHANGED),
                expires_at=limits.get("expires_at", lifecycle.UNCHANGED),
                by=principal.api_key,
            )
        if "name" in wanted:
            api_key = lifecycle.rename_key(api_key, wanted["name"])
        after = _described(api_key)
        changed = [name for name in _LIMITS if before[name] != after[name]]
        if changed:
            _record(
                actor,
                "key.change",
                api_key,
                before={name: before[name] for name in changed},
                after={name: after[name] for name in changed},
            )
    return api_key


def revoke(principal: Principal, actor: audit.Actor, api_key: ApiKey) -> ApiKey:
    """Revoke a key for good. A key that is revoked already stays as it is, and no second entry is written."""
    check_may_manage(principal)
    if api_key.revoked_at is not None:
        return api_key
    return lifecycle.revoke_key(api_key, also=lambda: _record(actor, "key.revoke", api_key))


def rotate(principal: Principal, actor: audit.Actor, api_key: ApiKey, overlap_s: int) -> tuple[ApiKey, str]:
    """Issue a key's successor; the old key works for `overlap_s` more seconds. Returns the new key and its text.

    Raises RoleNotAllowed, BeyondOwnKey, TooManyKeysIssued, and what `lifecycle.rotate_key` does.
    """
    check_may_manage(principal)
    if principal.api_key is not None:
        delegation.check_within(delegation.terms_of(principal.api_key), delegation.terms_of(api_key))
    _count_issued_key(principal)
    return lifecycle.rotate_key(
        api_key,
        overlap_s,
        created_by=principal.user,
        by=principal.api_key,
        also=lambda successor: _record(
            actor, "key.rotate", api_key, after={"successor": successor.public_id, "overlap_s": overlap_s}
        ),
    )


def _count_issued_key(principal: Principal) -> None:
    """Count by member, and for keys by account: a key that issues keys would otherwise multiply its own limit."""
    issuer = f"user:{principal.user.pk}" if principal.user is not None else f"account:{principal.account.pk}"
    window = rate_limits.count("key-issue", issuer, settings.KEYS_ISSUED_PER_MEMBER)
    if window.is_exceeded:
        raise TooManyKeysIssued(retry_after_s=window.ends_in_s)


def _record(actor: audit.Actor, action: str, api_key: ApiKey, **changes: Any) -> None:
    audit.record(actor, action, audit.key_target(api_key), account=api_key.account, **changes)


def _described(api_key: ApiKey) -> dict[str, Any]:
    body = KeyBody(api_key).data
    return {name: body[name] for name in _LIMITS}
