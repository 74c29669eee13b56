"""The rate card: publishes price lists and finds published ones. A published rate never changes."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from django.db import connection

from usage.ledger.rates import Price, Rate, prices_from_json

PUBLISH_SQL = "SELECT id, version FROM usage_publish_rate_v1(%s, %s::jsonb)"
# As text: Django's connection and psycopg's own read jsonb differently.
FIND_SQL = "SELECT id, name, version, prices::text FROM usage_rate WHERE id = %s"
VERSIONS_SQL = """
    SELECT id, name, version, prices::text FROM usage_rate WHERE name = ANY(%s) ORDER BY name, version DESC
"""


class UnknownRate(LookupError):
    """No rate was published with this id, or under this name with these prices."""


def publish(name: str, prices: tuple[Price, ...]) -> Rate:
    """Publish these as the current prices under that name, and return the rate.

    Prices that are current already change nothing; any others become a new version.
    """
    unpublished = Rate.of(0, name, 0, prices)
    with connection.cursor() as cursor:
        cursor.execute(PUBLISH_SQL, (name, json.dumps(unpublished.as_json())))
        rate_id, version = cursor.fetchone()
    return Rate.of(rate_id, name, version, prices)


def find(rate_id: int) -> Rate:
    """The rate with this id; raises UnknownRate."""
    with connection.cursor() as cursor:
        cursor.execute(FIND_SQL, (rate_id,))
        row = cursor.fetchone()
    if row is None:
        raise UnknownRate(f"no rate has the id {rate_id}")
    return _rate(row)


def find_published(wanted: Mapping[str, tuple[Price, ...]]) -> dict[str, Rate]:
    """By name, the newest published version that has exactly these prices. Raises UnknownRate where one is missing."""
    with connection.cursor() as cursor:
        cursor.execute(VERSIONS_SQL, (list(wanted),))
        return _newest_with_prices(cursor.fetchall(), wanted)


async def find_published_async(
    async_connection: psycopg.AsyncConnection[Any], wanted: Mapping[str, tuple[Price, ...]]
) -> dict[str, Rate]:
    """As `find_published`, over a connection that the caller gives."""
    cursor = await async_connection.execute(VERSIONS_SQL, (list(wanted),))
    return _newest_with_prices(await cursor.fetchall(), wanted)


def _newest_with_prices(
    newest_first: Iterable[tuple[Any, ...]], wanted: Mapping[str, tuple[Price, ...]]
) -> dict[str, Rate]:
    found: dict[str, Rate] = {}
    for row in newest_first:
        rate = _rate(row)
        if rate.name not in found and set(rate.prices) == set(wanted[rate.name]):
            found[rate.name] = rate
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise UnknownRate(f"not published with these prices: {', '.join(missing)}")
    return found


def _rate(row: tuple[Any, ...]) -> Rate:
    rate_id, name, version, prices = row
    return Rate.of(rate_id, name, version, prices_from_json(json.loads(prices)))
