"""`catalog_preset [NAME …]`: the catalog of known providers, to begin with; without a name, which there are."""

from argparse import ArgumentParser, ArgumentTypeError
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from aio_platform.command import Answer, ScriptableCommand
from aio_platform.terminal.text_table import aligned
from gateway.catalog import presets
from gateway.catalog.presets import CREDITS_PER_DOLLAR, UnknownPreset


class Command(ScriptableCommand):
    help = (
        "Print the catalog of one or more known providers, with their list prices and the variables to set, or write "
        "it to a file; without a name, list them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="a preset; several make one catalog")
        parser.add_argument("--out", metavar="FILE", help="where to write it; standard output without")
        parser.add_argument(
            "--credits-per-dollar",
            type=_positive,
            default=CREDITS_PER_DOLLAR,
            metavar="N",
            help="how many credits a US dollar of the list price is; 100 without",
        )
        super().add_arguments(parser)

    def perform(self, options: dict[str, Any]) -> Answer:
        names: list[str] = options["names"]
        if not names:
            return _listed()
        try:
            wanted = [presets.find(name) for name in dict.fromkeys(names)]
            text = presets.catalog_of(names, options["credits_per_dollar"])
        except UnknownPreset as error:
            raise CommandError(str(error)) from None
        variables = list(dict.fromkeys(name for preset in wanted for name in preset.variables))
        data = {"presets": [preset.name for preset in wanted], "variables": variables}
        out: str | None = options["out"]
        if out is None:
            return Answer(text=text.rstrip("\n"), data={**data, "toml": text})
        try:
            Path(out).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {error.strerror}") from None
        return Answer(
            text=f"{out} is written. Set {', '.join(variables)}, look at its prices, then load_catalog {out}",
            data={**data, "file": out},
        )


def _positive(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal(0)
    if not number.is_finite() or number <= 0:
        raise ArgumentTypeError("expected a number above 0")
    return number


def _listed() -> Answer:
    found = presets.presets()
    lines = [[preset.name, preset.prices_read or "-", preset.about] for preset in found]
    return Answer(
        text=aligned([["preset", "prices read", "what"], *lines], 3),
        data={
            "presets": [
                {
                    "name": preset.name,
                    "about": preset.about,
                    "variables": list(preset.variables),
                    "endpoints": list(preset.endpoints),
                    "models": list(preset.models),
                    "prices_read": preset.prices_read,
                }
                for preset in found
            ]
        },
    )
