"""Gives the OpenAPI document's inline objects names of their own, so that generated clients have classes for them.

A postprocessing hook of drf-spectacular. Schemas made from contracts carry their contract's name as `title`, and
answers are given one where they are described; here each becomes a component that is referred to.
"""

import re
from typing import Any

_CLASS_NAME = re.compile(r"[A-Z][A-Za-z0-9]+")


def name_components(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The hook: every titled object within a path becomes a component. Two of one name must be equal."""
    components = result.setdefault("components", {}).setdefault("schemas", {})
    result["paths"] = _named(result["paths"], components)
    components.update({name: _named(each, {}) for name, each in components.items()})
    for methods in result["paths"].values():
        for operation in methods.values():
            _let_grow(operation["responses"], components)
    return result


def _let_grow(node: Any, components: dict[str, Any]) -> None:
    """Say of every object within an answer that it may have more fields: strict clients refuse new ones otherwise."""
    if isinstance(node, list):
        for each in node:
            _let_grow(each, components)
    elif isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            node = components[reference.rpartition("/")[2]]
        if node.get("type") == "object":
            if "additionalProperties" in node:
                return
            node["additionalProperties"] = True
        for each in list(node.values()):
            _let_grow(each, components)


def _named(node: Any, components: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_named(each, components) for each in node]
    if not isinstance(node, dict):
        return node
    named = {name: _named(each, components) for name, each in node.items()}
    if isinstance(named.get("oneOf"), list):
        # That exactly one fits is nothing a client should have to prove; Go's would need a library for it.
        named["anyOf"] = named.pop("oneOf")
    title = named.get("title")
    if not isinstance(title, str):  # a property may have that name
        return named
    # What Pydantic calls a field says nothing that its name does not.
    del named["title"]
    if named.get("type") != "object" or not _CLASS_NAME.fullmatch(title):
        return named
    known = components.setdefault(title, named)
    assert known == named, f"two schemas are called {title}"
    return {"$ref": f"#/components/schemas/{title}"}
