"""How each provider signs its webhooks. The keys are public here: nothing real is behind them."""

from __future__ import annotations

import base64
import hashlib
import hmac

import orjson

from gateway.sandbox import dialects
from gateway.sandbox.chat import prose
from gateway.sandbox.providers import ed25519
from gateway.sandbox.wire import Answer, Call, Route, json_reply

KIE_KEY = "sandbox-kie-hmac-key"
REPLICATE_SECRET = "whsec_" + base64.b64encode(b"sandbox-replicate-webhook-key").decode("ascii")
WAVESPEED_KEY = "whsec_sandbox-wavespeed-webhook-key"
FAL_SECRET = hashlib.sha256(b"sandbox-fal-webhook-key").digest()
FAL_USER = "sandbox"
_WRONG = b"nobody's key"


def webhook_secrets() -> dict[str, str]:
    """What whoever is called checks each provider's webhooks with, as one would be told it on its pages."""
    return {
        "kie": KIE_KEY,
        "replicate": REPLICATE_SECRET,
        "wavespeed": WAVESPEED_KEY,
        "fal": orjson.dumps({"keys": [_fal_key()]}).decode(),
    }


def routes() -> list[Route]:
    """Where the providers tell their keys."""
    return [
        Route("GET", "/.well-known/jwks.json", fal_keys, dialects.fal),
        Route("GET", "/v1/webhooks/default/secret", replicate_secret, dialects.replicate),
        Route("GET", "/api/v3/webhook/secret", wavespeed_secret, dialects.wavespeed),
    ]


def fal_keys(call: Call) -> Answer:
    """fal's public keys."""
    return json_reply({"keys": [_fal_key()]})


def replicate_secret(call: Call) -> Answer:
    """Replicate's default signing secret."""
    return json_reply({"key": REPLICATE_SECRET})


def wavespeed_secret(call: Call) -> Answer:
    """WaveSpeed's webhook secret."""
    return json_reply({"code": 200, "message": "success", "data": {"secret": WAVESPEED_KEY}})


def kie(task_id: str, now: float, forged: bool) -> dict[str, str]:
    """base64(HMAC-SHA256(`taskId.timestamp`)): the body is not covered, which is how kie does it."""
    key = _WRONG if forged else KIE_KEY.encode()
    signature = _hmac(key, f"{task_id}.{int(now)}".encode())
    return {
        "X-Webhook-Timestamp": str(int(now)),
        "X-Webhook-Signature": base64.b64encode(signature).decode("ascii"),
    }


def replicate(body: bytes, message_id: str, now: float, forged: bool) -> dict[str, str]:
    """Standard Webhooks: `v1,` and base64 of HMAC-SHA256(`id.timestamp.body`) with the decoded secret."""
    key = _WRONG if forged else base64.b64decode(REPLICATE_SECRET.removeprefix("whsec_"))
    signature = _hmac(key, f"{message_id}.{int(now)}.".encode() + body)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": "v1," + base64.b64encode(signature).decode("ascii"),
    }


def wavespeed(body: bytes, message_id: str, now: float, forged: bool) -> dict[str, str]:
    """`v3,` and hex of HMAC-SHA256(`id.timestamp.body`); the secret without its prefix, not decoded."""
    key = _WRONG if forged else WAVESPEED_KEY.removeprefix("whsec_").encode()
    signature = _hmac(key, f"{message_id}.{int(now)}.".encode() + body)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": "v3," + signature.hex(),
    }


def fal(body: bytes, request_id: str, now: float, forged: bool) -> dict[str, str]:
    """Ed25519 in hex over request id, user, timestamp and the body's SHA-256, one a line."""
    key = hashlib.sha256(_WRONG).digest() if forged else FAL_SECRET
    message = "\n".join((request_id, FAL_USER, str(int(now)), hashlib.sha256(body).hexdigest()))
    return {
        "X-Fal-Webhook-Request-Id": request_id,
        "X-Fal-Webhook-User-Id": FAL_USER,
        "X-Fal-Webhook-Timestamp": str(int(now)),
        "X-Fal-Webhook-Signature": ed25519.sign(key, message.encode()).hex(),
    }


def message_id_of(task_id: str, event: str) -> str:
    """The same for every delivery of one message, as the providers promise."""
    return "msg_" + prose.digest(task_id, event).hex()


def _fal_key() -> dict[str, str]:
    key = base64.urlsafe_b64encode(ed25519.public_key(FAL_SECRET)).rstrip(b"=").decode("ascii")
    return {"kty": "OKP", "crv": "Ed25519", "x": key, "kid": "sandbox"}


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()
