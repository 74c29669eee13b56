"""Parts of OpenAPI that the endpoints share: bodies from the contracts that validate them, answers, operations."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse

from gateway.contracts.form import FormContract
from gateway.contracts.parsing import RequestContract
from gateway.openapi.field_descriptions import with_descriptions

STRING: dict[str, Any] = {"type": "string"}
INTEGER: dict[str, Any] = {"type": "integer"}
NUMBER: dict[str, Any] = {"type": "number"}
MAYBE_STRING: dict[str, Any] = {"type": ["string", "null"]}
BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
NUMBERS: dict[str, Any] = {"type": "array", "items": {"type": "number"}}
ANY_JSON: tuple[str, dict[str, Any]] = (
    "application/json",
    {"description": "The upstream's answer, as it is: an object or an array"},
)


def operation(
    operation_id: str,
    summary: str,
    request: dict[str, Any] | None,
    *answers: tuple[str, dict[str, Any]],
) -> dict[str, Any]:
    """What extend_schema takes; each answer is a content type and its schema."""
    described: dict[str, Any] = {
        "operation_id": operation_id,
        "summary": summary,
        "responses": {
            (200, content_type): OpenApiResponse(schema, description="The answer")
            for content_type, schema in answers
        },
    }
    if request is not None:
        described["request"] = request
    return described


def json_body(contract: type[RequestContract] | type[FormContract]) -> dict[str, Any]:
    """The contract's JSON schema, references resolved in place, as drf-spectacular takes it."""
    schema = contract.model_json_schema()
    definitions = schema.pop("$defs", {})
    resolved: dict[str, Any] = _resolve(schema, definitions)
    resolved["properties"] = with_descriptions(contract.descriptions, resolved["properties"])
    return {"application/json": resolved}


def form_body(contract: type[FormContract], file_field: str, *other_files: str) -> dict[str, Any]:
    """A form's fields, with its file and those that may come with it."""
    schema: dict[str, Any] = json_body(contract)["application/json"]
    files = with_descriptions(contract.descriptions, dict.fromkeys((file_field, *other_files), BINARY))
    properties = {**files, **schema["properties"]}
    required = [file_field, *schema.get("required", [])]
    return {"multipart/form-data": {**schema, "properties": properties, "required": required}}


def json_object(title: str, *optional: str, **properties: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """An answer that is a JSON object of that name with these properties, all of them there but the optional ones."""
    return "application/json", titled(title, *optional, **properties)


def sound() -> tuple[tuple[str, dict[str, Any]], ...]:
    """An answer that is sound, in whichever type the model gives."""
    return ("audio/wav", BINARY), ("audio/mpeg", BINARY)


def titled(title: str, *optional: str, **properties: dict[str, Any]) -> dict[str, Any]:
    """An object's schema that becomes a component of that name; all properties are there but the optional ones."""
    required = [name for name in properties if name not in optional]
    schema: dict[str, Any] = {"type": "object", "title": title, "properties": properties}
    return schema | ({"required": required} if required else {})


def array_of(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an array of such values."""
    return {"type": "array", "items": schema}


def map_of(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object whose names are not known beforehand, all with such values."""
    return {"type": "object", "additionalProperties": schema}


def _resolve(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, dict):
        if "$ref" in node:
            return _resolve(definitions[node["$ref"].rpartition("/")[2]], definitions)
        return {name: _resolve(inner, definitions) for name, inner in node.items()}
    if isinstance(node, list):
        return [_resolve(inner, definitions) for inner in node]
    return node
