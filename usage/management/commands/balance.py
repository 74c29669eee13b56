"""`balance ACCOUNT`: what is available, and what calls under way hold."""

from argparse import ArgumentParser
from typing import Any

from accounts.lookup import find_account
from aio_platform.command import Answer, ScriptableCommand
from aio_platform.credits import format_credits
from usage.ledger.grants import expire_grants
from usage.models import Balance


class Command(ScriptableCommand):
    help = "Print an account's balance in credits."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("account", metavar="ACCOUNT", help="id or name")

    def perform(self, options: dict[str, Any]) -> Answer:
        account = find_account(options["account"])
        # What is past its expiry would be taken back by the next call, so it is not available now.
        expire_grants(account.pk)
        balance = Balance.objects.filter(account_id=account.pk).first() or Balance(account_id=account.pk)
        available = format_credits(balance.available_microcredits)
        held = format_credits(balance.held_microcredits)
        return Answer(
            text=f"{available} credits available, {held} held", data={"available": available, "held": held}
        )
