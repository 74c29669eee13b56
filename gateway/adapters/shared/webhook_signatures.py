"""Which webhooks of task providers are genuine: their signatures and their age, from bytes alone.

Nothing is fetched: `secret` is what the provider gave, and for fal the text of its published key set. A genuine
webhook may still come twice, so it is only ever a hint to poll. Names of headers are taken in any case.

Sources: docs.kie.ai/common-api/webhook-verification (kie); docs.fal.ai, "Webhooks", "Verifying your webhook" (fal);
replicate.com/docs/topics/webhooks/verify-webhook (Replicate, which follows standardwebhooks.com);
wavespeed.ai/docs/verify-webhooks (WaveSpeed).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.adapters.tasks.protocol import ForgedWebhook

REPLAY_WINDOW_S = 300
_SECONDS = re.compile(r"[0-9]{1,12}")
_SECRET_PREFIX = "whsec_"  # noqa: S105 - what the secrets begin with
_KEY_BYTES = 32


def check_kie(headers: Mapping[str, str], task_id: str, secret: str, now_s: float) -> None:
    """Raises ForgedWebhook unless base64 HMAC-SHA256 of `taskId.timestamp` is right and recent.

    The rest of the body is not covered, so nothing but the task's id may be believed.
    """
    named = _lower(headers)
    timestamp = _recent(named, "x-webhook-timestamp", now_s)
    expected = base64.b64encode(_hmac(secret.encode(), f"{task_id}.{timestamp}".encode()))
    _compare(expected, [_header(named, "x-webhook-signature")])


def check_replicate(headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> None:
    """Raises ForgedWebhook unless one of the `v1,` signatures is the standard one of the body, and recent."""
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except ValueError:
        raise ForgedWebhook("a secret that is not base64") from None
    named = _lower(headers)
    expected = base64.b64encode(_hmac(key, _standard_content(named, body, now_s)))
    _compare(expected, _signatures(named, "v1"))


def check_wavespeed(headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> None:
    """As Replicate's, but with `v3,`, hexadecimal digits, and the secret's own characters as the key."""
    named = _lower(headers)
    key = secret.removeprefix(_SECRET_PREFIX).encode()
    expected = _hmac(key, _standard_content(named, body, now_s)).hex().encode()
    _compare(expected, _signatures(named, "v3"))


def check_fal(headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> None:
    """Raises ForgedWebhook unless a key of the set signed request, user, timestamp and the body's digest.

    `secret` is the JSON of https://rest.alpha.fal.ai/.well-known/jwks.json; it is public, and may be kept a day.
    """
    named = _lower(headers)
    timestamp = _recent(named, "x-fal-webhook-timestamp", now_s)
    request_id = _header(named, "x-fal-webhook-request-id")
    user_id = _header(named, "x-fal-webhook-user-id")
    message = "\n".join((request_id, user_id, timestamp, hashlib.sha256(body).hexdigest()))
    try:
        signature = bytes.fromhex(_header(named, "x-fal-webhook-signature"))
    except ValueError:
        raise ForgedWebhook("a signature that is not hexadecimal") from None
    for key in _public_keys(secret):
        try:
            key.verify(signature, _bytes(message))
        except InvalidSignature:
            continue
        return
    raise ForgedWebhook("no key made this signature")


def task_id_in(body: bytes, *paths: tuple[str, ...]) -> str:
    """The text at the first of these places of the JSON body; raises ForgedWebhook where there is none."""
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ForgedWebhook("not JSON") from None
    for path in paths:
        value: Any = values
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str) and value:
            return value
    raise ForgedWebhook("no task id")


def _standard_content(named: Mapping[str, str], body: bytes, now_s: float) -> bytes:
    timestamp = _recent(named, "webhook-timestamp", now_s)
    return _bytes(f"{_header(named, 'webhook-id')}.{timestamp}.") + body


def _signatures(named: Mapping[str, str], version: str) -> list[str]:
    """Those of that version: a provider that changes its key sends one for each, separated by spaces."""
    given = [part.partition(",") for part in _header(named, "webhook-signature").split(" ")]
    return [signature for name, _, signature in given if name == version]


def _recent(named: Mapping[str, str], name: str, now_s: float) -> str:
    """The timestamp as it was sent; raises ForgedWebhook where it is further than the window from now."""
    timestamp = _header(named, name)
    if not _SECONDS.fullmatch(timestamp):
        raise ForgedWebhook("no timestamp")
    if abs(now_s - int(timestamp)) > REPLAY_WINDOW_S:
        raise ForgedWebhook("too old, or from the future")
    return timestamp


def _compare(expected: bytes, given: list[str]) -> None:
    """Every signature is compared, each in constant time."""
    if sum(hmac.compare_digest(expected, _bytes(signature)) for signature in given) == 0:
        raise ForgedWebhook("the signature does not match")


def _public_keys(key_set: str) -> list[Ed25519PublicKey]:
    """The Ed25519 keys (RFC 8037) of a JSON Web Key Set; others in it are left out."""
    try:
        keys = orjson.loads(key_set)["keys"]
        found = [
            base64.urlsafe_b64decode(key["x"] + "=" * (-len(key["x"]) % 4))
            for key in keys
            if key.get("kty") == "OKP" and key.get("crv") == "Ed25519"
        ]
        return [Ed25519PublicKey.from_public_bytes(raw) for raw in found if len(raw) == _KEY_BYTES]
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError, ValueError):
        raise ForgedWebhook("not a key set") from None


def _hmac(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()


def _bytes(text: str) -> bytes:
    """A header's bytes: whatever is not text in it only makes the comparison fail."""
    return text.encode("utf-8", "replace")


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _header(named: Mapping[str, str], name: str) -> str:
    value = named.get(name)
    if not value:
        raise ForgedWebhook(f"no {name}")
    return value
