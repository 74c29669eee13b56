"""What staff change in the catalog in force: each change is a new version, checked like a file that is loaded.

The text stays the one truth, so what is exported is what runs. A change starts from the newest version under the
catalog's lock: two changes at once both count. See ADR 12.
"""

import tomllib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django.db import transaction

from accounts.errors import Conflict
from aio_platform.errors import InvalidRequest, NotFound
from aio_platform.i18n.translatable import Message, gettext_noop
from gateway.catalog import store
from gateway.catalog.feed import NoCatalog
from gateway.catalog.parser import CatalogDescription, CatalogErrors, parse_catalog
from gateway.catalog.routes import ADAPTERS
from gateway.catalog.tables import MAX_PRIORITY, MAX_WEIGHT, default_route_name
from gateway.models import CatalogVersion
from usage.ledger.rates import BadPrice, parse_prices

Table = dict[str, Any]


class Changed(NamedTuple):
    """The version in force after a change, and what the thing was and is; equal where nothing changed."""

    version: int
    before: dict[str, Any]
    after: dict[str, Any]


class ChangeRefused(Conflict):
    """The catalog would not be sound after the change; the message has every problem."""

    code = "change_refused"


def export_text() -> str:
    """The catalog in force as TOML: loading it elsewhere gives the same state. Raises NoCatalog."""
    newest = CatalogVersion.objects.order_by("-version").first()
    if newest is None:
        raise NoCatalog
    return newest.toml


def load_text(text: str, *, by: str, note: str = "") -> tuple[store.Stored, CatalogDescription]:
    """Put a whole catalog in force, as `load_catalog` does. Raises CatalogErrors and RoutesInUse."""
    description = parse_catalog(text, file="catalog", adapters=ADAPTERS)
    stored = store.store(text, description, loaded_by=by, note=note, source=CatalogVersion.Source.STAFF)
    return stored, description


def set_draining(upstream: str, draining: bool, *, by: str) -> Changed:
    """Give an upstream no new calls, or new calls again; what it has it finishes. NotFound where there is none."""

    def edit(parsed: Table) -> Table:
        table: Table | None = parsed.get("upstreams", {}).get(upstream)
        if table is None:
            raise NotFound(gettext_noop("There is no such upstream."))
        return _set(table, {"draining": draining}, {"draining": False})

    return _change(edit, by=by, note=f"{upstream}: {'drains' if draining else 'takes calls'}")


def set_route(name: str, *, enabled: bool, priority: int, weight: int | None, by: str) -> Changed:
    """Switch a route, and set its place among the others. NotFound, or InvalidRequest naming the field."""
    if not 0 <= priority <= MAX_PRIORITY:
        raise InvalidRequest(
            gettext_noop("A priority is from 0 to %(max_priority)s."),
            param="priority",
            max_priority=f"{MAX_PRIORITY:,}",
        )
    if weight is not None and not 1 <= weight <= MAX_WEIGHT:
        raise InvalidRequest(
            gettext_noop("A weight is from 1 to %(max_weight)s."),
            param="weight",
            max_weight=f"{MAX_WEIGHT:,}",
        )

    def edit(parsed: Table) -> Table:
        for table in parsed.get("routes", []):
            if route_name(table) == name:
                wanted = {"enabled": enabled, "priority": priority, "weight": weight}
                return _set(table, wanted, {"enabled": True, "priority": 0, "weight": None})
        raise NotFound(gettext_noop("There is no such route."))

    return _change(edit, by=by, note=f"{name}: {'on' if enabled else 'off'}, {priority=}, {weight=}"[:200])


def publish_rate(name: str, prices: Mapping[str, Any], *, by: str) -> Changed:
    """Make these the prices of a rate, from the next call on; calls under way keep theirs.

    `prices` is as a catalog writes them: `{unit: {"credits": "0.5", "per": 1000}}`. Raises NotFound for a rate
    that is not in the catalog, InvalidRequest for a bad price, ChangeRefused.
    """
    try:
        parse_prices(prices)
    except BadPrice as error:
        raise InvalidRequest(Message.verbatim(str(error)), param=error.unit) from None
    if not prices:
        raise InvalidRequest(
            gettext_noop("A rate has at least one price; what is free says so."), param="prices"
        )

    def edit(parsed: Table) -> Table:
        rates: Table = parsed.get("rates", {})
        if name not in rates:
            raise NotFound(gettext_noop("There is no such rate."))
        before, rates[name] = rates[name], dict(prices)
        return {"prices": (before, rates[name])}

    return _change(edit, by=by, note=f"rate {name}")


def route_name(table: Mapping[str, Any]) -> str:
    """The name of a route as the catalog writes it."""
    given = table.get("name")
    if given:
        return str(given)
    return default_route_name(table.get("endpoint"), table.get("model"), table.get("upstream"))


def _set(table: Table, wanted: Table, defaults: Table) -> Table:
    """Set fields, leaving out those that are at their default; `{field: (before, after)}`."""
    changes = {}
    for field, value in wanted.items():
        changes[field] = (table.get(field, defaults[field]), value)
        if value == defaults[field]:
            table.pop(field, None)
        else:
            table[field] = value
    return changes


def _change(edit: Callable[[Table], Table], *, by: str, note: str) -> Changed:
    with transaction.atomic():
        newest = store.locked_newest()
        if newest is None:
            raise NoCatalog
        parsed = tomllib.loads(newest.toml)
        changes = edit(parsed)
        before = {field: was for field, (was, _) in changes.items()}
        after = {field: now for field, (_, now) in changes.items()}
        if before == after:
            return Changed(newest.version, before, after)
        # Here and not above: tomlkit takes 36 ms to import, in every process, and only a change needs it.
        from gateway.catalog.writer import catalog_text

        text = catalog_text(parsed)
        try:
            description = parse_catalog(text, file="catalog", adapters=ADAPTERS)
        except CatalogErrors as refused:
            raise ChangeRefused(Message.verbatim(str(refused))) from None
        stored = store.store(
            text, description, loaded_by=by, note=note[:200], source=CatalogVersion.Source.STAFF
        )
    return Changed(stored.version, before, after)
