"""`load_catalog FILE.toml`: check a catalog and put it in force in every running process."""

import getpass
import json
import sys
import tomllib
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError
from django.db.utils import Error as DatabaseError

from gateway.catalog import loading, store
from gateway.catalog.loading import Loaded
from gateway.catalog.parser import CatalogDescription, CatalogErrors, read_catalog
from gateway.catalog.processes import TrialFailed
from gateway.catalog.sandbox_choice import upstreams_in_use
from gateway.catalog.store import Unless
from gateway.models import CatalogVersion

MAX_NOTE_LENGTH: int = CatalogVersion._meta.get_field("note").max_length or 0


class Command(BaseCommand):
    help = (
        "Check a catalog file and put it in force: every running process is asked whether it could run it, its rates "
        "are published, and every process has taken it up when this returns. Otherwise nothing is stored, and why "
        "goes to standard error, one a line."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the catalog, a TOML file")
        parser.add_argument("--check", action="store_true", help="check only; needs no database")
        parser.add_argument("--note", default="", help="why, kept beside the version")
        parser.add_argument(
            "--no-wait",
            action="store_true",
            help="ask no process, for one that does not answer; each logs it where it cannot run the version",
        )
        start = parser.add_mutually_exclusive_group()
        start.add_argument(
            "--if-changed",
            action="store_const",
            dest="unless",
            const=Unless.LOADED_LAST,
            help="leave everything as it is if this file was the last to be loaded, whatever staff changed since",
        )
        start.add_argument(
            "--if-none",
            action="store_const",
            dest="unless",
            const=Unless.ANY,
            help="leave everything as it is if any catalog was ever loaded",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(
        self,
        *,
        file: str,
        check: bool,
        note: str,
        no_wait: bool,
        unless: Unless | None,
        json: bool,
        **options: Any,
    ) -> None:
        if len(note) > MAX_NOTE_LENGTH:
            raise CommandError(f"--note must be at most {MAX_NOTE_LENGTH} characters")
        try:
            text = read_catalog(file)
            if check:
                description = loading.check(text, file)
                self.stdout.write(
                    _as_json(None, description) if json else _counted(f"{file} is sound", description)
                )
                return
            if unless is not None:
                loaded = loading.load_at_start(text, file, unless, loaded_by=_user())
            else:
                loaded = loading.load(text, file, loaded_by=_user(), note=note, wait=not no_wait)
        except CatalogErrors as error:
            self._refuse(map(str, error.errors))
        except TrialFailed as error:
            if json:
                self.stdout.write(_refusal_as_json(error))
            self._refuse([_refusal_as_text(error), *error.lines])
        except store.RoutesInUse as error:
            self._refuse([error.message])
        except DatabaseError as error:
            raise CommandError(f"the catalog was not stored: {error}") from error
        waited = unless is None and not no_wait
        if waited and not loaded.processes:
            self.stderr.write("no process of the platform is running: each takes it up when it starts")
        self.stdout.write(_as_json(loaded, loaded.description) if json else _as_text(text, loaded, waited))

    def _refuse(self, why: Iterable[str]) -> NoReturn:
        for line in why:
            self.stderr.write(line)
        sys.exit(1)


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


def _as_json(loaded: Loaded | None, description: CatalogDescription) -> str:
    version, changed = loaded.stored if loaded else (None, False)
    shown: dict[str, Any] = {"version": version, "changed": changed, **_counts(description)}
    if loaded and loaded.processes:
        shown["processes"] = [{"process": one.name, "version": one.version} for one in loaded.processes]
    return json.dumps(shown)


def _refusal_as_json(error: TrialFailed) -> str:
    return json.dumps(
        {
            "version": error.version,
            "changed": False,
            "refused": [
                {"process": verdict.process, "problems": list(verdict.problems)}
                for verdict in error.verdicts
                if verdict.problems
            ],
            "silent": error.silent,
        }
    )


def _refusal_as_text(error: TrialFailed) -> str:
    if error.version is None:
        return "nothing was changed: not every running process could run this catalog:"
    return f"catalog version {error.version} is in force, but not in every running process:"


def _as_text(text: str, loaded: Loaded, waited: bool) -> str:
    stored = loaded.stored
    verdict = f"catalog version {stored.version} {'loaded' if stored.changed else 'is in force already'}"
    lines = [_counted(verdict, loaded.description)]
    if waited and loaded.processes:
        names = "; ".join(one.name for one in loaded.processes)
        lines.append(f"in force in {len(loaded.processes)} processes: {names}")
    used = upstreams_in_use(tomllib.loads(text))
    if waited and used.to_start and used.real:
        lines.append(
            f"calls to the sandbox ({', '.join(used.to_start)}) are refused beside real servers"
            f" ({', '.join(used.real)}), unless `serve` was started with --sandbox"
        )
    return "\n".join(lines)


def _counted(verdict: str, description: CatalogDescription) -> str:
    return f"{verdict}: " + ", ".join(f"{what} {count}" for what, count in _counts(description).items())
