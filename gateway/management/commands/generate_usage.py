"""`generate_usage`: months of made-up accounts and calls, through the tables of the books."""

import tomllib
from argparse import ArgumentParser
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connection

import gateway
from accounts.models import Account
from aio_platform.command import Answer, ScriptableCommand
from aio_platform.db.database import APP_ROLE
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import english_only
from aio_platform.terminal.progress import ProgressLine
from gateway.catalog.tables import default_route_name
from gateway.endpoints import BY_NAME
from gateway.models import CatalogVersion
from usage import rollups
from usage.demo.people import DemoRoute, draw_accounts
from usage.demo.writing import make_partitions, write_accounts, write_calls, write_the_rest
from usage.ledger import rate_card
from usage.ledger.rates import parse_prices

SHIPPED_CATALOG = Path(gateway.__file__).parent / "catalogs" / "sandbox.toml"
MOST_ACCOUNTS, MOST_DAYS, MOST_EVENTS = 100_000, 1_000, 1_000_000_000


class Command(ScriptableCommand):
    help = (
        "Make up accounts with months of calls, for demonstrations and measurements. As the database's owner."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--accounts", type=int, default=50)
        parser.add_argument("--days", type=int, default=90)
        parser.add_argument("--events", type=int, default=100_000)
        parser.add_argument(
            "--seed", type=int, default=1, help="the same seed draws the same accounts and calls"
        )
        parser.add_argument("--prefix", default="Demo", help="what the accounts' names start with")
        parser.add_argument("--quiet", action="store_true", help="show no progress")

    def perform(self, options: dict[str, Any]) -> Answer:
        for name, most in (("accounts", MOST_ACCOUNTS), ("days", MOST_DAYS), ("events", MOST_EVENTS)):
            if not 1 <= options[name] <= most:
                raise InvalidRequest(
                    english_only("--%(param)s is a whole number from 1 to %(most)s."),
                    param=name,
                    most=f"{most:,}",
                )
        prefix = options["prefix"].strip()
        if not 1 <= len(prefix) <= 40 or not prefix.isprintable() or prefix.startswith("acct_"):
            raise InvalidRequest(english_only("--prefix has 1 to 40 printable characters."), param="prefix")
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            if cursor.fetchone()[0] == APP_ROLE:
                raise InvalidRequest(
                    english_only("Only the database's owner may: set AIO_DATABASE_AS_OWNER=1.")
                )
        until = datetime.now(UTC) - timedelta(minutes=5)
        since = (until - timedelta(days=options["days"] - 1)).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        accounts = draw_accounts(options["accounts"], _routes(), since, until, options["seed"], prefix)
        taken = Account.objects.filter(name__in=[account.name for account in accounts]).first()
        if taken is not None:
            raise InvalidRequest(
                english_only("There is an account %(name)s already; give another --prefix."),
                param="prefix",
                name=repr(taken.name),
            )
        make_partitions(since)
        write_accounts(accounts, since)
        line = ProgressLine(self.stderr, "events written", quiet=options["quiet"])
        events = write_calls(accounts, since, until, options["events"], options["seed"], line.show)
        line.end()
        ids = Account.objects.filter(name__in=[account.name for account in accounts]).values_list(
            "pk", flat=True
        )
        write_the_rest(list(ids), events, options["seed"])
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE usage_event, usage_ledger_entry, usage_refusal")
        # Calls of the past come behind the sums' back.
        line = ProgressLine(self.stderr, "events summed", quiet=options["quiet"])
        rollups.rebuild(lambda progress: line.show(progress.events, progress.of_about))
        line.end()
        data = {
            "accounts": len(accounts),
            "events": events,
            "since": since.isoformat(),
            "until": until.isoformat(),
        }
        return Answer(
            text=f"{len(accounts):,} accounts with {events:,} calls since {since:%Y-%m-%d}.", data=data
        )


def _routes() -> list[DemoRoute]:
    """The routes of the catalog in force, or of the one that is shipped; their rates are published.

    Of tasks, too, only the calls are made up: what they were asked and what they made is nowhere.
    """
    newest = CatalogVersion.objects.order_by("-version").first()
    catalog = tomllib.loads(SHIPPED_CATALOG.read_text() if newest is None else newest.toml)
    routes = [
        route
        for route in catalog.get("routes", [])
        if "fail" not in route["model"] and "timeout" not in route["model"]
    ]
    if not routes:
        raise InvalidRequest(english_only("The catalog in force has no route whose calls can be made up."))
    rates = {
        name: rate_card.publish(name, parse_prices(catalog["rates"][name]))
        for name in sorted({route["rate"] for route in routes})
    }
    of_endpoint = Counter(route["endpoint"] for route in routes)
    return [
        DemoRoute(
            route.get("name") or default_route_name(route["endpoint"], route["model"], route["upstream"]),
            route["endpoint"],
            route["model"],
            route["upstream"],
            rates[route["rate"]],
            weight=BY_NAME[route["endpoint"]].demo_weight / of_endpoint[route["endpoint"]],
            streams=BY_NAME[route["endpoint"]].streams == "events",
        )
        for route in routes
    ]
