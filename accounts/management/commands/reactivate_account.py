"""`manage.py reactivate_account ACCOUNT`: the account may call again."""

from argparse import ArgumentParser
from typing import Any

from accounts import actions
from accounts.lookup import account_data, find_account
from aio_platform.command import Answer, ScriptableCommand


class Command(ScriptableCommand):
    help = "Let a suspended account call again. Repeatable."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("account", help="the account's id or exact name")

    def perform(self, options: dict[str, Any]) -> Answer:
        account = actions.reactivate_account(find_account(options["account"]))
        return Answer(f"{account.name} is active again.", account_data(account))
