"""What can go wrong between us and an upstream, and what the caller is told about it."""

from aio_platform.errors import InvalidRequest, PlatformError, ServiceUnavailable


class UpstreamRejected(InvalidRequest):
    """The model's server calls the request itself bad; another upstream would too."""

    def __init__(self, *, upstream_status: int | None = None) -> None:
        super().__init__("The model's server refused this request as invalid for the model.")
        self.upstream_status = upstream_status


class UpstreamFailed(PlatformError):
    """The model's server failed, or its answer is empty, malformed or broken off."""

    status = 502

    def __init__(
        self, message: str = "The model's server failed to answer.", *, upstream_status: int | None = None
    ) -> None:
        super().__init__(message)
        self.upstream_status = upstream_status


class UpstreamSaturated(ServiceUnavailable):
    """Every upstream of the model is busy, or resting after failures."""

    def __init__(self, retry_after_s: int = 1, *, upstream_status: int | None = None) -> None:
        super().__init__("The model is over capacity; try again shortly.", retry_after_s=retry_after_s)
        self.upstream_status = upstream_status


class TimeLimitReached(PlatformError):
    """The endpoint's time limit passed. Clients must not retry by themselves: that starts another job."""

    status = 504

    def __init__(self, limit_s: float) -> None:
        super().__init__(
            f"The call took longer than this endpoint's limit of {limit_s:g} seconds.",
            headers={"x-should-retry": "false"},
        )
