"""`export_catalog [FILE.toml]`: the catalog in force, as `load_catalog` takes it."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gateway.catalog import edits
from gateway.catalog.feed import NoCatalog


class Command(BaseCommand):
    help = "Print the catalog in force as TOML, or write it to a file; loading it gives the same state."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", help="where to write it; standard output without")

    def handle(self, *, file: str | None, **options: Any) -> None:
        try:
            text = edits.export_text()
        except NoCatalog as error:
            raise CommandError(str(error)) from None
        if file is None:
            self.stdout.write(text, ending="")
            return
        try:
            Path(file).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}") from None
