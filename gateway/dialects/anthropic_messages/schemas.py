"""JSON schemas as Anthropic's structured output takes them."""

from collections.abc import Mapping
from typing import Any

# Where a schema holds others: by name, in a list, or one.
_NAMED = ("properties", "$defs", "definitions")
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("items",)


def closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with every object closed to properties that it does not name, which Anthropic demands.

    Only where nothing was said of them: what fits the closed schema fits the open one too.
    """
    written = dict(schema)
    if schema.get("type") == "object":
        written.setdefault("additionalProperties", False)
    for name in _NAMED:
        inner = schema.get(name)
        if isinstance(inner, dict):
            written[name] = {key: _closed_value(value) for key, value in inner.items()}
    for name in _LISTED:
        inner = schema.get(name)
        if isinstance(inner, list):
            written[name] = [_closed_value(value) for value in inner]
    for name in _SINGLE:
        if name in schema:
            written[name] = _closed_value(schema[name])
    return written


def _closed_value(value: Any) -> Any:
    return closed(value) if isinstance(value, dict) else value
