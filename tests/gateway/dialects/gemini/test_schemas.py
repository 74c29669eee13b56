"""Gemini's schemas and JSON schemas say the same."""

from typing import Any

import pytest

from gateway.dialects.gemini.schemas import json_schema_of, openapi_of


@pytest.mark.parametrize(
    ("openapi", "json_schema"),
    [
        ({"type": "STRING"}, {"type": "string"}),
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "STRING", "format": "enum", "enum": ["a"]}, {"type": "string", "enum": ["a"]}),
        (
            {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}], "nullable": True},
            {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
        ),
        (
            {"type": "ARRAY", "items": {"type": "OBJECT"}, "minItems": "1"},
            {"type": "array", "items": {"type": "object"}, "minItems": 1},
        ),
        ({"any_of": [{"type": "NULL"}]}, {"anyOf": [{"type": "null"}]}),
        ({"type": "STRING", "example": "a", "description": None}, {"type": "string", "examples": ["a"]}),
        ({"type": "TYPE_UNSPECIFIED"}, {}),
        (
            {"ref": "#/defs/a", "defs": {"a": {"type": "STRING"}}},
            {"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}},
        ),
        # A property may have the name of a keyword.
        (
            {"type": "OBJECT", "properties": {"type": {"type": "STRING"}, "any_of": {"type": "NUMBER"}}},
            {"type": "object", "properties": {"type": {"type": "string"}, "any_of": {"type": "number"}}},
        ),
    ],
)
def test_a_gemini_schema_is_a_json_schema(openapi: dict[str, Any], json_schema: dict[str, Any]) -> None:
    assert json_schema_of(openapi) == json_schema


@pytest.mark.parametrize(
    ("json_schema", "openapi"),
    [
        (
            {"type": "object", "properties": {}, "additionalProperties": False},
            {"type": "OBJECT", "properties": {}},
        ),
        ({"type": ["null", "integer"], "minimum": 1}, {"type": "INTEGER", "nullable": True, "minimum": 1}),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            {"anyOf": [{"type": "STRING"}], "nullable": True},
        ),
        ({"type": "string", "enum": ["a", None]}, {"type": "STRING", "enum": ["a"]}),
    ],
)
def test_a_simple_json_schema_is_a_gemini_schema(
    json_schema: dict[str, Any], openapi: dict[str, Any]
) -> None:
    assert openapi_of(json_schema) == openapi


@pytest.mark.parametrize(
    "json_schema",
    [
        {"$ref": "#/$defs/a"},
        {"type": ["string", "integer"]},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {"const": 1}}},
        {"type": "array", "items": {"oneOf": []}},
        {"enum": [1, 2]},
        {"anyOf": [True]},
        True,
    ],
)
def test_a_json_schema_that_says_more_is_none(json_schema: Any) -> None:
    assert openapi_of(json_schema) is None
