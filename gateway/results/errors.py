"""What can go wrong with results."""

from aio_platform.errors import NotFound, PlatformError
from aio_platform.i18n.translatable import gettext_noop as _


class ResultNotKept(PlatformError):
    """A result could not be copied now: its server, or our storage, did not do its part. Trying again is right."""

    code = "result_not_kept"
    status = 502


class ResultNotFound(NotFound):
    """The address is not one of ours, or has expired."""

    code = "result_not_found"
    template = _("There is no such result, or it has expired.")
