"""Genuine webhooks are told from forged, changed and old ones, for every provider.

The signatures are made here by the providers' own descriptions, not by the code that checks them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from types import ModuleType

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.tasks import fal, kie, kie_suno, replicate, wavespeed
from gateway.adapters.tasks.protocol import ForgedWebhook
from tests.gateway.adapters.tasks.task_driving import NOW_S

Signer = Callable[[bytes, int], dict[str, str]]
KEY = b"a webhook key of thirty-two byte"
FAL_KEY = Ed25519PrivateKey.from_private_bytes(KEY)
WHSEC = "whsec_" + base64.b64encode(KEY).decode()


def digest(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()


def sign_kie(body: bytes, at: int) -> dict[str, str]:
    data = orjson.loads(body)["data"]
    signature = digest(KEY, f"{data.get('taskId') or data.get('task_id')}.{at}".encode())
    return {
        "X-Webhook-Timestamp": str(at),
        "X-Webhook-Signature": base64.b64encode(signature).decode(),
    }


def sign_replicate(body: bytes, at: int) -> dict[str, str]:
    signature = base64.b64encode(digest(KEY, f"msg_1.{at}.".encode() + body)).decode()
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,b2xk v1,{signature}",
    }


def sign_wavespeed(body: bytes, at: int) -> dict[str, str]:
    signature = digest(base64.b64encode(KEY), f"msg_1.{at}.".encode() + body).hex()
    return {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": f"v3,{signature}"}


def sign_fal(body: bytes, at: int) -> dict[str, str]:
    message = "\n".join(("gateway-1", "user-1", str(at), hashlib.sha256(body).hexdigest()))
    return {
        "X-Fal-Webhook-Request-Id": "gateway-1",
        "X-Fal-Webhook-User-Id": "user-1",
        "X-Fal-Webhook-Timestamp": str(at),
        "X-Fal-Webhook-Signature": FAL_KEY.sign(message.encode()).hex(),
    }


def key_set(*keys: Ed25519PrivateKey) -> str:
    raw = [
        base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode() for key in keys
    ]
    others = [{"kty": "RSA", "n": "x"}, {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}]
    return orjson.dumps({"keys": others + [{"kty": "OKP", "crv": "Ed25519", "x": x} for x in raw]}).decode()


PROVIDERS: dict[str, tuple[ModuleType, Signer, str, bytes]] = {
    "kie": (kie, sign_kie, KEY.decode(), b'{"code":200,"data":{"taskId":"t-1","state":"success"}}'),
    "kie_suno": (kie_suno, sign_kie, KEY.decode(), b'{"code":200,"data":{"task_id":"t-1"}}'),
    "kie, told of a song": (kie, sign_kie, KEY.decode(), b'{"code":200,"data":{"task_id":"t-1"}}'),
    "fal": (
        fal,
        sign_fal,
        key_set(Ed25519PrivateKey.generate(), FAL_KEY),
        b'{"request_id":"t-1","status":"OK"}',
    ),
    "replicate": (replicate, sign_replicate, WHSEC, b'{"id":"t-1","status":"succeeded"}'),
    "wavespeed": (wavespeed, sign_wavespeed, WHSEC, b'{"id":"t-1","status":"completed"}'),
}
every_provider = pytest.mark.parametrize("name", PROVIDERS)


@every_provider
@pytest.mark.parametrize("age_s", [0, 300, -300])
def test_a_genuine_webhook_names_its_task_each_time_it_comes(name: str, age_s: int) -> None:
    adapter, sign, secret, body = PROVIDERS[name]
    headers = sign(body, int(NOW_S) - age_s)
    for _ in range(2):
        assert adapter.webhook_reference(headers, body, secret, NOW_S) == "t-1"
    shouted = {header.upper(): value for header, value in headers.items()}
    assert adapter.webhook_reference(shouted, body, secret, NOW_S) == "t-1"


@every_provider
@pytest.mark.parametrize("age_s", [301, -301, 86_400])
def test_an_old_or_future_one_is_refused(name: str, age_s: int) -> None:
    adapter, sign, secret, body = PROVIDERS[name]
    with pytest.raises(ForgedWebhook):
        adapter.webhook_reference(sign(body, int(NOW_S) - age_s), body, secret, NOW_S)


@every_provider
def test_one_about_another_task_is_refused(name: str) -> None:
    adapter, sign, secret, body = PROVIDERS[name]
    with pytest.raises(ForgedWebhook):
        adapter.webhook_reference(sign(body, int(NOW_S)), body.replace(b"t-1", b"t-2"), secret, NOW_S)


@every_provider
def test_another_secret_is_refused(name: str) -> None:
    adapter, sign, _, body = PROVIDERS[name]
    other = (
        key_set(Ed25519PrivateKey.generate())
        if adapter is fal
        else "whsec_" + base64.b64encode(b"x" * 32).decode()
    )
    for secret in (other, "", "whsec_", "no base64!", "{}", "[]", '{"keys":[5]}', '{"keys":[{"kty":"OKP"}]}'):
        with pytest.raises(ForgedWebhook):
            adapter.webhook_reference(sign(body, int(NOW_S)), body, secret, NOW_S)


@every_provider
def test_a_missing_or_changed_header_is_refused(name: str) -> None:
    adapter, sign, secret, body = PROVIDERS[name]
    headers = sign(body, int(NOW_S))
    for header in headers:
        for value in (None, "", "x", "\udcff", headers[header] + "0", headers[header][:-1]):
            changed = {**headers, header: value} if value is not None else dict(headers)
            if value is None:
                del changed[header]
            with pytest.raises(ForgedWebhook):
                adapter.webhook_reference(changed, body, secret, NOW_S)


@every_provider
@given(
    body=st.binary(max_size=40)
    | st.sampled_from([b"[]", b"{}", b'{"data":5}', b'{"id":5}', b'{"data":{"taskId":""}}'])
)
def test_any_other_body_is_refused(name: str, body: bytes) -> None:
    adapter, sign, secret, genuine = PROVIDERS[name]
    with pytest.raises(ForgedWebhook):
        adapter.webhook_reference(sign(genuine, int(NOW_S)), body, secret, NOW_S)


def test_a_signed_body_without_an_id_is_refused() -> None:
    for adapter, sign, secret in ((fal, sign_fal, key_set(FAL_KEY)), (replicate, sign_replicate, WHSEC)):
        for body in (b"{}", b"[1]", b"null", b"{"):
            with pytest.raises(ForgedWebhook):
                adapter.webhook_reference(sign(body, int(NOW_S)), body, secret, NOW_S)
