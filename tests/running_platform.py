"""A whole platform for tests: `manage.py serve` as a newcomer would run it, in a directory of its own."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from command_server import CommandServer

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 300.0
# Longer than any time limit of the platform's: a busy machine is waited for.
PATIENCE_S = 180.0
# Nothing here is encrypted. Without this each client would load the machine's certificates, for 18 ms.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True)
class Tenant:
    """An account with a key."""

    account_id: str
    name: str
    key: str
    key_id: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@dataclass
class RunningPlatform:
    """Start it, ask it, stop it. Everything listens on loopback and lives under `data_dir`."""

    data_dir: Path
    workers: int = 2
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    # False: `serve` chooses it, with all that it then sets up for a newcomer.
    chooses_sandbox: bool = True
    process: "subprocess.Popen[str] | None" = None
    printed: str = ""
    _accounts: int = 0
    _commands: CommandServer | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sandbox_url(self) -> str:
        if self.chooses_sandbox:
            return self.environment["AIO_SANDBOX_URL"]
        [process_id] = self.process_ids("manage.py sandbox")
        command = Path(f"/proc/{process_id}/cmdline").read_text().rstrip("\0").split()
        [port] = [part.removeprefix("--port=") for part in command if part.startswith("--port=")]
        return f"http://127.0.0.1:{port}"

    @property
    def log(self) -> Path:
        return self.data_dir / "serve.log"

    def start(self) -> "RunningPlatform":
        """Run `serve` and wait until it says that it is ready."""
        self.port = self.port or free_port()
        if self.chooses_sandbox and "AIO_SANDBOX_URL" not in self.environment:
            sandbox_port = free_port()
            self.environment["AIO_SANDBOX_URL"] = f"http://127.0.0.1:{sandbox_port}"
            self.environment["AIO_SANDBOX_PORT"] = str(sandbox_port)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        offset = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", f"--port={self.port}", f"--workers={self.workers}"],
                cwd=ROOT,
                env=self._environment(),
                stdout=log,
                stderr=log,
                text=True,
            )
        give_up_at = time.monotonic() + START_TIMEOUT_S
        while True:
            self.printed = self.log.read_text()[offset:]
            if "shown this once" in self.printed and "-d '" in self.printed:
                return self
            if "shown at the first start" in self.printed:
                return self
            if self.process.poll() is not None or time.monotonic() > give_up_at:
                raise AssertionError(f"the platform did not start:\n{self.printed}")
            time.sleep(0.05)

    def stop(self) -> int:
        """SIGTERM, and wait for the clean end; returns the exit code."""
        self._end_commands()
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=240)

    def demo_key(self) -> str:
        """The key that the first start printed."""
        found = re.search(r"aio_[0-9A-Za-z]{38}", self.printed)
        assert found is not None, self.printed
        return found.group()

    def manage(self, *arguments: str, check: bool = True, stdin: str = "") -> str:
        """Run a management command beside the server; returns its standard output."""
        environment = self._environment()
        if self._commands is not None and self._commands.environment != environment:
            self._end_commands()
        if self._commands is None:
            self._commands = CommandServer(environment)
        completed = self._commands.run(arguments, stdin)
        if check:
            assert completed.returncode == 0, completed.stdout + completed.stderr
        return completed.stdout

    def manage_json(self, *arguments: str) -> Any:
        return json.loads(self.manage(*arguments, "--json"))

    def new_tenant(
        self, *, credits: str = "1000", plan: str = "unlimited", key_options: tuple[str, ...] = ()
    ) -> Tenant:
        """An account with exactly that many credits (beside the plan's bonus) and one key."""
        self._accounts += 1
        name = f"tenant-{os.getpid()}-{self._accounts}-{time.monotonic_ns()}"
        account = self.manage_json("create_account", name, f"--plan={plan}", f"--credits={credits}")
        key = self.manage_json("issue_key", name, *key_options)
        return Tenant(account["id"], name, key["key"], key["id"])

    def client(self, tenant: Tenant | None = None, **options: Any) -> httpx.Client:
        """An HTTP client on the platform, with the tenant's key if one is given."""
        headers = tenant.headers if tenant else {}
        return httpx.Client(
            base_url=self.base_url,
            headers=headers,
            timeout=PATIENCE_S,
            trust_env=False,
            verify=NO_CERTIFICATES,
            **options,
        )

    def journal(self, containing: str) -> list[dict[str, Any]]:
        """The sandbox's record of the upstream calls whose request holds that text."""
        answer = httpx.get(
            f"{self.sandbox_url}/__sandbox/journal",
            params={"contains": containing},
            trust_env=False,
            verify=NO_CERTIFICATES,
            timeout=60,
        )
        answer.raise_for_status()
        return answer.json()["entries"]  # type: ignore[no-any-return]

    def release(self, gate: str) -> None:
        """Let the sandbox's answers go out that wait `[[sbx:until=GATE]]`."""
        answer = httpx.post(
            f"{self.sandbox_url}/__sandbox/release",
            json={"name": gate},
            trust_env=False,
            verify=NO_CERTIFICATES,
            timeout=60,
        )
        answer.raise_for_status()

    def balance(self, tenant: Tenant) -> dict[str, str]:
        """`{"available", "held"}` in credits."""
        return self.manage_json("balance", tenant.name)  # type: ignore[no-any-return]

    def assert_books_agree(self) -> None:
        """Fails with the rows when any book disagrees, or when there are no books."""
        printed = self.manage("reconcile", "--json", check=False)
        # What disagrees is said in sentences with that word in them, so the word proves nothing.
        assert printed.strip(), "reconcile did not answer"
        assert json.loads(printed) == {"agree": True, "disagreements": []}, printed

    def process_ids(self, command: str) -> list[int]:
        """The running child processes of that management command, as in "gateway_worker"."""
        assert self.process is not None
        found = subprocess.run(
            ["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        rows = [line.split(None, 2) for line in found[1:]]
        return [int(pid) for pid, parent, args in rows if int(parent) == self.process.pid and command in args]

    def postmaster_pid(self) -> int:
        return int((self.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])

    def _end_commands(self) -> None:
        if self._commands is not None:
            self._commands.stop()
            self._commands = None

    def _environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AIO_", "DJANGO_", "DATABASE_URL", "COVERAGE"))
        }
        return inherited | {"AIO_DATA_DIR": str(self.data_dir), "AIO_LOG_LEVEL": "INFO", **self.environment}


def free_port() -> int:
    """A port of loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
