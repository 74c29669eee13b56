"""The OpenAPI document that `/api/schema` answers with, as plain values, made once in a process."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.urls import get_resolver
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "post", "put", "patch", "delete")


@lru_cache(maxsize=1)
def document() -> Mapping[str, Any]:
    """The whole document, in English whatever the visitor's language: pages translate its texts."""
    # The URLconf that serves /api/schema imports our pages, so it is asked for only now.
    patterns = get_resolver().urlconf_module.documented_patterns  # type: ignore[union-attr]
    with translation.override("en"):
        made: Mapping[str, Any] = SchemaGenerator(patterns=patterns).get_schema(request=None, public=True)
    return made


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a `$ref` names, else itself; what stands beside the `$ref` wins."""
    reference = schema.get("$ref")
    if reference is None:
        single = schema.get("allOf", ())
        if len(single) == 1:
            return {
                **resolved(single[0]),
                **{name: value for name, value in schema.items() if name != "allOf"},
            }
        return schema
    found = document()["components"]["schemas"][reference.rpartition("/")[2]]
    return {**resolved(found), **{name: value for name, value in schema.items() if name != "$ref"}}
