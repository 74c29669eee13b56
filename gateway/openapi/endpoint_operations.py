"""Parts of OpenAPI that the endpoints share: bodies from their contracts, and answers."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse

from gateway.contracts.form import FormContract
from gateway.contracts.parsing import RequestContract
from gateway.openapi.chat import body_of, titled
from gateway.openapi.field_descriptions import with_descriptions

BINARY = {"type": "string", "format": "binary"}
NUMBERS = {"type": "array", "items": {"type": "number"}}


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


def json_body(contract: type[RequestContract]) -> dict[str, Any]:
    """A JSON body."""
    return body_of(contract)


def form_body(contract: type[FormContract], file_field: str) -> dict[str, Any]:
    """A form's fields, with its file."""
    schema: dict[str, Any] = body_of(contract)["application/json"]  # type: ignore[arg-type]
    file = with_descriptions(contract.__name__, {file_field: BINARY})
    properties = {**file, **schema["properties"]}
    required = [file_field, *schema.get("required", [])]
    return {"multipart/form-data": {**schema, "properties": properties, "required": required}}


def json_object(title: str, *optional: str, **properties: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """An answer that is a JSON object of that name with these properties, all of them there but the optional ones."""
    return "application/json", titled(title, *optional, **properties)


def sound() -> tuple[tuple[str, dict[str, Any]], ...]:
    """An answer that is sound, in whichever type the model gives."""
    return ("audio/wav", BINARY), ("audio/mpeg", BINARY)


ANY_JSON: tuple[str, dict[str, Any]] = (
    "application/json",
    {"description": "The upstream's answer, as it is: an object or an array"},
)
