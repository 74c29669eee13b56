"""Processes forked from this one: what is loaded here is loaded there, and its memory is shared.

For a process without threads or connections, of which a fork would have the broken half. See ADR 31.
"""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NoReturn

import setproctitle

from aio_platform.db import database

LOOK_EVERY_S = 0.02
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class ForkedProcess:
    """A child of this process, used as `subprocess.Popen` is."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.exit_code: int | None = None

    def poll(self) -> int | None:
        """Its exit code (minus the signal that killed it), or None while it runs."""
        if self.exit_code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.exit_code = os.waitstatus_to_exitcode(status)
        return self.exit_code

    def ends_within(self, limit_s: float) -> bool:
        """Whether it has ended when so much time has passed, or before."""
        give_up_at = time.monotonic() + limit_s
        while self.poll() is None:
            if time.monotonic() > give_up_at:
                return False
            time.sleep(LOOK_EVERY_S)
        return True

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        if self.exit_code is None:
            _, status = os.waitpid(self.pid, 0)
            self.exit_code = os.waitstatus_to_exitcode(status)
        return self.exit_code

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing, where its end has been seen. Safe in a signal handler: it waits for nobody."""
        if self.exit_code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def fork(
    run: Callable[[], None],
    environment: Mapping[str, str],
    *,
    output: int,
    keep: Collection[int] = (),
    title: str = "",
) -> ForkedProcess:
    """Run `run` in a fork as a program of its own would run: it ends with it, by SystemExit's code or with 1.

    `output` is the descriptor of its standard output; of the others it has standard input and error and those to
    `keep`. `title` is its command line, as `ps` shows it. Settings are those of this process, as they were read
    when it started.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with _stop_signals_held_back():
        pid = os.fork()
        if pid == 0:
            _carry_out(run, environment, output, keep, title)
    return ForkedProcess(pid)


@contextmanager
def _stop_signals_held_back() -> Iterator[None]:
    """None is lost between the fork and the child's own handlers: until then it has its parent's."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _carry_out(
    run: Callable[[], None], environment: Mapping[str, str], output: int, keep: Collection[int], title: str
) -> NoReturn:
    code = 1
    try:
        try:
            if title:
                # First: it finds its place by the environment's, which moves.
                setproctitle.setproctitle(title)
            _become_a_process_of_its_own(environment, output, keep)
            code = _exit_code_of(run)
        except BaseException:
            traceback.print_exc()
        try:
            # What the first process has to do at its end is not this one's to do, but for this.
            database.embedded().stop_if_last()
        except Exception:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _become_a_process_of_its_own(environment: Mapping[str, str], output: int, keep: Collection[int]) -> None:
    """As a new program would begin: without its parent's sockets and locks, which would outlive it here."""
    os.dup2(output, sys.stdout.fileno())
    # Before its descriptor is closed: closed later, it might be another's.
    database.embedded().forget_inherited_state()
    first = sys.stderr.fileno() + 1
    for kept in (*sorted(keep), os.sysconf("SC_OPEN_MAX")):
        os.closerange(first, kept)
        first = kept + 1
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    os.environ.clear()
    os.environ.update(environment)


def _exit_code_of(run: Callable[[], None]) -> int:
    try:
        run()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    return 0
