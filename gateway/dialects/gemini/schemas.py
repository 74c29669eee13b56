"""Schemas as Gemini's `parameters` and `responseSchema` have them (a part of OpenAPI 3.0), and JSON schemas.

Source: `Schema` in python-genai's types. Its types are in capitals, null is allowed by `nullable`, and proto3's int64
may stand as text.
"""

from collections.abc import Mapping
from typing import Any

from gateway.dialects.gemini.fields import camel, whole_number

_COUNTS = frozenset({"maxItems", "minItems", "maxLength", "minLength", "maxProperties", "minProperties"})
_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
# Names that mean the same in both, and hold no schema.
_PLAIN = _COUNTS | {
    "default",
    "description",
    "enum",
    "format",
    "maximum",
    "minimum",
    "pattern",
    "required",
    "title",
}


def json_schema_of(schema: Any) -> Any:
    """The JSON schema that a Gemini `Schema` stands for. What is not of its form is kept as it is."""
    if not isinstance(schema, Mapping):
        return schema
    written: dict[str, Any] = {}
    nullable = False
    for given, value in schema.items():
        name = camel(given)
        if value is None and name != "default":
            continue
        if name == "type":
            if (kind := _json_type(value)) is not None:
                written["type"] = kind
        elif name == "nullable":
            nullable = value is True
        elif name == "properties" and isinstance(value, Mapping):
            written["properties"] = {key: json_schema_of(inner) for key, inner in value.items()}
        elif name == "propertyOrdering" or (name == "format" and value == "enum"):
            continue
        elif name in ("items", "additionalProperties"):
            written[name] = json_schema_of(value)
        elif name == "anyOf" and isinstance(value, list):
            written["anyOf"] = [json_schema_of(inner) for inner in value]
        elif name == "example":
            written["examples"] = [value]
        elif name in _COUNTS:
            number = whole_number(value)
            written[name] = value if number is None else number
        elif name == "defs" and isinstance(value, Mapping):
            written["$defs"] = {key: json_schema_of(inner) for key, inner in value.items()}
        elif name == "ref":
            written["$ref"] = value.replace("#/defs/", "#/$defs/") if isinstance(value, str) else value
        else:
            written[name] = value
    _put_in_order(written, schema.get("propertyOrdering") or schema.get("property_ordering"))
    return _or_null(written) if nullable else written


def _put_in_order(written: dict[str, Any], names: Any) -> None:
    """A JSON schema has its properties in the order in which they are to be written."""
    properties = written.get("properties")
    if isinstance(properties, dict) and isinstance(names, list):
        first = [name for name in names if isinstance(name, str) and name in properties]
        written["properties"] = {name: properties[name] for name in [*first, *properties]}


def _json_type(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    kind = value.lower()
    return None if kind == "type_unspecified" else kind if kind in _TYPES else value


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    kind, choices = schema.get("type"), schema.get("enum")
    if isinstance(kind, str) and kind != "null":
        schema["type"] = [kind, "null"]
    elif isinstance(schema.get("anyOf"), list) and kind is None:
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    if isinstance(choices, list) and None not in choices:
        schema["enum"] = [*choices, None]
    return schema


def openapi_of(schema: Any) -> dict[str, Any] | None:
    """The `Schema` that says the same as a JSON schema; None where that says more than it can."""
    if not isinstance(schema, Mapping):
        return None
    written: dict[str, Any] = {}
    for name, value in schema.items():
        if name == "type":
            kind, nullable = _openapi_type(value)
            if kind is None:
                return None
            written["type"] = kind
            if nullable:
                written["nullable"] = True
        elif name == "enum" and isinstance(value, list):
            if not all(isinstance(choice, str) or choice is None for choice in value):
                return None
            written["enum"] = [choice for choice in value if choice is not None]
        elif name in _PLAIN:
            written[name] = value
        elif name == "examples" and isinstance(value, list) and len(value) == 1:
            written["example"] = value[0]
        elif not _write_inner(written, name, value):
            return None
    return written


def _write_inner(written: dict[str, Any], name: str, value: Any) -> bool:
    """Write a keyword that holds schemas; whether it could be said."""
    if name == "properties" and isinstance(value, Mapping):
        inner = {key: openapi_of(each) for key, each in value.items()}
        written["properties"] = inner
        return None not in inner.values()
    if name == "items":
        written["items"] = openapi_of(value)
        return written["items"] is not None
    if name == "anyOf" and isinstance(value, list):
        choices = [openapi_of(each) for each in value if each != {"type": "null"}]
        written["anyOf"] = choices
        if len(choices) < len(value):
            written["nullable"] = True
        return None not in choices and bool(choices)
    # A closed object is how Gemini answers anyway.
    return name in ("$schema", "additionalProperties") and (name == "$schema" or value is False)


def _openapi_type(value: Any) -> tuple[str | None, bool]:
    kinds = value if isinstance(value, list) else [value]
    others = [kind for kind in kinds if kind != "null"]
    if len(others) != 1 or not isinstance(others[0], str) or others[0] not in _TYPES:
        return None, False
    return others[0].upper(), len(others) < len(kinds)
