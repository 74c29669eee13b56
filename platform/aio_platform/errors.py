"""The error every layer raises, and the kinds that any of them may need.

An error names what the caller did, in words that are safe to show them: never an upstream's body, a key or an
internal name. Its code is what the counters and the books know it by, so it stays whatever the class is called
(ADR 26).
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from aio_platform.i18n.translatable import Message, Template
from aio_platform.i18n.translatable import gettext_noop as _


class PlatformError(Exception):
    """Something the caller is told: an HTTP status, a type from the documented list and a message.

    The message is a template of the catalogue with its values: `InvalidRequest(_("%(name)s is one of %(choices)s."),
    name=name, choices=choices)`. `param` names the field that is wrong, and may stand in the template too.
    """

    # What it is counted and stored under. Every class has its own.
    code: ClassVar[str] = "platform_error"
    # What it says where it is raised without a template.
    template: ClassVar[Template] = Template("")
    status: int = 500
    type: str = "server_error"
    # What OpenAI calls it, where that is more than its word for the status and type (`openai_errors`).
    openai_code: str | None = None
    # Whether the books have it as a call's refusal already.
    is_counted = False

    def __init__(
        self,
        template: Template | Message | None = None,
        *,
        param: str | None = None,
        retry_after_s: int | None = None,
        headers: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
        openai_code: str | None = None,
        **values: object,
    ) -> None:
        if isinstance(template, Message):
            self.told = template
        else:
            words = self.template if template is None else template
            if "%(param)" in words:
                values["param"] = param
            self.told = Message(words, **values)
        # In English, for the API and the logs.
        self.message = str(self.told)
        super().__init__(self.message)
        self.param = param
        self.retry_after_s = retry_after_s
        self.headers = dict(headers or {})
        self.details = dict(details or {})
        if openai_code is not None:
            self.openai_code = openai_code

    @property
    def shown(self) -> str:
        """The message in the visitor's language, for pages."""
        return self.told.translated()


class InvalidRequest(PlatformError):
    """The request cannot be carried out as written; `param` names the field."""

    code = "invalid_request"
    status = 400
    type = "invalid_request"

    def renamed(self, param: str) -> "InvalidRequest":
        """The same about a field that the caller knows by another name."""
        values = self.told.values | ({"param": param} if "param" in self.told.values else {})
        return InvalidRequest(
            Message(self.told.template, **values), param=param, openai_code=self.openai_code
        )


def wrong_field(param: str, problem: Template | Message, **values: object) -> InvalidRequest:
    """The refusal of a field in the form that all bodies have: "prompt: must be a URL."."""
    told = problem if isinstance(problem, Message) else Message(problem, **values)
    return InvalidRequest(_("%(param)s: %(problem)s."), param=param, problem=told)


class BodyTooLarge(InvalidRequest):
    code = "body_too_large"
    status = 413


class UnsupportedCoding(InvalidRequest):
    """The body is compressed in a way that is not taken."""

    code = "unsupported_coding"
    status = 415


class BodyTooSlow(InvalidRequest):
    """The body did not come in time."""

    code = "body_too_slow"
    status = 408


class NotFound(PlatformError):
    code = "not_found"
    status = 404
    type = "not_found"


class UnknownAddress(NotFound):
    """No view takes the path; the message names the address that was meant, where that can be told."""

    code = "unknown_address"
    template = _("There is nothing at this address.")
    openai_code = "unknown_url"


class MethodNotAllowed(InvalidRequest):
    code = "method_not_allowed"
    template = _("This address does not take that method.")
    status = 405


class AuthenticationRequired(PlatformError):
    code = "authentication_required"
    status = 401
    type = "authentication_error"

    def __init__(self, template: Template | Message | None = None, **keywords: Any) -> None:
        super().__init__(template, **keywords)
        self.headers.setdefault("WWW-Authenticate", "Bearer")


class PermissionRefused(PlatformError):
    code = "permission_refused"
    status = 403
    type = "permission_error"


class TooManyRequests(PlatformError):
    code = "too_many_requests"
    status = 429
    type = "rate_limit"


class InternalError(PlatformError):
    """A bug of ours: logged with its trace, told without it."""

    code = "internal_error"


class ServiceUnavailable(PlatformError):
    """We cannot take the call now; trying again soon is right."""

    code = "service_unavailable"
    status = 503

    def __init__(self, template: Template | Message | None = None, **keywords: Any) -> None:
        keywords.setdefault("retry_after_s", 1)
        super().__init__(template, **keywords)


class ClientGone(Exception):
    """The client closed its connection while we were reading its body; there is nobody to answer."""
