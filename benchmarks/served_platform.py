"""The real platform, as `manage.py serve` runs it: one gateway worker, embedded PostgreSQL, an account and a key."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson

from benchmarks.children import ROOT, ChildFailed, clean_environment, end_of, stop_process
from benchmarks.upstream import MODEL

ACCOUNT = "bench"
RATE = "bench"
TASK_MODEL = "flux-2"  # of which parameters are declared
TASK_RATE = "bench-task"
READY_PATIENCE_S = 120.0
STOP_PATIENCE_S = 60.0
READY = "ready at http://"
# More connections than an upstream gets by default: 1,000 streams are held open beside other calls.
CATALOG = """\
[upstreams.bench]
base_url = "http://127.0.0.1:{port}"
max_connections = 4096

[rates.{rate}]
tokens_in = {{ credits = "0.5", per = 1_000 }}
tokens_out = {{ credits = "1.5", per = 1_000 }}

[[models]]
slug = "{model}"
owned_by = "bench"
created = 2026-01-01

[[routes]]
endpoint = "chat"
model = "{model}"
default = true
upstream = "bench"
adapter = "openai_chat"
rate = "{rate}"
max_output_tokens = 4096

[upstreams.tasks]
base_url = "http://127.0.0.1:{task_port}"

[rates.{task_rate}]
images = {{ credits = "1" }}

[[models]]
slug = "{task_model}"
owned_by = "bench"
created = 2026-01-01

[[routes]]
endpoint = "image_task"
model = "{task_model}"
default = true
upstream = "tasks"
adapter = "kie"
upstream_model = "bench"
rate = "{task_rate}"
"""


class ServedPlatform:
    """A running platform of its own in `directory`, whose only upstreams are the benchmarks'."""

    def __init__(self, directory: Path, upstream_port: int, task_port: int) -> None:
        catalog = directory / "catalog.toml"
        catalog.write_text(
            CATALOG.format(
                port=upstream_port,
                model=MODEL,
                rate=RATE,
                task_port=task_port,
                task_model=TASK_MODEL,
                task_rate=TASK_RATE,
            )
        )
        self.directory = directory
        self.environment = clean_environment() | {
            "AIO_DATA_DIR": str(directory / "data"),
            "AIO_CATALOG": str(catalog),
            "AIO_HOST": "127.0.0.1",
            "AIO_PORT": "0",
            "AIO_WORKERS": "1",
        }
        self._directory = directory
        self._said = directory / "serve.out"
        self._log = directory / "serve.log"
        with self._said.open("wb") as said, self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "serve"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=log,
                start_new_session=True,  # Ctrl-C is ours to pass on
            )
        try:
            self.port = self._wait_until_ready()
            self.worker_pid = self._process_of(b"gateway_worker")
            self.key = self._make_key()
        except BaseException:
            self.stop()
            raise

    def manage(self, *arguments: str) -> tuple[int, Any]:
        """Run a management command beside the server; its exit code, and the JSON that it printed."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments, "--json"],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
        )
        if not done.stdout:
            raise ChildFailed(f"manage.py {arguments[0]} failed:\n{done.stderr.decode()[-2000:]}")
        return done.returncode, orjson.loads(done.stdout)

    def roots(self) -> tuple[int, int]:
        """The two processes that all others descend from: `serve` and the database."""
        postmaster = self._postmaster()
        if postmaster is None:
            raise ChildFailed("the platform has no database")
        return self._process.pid, postmaster

    def task_worker(self) -> int:
        """The process that carries tasks."""
        return self._process_of(b"work")

    def stop(self) -> None:
        """Stop it with all its processes, its database last."""
        stop_process(self._process, STOP_PATIENCE_S)
        # Stopped while it was starting, it leaves its database behind.
        postmaster = self._postmaster()
        while postmaster is not None and Path(f"/proc/{postmaster}").exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(postmaster, signal.SIGINT)
            time.sleep(0.1)

    def _postmaster(self) -> int | None:
        try:
            pid_file = self._directory / "data" / "postgres" / "postmaster.pid"
            return int(pid_file.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def _wait_until_ready(self) -> int:
        give_up_at = time.monotonic() + READY_PATIENCE_S
        while time.monotonic() < give_up_at:
            said = self._said.read_text()
            # A whole line: the number may be half written.
            if READY in said and "\n" in said.partition(READY)[2]:
                return int(said.partition(READY)[2].splitlines()[0].rpartition(":")[2])
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise ChildFailed(f"the platform did not start:\n{end_of(self._log)}")

    def _process_of(self, name: bytes) -> int:
        for directory in Path("/proc").glob("[0-9]*"):
            try:
                # A fork's title is one text, of words.
                words = (directory / "cmdline").read_bytes().replace(b"\0", b" ").split()
                parent = int((directory / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue  # gone meanwhile
            if parent == self._process.pid and name in words:
                return int(directory.name)
        raise ChildFailed(f"the platform has no process for {name.decode()}:\n{end_of(self._log)}")

    def _make_key(self) -> str:
        code, made = self.manage("create_account", ACCOUNT, "--plan", "unlimited", "--credits", "1000000000")
        if code == 0:
            code, made = self.manage("issue_key", ACCOUNT)
        if code != 0:
            raise ChildFailed(f"no account: {made}")
        key: str = made["key"]
        return key
