"""Where loaded catalogs are kept, so that every process, on every node, runs the same one."""

from hashlib import sha256
from typing import NamedTuple

from django.db import connection, transaction

from gateway.catalog_file import CatalogDescription
from gateway.models import CatalogVersion
from usage import rate_card

# Processes listen here; the payload is the version, for people who watch.
CHANNEL = "aio_catalog"


class Stored(NamedTuple):
    """The version now in force; `changed` is False when it was in force already."""

    version: int
    changed: bool


def store(text: str, description: CatalogDescription, *, loaded_by: str = "", note: str = "") -> Stored:
    """Put a checked catalog in force: publish its rates, keep its text, tell every process; all or nothing.

    The text in force, loaded again, makes no new version.
    """
    digest = sha256(text.encode()).hexdigest()
    with transaction.atomic(), connection.cursor() as cursor:
        # One at a time, so that the highest version is also the last to commit.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('gateway_catalog'))")
        newest = CatalogVersion.objects.order_by("-version").first()
        if newest is not None and newest.digest == digest:
            return Stored(newest.version, changed=False)
        for name, prices in sorted(description.rates.items()):
            rate_card.publish(name, prices)
        kept = CatalogVersion.objects.create(toml=text, digest=digest, loaded_by=loaded_by, note=note)
        cursor.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(kept.version)))
    return Stored(kept.version, changed=True)
