"""`manage.py serve`: everything the platform needs, from the database to the first key."""

import json
import os
import shutil
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from aio_platform import database
from aio_platform.forked_command import run_forked
from aio_platform.metrics import DIRECTORY_VARIABLE
from aio_platform.metrics_page import forget_live_figures
from aio_platform.supervisor import Child, Supervisor, manage_command
from gateway.sandbox.signatures import webhook_secrets

SANDBOX_CATALOG = Path(__file__).resolve().parent.parent.parent / "catalogs" / "sandbox.toml"
SANDBOX_REFERENCE = "env:AIO_SANDBOX_URL"
READY_TIMEOUT_S = 60.0


class Command(BaseCommand):
    help = "Run the platform: database, migrations, gateway, dashboard, worker and (by default) the sandbox upstream."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.AIO_HOST)
        parser.add_argument("--port", type=int, default=settings.AIO_PORT)
        parser.add_argument("--workers", type=int, default=settings.AIO_WORKERS)

    def handle(self, *args: Any, **options: Any) -> None:
        self.manage_py = str(Path(sys.argv[0]).resolve())
        listener = self._listen(options["host"], options["port"])
        port = listener.getsockname()[1]
        environment = self._environment(options["host"], port)
        self._prepare_database(environment)
        children = self._children(listener, options["workers"] or os.cpu_count() or 1, environment)
        figures = self._fresh_figures_directory(port)
        supervisor = Supervisor(
            children,
            {**environment, DIRECTORY_VARIABLE: str(figures)},
            check=self._keep_database_running,
            on_end=lambda pid: forget_live_figures(figures, pid),
        )
        supervisor.start()
        try:
            if self._wait_until_ready(options["host"], port, supervisor):
                self._welcome(options["host"], port, environment)
        except BaseException:
            supervisor.stop()
            raise
        supervisor.run()
        self._say("stopped")

    def _listen(self, host: str, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"cannot listen on {host}:{port}: {error.strerror}. "
                "Is the platform running already? Set AIO_PORT to choose another port."
            ) from None
        listener.listen(4096)
        listener.set_inheritable(True)
        return listener

    def _environment(self, host: str, port: int) -> dict[str, str]:
        environment = dict(os.environ)
        environment["AIO_DATA_DIR"] = str(settings.AIO_DATA_DIR)
        environment |= {"AIO_HOST": host, "AIO_PORT": str(port)}
        catalog = Path(settings.AIO_CATALOG or SANDBOX_CATALOG)
        if "AIO_SANDBOX_URL" not in environment and SANDBOX_REFERENCE in catalog.read_text(errors="replace"):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                environment["AIO_SANDBOX_URL"] = f"http://127.0.0.1:{probe.getsockname()[1]}"
                environment["AIO_SANDBOX_PORT"] = str(probe.getsockname()[1])
            # The sandbox's results, and a developer's callbacks, are on this machine.
            environment.setdefault("AIO_PRIVATE_URL_NETWORKS", "127.0.0.0/8,::1/128")
            # So is whom its providers call, and by whose address a lost submission is found again.
            environment.setdefault("AIO_PUBLIC_URL", f"http://{_reachable(host)}:{port}")
            for provider, secret in webhook_secrets().items():
                environment.setdefault(f"AIO_{provider.upper()}_WEBHOOK_SECRET", secret)
        return environment

    def _prepare_database(self, environment: dict[str, str]) -> None:
        if database.uses_embedded_server():
            self._say(f"starting PostgreSQL in {settings.AIO_DATA_DIR}")
            database.embedded().socket_directory()
        self._say("migrating")
        self._run(environment, "migrate", "--no-input", "--verbosity=0", "--skip-checks")
        catalog = settings.AIO_CATALOG or str(SANDBOX_CATALOG)
        self._say(f"loading the catalog {catalog}")
        # What staff changed since the file was last loaded outlives a restart; a file that changed is loaded.
        self._run(environment, "load_catalog", catalog, "--if-changed")

    def _run(self, environment: dict[str, str], *arguments: str) -> str:
        exit_code, printed = run_forked(arguments, environment)
        if exit_code != 0:
            raise CommandError(f"`manage.py {arguments[0]}` failed; what it printed stands above.")
        return printed

    def _children(self, listener: socket.socket, workers: int, environment: dict[str, str]) -> list[Child]:
        children = [
            Child(
                f"gateway {number + 1}",
                manage_command(self.manage_py, "gateway_worker", f"--fd={listener.fileno()}"),
                stop_order=0,
                pass_fds=(listener.fileno(),),
            )
            for number in range(workers)
        ]
        children.append(Child("worker", manage_command(self.manage_py, "work"), stop_order=1))
        if "AIO_SANDBOX_PORT" in environment:
            port = environment["AIO_SANDBOX_PORT"]
            journal = environment.get("AIO_SANDBOX_JOURNAL", "10000")
            command = manage_command(self.manage_py, "sandbox", f"--port={port}", f"--journal={journal}")
            children.append(Child("sandbox", command, stop_order=2))
        return children

    def _fresh_figures_directory(self, port: int) -> Path:
        """Where this node's processes count for /metrics; by port, so that two platforms may share the data."""
        directory: Path = settings.AIO_DATA_DIR / "metrics" / str(port)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def _keep_database_running(self) -> None:
        if database.uses_embedded_server() and not database.embedded().is_running():
            self._say("PostgreSQL is gone; starting it again")
            database.embedded().socket_directory()

    def _wait_until_ready(self, host: str, port: int, supervisor: Supervisor) -> bool:
        """False when it was told to stop meanwhile."""
        url = f"http://{_reachable(host)}:{port}/readyz"
        give_up_at = time.monotonic() + READY_TIMEOUT_S
        while not supervisor.stopping():
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    if answer.status == 200:
                        return True
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
            ended = supervisor.exited()
            if ended is not None:
                raise CommandError(f"{ended.name} stopped at once; what it printed stands above.")
            if time.monotonic() > give_up_at:
                raise CommandError(f"the platform was not ready after {READY_TIMEOUT_S:.0f} seconds")
        return False

    def _welcome(self, host: str, port: int, environment: dict[str, str]) -> None:
        base_url = f"http://{_reachable(host)}:{port}"
        made = json.loads(self._run(environment, "create_demo_account", "--json"))
        self._say(f"ready at {base_url}")
        if made["key"] is None:
            self._say(
                "the demo key was shown at the first start; `python manage.py issue_key demo` makes another"
            )
            return
        self._say("account `demo` has 1,000 credits. Its key, shown this once:\n")
        self.stdout.write(f"    {made['key']}\n\n")
        self._say("a first call:\n")
        body = json.dumps(
            {"model": "gemini", "messages": [{"role": "user", "content": "Hello!"}], "stream": False}
        )
        self.stdout.write(
            f"    curl {base_url}/v1/chat/completions \\\n"
            f'      -H "Authorization: Bearer {made["key"]}" \\\n'
            f'      -H "Content-Type: application/json" \\\n'
            f"      -d '{body}'\n\n"
        )
        self.stdout.flush()

    def _say(self, text: str) -> None:
        self.stdout.write(f"aio: {text}")
        self.stdout.flush()


def _reachable(host: str) -> str:
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
