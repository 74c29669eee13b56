"""OpenAI's own words for our errors: the `type` and `code` that programs written for its API act on.

The vocabulary is that of OpenAI's error guide and of the answers of its servers. Where it has no word for something,
the code is ours, in the same form. A class or an instance that is more than its kind says so by `openai_code`.
See ADR 24.
"""

from aio_platform.errors import PlatformError

INVALID_REQUEST = "invalid_request_error"
# (status, our type) → (OpenAI's type, its code).
WORDS: dict[tuple[int, str], tuple[str, str]] = {
    (400, "invalid_request"): (INVALID_REQUEST, "invalid_value"),
    (401, "authentication_error"): (INVALID_REQUEST, "invalid_api_key"),
    (402, "insufficient_credits"): ("insufficient_quota", "insufficient_quota"),
    (403, "permission_error"): (INVALID_REQUEST, "insufficient_permissions"),
    (404, "not_found"): (INVALID_REQUEST, "not_found"),
    (405, "invalid_request"): (INVALID_REQUEST, "method_not_supported"),
    (408, "invalid_request"): (INVALID_REQUEST, "request_timeout"),
    (409, "idempotency_error"): (INVALID_REQUEST, "idempotency_key_in_use"),
    (409, "invalid_request"): (INVALID_REQUEST, "conflict"),
    (410, "archived"): (INVALID_REQUEST, "archived"),
    (413, "invalid_request"): (INVALID_REQUEST, "request_too_large"),
    (414, "invalid_request"): (INVALID_REQUEST, "uri_too_long"),
    (415, "invalid_request"): (INVALID_REQUEST, "unsupported_content_type"),
    (422, "idempotency_error"): (INVALID_REQUEST, "idempotency_key_reused"),
    (429, "rate_limit"): ("requests", "rate_limit_exceeded"),
    # As OpenAI's own quota: no use in trying again soon.
    (429, "daily_trial_limit"): ("insufficient_quota", "insufficient_quota"),
    (431, "invalid_request"): (INVALID_REQUEST, "headers_too_large"),
    (500, "server_error"): ("server_error", "server_error"),
    (502, "server_error"): ("server_error", "server_error"),
    (503, "server_error"): ("server_error", "service_unavailable"),
    (504, "server_error"): ("server_error", "timeout"),
}


def openai_words(error: PlatformError) -> tuple[str, str]:
    """OpenAI's type and code for an error."""
    fallback = (INVALID_REQUEST, error.type) if error.status < 500 else ("server_error", "server_error")
    kind, code = WORDS.get((error.status, error.type), fallback)
    return kind, error.openai_code or code
