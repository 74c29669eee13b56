"""A parsed catalog as TOML text again, in one order and one form: what is exported, and what a change is kept as.

Writes what `catalog/parser.py` reads: tables of upstreams and rates, arrays of models and routes, and whatever lies in
them inline. Comments are not part of what was parsed, so they are not written: see ADR 12.
"""

from collections.abc import Mapping
from typing import Any

import tomlkit
from tomlkit.items import Item, Table

_NAMED_TABLES = ("upstreams", "rates")
_LISTED_TABLES = ("models", "routes")


def catalog_text(parsed: Mapping[str, Any]) -> str:
    """The catalog as TOML; `tomllib.loads` of it gives the same tables back."""
    document = tomlkit.document()
    for kind in _NAMED_TABLES:
        named = tomlkit.table(is_super_table=True)
        for name, fields in parsed.get(kind, {}).items():
            named.append(name, _table(fields))
        document.append(kind, named)
    for kind in _LISTED_TABLES:
        listed = tomlkit.aot()
        for fields in parsed.get(kind, []):
            listed.append(_table(fields))
        document.append(kind, listed)
    return tomlkit.dumps(document)


def _table(fields: Mapping[str, Any]) -> Table:
    table = tomlkit.table()
    for name, value in fields.items():
        table.append(name, _inline(value))
    return table


def _inline(value: Any) -> Item:
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        for name, inner in value.items():
            table.append(name, _inline(inner))
        return table
    if isinstance(value, list):
        array = tomlkit.array()
        for inner in value:
            array.append(_inline(inner))
        return array
    return tomlkit.item(value)
