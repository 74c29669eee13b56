"""A management command in a fork of this process: all is loaded already, which takes most of a short command's time."""

import os
import sys
import traceback
from collections.abc import Mapping
from typing import NoReturn

from django.core.management import execute_from_command_line


def run_forked(arguments: tuple[str, ...], environment: Mapping[str, str]) -> tuple[int, str]:
    """Run `manage.py` with these arguments and this environment; its exit code, and what it printed.

    Settings are those of this process, as they were read when it started. For a process without threads or
    connections, of which a fork would have the broken half.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        _carry_out(arguments, environment, write_end)
    os.close(write_end)
    with os.fdopen(read_end) as output:
        printed = output.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), printed


def _carry_out(arguments: tuple[str, ...], environment: Mapping[str, str], output: int) -> NoReturn:
    code = 1
    try:
        os.dup2(output, sys.stdout.fileno())
        os.environ.clear()
        os.environ.update(environment)
        execute_from_command_line(["manage.py", *arguments])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # What the first process has to do at its end is not this one's to do.
        os._exit(code)
