"""`load_catalog FILE.toml`: check a catalog and put it in force in every running process."""

import getpass
import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.utils import Error as DatabaseError

from gateway import catalog_store
from gateway.catalog import ADAPTERS
from gateway.catalog_file import CatalogDescription, CatalogErrors, parse_catalog, read_catalog
from gateway.models import CatalogVersion

MAX_NOTE_LENGTH: int = CatalogVersion._meta.get_field("note").max_length or 0


class Command(BaseCommand):
    help = (
        "Check a catalog file and put it in force: its rates are published, and every running process takes "
        "it up within a second. With errors nothing is stored: they go to standard error, one a line."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the catalog, a TOML file")
        parser.add_argument("--check", action="store_true", help="check only; needs no database")
        parser.add_argument("--note", default="", help="why, kept beside the version")
        parser.add_argument(
            "--if-changed",
            action="store_true",
            help="leave everything as it is if this file was the last to be loaded, whatever staff changed since",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(
        self, *, file: str, check: bool, note: str, if_changed: bool, json: bool, **options: Any
    ) -> None:
        if len(note) > MAX_NOTE_LENGTH:
            raise CommandError(f"--note must be at most {MAX_NOTE_LENGTH} characters")
        try:
            text = read_catalog(file)
            description = parse_catalog(text, file=file, adapters=ADAPTERS)
        except CatalogErrors as refused:
            for error in refused.errors:
                self.stderr.write(str(error))
            sys.exit(1)
        stored = None if check else self._store(text, description, note, if_changed)
        self.stdout.write(_as_json(stored, description) if json else _as_text(file, stored, description))

    def _store(
        self, text: str, description: CatalogDescription, note: str, if_changed: bool
    ) -> catalog_store.Stored:
        try:
            return catalog_store.store(
                text, description, loaded_by=_user(), note=note, unless_loaded=if_changed
            )
        except catalog_store.RoutesInUse as refused:
            self.stderr.write(refused.message)
            sys.exit(1)
        except DatabaseError as error:
            raise CommandError(f"the catalog was not stored: {error}") from error


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return ""


def _counts(description: CatalogDescription) -> dict[str, int]:
    return {
        "models": len(description.models),
        "routes": len(description.routes),
        "upstreams": len(description.upstreams),
        "rates": len(description.rates),
    }


def _as_json(stored: catalog_store.Stored | None, description: CatalogDescription) -> str:
    version, changed = stored or (None, False)
    return json.dumps({"version": version, "changed": changed, **_counts(description)})


def _as_text(file: str, stored: catalog_store.Stored | None, description: CatalogDescription) -> str:
    if stored is None:
        verdict = f"{file} is sound"
    else:
        verdict = f"catalog version {stored.version} {'loaded' if stored.changed else 'is in force already'}"
    return f"{verdict}: " + ", ".join(f"{what} {count}" for what, count in _counts(description).items())
