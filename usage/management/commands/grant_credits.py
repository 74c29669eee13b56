"""`grant_credits ACCOUNT AMOUNT`: spendable from the moment this returns."""

from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from accounts.lookup import find_account
from aio_platform.command import Answer, ScriptableCommand
from aio_platform.credits import format_credits
from aio_platform.timestamps import parse_expiry, utc_text
from usage.command_arguments import operator, read_credits
from usage.ledger.grants import grant


class Command(ScriptableCommand):
    help = "Give an account credits."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("account", metavar="ACCOUNT", help="id or name")
        parser.add_argument("amount", metavar="AMOUNT", help="credits, as in 100 or 0.5")
        parser.add_argument("--reason", default="grant", help="shown to the account")
        parser.add_argument(
            "--expires", metavar="T", help="as in 2030-01-31, 2030-01-31T12:00Z, or 30d, 12h, 45m from now"
        )
        parser.add_argument(
            "--idempotency-key", metavar="K", help="a repeat under the same key gives nothing"
        )

    def perform(self, options: dict[str, Any]) -> Answer:
        account = find_account(options["account"])
        amount_microcredits = read_credits(options["amount"], "AMOUNT")
        expires_at = None
        if options["expires"] is not None:
            expires_at = parse_expiry(options["expires"], "--expires", timezone.now())
        booked = grant(
            account.pk,
            amount_microcredits,
            reason=options["reason"],
            actor=operator(),
            expires_at=expires_at,
            idempotency_key=options["idempotency_key"],
        )
        granted, available = (
            format_credits(amount_microcredits),
            format_credits(booked.available_microcredits),
        )
        return Answer(
            text=f"Entry {booked.entry} gave {granted} credits already; {available} are available."
            if booked.repeated
            else f"Gave {granted} credits to {account.name}; {available} are available.",
            data={
                "account": account.public_id,
                "entry": booked.entry,
                "granted": granted,
                "available": available,
                "expires_at": expires_at and utc_text(expires_at),
                "repeated": booked.repeated,
            },
        )
