"""From JSON schema to the rows of a table: a field's name, type, limits, default and meaning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from gateway.docs_site.openapi import resolved

_BEYOND = 2**53  # limits that are only those of a machine's integers are nobody's business


@dataclass(frozen=True, slots=True)
class Row:
    """One field. `limits` are short sentences; `depth` is how far inside others it lies."""

    name: str
    type: str
    required: bool
    default: str
    limits: tuple[str, ...]
    choices: tuple[str, ...]
    description: str
    depth: int = 0


def rows_of(schema: Mapping[str, Any], depth: int = 0) -> list[Row]:
    """The fields of an object's schema, required ones first, those inside a field after it."""
    schema = resolved(schema)
    required = set(schema.get("required", ()))
    properties: Mapping[str, Any] = schema.get("properties", {})
    rows: list[Row] = []
    for name in sorted(properties, key=lambda name: name not in required):
        rows.append(row_of(name, properties[name], name in required, depth))
        rows += _inside(properties[name], depth + 1)
    return rows


def row_of(
    name: str, schema: Mapping[str, Any], required: bool, depth: int = 0, description: str = ""
) -> Row:
    """One field as a row. What describes a component describes it everywhere, so only the field's own text counts."""
    text = description or schema.get("description", "")
    schema = resolved(schema)
    kinds = [kind for kind in map(resolved, _alternatives(schema)) if kind.get("type") != "null"]
    default = schema.get("default")
    return Row(
        name,
        _type_of(schema, kinds),
        required,
        "" if default is None else _json(default),
        tuple(limit for kind in kinds for limit in _limits(kind)),
        tuple(str(choice) for kind in kinds for choice in kind.get("enum", ()) if choice is not None),
        _(text) if text else "",
        depth,
    )


def _inside(schema: Mapping[str, Any], depth: int) -> list[Row]:
    for kind in map(resolved, _alternatives(resolved(schema))):
        inner = kind.get("items", kind)
        if "properties" in resolved(inner):
            return rows_of(inner, depth)
    return []


def _alternatives(schema: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = schema.get("anyOf") or schema.get("oneOf") or (schema,)
    return found


def _type_of(schema: Mapping[str, Any], kinds: Sequence[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(_kind_name(kind) for kind in kinds))
    is_nullable = len(kinds) < len(_alternatives(schema)) or "null" in _types(schema)
    # An optional field of a request may be null too; that is said once for all of them.
    if is_nullable and "default" not in schema:
        names.append("null")
    return " | ".join(names)


def _types(schema: Mapping[str, Any]) -> Sequence[str]:
    found = schema.get("type", "object")
    return found if isinstance(found, list) else [found]


def _kind_name(kind: Mapping[str, Any]) -> str:
    if kind.get("format") == "binary":
        return "file"
    name = next((each for each in _types(kind) if each != "null"), "null")
    if name == "array":
        inner = resolved(kind.get("items", {}))
        return (
            f"array<{' | '.join(dict.fromkeys(_kind_name(resolved(each)) for each in _alternatives(inner)))}>"
        )
    return {"date-time": "date-time", "uri": "url"}.get(kind.get("format", ""), name)


def _limits(kind: Mapping[str, Any]) -> list[str]:
    low, high = kind.get("minimum"), kind.get("maximum")
    limits = []
    if high is None and "exclusiveMaximum" in kind:
        high = kind["exclusiveMaximum"] - 1
    if high is not None and high >= _BEYOND:
        high = None
    if low is not None and high is not None and abs(low) < _BEYOND:
        limits.append(_("%(low)s to %(high)s") % {"low": f"{low:,}", "high": f"{high:,}"})
    elif low is not None and abs(low) < _BEYOND:
        limits.append(_("at least %(low)s") % {"low": f"{low:,}"})
    if "maxLength" in kind:
        limits.append(_("at most %(count)s characters") % {"count": f"{kind['maxLength']:,}"})
    if "maxItems" in kind:
        limits.append(_("at most %(count)s items") % {"count": f"{kind['maxItems']:,}"})
    return limits


def _json(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
