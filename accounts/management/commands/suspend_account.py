"""`manage.py suspend_account ACCOUNT`: from its return on, every call of the account is refused."""

from argparse import ArgumentParser
from typing import Any

from accounts import actions
from accounts.lookup import account_data, find_account
from aio_platform.command import Answer, ScriptableCommand


class Command(ScriptableCommand):
    help = "Suspend an account; calls that start after this returns are refused. Repeatable."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("account", help="the account's id or exact name")

    def perform(self, options: dict[str, Any]) -> Answer:
        account = actions.suspend_account(find_account(options["account"]))
        return Answer(f"{account.name} is suspended.", account_data(account))
