"""A platform whose task providers can call it: the sandbox's webhook secrets, and an address it is reached at."""

import base64
import json
from pathlib import Path

from running_platform import RunningPlatform, free_port

from gateway.sandbox import ed25519, signatures


def webhook_secrets() -> dict[str, str]:
    """What the catalog's `webhook_secret = "env:…"` names, as the sandbox signs."""
    key = base64.urlsafe_b64encode(ed25519.public_key(signatures.FAL_SECRET)).rstrip(b"=").decode()
    return {
        "AIO_KIE_WEBHOOK_SECRET": signatures.KIE_KEY,
        "AIO_REPLICATE_WEBHOOK_SECRET": signatures.REPLICATE_SECRET,
        "AIO_WAVESPEED_WEBHOOK_SECRET": signatures.WAVESPEED_KEY,
        "AIO_FAL_WEBHOOK_SECRET": json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": key}]}),
    }


def task_platform(directory: Path, **environment: str) -> RunningPlatform:
    """Not started yet."""
    port = free_port()
    return RunningPlatform(
        directory,
        port=port,
        environment={
            "AIO_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "AIO_SANDBOX_JOURNAL": "200000",
            **webhook_secrets(),
            **environment,
        },
    )
