"""A command in a fork is a command: its output, its environment and its exit are its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
# In a process of its own, as `serve` is: pytest has threads.
RUN_FORKED = """
import atexit, json, os, signal, socket, sys
import django
django.setup()
from aio_platform.process.forked_command import run_forked
atexit.register(lambda: print("the first process ends", file=sys.stderr))
signal.signal(signal.SIGTERM, lambda *told: None)
listener = socket.create_server(("127.0.0.1", 0))
answer = run_forked(("shell", "--no-imports", "-c", sys.argv[1]), {**os.environ, "GIVEN": "to the fork"})
print(json.dumps([*answer, os.environ.get("GIVEN")]))
"""


def ran(program: str, tmp_path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """That program, with the platform at hand."""
    completed = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "aio_platform.settings",
            "PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}",
            "AIO_DATA_DIR": str(tmp_path / "data"),
        },
        capture_output=True,
        text=True,
    )
    assert completed.returncode == 0, completed.stderr
    return completed


def forked(code: str, tmp_path: Path) -> tuple[Any, str]:
    """What `run_forked` returned for that code, with the first process's own GIVEN, and its standard error."""
    completed = ran(RUN_FORKED, tmp_path, code)
    return json.loads(completed.stdout), completed.stderr


def test_what_it_prints_comes_back_and_its_environment_stays_its_own(tmp_path: Path) -> None:
    answer, _ = forked("import os; print(os.environ['GIVEN'])", tmp_path)
    assert answer == [0, "to the fork\n", None]


@pytest.mark.parametrize(
    ("code", "exit_code", "said"),
    [
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit('not today')", 1, "not today"),
        ("raise LookupError('no such thing')", 1, "LookupError: no such thing"),
        ("from django.core.management import CommandError; raise CommandError('not like this')", 1, "not like this"),
        ("import os; os.kill(os.getpid(), 9)", -9, ""),
    ],
)  # fmt: skip
def test_how_it_ended_is_told(code: str, exit_code: int, said: str, tmp_path: Path) -> None:
    answer, errors = forked(code, tmp_path)
    assert answer[0] == exit_code
    assert said in errors


def test_it_does_nothing_of_what_the_first_process_does_at_its_end(tmp_path: Path) -> None:
    _, errors = forked("print('done')", tmp_path)
    assert errors.count("the first process ends") == 1


def test_it_keeps_nothing_open_of_the_first_process_and_is_stopped_like_any_other(tmp_path: Path) -> None:
    answer, _ = forked("import os; print(sorted(os.listdir('/proc/self/fd')))", tmp_path)
    # The third is the directory being listed.
    assert answer[1] == "['0', '1', '2', '3']\n"
    answer, _ = forked("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", tmp_path)
    assert answer[0] == -15


def test_a_server_that_it_used_last_is_stopped_with_it(tmp_path: Path) -> None:
    answer, errors = forked(
        "from aio_platform.db import database; database.act_as_owner();"
        " print(database.embedded().socket_directory())",
        tmp_path,
    )
    assert answer[0] == 0, errors
    assert not (tmp_path / "data" / "postgres" / "postmaster.pid").exists()


def test_it_can_be_stopped_from_its_first_moment_on(tmp_path: Path) -> None:
    told_at_once = """
import os, signal, time
import django
django.setup()
from aio_platform.process.forked_process import fork
signal.signal(signal.SIGTERM, lambda *told: None)
for _ in range(20):
    child = fork(lambda: time.sleep(5), os.environ, output=1)
    child.send(signal.SIGTERM)
    print(child.wait())
"""
    assert ran(told_at_once, tmp_path).stdout.split() == ["-15"] * 20
