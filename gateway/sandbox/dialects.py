"""How each upstream words an error: (status, message) → the JSON body it would send."""

from __future__ import annotations

from gateway.sandbox.wire import Json

_OPENAI_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}
_ANTHROPIC_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_GOOGLE_STATUSES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_TEI_TYPES = {413: "validation", 422: "tokenizer", 424: "backend", 429: "overloaded"}
_REPLICATE_TITLES = {
    401: "Unauthenticated",
    402: "Payment required",
    404: "Not found",
    422: "Input validation failed",
    429: "Too many requests",
}


def openai(status: int, message: str) -> Json:
    """OpenAI, vLLM, vLLM-Omni and speaches."""
    kind = _OPENAI_TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": status}}


def anthropic(status: int, message: str) -> Json:
    """Anthropic: every answer has a type, errors too."""
    kind = _ANTHROPIC_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_sandbox"}


def google(status: int, message: str) -> Json:
    """Gemini, as its API and Vertex speak it."""
    name = _GOOGLE_STATUSES.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
    return {"error": {"code": status, "message": message, "status": name}}


def tei(status: int, message: str) -> Json:
    """text-embeddings-inference."""
    kind = _TEI_TYPES.get(status, "backend" if status >= 500 else "validation")
    return {"error": message, "error_type": kind}


def fastapi(status: int, message: str) -> Json:
    """The speech wrappers, whisper-asr-webservice, A1111 and anything unknown."""
    return {"detail": message}


def ace_step(status: int, message: str) -> Json:
    """ACE-Step 1.5: the envelope of every answer, with `error` filled."""
    return {"data": None, "code": status, "error": message, "timestamp": 0, "extra": None}


def kie(status: int, message: str) -> Json:
    """kie.ai: the error is in the body's `code`, often under HTTP 200."""
    return {"code": status, "msg": message, "data": None}


def fal(status: int, message: str) -> Json:
    """The fal queue: a plain `detail`, or a list of located messages for a bad input."""
    if status == 422:
        return {"detail": [{"loc": ["body", "prompt"], "msg": message, "type": "value_error"}]}
    return {"detail": message}


def replicate(status: int, message: str) -> Json:
    """Replicate: an RFC 7807 look-alike."""
    title = _REPLICATE_TITLES.get(status, "Internal server error")
    return {"title": title, "detail": message, "status": status}


def wavespeed(status: int, message: str) -> Json:
    """WaveSpeed: the envelope of every answer, with the HTTP status repeated in `code`."""
    return {"code": status, "message": message, "data": {}}
