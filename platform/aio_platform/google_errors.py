"""Our errors as Google's APIs write them, on the addresses that speak Gemini's.

Source: google.rpc.Code with its HTTP mapping, and google/rpc/error_details.proto (ErrorInfo, RetryInfo), which
Google's clients and agents read.
"""

from typing import Any

from aio_platform.errors import PlatformError

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "OUT_OF_RANGE",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_DOMAIN = "aio-platform"
_DETAIL = "type.googleapis.com/google.rpc."


def google_body(error: PlatformError, request_id: str) -> dict[str, Any]:
    """The error's JSON. Its reason is our type, and its metadata what else we know of it, as texts."""
    status = _STATUSES.get(error.status, "INVALID_ARGUMENT" if error.status < 500 else "INTERNAL")
    known = {"request_id": request_id, **error.details}
    if error.param is not None:
        known["param"] = error.param
    reason = (error.openai_code or error.type).upper()
    details: list[dict[str, Any]] = [
        {
            "@type": f"{_DETAIL}ErrorInfo",
            "reason": reason,
            "domain": _DOMAIN,
            "metadata": {name: str(value) for name, value in known.items()},
        }
    ]
    if error.retry_after_s is not None:
        details.append({"@type": f"{_DETAIL}RetryInfo", "retryDelay": f"{error.retry_after_s}s"})
    described = {"code": error.status, "message": error.message, "status": status, "details": details}
    return {"error": described}
