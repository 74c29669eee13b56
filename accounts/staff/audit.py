"""The record of what staff did. Written in the transaction of the deed, and never changed: the database refuses."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.http import HttpRequest

from accounts.models import Account, StaffAction, User
from aio_platform.request_context import client_address

MAX_LABEL_LENGTH = 200


class Target(NamedTuple):
    """What was acted on: its kind, its public id, and what people call it."""

    kind: str
    id: str
    label: str = ""


def account_target(account: Account) -> Target:
    return Target("account", account.public_id, account.name)


def record(
    request: HttpRequest,
    action: str,
    target: Target,
    *,
    account: Account | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> StaffAction:
    """Write down who does what to what, from where, and what changes. Call it in the deed's own transaction.

    `action` is a thing and a verb, as in "account.suspend". Neither mapping may hold a secret.
    """
    user = request.user
    assert isinstance(user, User), "only signed-in staff act here"
    return StaffAction.objects.create(
        actor_id=user.pk,
        actor_email=user.email,
        action=action,
        target_kind=target.kind,
        target_id=target.id[:MAX_LABEL_LENGTH],
        target_label=target.label[:MAX_LABEL_LENGTH],
        account_id=account.pk if account is not None else None,
        before=dict(before or {}),
        after=dict(after or {}),
        address=client_address(request),
        request_id=getattr(request, "request_id", ""),
    )
