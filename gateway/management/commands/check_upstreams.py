"""`check_upstreams [NAME …]`: whether the upstreams of the catalog in force work, with the keys of this environment."""

import asyncio
import sys
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.core.management.base import CommandError

from aio_platform.command import Answer, ScriptableCommand
from aio_platform.terminal.text_table import aligned
from gateway.catalog import edits
from gateway.catalog.feed import NoCatalog
from gateway.catalog.fields import suggestion
from gateway.catalog.loading import check as check_catalog
from gateway.catalog.parser import CatalogErrors
from gateway.catalog.routes import Route
from gateway.upstreams import check
from gateway.upstreams.check import SOUND, Finding

TIME_LIMIT_S = 20.0


class Command(ScriptableCommand):
    help = (
        "Ask each upstream of the catalog in force once, with each of its keys, whether it works, and say what is "
        "wrong and what to do. The keys are those of this shell's environment. Exits 1 when an upstream does not work."
    )
    all_sound = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="an upstream; all of them without")
        parser.add_argument(
            "--timeout",
            type=float,
            default=TIME_LIMIT_S,
            metavar="S",
            help=f"how long each may take; {TIME_LIMIT_S:g} without",
        )
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if not self.all_sound:
            sys.exit(1)

    def perform(self, options: dict[str, Any]) -> Answer:
        if not options["timeout"] > 0:
            raise CommandError("--timeout must be above 0")
        by_upstream = _wanted(_routes(), options["names"])
        for name, routes in by_upstream.items():
            self.stderr.write(f"{name}: asks {check.plan(routes)}")
        findings = asyncio.run(check.check(by_upstream.values(), options["timeout"]))
        self.all_sound = all(finding.outcome in SOUND for finding in findings)
        return Answer(
            text=_as_text(findings), data={"upstreams": [_as_data(finding) for finding in findings]}
        )


def _routes() -> Collection[Route]:
    """Those of the catalog in force. Raises CommandError where there is none, or a variable is not set here."""
    try:
        return check_catalog(edits.export_text(), "catalog in force").routes
    except NoCatalog as error:
        raise CommandError(str(error)) from None
    except CatalogErrors as refused:
        lines = "\n".join(map(str, refused.errors))
        raise CommandError(f"{lines}\nRun it in the environment that `serve` has.") from None


def _wanted(routes: Collection[Route], names: Sequence[str]) -> Mapping[str, list[Route]]:
    found: defaultdict[str, list[Route]] = defaultdict(list)
    for route in routes:
        found[route.upstream.name].append(route)
    for name in names:
        if name not in found:
            raise CommandError(f"there is no upstream {name}{suggestion(name, found)}")
    return {name: found[name] for name in names or sorted(found)}


def _as_text(findings: Sequence[Finding]) -> str:
    lines = [[finding.upstream, finding.key or "-", finding.outcome, finding.said] for finding in findings]
    return aligned([["upstream", "key", "outcome", "what it means"], *lines], 4)


def _as_data(finding: Finding) -> dict[str, Any]:
    return {
        "upstream": finding.upstream,
        "key": finding.key,
        "outcome": finding.outcome.replace(" ", "_"),
        "works": finding.outcome in SOUND,
        "said": finding.said,
    }
