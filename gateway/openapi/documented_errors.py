"""What every endpoint may be refused with, written into the OpenAPI document once for all of them.

A postprocessing hook of drf-spectacular. An operation that documents no errors gets all of them, in the shape in which
`aio_platform.problems` answers on its mount; one that documents some also gets those that any address may give.
"""

from typing import Any

from aio_platform.error_kinds import ERROR_KINDS
from aio_platform.problems import ANTHROPIC_ADDRESS, GOOGLE_ADDRESS, OBJECT_MOUNTS, OPENAI_MOUNT

_STRING = {"type": "string"}
_ID = {"type": "string", "description": "as in X-Request-Id"}


def _error_object(description: str, code: dict[str, Any], kind: dict[str, Any]) -> dict[str, Any]:
    properties = {
        "code": code,
        "message": _STRING,
        "type": kind,
        "param": {"type": ["string", "null"], "description": "the field that is wrong"},
        "request_id": _ID,
    }
    error = {"type": "object", "properties": properties, "required": list(properties)}
    return {
        "type": "object",
        "description": description,
        "properties": {"error": error},
        "required": ["error"],
    }


COMPONENTS: dict[str, dict[str, Any]] = {
    "MountError": _error_object(
        "What `/api/v1` and `/llm/v1` answer when a call is refused or fails",
        {"type": "integer", "description": "the HTTP status"},
        _STRING,
    ),
    "OpenAIError": _error_object(
        "What `/v1` answers when a call is refused or fails, in OpenAI's words",
        {"type": "string", "description": "OpenAI's name for the fault, as in model_not_found"},
        {"type": "string", "enum": sorted({kind.openai_type for kind in ERROR_KINDS})},
    ),
    "AnthropicError": {
        "type": "object",
        "description": "What `/v1/messages` answers when a call is refused or fails, in Anthropic's words",
        "properties": {
            "type": {"type": "string", "enum": ["error"]},
            "error": {
                "type": "object",
                "properties": {
                    "type": {"type": "string", "description": "Anthropic's name for the fault"},
                    "message": _STRING,
                    "param": {"type": "string", "description": "the field that is wrong"},
                },
                "required": ["type", "message"],
            },
            "request_id": _ID,
        },
        "required": ["type", "error", "request_id"],
    },
    "GoogleError": {
        "type": "object",
        "description": "What `/v1beta` answers when a call is refused or fails, in Google's words",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "code": {"type": "integer", "description": "the HTTP status"},
                    "message": _STRING,
                    "status": {
                        "type": "string",
                        "description": "Google's name for the status, as in NOT_FOUND",
                    },
                    "details": {
                        "type": "array",
                        "items": {"type": "object", "additionalProperties": True},
                        "description": "ErrorInfo, and RetryInfo where it may be tried again",
                    },
                },
                "required": ["code", "message", "status", "details"],
            }
        },
        "required": ["error"],
    },
    "TextError": {
        "type": "object",
        "description": "What `/api` answers when a call is refused or fails",
        "properties": {"error": _STRING, "type": _STRING, "param": _STRING, "request_id": _ID},
        "required": ["error", "type", "request_id"],
    },
}


def _summaries(*statuses: int) -> dict[int, str]:
    return {
        status: ", or ".join(kind.summary for kind in ERROR_KINDS if kind.status == status)
        for status in statuses
    }


ANYWHERE = _summaries(404, 429, 500, 503)
REFUSALS = ANYWHERE | _summaries(400, 401, 402, 403, 502, 504)
REFUSALS_OF_BODIES = _summaries(408, 413, 415, 422)
REFUSALS_OF_CHANGES = _summaries(409)
REFUSALS_OF_RECEIPTS = _summaries(410)


def add_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The hook: add what an operation may be refused with, where it does not say so itself."""
    for path, methods in result["paths"].items():
        name = _shape_of(path)
        for method, operation in methods.items():
            for status, description in _refusals_of(method, operation).items():
                operation["responses"].setdefault(str(status), _answer(description, name))
    result.setdefault("components", {}).setdefault("schemas", {}).update(COMPONENTS)
    return result


def _shape_of(path: str) -> str:
    if ANTHROPIC_ADDRESS.match(path):
        return "AnthropicError"
    if GOOGLE_ADDRESS.match(path):
        return "GoogleError"
    if path.startswith(OPENAI_MOUNT):
        return "OpenAIError"
    return "MountError" if path.startswith(OBJECT_MOUNTS) else "TextError"


def _refusals_of(method: str, operation: dict[str, Any]) -> dict[int, str]:
    if any(status.startswith("4") for status in operation["responses"]):
        return ANYWHERE
    of_bodies = REFUSALS_OF_BODIES if "requestBody" in operation else {}
    of_changes = REFUSALS_OF_CHANGES if method != "get" else {}
    return REFUSALS | of_bodies | of_changes


def _answer(description: str, name: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
