"""A management command in a fork of this process: all is loaded already, which takes most of a short command's time."""

import os
import signal
import sys
import traceback
from collections.abc import Mapping
from typing import NoReturn

from django.core.management import execute_from_command_line

from aio_platform.db import database


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


def _become_a_process_of_its_own(output: int, environment: Mapping[str, str]) -> None:
    """As a new program would begin: without its parent's sockets and locks, which would outlive it here."""
    os.dup2(output, sys.stdout.fileno())
    # Before its descriptor is closed: closed later, it might be another's.
    database.embedded().forget_inherited_state()
    os.closerange(sys.stderr.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)


def _carry_out(arguments: tuple[str, ...], environment: Mapping[str, str], output: int) -> NoReturn:
    code = 1
    try:
        try:
            _become_a_process_of_its_own(output, environment)
            code = _exit_code_of(arguments)
        except BaseException:
            traceback.print_exc()
        # What the first process has to do at its end is not this one's to do, but for this.
        database.embedded().stop_if_last()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _exit_code_of(arguments: tuple[str, ...]) -> int:
    try:
        execute_from_command_line(["manage.py", *arguments])
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    return 0
