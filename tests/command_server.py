"""Management commands without their start: a process that has everything loaded forks for each command it is told.

A child runs its command as a process of its own would, to the exit and what is done there; all that is saved is the
second that loading Django takes, some hundreds of times in a run of the suite. The process that forks never connects
to a database, so it keeps no server running. It ends with its standard input.
"""

import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 300.0


class CommandServer:
    """The process, and what it is asked with."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self._one_at_a_time = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments: tuple[str, ...], stdin: str) -> "subprocess.CompletedProcess[str]":
        """What `manage.py` with these arguments comes to."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._one_at_a_time, tempfile.TemporaryDirectory() as directory:
            files = {name: Path(directory) / name for name in ("stdin", "stdout", "stderr")}
            files["stdin"].write_text(stdin)
            told = {name: str(file) for name, file in files.items()} | {"arguments": arguments}
            self._process.stdin.write(json.dumps(told) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
            assert answer, "the process that runs commands has ended"
            return subprocess.CompletedProcess(
                arguments, int(answer), files["stdout"].read_text(), files["stderr"].read_text()
            )

    def stop(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def main() -> None:
    sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aio_platform.settings")
    gc.disable()  # what is loaded stays
    import django
    from django.conf import settings

    django.setup()
    import_module(settings.ROOT_URLCONF)  # commands check it first
    # A child that went through all this for garbage, at its exit at the latest, would copy it: four fifths of its time.
    gc.collect()
    gc.freeze()
    gc.enable()
    for line in sys.stdin:
        told = json.loads(line)
        child = os.fork()
        if child == 0:
            carry_out(told)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def carry_out(told: dict[str, str]) -> NoReturn:
    """In the child: the command, and the end of its process."""
    import signal

    from django.core.management import execute_from_command_line

    signal.alarm(int(TIMEOUT_S))
    for number, (name, flags) in enumerate(
        (("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY | os.O_CREAT), ("stderr", os.O_WRONLY | os.O_CREAT))
    ):
        os.dup2(os.open(told[name], flags, 0o600), number)
    sys.stdin = os.fdopen(0)
    try:
        execute_from_command_line(["manage.py", *told["arguments"]])
    except SystemExit:
        raise
    except BaseException:
        traceback.print_exc()
        sys.exit(1)
    sys.exit(0)


if __name__ == "__main__":
    main()
