"""Runs our processes: starts them, starts them again when they die, and stops them in order.

Each is a fork of the supervisor, so what that has loaded none loads again. Children learn of its death, even by
SIGKILL, from a pipe whose other end it holds: they read its end of file and stop by themselves, so that the next start
finds the port free. See ADR 9.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import FrameType

import structlog

from aio_platform.process.forked_process import ForkedProcess, fork

log = structlog.get_logger(__name__)
PARENT_PIPE_VARIABLE = "AIO_PARENT_PIPE"
RESTART_PAUSE_S = 0.2
RESTART_PAUSE_MAX_S = 5.0
STEADY_AFTER_S = 10.0
LOOK_EVERY_S = 0.2
STOP_PATIENCE_S = 45.0


@dataclass(slots=True)
class Child:
    """One process to keep running, which runs `run`. Children of a lower `stop_order` are stopped first.

    `title` is its command line, as `ps` shows it; `keep` are the descriptors that it needs.
    """

    name: str
    run: Callable[[], None]
    stop_order: int
    title: str = ""
    keep: tuple[int, ...] = ()
    process: ForkedProcess | None = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    pause_s: float = RESTART_PAUSE_S


@dataclass(slots=True)
class Supervisor:
    """Keeps the children running until SIGINT or SIGTERM; calls `check` every LOOK_EVERY_S beside that.

    `on_end` is called with the process id of a child that ended by itself, before it is started again.
    """

    children: list[Child]
    environment: dict[str, str]
    check: Callable[[], None] = lambda: None
    on_end: Callable[[int], None] = lambda pid: None
    _stop: threading.Event = field(default_factory=threading.Event)
    _pipe: tuple[int, int] = (-1, -1)

    def start(self) -> None:
        """Start every child and take over SIGINT and SIGTERM."""
        self._pipe = os.pipe()
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)
        for child in self.children:
            self._start(child)

    def run(self) -> None:
        """Watch until told to stop, then stop everything."""
        try:
            while not self._stop.wait(LOOK_EVERY_S):
                self.check()
                for child in self.children:
                    self._look_after(child)
        finally:
            self.stop()

    def stop(self) -> None:
        """Stop the children, those of one stop_order together; kill what does not stop in STOP_PATIENCE_S."""
        for order in sorted({child.stop_order for child in self.children}):
            running = [
                child.process
                for child in self.children
                if child.stop_order == order and child.process is not None and child.process.poll() is None
            ]
            for process in running:
                process.send(signal.SIGTERM)
            give_up_at = time.monotonic() + STOP_PATIENCE_S
            for process in running:
                if not process.ends_within(max(give_up_at - time.monotonic(), 0.1)):
                    log.warning("a process did not stop and is killed", pid=process.pid)
                    process.send(signal.SIGKILL)
                    process.wait()

    def stopping(self) -> bool:
        return self._stop.is_set()

    def exited(self) -> Child | None:
        """A child that has ended, or None: for start-up, where that is fatal."""
        return next(
            (c for c in self.children if c.process is not None and c.process.poll() is not None), None
        )

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stop.is_set():
            for child in self.children:
                if child.process is not None:
                    child.process.send(signal.SIGKILL)
        self._stop.set()

    def _start(self, child: Child) -> None:
        read_end = self._pipe[0]
        child.process = fork(
            partial(_run_in_a_session_of_its_own, child.run),
            {**self.environment, PARENT_PIPE_VARIABLE: str(read_end)},
            output=sys.stderr.fileno(),  # our own standard output is for people
            keep=(*child.keep, read_end),
            title=child.title,
        )
        child.started_at = time.monotonic()

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None:
            code = child.process.poll()
            if code is None:
                return
            if now - child.started_at > STEADY_AFTER_S:
                child.pause_s = RESTART_PAUSE_S
            log.warning("a process ended and is started again", process=child.name, exit_code=code)
            self.on_end(child.process.pid)
            child.process = None
            child.start_again_at = now + child.pause_s
            child.pause_s = min(child.pause_s * 2, RESTART_PAUSE_MAX_S)
        elif now >= child.start_again_at:
            self._start(child)


def _run_in_a_session_of_its_own(run: Callable[[], None]) -> None:
    os.setsid()  # Ctrl-C is the supervisor's to pass on, in order
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    run()


def stop_with_parent() -> None:
    """In a child: send SIGTERM to this process when the supervisor is gone. Does nothing without one."""
    given = os.environ.get(PARENT_PIPE_VARIABLE)
    if given is None:
        return
    descriptor = int(given)

    def wait_for_end_of_file() -> None:
        os.read(descriptor, 1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_PATIENCE_S)
        os._exit(1)

    threading.Thread(target=wait_for_end_of_file, name="parent watch", daemon=True).start()


def shown_manage_command() -> str:
    """What to type in this folder for a management command: `.venv/bin/python manage.py` to a newcomer.

    A name alone (`python`) would be another interpreter, which lacks what the platform needs.
    """
    return " ".join(_from_here(path) for path in (sys.executable, sys.argv[0]))


def _from_here(path: str) -> str:
    # Not resolved: in an environment of its own the interpreter is a link to the system's.
    shown = os.path.relpath(path)
    return os.path.abspath(path) if shown.startswith(os.pardir) else shown
