"""The supervisor keeps its children running, stops them in order, and never leaves them behind."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
# A child notes its start, that it is told to stop, and its end; its arguments are its name and what it does. One of
# "with NAME" ends only once that one has been told to stop too.
CHILD = """
import os, signal, sys, time
from aio_platform.process.supervisor import stop_with_parent
name, kind, log = sys.argv[1:]
def note(what):
    with open(log, "a") as file:
        file.write(f"{time.monotonic()} {name} {what} {os.getpid()}\\n")
def stop(number, frame):
    note("stopping")
    other = kind.partition("with ")[2]
    while other and f" {other} stopping " not in open(log).read():
        time.sleep(0.02)
    note("stopped")
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if kind == "deaf" else stop)
stop_with_parent()
note("started")
if kind == "dies":
    sys.exit(3)
while True:
    time.sleep(0.05)
"""
SUPERVISOR = """
import json, os, sys
from aio_platform.process import supervisor
described = json.loads(sys.argv[1])
for name, value in described["constants"].items():
    setattr(supervisor, name, value)
def program(*arguments):
    def run():
        sys.argv = ["child", *arguments]
        exec(described["program"], {"__name__": "__main__"})
    return run
children = [
    supervisor.Child(c["name"], program(*c["arguments"]), c["stop_order"], title=f"child {c['name']}")
    for c in described["children"]
]
supervised = supervisor.Supervisor(children, dict(os.environ))
supervised.start()
supervised.run()
"""


class Supervised:
    """A supervisor in a process of its own, and the log that its children write."""

    def __init__(self, directory: Path) -> None:
        self.log = directory / "children.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *children: tuple[str, str, int], **constants: float) -> None:
        described = {
            "constants": constants,
            "program": CHILD,
            "children": [
                {"name": name, "arguments": [name, kind, str(self.log)], "stop_order": order}
                for name, kind, order in children
            ],
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, json.dumps(described)],
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "aio_platform.settings",
                "PYTHONPATH": os.pathsep.join((str(ROOT / "platform"), str(ROOT))),
            },
            stderr=subprocess.DEVNULL,
        )

    def notes(self, name: str, what: str) -> list[tuple[float, int]]:
        """When the child noted that, and as which process."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        rows = [line.split() for line in lines]
        return [(float(row[0]), int(row[3])) for row in rows if row[1:3] == [name, what]]

    def wait_for(self, name: str, what: str, times: int = 1) -> list[tuple[float, int]]:
        wait_until(lambda: len(self.notes(name, what)) >= times)
        return self.notes(name, what)

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)


def wait_until(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    running = Supervised(tmp_path)
    yield running
    if running.process is not None and running.process.poll() is None:
        running.process.kill()
        running.process.wait()
    lines: list[Any] = running.log.read_text().split("\n") if running.log.exists() else []
    for line in lines:
        pid = int(line.split()[3]) if line else 0
        if pid and is_alive(pid):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
def test_a_child_that_dies_is_started_again_after_pauses_that_grow(supervised: Supervised) -> None:
    supervised.start(("mayfly", "dies", 0), ("rock", "stays", 0))
    starts = [moment for moment, _ in supervised.wait_for("mayfly", "started", times=4)]
    pauses = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert pauses[0] >= 0.2
    assert pauses[1] >= 0.4
    assert pauses[2] >= 0.8
    assert len(supervised.notes("rock", "started")) == 1  # the others are left alone
    assert supervised.stop() == 0


def test_a_killed_child_is_started_again_soon(supervised: Supervised) -> None:
    supervised.start(("rock", "stays", 0))
    [(_, pid)] = supervised.wait_for("rock", "started")
    os.kill(pid, signal.SIGKILL)
    _, (_, second) = supervised.wait_for("rock", "started", times=2)
    assert second != pid
    assert supervised.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_children_are_stopped_in_their_order_and_to_the_end(number: int, supervised: Supervised) -> None:
    supervised.start(
        ("late", "stays", 2),
        ("first", "stays", 0),
        ("middle", "with beside", 1),
        ("beside", "with middle", 1),
    )
    for name in ("late", "first", "middle", "beside"):
        supervised.wait_for(name, "started")
    assert supervised.stop(number) == 0
    told, ended = (
        {name: supervised.notes(name, what)[0][0] for name in ("late", "first", "middle", "beside")}
        for what in ("stopping", "stopped")
    )
    assert ended["first"] < min(told["middle"], told["beside"])
    assert max(ended["middle"], ended["beside"]) < told["late"]


def test_a_child_that_does_not_stop_is_killed_when_patience_ends(supervised: Supervised) -> None:
    supervised.start(("rock", "deaf", 0), STOP_PATIENCE_S=0.5)
    [(_, pid)] = supervised.wait_for("rock", "started")
    assert supervised.stop() == 0
    assert not is_alive(pid)


def test_a_second_signal_kills_what_has_not_stopped(supervised: Supervised) -> None:
    supervised.start(("rock", "deaf", 0))
    [(_, pid)] = supervised.wait_for("rock", "started")
    assert supervised.process is not None
    supervised.process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert is_alive(pid)
    assert supervised.stop(signal.SIGINT) == 0
    assert not is_alive(pid)


def test_children_stop_by_themselves_when_their_supervisor_is_killed(supervised: Supervised) -> None:
    supervised.start(("one", "stays", 0), ("two", "stays", 1))
    pids = [supervised.wait_for(name, "started")[0][1] for name in ("one", "two")]
    assert supervised.stop(signal.SIGKILL) == -signal.SIGKILL
    for name in ("one", "two"):
        supervised.wait_for(name, "stopped")
    wait_until(lambda: not any(is_alive(pid) for pid in pids))


def test_a_process_without_a_supervisor_is_left_alone() -> None:
    completed = subprocess.run(
        [
            sys.executable,
            "-c",
            "from aio_platform.process.supervisor import stop_with_parent as s; s(); print('here')",
        ],
        env={name: value for name, value in os.environ.items() if name != "AIO_PARENT_PIPE"}
        | {"PYTHONPATH": str(ROOT / "platform")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert completed.stdout == "here\n"
