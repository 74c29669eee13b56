"""The benchmarks' own processes: started here, spoken to in JSON lines, and never left behind."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).resolve().parent.parent
STOP_PATIENCE_S = 10.0


class ChildFailed(Exception):
    """A process of ours ended, or said something that it should not."""


def clean_environment() -> dict[str, str]:
    """Ours without what would make a run differ from the next one: a database, a data directory, a log level."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AIO_") and name not in ("DATABASE_URL", "REDIS_URL", "DEBUG", "SECRET_KEY")
    }
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
    environment["DJANGO_SETTINGS_MODULE"] = "aio_platform.settings"
    environment["AIO_LOG_LEVEL"] = "WARNING"
    return environment


class Child:
    """One of the benchmarks' processes, `python -m benchmarks.NAME`; it ends when we close its standard input."""

    def __init__(
        self, name: str, *arguments: str, log_dir: Path, environment: dict[str, str] | None = None
    ) -> None:
        self.name = name
        self._log = log_dir / f"{name}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"benchmarks.{name}", *arguments],
                cwd=ROOT,
                env=environment or clean_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C is ours to pass on
            )
        self.pid = self._process.pid

    def hear(self) -> dict[str, Any]:
        """Its next message; raises ChildFailed with the end of its log when there is none."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ChildFailed(f"benchmarks.{self.name} ended:\n{end_of(self._log)}")
        return orjson.loads(line)

    def tell(self, job: dict[str, Any]) -> None:
        """Give it a job; `hear` what comes of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(orjson.dumps(job) + b"\n")
        self._process.stdin.flush()

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        """Give it a job and wait for its answer."""
        self.tell(job)
        return self.hear()

    def stop(self) -> None:
        """Terminate it, and kill it when it does not mind."""
        stop_process(self._process, STOP_PATIENCE_S)
        for stream in (self._process.stdin, self._process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                pass  # a job that it never read


def stop_process(process: "subprocess.Popen[bytes]", patience_s: float) -> None:
    """SIGTERM for it and for what it has started in its session; SIGKILL for it when that was not enough."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def end_of(log: Path, size: int = 3000) -> str:
    """The last part of a log file."""
    return log.read_text(errors="replace")[-size:] if log.exists() else ""


def report(message: dict[str, Any]) -> None:
    """In a child: tell the parent something."""
    sys.stdout.buffer.write(orjson.dumps(message) + b"\n")
    sys.stdout.buffer.flush()


def next_job() -> dict[str, Any] | None:
    """In a child: wait for the parent's next job; None when the parent is gone."""
    line = sys.stdin.buffer.readline()
    return orjson.loads(line) if line else None


def stop_with_parent() -> None:
    """In a child without jobs: end when the parent is gone, however it went."""

    def wait_for_end_of_file() -> None:
        os.read(0, 1)
        os._exit(0)

    threading.Thread(target=wait_for_end_of_file, name="parent watch", daemon=True).start()
