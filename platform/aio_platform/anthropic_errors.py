"""Our errors as Anthropic's Messages API writes them, on the addresses that speak it.

Source: Anthropic's "Errors" page and the error types of its SDKs. Our own statuses stay what they are: 503 is
`overloaded_error`, which Anthropic sends with 529.
"""

from typing import Any

from aio_platform.errors import PlatformError

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
# Agents look for these words, shorten the conversation and ask again.
TOO_LONG = "prompt is too long"


def anthropic_body(error: PlatformError, request_id: str) -> dict[str, Any]:
    """The error's JSON; what else we know of it stands beside Anthropic's own two fields."""
    kind = _TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "api_error")
    message = error.message
    if error.openai_code == "context_length_exceeded":
        message = f"{TOO_LONG}: {message}"
    described: dict[str, Any] = {"type": kind, "message": message}
    if error.param is not None:
        described["param"] = error.param
    return {"type": "error", "error": described | error.details, "request_id": request_id}
