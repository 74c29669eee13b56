"""The record of who did what to an account's keys, members and settings.

Written in the transaction of the action, and never changed: the database refuses. Nothing secret is in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.http import HttpRequest

from accounts.models import Account, ApiKey, AuditEntry, Invitation, Membership, User
from accounts.principal import Principal
from aio_platform.http.request_context import client_address

MAX_LABEL_LENGTH = 200
MAX_ADDRESS_LENGTH = 64


class Target(NamedTuple):
    """What was acted on: its kind, its public id, and what people call it."""

    kind: str
    id: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where."""

    kind: str = AuditEntry.ActorKind.SYSTEM
    id: int | None = None
    label: str = ""
    address: str = ""
    request_id: str = ""


OPERATOR = Actor(label="command line")


def actor_of(request: HttpRequest, principal: Principal) -> Actor:
    """The member or the key on whose behalf a request runs."""
    if principal.api_key is not None:
        kind, actor_id = AuditEntry.ActorKind.KEY, principal.api_key.pk
        label = f"{principal.api_key.name} ({principal.api_key.prefix}…)"
    else:
        assert principal.user is not None
        kind, actor_id, label = AuditEntry.ActorKind.MEMBER, principal.user.pk, principal.user.email
    return Actor(kind, actor_id, label, client_address(request), getattr(request, "request_id", ""))


def person(request: HttpRequest, user: User) -> Actor:
    """A signed-in person who acts for themselves, as by accepting an invitation."""
    return Actor(
        AuditEntry.ActorKind.MEMBER,
        user.pk,
        user.email,
        client_address(request),
        getattr(request, "request_id", ""),
    )


def record(
    actor: Actor,
    action: str,
    target: Target,
    *,
    account: Account | None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write down an action. Call it in the action's own transaction.

    `action` is a thing and a verb, as in "key.revoke". Neither mapping may hold a secret.
    """
    return AuditEntry.objects.create(
        account_id=account.pk if account is not None else None,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label[:MAX_LABEL_LENGTH],
        action=action,
        target_kind=target.kind,
        target_id=target.id[:MAX_LABEL_LENGTH],
        target_label=target.label[:MAX_LABEL_LENGTH],
        before=dict(before or {}),
        after=dict(after or {}),
        # What a proxy of ours says of the caller, which is not always an address.
        address=actor.address[:MAX_ADDRESS_LENGTH],
        request_id=actor.request_id,
    )


def key_target(api_key: ApiKey) -> Target:
    return Target("key", api_key.public_id, f"{api_key.name} ({api_key.prefix}…{api_key.last_four})")


def member_target(membership: Membership) -> Target:
    return Target("member", str(membership.user_id), membership.user.email)


def invitation_target(invitation: Invitation) -> Target:
    return Target("invitation", invitation.public_id, invitation.email)


def account_target(account: Account) -> Target:
    return Target("account", account.public_id, account.name)


def record_by_staff(
    request: HttpRequest,
    action: str,
    target: Target,
    *,
    account: Account | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write down who of the staff does what to what, and what changes. Call it in the action's own transaction.

    `action` is a thing and a verb, as in "account.suspend". Neither mapping may hold a secret.
    """
    user = request.user
    assert isinstance(user, User), "only signed-in staff act here"
    actor = Actor(
        AuditEntry.ActorKind.STAFF,
        user.pk,
        user.email,
        client_address(request),
        getattr(request, "request_id", ""),
    )
    return record(actor, action, target, account=account, before=before, after=after)
