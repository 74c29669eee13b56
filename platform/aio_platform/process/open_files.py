"""How many files a process may open. A shell's usual limit of 1,024 is a thousand connections for everything."""

import errno
import resource

from aio_platform.errors import ServiceUnavailable
from aio_platform.i18n.translatable import gettext_noop as _

# What is asked for where there is no limit.
MOST = 1_048_576
NO_FILE_LEFT = frozenset({errno.EMFILE, errno.ENFILE})


class NoFileLeft(ServiceUnavailable):
    """This process, or this machine, can open no more files; nobody else is to blame."""

    code = "no_file_left"
    template = _("The process has no open file left; try again shortly.")

    @staticmethod
    def raise_for(error: OSError) -> None:
        """Raise it where that is what the error says."""
        if error.errno in NO_FILE_LEFT:
            raise NoFileLeft from error


def allow_most_open_files() -> int:
    """Raise this process' soft limit to its hard one, which its children inherit; returns the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else hard
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return soft  # the system itself allows less
    return wanted
