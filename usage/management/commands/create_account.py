"""`create_account NAME`: an account with its balance and the plan's sign-up bonus."""

from argparse import ArgumentParser
from typing import Any

from aio_platform.command import Answer, ScriptableCommand
from aio_platform.credits import format_credits
from usage.command_arguments import read_credits
from usage.ledger.grants import open_account


class Command(ScriptableCommand):
    help = "Make an account; prints its id. Fails when the name is taken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--plan", default="trial", help="trial (the default), standard, scale, unlimited")
        parser.add_argument("--credits", default="0", help="credits besides the plan's sign-up bonus")
        parser.add_argument("--owner", metavar="EMAIL", help="the e-mail address of the account's owner")
        parser.add_argument(
            "--take-over",
            action="store_true",
            help="end all access of whoever signed up with the owner's address without proving it",
        )

    def perform(self, options: dict[str, Any]) -> Answer:
        extra_microcredits = read_credits(options["credits"], "--credits")
        account, available_microcredits = open_account(
            options["name"],
            options["plan"],
            options["owner"],
            extra_microcredits,
            take_over=options["take_over"],
        )
        available = format_credits(available_microcredits)
        return Answer(
            text=f"{account.name} is {account.public_id}, on plan {account.plan_id}, with"
            f" {available} credits.",
            data={
                "id": account.public_id,
                "name": account.name,
                "plan": account.plan_id,
                "available": available,
            },
        )
