"""`manage.py set_plan ACCOUNT PLAN`: the account's limits from its next call on."""

from argparse import ArgumentParser
from typing import Any

from accounts import actions
from accounts.lookup import account_data, find_account
from aio_platform.command import Answer, ScriptableCommand


class Command(ScriptableCommand):
    help = "Put an account on a plan, from its next call on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("account", help="the account's id or exact name")
        parser.add_argument("plan", help="the plan's slug, as in standard")

    def perform(self, options: dict[str, Any]) -> Answer:
        account = actions.set_plan(find_account(options["account"]), options["plan"])
        return Answer(f"{account.name} is on the plan {account.plan_id}.", account_data(account))
