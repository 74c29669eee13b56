"""Catalogs of known providers, as they ship: a TOML file each in `gateway/catalogs/presets`, whole by itself.

Several make one catalog: a model that two of them have is kept once, with the routes of both, and each endpoint keeps
the default of the first. Texts are merged, not tables, so that every comment stays beside what it is about.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from pathlib import Path
from typing import Any

from gateway.catalog.fields import ENV_PREFIX, suggestion

FOLDER = Path(__file__).resolve().parent.parent / "catalogs" / "presets"
# What the presets count on, and the sentence that says so.
CREDITS_PER_DOLLAR = Decimal(100)
_COUNTED_ON = "A credit is counted as one US cent."
MICROCREDIT = Decimal("0.000001")
_TABLE = re.compile(r"^(?:#[^\n]*\n)*\[(?:\[models\]|\[routes\]|upstreams\.|rates\.)", re.M)
_READ_ON = re.compile(r"read (\d{4}-\d{2}-\d{2})")
_PRICE = re.compile(r'(?<=credits = ")[0-9.]+(?=")')
_DEFAULT_LINE = "default = true\n"


class UnknownPreset(LookupError):
    """There is no such preset; the message says which there are."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One file. `prices_read` is the day on which its list prices were; None where it has none, and says so."""

    name: str
    about: str
    text: str
    variables: tuple[str, ...]
    endpoints: tuple[str, ...]
    models: tuple[str, ...]
    prices_read: str | None


def presets() -> list[Preset]:
    """Every preset, by name."""
    return [_read(path) for path in sorted(FOLDER.glob("*.toml"))]


def find(name: str) -> Preset:
    """The preset of this name; raises UnknownPreset, with the nearest name, where there is none."""
    known = {preset.name: preset for preset in presets()}
    if name not in known:
        raise UnknownPreset(f"there is no preset {name}{suggestion(name, known)}")
    return known[name]


def catalog_of(names: Sequence[str], credits_per_dollar: Decimal = CREDITS_PER_DOLLAR) -> str:
    """The catalog of these presets together, its list prices at so many credits a dollar. Raises UnknownPreset."""
    text = merged([find(name).text for name in dict.fromkeys(names)])
    if credits_per_dollar == CREDITS_PER_DOLLAR:
        return text
    scale = credits_per_dollar / CREDITS_PER_DOLLAR
    text = text.replace(_COUNTED_ON, f"A US dollar is counted as {credits_per_dollar:f} credits.")
    return _PRICE.sub(lambda price: _credits(Decimal(price[0]) * scale), text)


def merged(texts: Sequence[str]) -> str:
    """One catalog of several: whole tables one after the other, without what an earlier one has said."""
    heads: list[str] = []
    tables: dict[str, list[str]] = {"upstreams": [], "rates": [], "models": [], "routes": []}
    models: set[str] = set()
    endpoints: set[str] = set()
    for text in texts:
        head, *rest = _tables(text)
        heads.append(head)
        taken = set(endpoints)
        for table in rest:
            [(kind, content)] = tomllib.loads(table).items()
            if kind == "models":
                if content[0]["slug"] in models:
                    continue
                models.add(content[0]["slug"])
            elif kind == "routes" and content[0].get("default"):
                endpoint = content[0]["endpoint"]
                if endpoint in taken:
                    table = table.replace(_DEFAULT_LINE, "", 1)
                endpoints.add(endpoint)
            tables[kind].append(table)
    return "\n\n".join([*heads, *(table for kind in tables.values() for table in kind)]) + "\n"


def _tables(text: str) -> Iterator[str]:
    """What the file says first, and then each of its tables with the comment above it, and what lies in it below."""
    starts = [match.start() for match in _TABLE.finditer(text)]
    for start, end in zip([0, *starts], [*starts, len(text)], strict=True):
        yield text[start:end].strip("\n")


def _read(path: Path) -> Preset:
    text = path.read_text(encoding="utf-8")
    parsed = tomllib.loads(text)
    head = text[: text.index("\n\n")]
    read_on = _READ_ON.search(head.replace("\n# ", " "))
    return Preset(
        path.stem,
        text.partition("\n")[0].removeprefix("# "),
        text,
        tuple(dict.fromkeys(_variables(parsed["upstreams"]))),
        tuple(dict.fromkeys(route["endpoint"] for route in parsed["routes"])),
        tuple(model["slug"] for model in parsed["models"]),
        read_on and read_on[1],
    )


def _variables(value: Any) -> Iterator[str]:
    """The names of the environment variables that have to be set for it."""
    if isinstance(value, str) and value.startswith(ENV_PREFIX):
        yield value.removeprefix(ENV_PREFIX)
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _variables(inner)


def _credits(amount: Decimal) -> str:
    """As a catalog writes it: never less, and no finer than a micro-credit."""
    return f"{amount.quantize(MICROCREDIT, ROUND_UP).normalize():f}"
