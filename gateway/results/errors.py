"""What can go wrong with results."""

from aio_platform.errors import NotFound, PlatformError


class ResultNotKept(PlatformError):
    """A result could not be copied now: its server, or our storage, did not do its part. Trying again is right."""

    status = 502


class ResultNotFound(NotFound):
    """The address is not one of ours, or has expired."""

    def __init__(self) -> None:
        super().__init__("There is no such result, or it has expired.")
