"""Tells events of the platform from forged ones."""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping

TOLERANCE_S = 300


def is_from_the_platform(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Whether an event was signed with your secret, whsec_…, within the last five minutes."""
    sent_at = headers["webhook-timestamp"]
    if abs(time.time() - int(sent_at)) > TOLERANCE_S:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{sent_at}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    # Several signatures are sent while a rotated secret is still valid: one that fits is enough.
    return any(hmac.compare_digest(expected, given) for given in headers["webhook-signature"].split())
