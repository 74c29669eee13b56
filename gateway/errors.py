"""What can go wrong between us and an upstream, and what the caller is told about it."""

from enum import Enum

from aio_platform.errors import (
    AuthenticationRequired,
    InvalidRequest,
    PlatformError,
    ServiceUnavailable,
    TooManyRequests,
)
from aio_platform.i18n.translatable import Template
from aio_platform.i18n.translatable import gettext_noop as _

# What several places say.
MALFORMED_ANSWER = _("The model's server gave an empty or malformed answer.")
BROKEN_OFF_ANSWER = _("The model's server broke off its answer.")
NO_ROOM = _("The platform has no room for this request right now; try again shortly.")


class Blame(Enum):
    """What a failed attempt says of its route."""

    UNREACHED = "no connection was made: no caller can bring that about"
    DOUBTFUL = (
        "a server's error, no answer at all, or too busy: the route's own fault, or that of one request"
    )
    NOTHING = "a caller's doing, or a matter of the catalog: the route is as it was"


class KeyInAddress(AuthenticationRequired):
    """A key in the query of an address, as Google's servers take it, and as logs, histories and proxies keep it."""

    code = "key_in_address"
    template = _(
        "%(param)s: a key in the address ends up in logs. Leave it out, and send the key in the %(header)s header."
    )


class UpstreamRejected(InvalidRequest):
    """The model's server calls the request itself bad; another upstream would too."""

    code = "upstream_rejected"
    template = _("The model's server refused this request as invalid for the model.")

    def __init__(self, *, upstream_status: int | None = None, param: str | None = None) -> None:
        super().__init__(param=param)
        self.upstream_status = upstream_status


class ContextLengthExceeded(UpstreamRejected):
    """Programs act on this one: they shorten the conversation and ask again."""

    code = "context_length_exceeded"
    template = _("The request is longer than the model takes. Shorten its messages, or ask for fewer tokens.")
    openai_code = "context_length_exceeded"


class ContentRefused(UpstreamRejected):
    """A filter of the model's server does not let the request's content pass."""

    code = "content_refused"
    template = _("The model's server refused the content of this request.")
    openai_code = "content_filter"


class UnsupportedParameter(UpstreamRejected):
    code = "unsupported_parameter"
    template = _("The model does not take a parameter of this request.")
    openai_code = "unsupported_parameter"


class UnsupportedValue(UpstreamRejected):
    code = "unsupported_value"
    template = _("The model does not take the value of a parameter of this request.")
    openai_code = "unsupported_value"


class UpstreamFailed(PlatformError):
    """The model's server failed, or its answer is empty, malformed or broken off.

    `blame` says what that means for the route; an answer that is no good may be due to what was asked.
    """

    code = "upstream_failed"
    template = _("The model's server failed to answer.")
    status = 502

    def __init__(
        self,
        template: Template | None = None,
        *,
        upstream_status: int | None = None,
        blame: Blame = Blame.NOTHING,
    ) -> None:
        super().__init__(template)
        self.upstream_status = upstream_status
        self.blame = blame


class UpstreamMisconfigured(UpstreamFailed):
    """The model's server does not take our key, or knows no such address or model: staff have to see to it."""

    code = "upstream_misconfigured"
    template = _("The platform's connection to this model is not set up correctly.")

    def __init__(self, *, upstream_status: int | None = None) -> None:
        super().__init__(upstream_status=upstream_status)


class UpstreamSaturated(ServiceUnavailable):
    """The model's server is too busy."""

    code = "upstream_saturated"
    blame = Blame.DOUBTFUL
    template = _("The model is over capacity; try again shortly.")

    def __init__(self, retry_after_s: int = 1, *, upstream_status: int | None = None) -> None:
        super().__init__(retry_after_s=retry_after_s)
        self.upstream_status = upstream_status


class UpstreamRateLimited(TooManyRequests):
    """The model's server takes no more calls from us for a while. It is no limit of the caller's."""

    code = "upstream_rate_limited"
    blame = Blame.DOUBTFUL
    template = _("The model's server is at its own limit of calls; try again shortly.")

    def __init__(self, retry_after_s: int = 1, *, upstream_status: int | None = None) -> None:
        super().__init__(retry_after_s=retry_after_s)
        self.upstream_status = upstream_status


class RouteResting(ServiceUnavailable):
    """Every route to the model rests after failures."""

    code = "route_resting"
    template = _("The model's server is resting after failures; try again in %(wait_s)s s.")

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s=retry_after_s, wait_s=retry_after_s)


# What an attempt at one route may end in, so that the next is tried.
AttemptFailed = UpstreamFailed | UpstreamSaturated | UpstreamRateLimited


class TimeLimitReached(PlatformError):
    """The endpoint's time limit passed. Clients must not retry by themselves: that starts another job."""

    code = "time_limit_reached"
    status = 504
    template = _("The call took longer than this endpoint's limit of %(limit_s)s seconds.")

    def __init__(self, limit_s: float) -> None:
        super().__init__(headers={"x-should-retry": "false"}, limit_s=f"{limit_s:g}")
