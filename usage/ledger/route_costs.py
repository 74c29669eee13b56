"""What routes cost us at their upstreams: published from an hour on, and never changed afterwards."""

import json
from collections import defaultdict
from datetime import datetime
from typing import NamedTuple

import psycopg
from django.db import Error, connection, transaction

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from usage.ledger.rates import Price, Rate, prices_from_json
from usage.snapshot import Snapshot

_COSTS_SQL = "SELECT route, since, prices::text AS prices FROM usage_route_cost ORDER BY route, since"


class RouteCost(NamedTuple):
    """The prices of a route's units from `since` on, until its next cost; prices are what we pay."""

    route: str
    since: datetime
    prices: tuple[Price, ...]


def publish_route_cost(route: str, since: datetime, prices: tuple[Price, ...]) -> bool:
    """Record what a route costs us from the hour `since` on. Returns False when exactly that was recorded before.

    Costs are used by reports alone and change no price, so the hour may be past. Raises InvalidRequest when `since` is
    not a whole hour, when other prices were recorded for it, and for prices with tiers: the margin is made of sums.
    """
    if not route.strip() or not route.isprintable():
        raise InvalidRequest(_("route is the name of a route."), param="route")
    if since.minute or since.second or since.microsecond:
        raise InvalidRequest(_("since is a whole hour in UTC."), param="since")
    if any(price.tiers for price in prices):
        raise InvalidRequest(_("A cost has one price for prompts of any length."), param="prices")
    stored = json.dumps(Rate.of(0, route, 0, prices).as_json())
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT usage_publish_route_cost_v1(%s, %s, %s::jsonb)", [route, since, stored])
            return bool(cursor.fetchone()[0])
    except Error as error:
        cause = error.__cause__
        if isinstance(cause, psycopg.Error) and cause.diag.constraint_name == "usage_route_cost_once":
            raise InvalidRequest(_("Another cost is published for that hour."), param="since") from error
        raise


def route_costs(books: Snapshot) -> dict[str, list[RouteCost]]:
    """The costs of every route, by its name, the earliest first."""
    found: dict[str, list[RouteCost]] = defaultdict(list)
    for row in books.rows(_COSTS_SQL, {}):
        prices = prices_from_json(json.loads(row["prices"]))
        found[row["route"]].append(RouteCost(row["route"], row["since"], prices))
    return dict(found)
