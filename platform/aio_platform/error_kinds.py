"""Every status and type that a caller can be answered with: one row each, whoever lists them.

A kind is what programs act on; several errors share one, and their messages differ. On `/v1` it has OpenAI's words:
the vocabulary is that of OpenAI's error guide and of the answers of its servers, and where it has no word for
something, the code is ours, in the same form.
"""

from dataclasses import dataclass
from http import HTTPStatus

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

INVALID_REQUEST = "invalid_request_error"


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """A status with a type. `summary` is the OpenAPI document's; "" is for what it does not list."""

    status: int
    type: str
    openai_type: str
    openai_code: str
    summary: str
    when: Promise
    what_to_do: Promise

    @property
    def phrase(self) -> str:
        return HTTPStatus(self.status).phrase


ERROR_KINDS = (
    ErrorKind(
        400,
        "invalid_request",
        INVALID_REQUEST,
        "invalid_value",
        "The request cannot be carried out as written",
        _("A field, file or parameter is wrong, or the model's server refuses the request as invalid."),
        _("Correct the field that param names, and check the Content-Type."),
    ),
    ErrorKind(
        401,
        "authentication_error",
        INVALID_REQUEST,
        "invalid_api_key",
        "The API key is missing, unknown, revoked or expired",
        _("The API key is missing, malformed, unknown, revoked or expired."),
        _("Check the Authorization header and the key's state."),
    ),
    ErrorKind(
        402,
        "insufficient_credits",
        "insufficient_quota",
        "insufficient_quota",
        "The credits, or the key's cap, are below the call's ceiling price",
        _(
            "The call's ceiling price is above the balance or the key's cap; needed, available, held "
            "and limit_source say by how much."
        ),
        _("Add credits, raise the cap, or lower max_tokens."),
    ),
    ErrorKind(
        403,
        "permission_error",
        INVALID_REQUEST,
        "insufficient_permissions",
        "The account is suspended, or the call is outside the key's scope",
        _("The account is suspended, or the endpoint, model or address is outside the key's scope."),
        _("Use another key, or change the scope."),
    ),
    ErrorKind(
        404,
        "not_found",
        INVALID_REQUEST,
        "not_found",
        "There is no such thing here, or no such account, model or task",
        _("There is no such address, model, task, key or call. What belongs to others is not found either."),
        _("Check the name or id."),
    ),
    ErrorKind(
        405,
        "invalid_request",
        INVALID_REQUEST,
        "method_not_supported",
        "",
        _("The address does not take that method."),
        _("Use the method that the reference names."),
    ),
    ErrorKind(
        408,
        "invalid_request",
        INVALID_REQUEST,
        "request_timeout",
        "The body did not arrive in time",
        _("The request's head or body did not arrive in time."),
        _("Send it again over a steadier connection."),
    ),
    ErrorKind(
        409,
        "idempotency_error",
        INVALID_REQUEST,
        "idempotency_key_in_use",
        "A call with this Idempotency-Key is under way",
        _(
            "A call with this Idempotency-Key is still under way, or its answer was streamed and cannot "
            "be repeated."
        ),
        _("Wait, or use a new key."),
    ),
    ErrorKind(
        409,
        "invalid_request",
        INVALID_REQUEST,
        "conflict",
        "its state does not allow it",
        _("The state of things does not allow it: a task has ended, a key is revoked, a name is taken."),
        _("Look at the thing's state first."),
    ),
    ErrorKind(
        410,
        "archived",
        INVALID_REQUEST,
        "archived",
        "The call is archived; its sums and its charge are still there",
        _("The call started so long ago that it is archived; its sums and its charge are still there."),
        _("Use the usage views and the ledger, or ask us for the call with its request id."),
    ),
    ErrorKind(
        413,
        "invalid_request",
        INVALID_REQUEST,
        "request_too_large",
        "The body is larger than the limit",
        _("The body is larger than the endpoint's limit."),
        _("Send less."),
    ),
    ErrorKind(
        414,
        "invalid_request",
        INVALID_REQUEST,
        "uri_too_long",
        "",
        _("The address is too long."),
        _("Send long values in the body."),
    ),
    ErrorKind(
        415,
        "invalid_request",
        INVALID_REQUEST,
        "unsupported_content_type",
        "The body is compressed in a way that is not taken",
        _("The body is compressed in a way that is not taken."),
        _("Send it with gzip, deflate or zstd, or uncompressed."),
    ),
    ErrorKind(
        422,
        "idempotency_error",
        INVALID_REQUEST,
        "idempotency_key_reused",
        "This Idempotency-Key was used with another body",
        _("This Idempotency-Key was used with another body."),
        _("Use a new key for a new request."),
    ),
    ErrorKind(
        429,
        "rate_limit",
        "requests",
        "rate_limit_exceeded",
        "Too many calls, of yours or at the model's server",
        _("The calls of this minute are used up, or the model's server is at its own limit of calls."),
        _("Wait as long as Retry-After says."),
    ),
    # As OpenAI's own quota: no use in trying again soon.
    ErrorKind(
        429,
        "daily_trial_limit",
        "insufficient_quota",
        "insufficient_quota",
        "the trial's calls of the day are used up",
        _("The trial plan's calls of this day (UTC) are used up."),
        _("Wait until midnight UTC, or change the plan. Clients should not retry by themselves."),
    ),
    ErrorKind(
        431,
        "invalid_request",
        INVALID_REQUEST,
        "headers_too_large",
        "",
        _("The request's headers are too many or too large."),
        _("Send fewer headers; cookies are often the large ones."),
    ),
    ErrorKind(
        500,
        "server_error",
        "server_error",
        "server_error",
        "A fault of ours",
        _("Something failed on our side. Nothing is charged."),
        _("Try again; give us the request id if it stays."),
    ),
    ErrorKind(
        502,
        "server_error",
        "server_error",
        "server_error",
        "The model's server failed",
        _("The model's server failed, or its answer was empty or malformed. Nothing is charged."),
        _("Try again; if the same input keeps failing, look at the log."),
    ),
    ErrorKind(
        503,
        "server_error",
        "server_error",
        "service_unavailable",
        "Over capacity, or resting after failures; try again shortly",
        _(
            "The model or the platform is over capacity, resting after failures, or switched off. "
            "Nothing is charged."
        ),
        _("Try again after as long as Retry-After says."),
    ),
    ErrorKind(
        504,
        "server_error",
        "server_error",
        "timeout",
        "The call took longer than the endpoint's time limit",
        _("The call took longer than the endpoint's time limit. Nothing is charged."),
        _("Make the input smaller, or use a task. Clients should not retry by themselves."),
    ),
)
KIND_OF = {(kind.status, kind.type): kind for kind in ERROR_KINDS}
