"""What every endpoint may be refused with, written into the OpenAPI document once for all of them.

A postprocessing hook of drf-spectacular: an operation that says nothing of refusals gets all of them in the shape
of its mount, as `aio_platform.problems` answers; one that does say gets those that any address may give.
"""

from typing import Any

from aio_platform.openai_errors import WORDS
from aio_platform.problems import OBJECT_MOUNTS, OPENAI_MOUNT

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
        {"type": "string", "enum": sorted({kind for kind, _ in WORDS.values()})},
    ),
    "TextError": {
        "type": "object",
        "description": "What `/api` answers when a call is refused or fails",
        "properties": {"error": _STRING, "type": _STRING, "param": _STRING, "request_id": _ID},
        "required": ["error", "type", "request_id"],
    },
}
ANYWHERE = {
    404: "There is no such thing here, or no such account, model or task",
    429: "Too many calls, of yours or at the model's server, or the trial's calls of the day are used up",
    500: "A fault of ours",
    503: "Over capacity, or resting after failures; try again shortly",
}
REFUSALS = ANYWHERE | {
    400: "The request cannot be carried out as written",
    401: "The API key is missing, unknown, revoked or expired",
    402: "The credits, or the key's cap, are below the call's ceiling price",
    403: "The account is suspended, or the call is outside the key's scope",
    502: "The model's server failed",
    504: "The call took longer than the endpoint's time limit",
}
REFUSALS_OF_BODIES = {
    408: "The body did not arrive in time",
    413: "The body is larger than the limit",
    415: "The body is compressed in a way that is not taken",
    422: "This Idempotency-Key was used with another body",
}
REFUSALS_OF_CHANGES = {409: "A call with this Idempotency-Key is under way, or its state does not allow it"}
REFUSALS_OF_RECEIPTS = {410: "The call is archived; its sums and its charge are still there"}


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
