"""The record of what staff did: `accounts.audit`, with whoever of the staff is signed in."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from accounts import audit
from accounts.audit import Target, account_target
from accounts.models import Account, AuditEntry, User
from aio_platform.request_context import client_address

__all__ = ["Target", "account_target", "record"]


def record(
    request: HttpRequest,
    action: str,
    target: Target,
    *,
    account: Account | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write down who of the staff does what to what, and what changes. Call it in the deed's own transaction.

    `action` is a thing and a verb, as in "account.suspend". Neither mapping may hold a secret.
    """
    user = request.user
    assert isinstance(user, User), "only signed-in staff act here"
    actor = audit.Actor(
        AuditEntry.ActorKind.STAFF,
        user.pk,
        user.email,
        client_address(request),
        getattr(request, "request_id", ""),
    )
    return audit.record(actor, action, target, account=account, before=before, after=after)
