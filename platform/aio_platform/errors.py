"""The error every layer raises, and the kinds that any of them may need.

An error names what the caller did, in words that are safe to show them: never an upstream's body, a key or an
internal name.
"""

from collections.abc import Mapping
from typing import Any

from aio_platform.i18n.message_language import in_visitors_language


class PlatformError(Exception):
    """Something the caller is told: an HTTP status, a type from the documented list and a message."""

    status: int = 500
    type: str = "server_error"
    # What OpenAI calls it, where that is more than its word for the status and type (`openai_errors`).
    openai_code: str | None = None
    # Whether the books have it as a call's refusal already.
    is_counted = False

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        retry_after_s: int | None = None,
        headers: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
        openai_code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s
        self.headers = dict(headers or {})
        self.details = dict(details or {})
        if openai_code is not None:
            self.openai_code = openai_code

    @property
    def shown(self) -> str:
        """The message in the visitor's language, for pages; what the API answers stays English."""
        return in_visitors_language(self.message)

    @property
    def code(self) -> str:
        """The refusal's name in the counters: the class name, in snake case."""
        name = type(self).__name__
        return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


class InvalidRequest(PlatformError):
    """The request cannot be carried out as written; `param` names the field."""

    status = 400
    type = "invalid_request"


class BodyTooLarge(InvalidRequest):
    status = 413


class UnsupportedCoding(InvalidRequest):
    """The body is compressed in a way that is not taken."""

    status = 415


class BodyTooSlow(InvalidRequest):
    """The body did not come in time."""

    status = 408


class NotFound(PlatformError):
    status = 404
    type = "not_found"


class UnknownAddress(NotFound):
    """No view takes the path; the message names the address that was meant, where that can be told."""

    openai_code = "unknown_url"


class MethodNotAllowed(InvalidRequest):
    status = 405


class AuthenticationRequired(PlatformError):
    status = 401
    type = "authentication_error"

    def __init__(self, message: str, **keywords: Any) -> None:
        super().__init__(message, **keywords)
        self.headers.setdefault("WWW-Authenticate", "Bearer")


class PermissionRefused(PlatformError):
    status = 403
    type = "permission_error"


class TooManyRequests(PlatformError):
    status = 429
    type = "rate_limit"


class InternalError(PlatformError):
    """A bug of ours: logged with its trace, told without it."""


class ServiceUnavailable(PlatformError):
    """We cannot take the call now; trying again soon is right."""

    status = 503

    def __init__(self, message: str, **keywords: Any) -> None:
        keywords.setdefault("retry_after_s", 1)
        super().__init__(message, **keywords)


class ClientGone(Exception):
    """The client closed its connection while we were reading its body; there is nobody to answer."""
