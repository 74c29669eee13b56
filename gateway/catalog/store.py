"""Where loaded catalogs are kept, so that every process, on every node, runs the same one."""

from enum import Enum
from hashlib import sha256
from typing import NamedTuple

from django.db import connection, transaction

from accounts.errors import Conflict
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.catalog.parser import CatalogDescription
from gateway.catalog.processes import announce
from gateway.models import CatalogVersion
from usage.ledger import rate_card

SHOWN_ROUTES = 5
_LIVE_TASKS_SQL = """
    SELECT endpoint, model, route, upstream, adapter, count(*) FROM gateway_task
    WHERE ended_at IS NULL GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3
"""


class RoutesInUse(Conflict):
    """The new catalog lacks a route, or sends it elsewhere, on which tasks are under way."""

    code = "routes_in_use"
    template = _(
        "Tasks are under way on routes that this catalog removes or changes: %(shown)s%(more)s. "
        "Keep such a route with `enabled = false` until its tasks have ended, or cancel them."
    )

    def __init__(self, routes: list[tuple[str, str, int]]) -> None:
        shown = "; ".join(
            f"{name} (upstream {upstream}): {count} task{'s' if count != 1 else ''}"
            for name, upstream, count in routes[:SHOWN_ROUTES]
        )
        more = f" and {len(routes) - SHOWN_ROUTES} more routes" if len(routes) > SHOWN_ROUTES else ""
        super().__init__(shown=shown, more=more)


class Unless(Enum):
    """When a catalog that is loaded makes no new version: where the one in force has its text, and besides …"""

    IN_FORCE = "in force"
    # … where its file was the last to be loaded, whatever staff have changed since.
    LOADED_LAST = "loaded last"
    # … where any catalog has ever been loaded.
    ANY = "any"


class Stored(NamedTuple):
    """The version now in force; `changed` is False when it was in force already."""

    version: int
    changed: bool


def store(
    text: str,
    description: CatalogDescription,
    *,
    loaded_by: str = "",
    note: str = "",
    source: str = CatalogVersion.Source.FILE,
    unless: Unless = Unless.IN_FORCE,
) -> Stored:
    """Put a checked catalog in force: publish its rates, keep its text, tell every process; all or nothing.

    No new version is made where `unless` says that what there is stays. Raises RoutesInUse.
    """
    with transaction.atomic():
        kept = what_stays(text, unless, locked_newest())
        if kept is not None:
            return kept
        return Stored(_keep(text, _digest(text), description, loaded_by, note, source), changed=True)


def what_stays(text: str, unless: Unless, newest: CatalogVersion | None) -> Stored | None:
    """The version in force where it is not to give way to the text, else None."""
    if newest is None:
        return None
    stays = (
        newest.digest == _digest(text)
        or unless is Unless.ANY
        or (unless is Unless.LOADED_LAST and _last_file_digest() == _digest(text))
    )
    return Stored(newest.version, changed=False) if stays else None


def newest_version() -> CatalogVersion | None:
    """The version in force, None where no catalog has ever been loaded."""
    return CatalogVersion.objects.order_by("-version").first()


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def locked_newest() -> CatalogVersion | None:
    """The version in force, with every other change of the catalog waiting for the end of this transaction.

    One at a time, so that the highest version is also the last to commit.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('gateway_catalog'))")
    return newest_version()


def _last_file_digest() -> str | None:
    loaded = CatalogVersion.objects.filter(source=CatalogVersion.Source.FILE).order_by("-version")
    return loaded.values_list("digest", flat=True).first()


def _keep(
    text: str, digest: str, description: CatalogDescription, loaded_by: str, note: str, source: str
) -> int:
    _check_live_tasks(description)
    for name, prices in sorted(description.rates.items()):
        rate_card.publish(name, prices)
    kept = CatalogVersion.objects.create(
        toml=text, digest=digest, loaded_by=loaded_by, note=note, source=source
    )
    announce(kept.version)
    return kept.version


def _check_live_tasks(description: CatalogDescription) -> None:
    """A task is asked about on the route it was taken on, so that route has to stay until the task has ended."""
    kept = {
        (route.endpoint, route.model, route.name, route.upstream.name, route.adapter)
        for route in description.routes
    }
    with connection.cursor() as cursor:
        cursor.execute(_LIVE_TASKS_SQL)
        lost = [(row[2], row[3], row[5]) for row in cursor.fetchall() if tuple(row[:5]) not in kept]
    if lost:
        raise RoutesInUse(lost)
