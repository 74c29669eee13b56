"""The account that a first start makes, so that the first call needs no set-up."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from accounts.keys.lifecycle import issue_key
from accounts.models import Account
from aio_platform.credits import MICROCREDITS_PER_CREDIT
from usage.ledger.grants import open_account

DEMO_NAME = "demo"
DEMO_PLAN = "standard"
DEMO_CREDITS = 1_000


class Command(BaseCommand):
    help = "Make the `demo` account with credits and a key, unless there are accounts already."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        key = None
        if not Account.objects.exists():
            with transaction.atomic():
                opened = open_account(DEMO_NAME, DEMO_PLAN, None, DEMO_CREDITS * MICROCREDITS_PER_CREDIT)
                key = issue_key(opened.account, "demo")[1]
        self.stdout.write(json.dumps({"account": DEMO_NAME, "key": key}) if options["json"] else str(key))
