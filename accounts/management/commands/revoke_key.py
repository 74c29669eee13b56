"""`manage.py revoke_key ID|PREFIX`: from its return on, every call with the key is refused."""

from argparse import ArgumentParser
from typing import Any

from accounts import audit
from accounts.keys import lifecycle
from accounts.lookup import find_key
from aio_platform.command import Answer, ScriptableCommand


class Command(ScriptableCommand):
    help = "Revoke an API key for good; calls that start after this returns are refused. Repeatable."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("key", help="the key's id (key_…) or its prefix (aio_ and 8 characters)")

    def perform(self, options: dict[str, Any]) -> Answer:
        api_key = find_key(options["key"])
        if api_key.revoked_at is None:
            api_key = lifecycle.revoke_key(
                api_key,
                also=lambda: audit.record(
                    audit.OPERATOR, "key.revoke", audit.key_target(api_key), account=api_key.account
                ),
            )
        assert api_key.revoked_at is not None
        return Answer(
            text=f"{api_key.public_id} ({api_key.prefix}…) of {api_key.account.name} is revoked.",
            data={
                "id": api_key.public_id,
                "prefix": api_key.prefix,
                "account": api_key.account.public_id,
                "revoked_at": api_key.revoked_at.isoformat().replace("+00:00", "Z"),
            },
        )
