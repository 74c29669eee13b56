"""A platform whose task providers can call it: the sandbox's webhook secrets, and an address it is reached at."""

from pathlib import Path

from running_platform import RunningPlatform, free_port

from gateway.sandbox.providers import signatures


def webhook_secrets() -> dict[str, str]:
    """What the catalog's `webhook_secret = "env:…"` names, as the sandbox signs."""
    secrets = signatures.webhook_secrets()
    return {f"AIO_{provider.upper()}_WEBHOOK_SECRET": secret for provider, secret in secrets.items()}


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
