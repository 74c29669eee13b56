"""A parsed catalog as TOML text again, in one order and one form: what is exported, and what a change is kept as.

Writes what `catalog/parser.py` reads: tables of upstreams and rates, arrays of models and routes, and whatever lies in
them inline. Comments are not part of what was parsed, so they are not written.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

_is_bare_key = re.compile(r"[A-Za-z0-9_-]+").fullmatch
_NAMED_TABLES = ("upstreams", "rates")
_LISTED_TABLES = ("models", "routes")


def catalog_text(parsed: Mapping[str, Any]) -> str:
    """The catalog as TOML; `tomllib.loads` of it gives the same tables back."""
    blocks: list[str] = []
    for kind in _NAMED_TABLES:
        named = parsed.get(kind, {}).items()
        blocks += [_block(f"[{kind}.{_key(name)}]", table) for name, table in named]
    for kind in _LISTED_TABLES:
        blocks += [_block(f"[[{kind}]]", table) for table in parsed.get(kind, [])]
    return "\n".join(blocks)


def _block(header: str, table: Mapping[str, Any]) -> str:
    return "".join(f"{line}\n" for line in (header, *_pairs(table.items())))


def _pairs(items: Iterable[tuple[str, Any]]) -> list[str]:
    return [f"{_key(name)} = {_value(value)}" for name, value in items]


def _key(name: str) -> str:
    return name if _is_bare_key(name) else _text(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        inside = ", ".join(_pairs(value.items()))
        return f"{{ {inside} }}" if inside else "{}"
    return f"[{', '.join(_value(item) for item in value)}]"


def _text(value: str) -> str:
    # JSON's escapes are all TOML's too; only DEL may stand in the one and not in the other.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
