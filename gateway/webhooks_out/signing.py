"""Standard Webhooks signatures: who holds an account's secret can tell our events from a forger's. Pure."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

SECRET_PREFIX = "whsec_"  # noqa: S105 - how a secret starts, not one
SECRET_BYTES = 32


def new_secret() -> str:
    """A fresh secret as customers see it, and as Standard Webhooks libraries take it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(
    shown_secrets: Sequence[str], event_id: str, sent_at_s: int, body: bytes
) -> dict[str, str]:
    """The three webhook headers, with one signature for each secret: all that are valid at the moment.

    A receiver that knows any of the secrets accepts the event, which is what lets it change from one to the next.
    """
    assert shown_secrets, "an event is never sent unsigned"
    signed = f"{event_id}.{sent_at_s}.".encode() + body
    signatures = [
        "v1," + base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()
        for secret in shown_secrets
    ]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(sent_at_s),
        "webhook-signature": " ".join(signatures),
    }


def _key(shown_secret: str) -> bytes:
    return base64.b64decode(shown_secret.removeprefix(SECRET_PREFIX), validate=True)
