"""What can go wrong between us and an upstream, and what the caller is told about it."""

from enum import Enum
from typing import Any

from aio_platform.errors import InvalidRequest, PlatformError, ServiceUnavailable, TooManyRequests


class Blame(Enum):
    """What a failed attempt says of its route."""

    UNREACHED = "no connection was made: no caller can bring that about"
    DOUBTFUL = (
        "a server's error, no answer at all, or too busy: the route's own fault, or that of one request"
    )
    NOTHING = "a caller's doing, or a matter of the catalog: the route is as it was"


class UpstreamRejected(InvalidRequest):
    """The model's server calls the request itself bad; another upstream would too."""

    def __init__(
        self,
        message: str = "The model's server refused this request as invalid for the model.",
        *,
        upstream_status: int | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message, param=param)
        self.upstream_status = upstream_status


class ContextLengthExceeded(UpstreamRejected):
    """Programs act on this one: they shorten the conversation and ask again."""

    openai_code = "context_length_exceeded"

    def __init__(
        self,
        message: str = "The request is longer than the model takes. Shorten its messages, or ask for fewer tokens.",
        **keywords: Any,
    ) -> None:
        super().__init__(message, **keywords)


class ContentRefused(UpstreamRejected):
    """A filter of the model's server does not let the request's content pass."""

    openai_code = "content_filter"

    def __init__(
        self, message: str = "The model's server refused the content of this request.", **keywords: Any
    ) -> None:
        super().__init__(message, **keywords)


class UnsupportedParameter(UpstreamRejected):
    openai_code = "unsupported_parameter"

    def __init__(
        self, message: str = "The model does not take a parameter of this request.", **keywords: Any
    ) -> None:
        super().__init__(message, **keywords)


class UnsupportedValue(UpstreamRejected):
    openai_code = "unsupported_value"

    def __init__(
        self,
        message: str = "The model does not take the value of a parameter of this request.",
        **keywords: Any,
    ) -> None:
        super().__init__(message, **keywords)


class UpstreamFailed(PlatformError):
    """The model's server failed, or its answer is empty, malformed or broken off.

    `blame` says what that means for the route; an answer that is no good may be due to what was asked.
    """

    status = 502

    def __init__(
        self,
        message: str = "The model's server failed to answer.",
        *,
        upstream_status: int | None = None,
        blame: Blame = Blame.NOTHING,
    ) -> None:
        super().__init__(message)
        self.upstream_status = upstream_status
        self.blame = blame


class UpstreamMisconfigured(UpstreamFailed):
    """The model's server does not take our key, or knows no such address or model: staff have to see to it."""

    def __init__(self, *, upstream_status: int | None = None) -> None:
        super().__init__(
            "The platform's connection to this model is not set up correctly.",
            upstream_status=upstream_status,
        )


class UpstreamSaturated(ServiceUnavailable):
    """The model's server is too busy."""

    blame = Blame.DOUBTFUL

    def __init__(self, retry_after_s: int = 1, *, upstream_status: int | None = None) -> None:
        super().__init__("The model is over capacity; try again shortly.", retry_after_s=retry_after_s)
        self.upstream_status = upstream_status


class UpstreamRateLimited(TooManyRequests):
    """The model's server takes no more calls from us for a while. It is no limit of the caller's."""

    blame = Blame.DOUBTFUL

    def __init__(self, retry_after_s: int = 1, *, upstream_status: int | None = None) -> None:
        super().__init__(
            "The model's server is at its own limit of calls; try again shortly.", retry_after_s=retry_after_s
        )
        self.upstream_status = upstream_status


class RouteResting(ServiceUnavailable):
    """Every route to the model rests after failures."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            f"The model's server is resting after failures; try again in {retry_after_s} s.",
            retry_after_s=retry_after_s,
        )


# What an attempt at one route may end in, so that the next is tried.
AttemptFailed = UpstreamFailed | UpstreamSaturated | UpstreamRateLimited


class TimeLimitReached(PlatformError):
    """The endpoint's time limit passed. Clients must not retry by themselves: that starts another job."""

    status = 504

    def __init__(self, limit_s: float) -> None:
        super().__init__(
            f"The call took longer than this endpoint's limit of {limit_s:g} seconds.",
            headers={"x-should-retry": "false"},
        )
