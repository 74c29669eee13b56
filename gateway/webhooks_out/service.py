"""What members and keys change about an account's callbacks, by page or by API: done, and written down with it."""

from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import Account
from gateway.webhooks_out import endpoints, signing_secrets
from gateway.webhooks_out.endpoints import Endpoint
from gateway.webhooks_out.signing_secrets import AccountSecrets


def set_endpoint(actor: audit.Actor, account: Account, url: str | None) -> Endpoint | None:
    """Tell this URL of every task's end, or none. Raises InvalidRequest naming `url`."""
    with transaction.atomic():
        before = endpoints.endpoint_of(account.pk)
        if url is None:
            endpoints.remove_endpoint(account.pk)
            endpoint = None
        else:
            endpoint = endpoints.set_endpoint(account.pk, url)
        if before is not None or endpoint is not None:
            changed = {"url": before and _without_query(before.url)}, {"url": url and _without_query(url)}
            _record(actor, account, "callbacks.endpoint", *changed)
    return endpoint


def rotate_secret(actor: audit.Actor, account: Account, overlap_s: int) -> AccountSecrets:
    """Make a new signing secret; the old one signs beside it for `overlap_s`. Raises TooManySecrets."""
    with transaction.atomic():
        secrets = signing_secrets.rotate(account.pk, overlap_s)
        _record(actor, account, "callbacks.secret", {}, {"overlap_s": overlap_s})
    return secrets


def _without_query(url: str) -> str:
    """The audit log keeps no secrets, and a query may carry one."""
    base, mark, _ = url.partition("?")
    return base + (mark and "?…")


def _record(
    actor: audit.Actor, account: Account, action: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    audit.record(actor, action, audit.account_target(account), account=account, before=before, after=after)
