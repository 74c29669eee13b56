"""How many files a process may open. A shell's usual limit of 1,024 is a thousand connections for everything."""

import resource


def allow_most_open_files() -> int:
    """Raise this process' soft limit to its hard one, which its children inherit; returns the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            return soft  # a hard limit that the system itself does not allow
    return hard
