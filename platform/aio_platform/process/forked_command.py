"""A management command in a fork of this process: all is loaded already, which takes most of a short command's time."""

import os
from collections.abc import Mapping

from django.core.management import execute_from_command_line

from aio_platform.process.forked_process import fork


def run_forked(arguments: tuple[str, ...], environment: Mapping[str, str]) -> tuple[int, str]:
    """Run `manage.py` with these arguments and this environment; its exit code, and what it printed."""
    read_end, write_end = os.pipe()
    child = fork(lambda: execute_from_command_line(["manage.py", *arguments]), environment, output=write_end)
    os.close(write_end)
    with os.fdopen(read_end) as output:
        printed = output.read()
    return child.wait(), printed
