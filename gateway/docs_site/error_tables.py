"""Every status and type that a caller can be answered with: the classes say which, the texts what to do."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from aio_platform.errors import PlatformError
from aio_platform.openai_errors import WORDS

# The rooms in which errors are written; importing them makes their classes known.
ROOMS = ("accounts.errors", "usage.errors", "gateway.errors", "gateway.results.errors", "gateway.urls")
Text = str | Promise


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """A status with a type, and OpenAI's words for it. Several classes share one; their messages differ."""

    status: int
    type: str
    phrase: str
    openai_type: str
    openai_code: str
    when: Text
    what_to_do: Text


TEXTS: dict[tuple[int, str], tuple[Text, Text]] = {
    (400, "invalid_request"): (
        _("A field, file or parameter is wrong, or the model's server refuses the request as invalid."),
        _("Correct the field that param names, and check the Content-Type."),
    ),
    (401, "authentication_error"): (
        _("The API key is missing, malformed, unknown, revoked or expired."),
        _("Check the Authorization header and the key's state."),
    ),
    (402, "insufficient_credits"): (
        _(
            "The call's ceiling price is above the balance or the key's cap; needed, available, held and limit_source "
            "say by how much."
        ),
        _("Add credits, raise the cap, or lower max_tokens."),
    ),
    (403, "permission_error"): (
        _("The account is suspended, or the endpoint, model or address is outside the key's scope."),
        _("Use another key, or change the scope."),
    ),
    (404, "not_found"): (
        _("There is no such address, model, task, key or call. What belongs to others is not found either."),
        _("Check the name or id."),
    ),
    (405, "invalid_request"): (
        _("The address does not take that method."),
        _("Use the method that the reference names."),
    ),
    (408, "invalid_request"): (
        _("The request's head or body did not arrive in time."),
        _("Send it again over a steadier connection."),
    ),
    (409, "idempotency_error"): (
        _(
            "A call with this Idempotency-Key is still under way, or its answer was streamed and cannot be repeated."
        ),
        _("Wait, or use a new key."),
    ),
    (409, "invalid_request"): (
        _("The state of things does not allow it: a task has ended, a key is revoked, a name is taken."),
        _("Look at the thing's state first."),
    ),
    (410, "archived"): (
        _("The call started so long ago that it is archived; its sums and its charge are still there."),
        _("Use the usage views and the ledger, or ask us for the call with its request id."),
    ),
    (413, "invalid_request"): (_("The body is larger than the endpoint's limit."), _("Send less.")),
    (415, "invalid_request"): (
        _("The body is compressed in a way that is not taken."),
        _("Send it with gzip, deflate or zstd, or uncompressed."),
    ),
    (414, "invalid_request"): (_("The address is too long."), _("Send long values in the body.")),
    (422, "idempotency_error"): (
        _("This Idempotency-Key was used with another body."),
        _("Use a new key for a new request."),
    ),
    (429, "rate_limit"): (
        _("The calls of this minute are used up, or the model's server is at its own limit of calls."),
        _("Wait as long as Retry-After says."),
    ),
    (429, "daily_trial_limit"): (
        _("The trial plan's calls of this day (UTC) are used up."),
        _("Wait until midnight UTC, or change the plan. Clients should not retry by themselves."),
    ),
    (431, "invalid_request"): (
        _("The request's headers are too many or too large."),
        _("Send fewer headers; cookies are often the large ones."),
    ),
    (500, "server_error"): (
        _("Something failed on our side. Nothing is charged."),
        _("Try again; give us the request id if it stays."),
    ),
    (502, "server_error"): (
        _("The model's server failed, or its answer was empty or malformed. Nothing is charged."),
        _("Try again; if the same input keeps failing, look at the log."),
    ),
    (503, "server_error"): (
        _(
            "The model or the platform is over capacity, resting after failures, or switched off. Nothing is charged."
        ),
        _("Try again after as long as Retry-After says."),
    ),
    (504, "server_error"): (
        _("The call took longer than the endpoint's time limit. Nothing is charged."),
        _("Make the input smaller, or use a task. Clients should not retry by themselves."),
    ),
}


def error_kinds() -> list[ErrorKind]:
    """Every status and type, in order of status; KeyError for one that nobody has described."""
    return [
        ErrorKind(status, kind, HTTPStatus(status).phrase, *WORDS[status, kind], *TEXTS[status, kind])
        for status, kind in sorted(answered())
    ]


def answered() -> set[tuple[int, str]]:
    """The statuses and types of all error classes of the platform."""
    return {(each.status, each.type) for each in known_error_classes()}


def known_error_classes() -> list[type[PlatformError]]:
    """Every class of error there is."""
    for room in ROOMS:
        importlib.import_module(room)
    return list(_with_those_below(PlatformError))


def _with_those_below(kind: type[PlatformError]) -> Iterator[type[PlatformError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _with_those_below(each)
