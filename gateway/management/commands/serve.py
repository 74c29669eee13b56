"""`manage.py serve`: everything the platform needs, from the database to the first key."""

import json
import os
import shutil
import socket
import sys
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from aio_platform.db import database
from aio_platform.edge.limits import files_needed
from aio_platform.http.metrics_page import forget_live_metrics
from aio_platform.observability.metrics import DIRECTORY_VARIABLE
from aio_platform.process.forked_command import run_forked
from aio_platform.process.open_files import allow_most_open_files
from aio_platform.process.supervisor import Child, Supervisor, manage_command, shown_manage_command
from gateway.catalog.parser import CatalogErrors, parse_catalog
from gateway.catalog.routes import ADAPTERS
from gateway.catalog.sandbox_choice import NOWHERE_URL, URL_VARIABLE, choose, upstreams_in_use
from gateway.endpoints import CHAT
from gateway.sandbox.providers.signatures import webhook_secrets

SANDBOX_CATALOG = Path(__file__).resolve().parent.parent.parent / "catalogs" / "sandbox.toml"
# A machine that has much else to do is waited for; a process that ends is noticed at once.
READY_TIMEOUT_S = 180.0


class Command(BaseCommand):
    help = "Run the platform: database, gateway, dashboard, worker and, until there are real upstreams, the sandbox."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.AIO_HOST)
        parser.add_argument("--port", type=int, default=settings.AIO_PORT)
        parser.add_argument("--workers", type=int, default=settings.AIO_WORKERS)
        parser.add_argument(
            "--sandbox",
            action="store_true",
            default=settings.AIO_SANDBOX,
            help="start the sandbox upstream beside real ones too: callers pay for what it makes up",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.manage_py = str(Path(sys.argv[0]).resolve())
        self._allow_open_files()
        listener = self._listen(options["host"], options["port"])
        port = listener.getsockname()[1]
        environment = {
            **os.environ,
            "AIO_DATA_DIR": str(settings.AIO_DATA_DIR),
            "AIO_HOST": options["host"],
            "AIO_PORT": str(port),
            # More heaps, of which each thread takes one, keep what was freed in pieces.
            "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "2"),
            # A read of a body is larger than this, and goes back to the system as soon as it is freed.
            "MALLOC_MMAP_THRESHOLD_": os.environ.get("MALLOC_MMAP_THRESHOLD_", "200000"),
        }
        self._prepare_database(environment)
        catalog = self._catalog_in_force(environment)
        children = self._children(listener, options["workers"] or os.cpu_count() or 1, environment)
        children += self._sandbox(catalog, options["sandbox"], options["host"], port, environment)
        self._check_usable(catalog, environment)
        metrics_directory = self._fresh_metrics_directory(port)
        supervisor = Supervisor(
            children,
            {**environment, DIRECTORY_VARIABLE: str(metrics_directory)},
            check=self._keep_database_running,
            on_end=lambda pid: forget_live_metrics(metrics_directory, pid),
        )
        supervisor.start()
        try:
            if self._wait_until_ready(options["host"], port, supervisor):
                self._welcome(options["host"], port, catalog, environment)
        except BaseException:
            supervisor.stop()
            raise
        supervisor.run()
        self._say("stopped")

    def _allow_open_files(self) -> None:
        """For this process and its children; fewer files than connections need are said, and connections are fewer."""
        allowed, needed = allow_most_open_files(), files_needed(settings.MAX_CONNECTIONS)
        if allowed < needed:
            self._say(
                f"each gateway process may open {allowed:,} files (ulimit -n) and would need {needed:,} for "
                f"AIO_MAX_CONNECTIONS={settings.MAX_CONNECTIONS:,}: it takes fewer connections"
            )

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

    def _prepare_database(self, environment: dict[str, str]) -> None:
        if database.uses_embedded_server():
            self._say(f"starting PostgreSQL in {settings.AIO_DATA_DIR}")
            database.embedded().socket_directory()
        self._say("migrating")
        self._run(environment, "migrate", "--no-input", "--verbosity=0", "--skip-checks")

    def _catalog_in_force(self, environment: dict[str, str]) -> str:
        """The text of the catalog to run: AIO_CATALOG's file, else the one in the database, else the sandbox's.

        What staff changed since the file was last loaded outlives a restart; a file that changed is loaded.
        """
        # Where the sandbox will be, if anywhere, is not known before the catalog is.
        loading = {URL_VARIABLE: NOWHERE_URL, **environment}
        if settings.AIO_CATALOG:
            self._say(f"loading the catalog {settings.AIO_CATALOG}")
            arguments = (settings.AIO_CATALOG, "--if-changed")
        else:
            arguments = (str(SANDBOX_CATALOG), "--if-none")
        self._say(self._run(loading, "load_catalog", *arguments).strip())
        return self._run(loading, "export_catalog")

    def _sandbox(
        self, catalog: str, sandbox_wanted: bool, host: str, port: int, environment: dict[str, str]
    ) -> list[Child]:
        """The sandbox's process, where it is to run; what the others need to know of it goes to the environment."""
        used = upstreams_in_use(tomllib.loads(catalog))
        choice = choose(used, environment, sandbox_wanted=sandbox_wanted, free_port=_free_port())
        if choice.notice:
            self._say(choice.notice)
        environment.update(choice.variables)
        if not choice.start:
            return []
        if choice.variables and not used.real:
            # The sandbox's results, and a developer's callbacks, are on this machine.
            environment.setdefault("AIO_PRIVATE_URL_NETWORKS", "127.0.0.0/8,::1/128")
            # So is whom its providers call, and by whose address a lost submission is found again.
            environment.setdefault("AIO_PUBLIC_URL", f"http://{_reachable(host)}:{port}")
        if choice.variables:
            for provider, secret in webhook_secrets().items():
                environment.setdefault(f"AIO_{provider.upper()}_WEBHOOK_SECRET", secret)
        journal = environment.get("AIO_SANDBOX_JOURNAL", "10000")
        arguments = (f"--port={environment['AIO_SANDBOX_PORT']}", f"--journal={journal}")
        return [Child("sandbox", manage_command(self.manage_py, "sandbox", *arguments), stop_order=2)]

    def _check_usable(self, catalog: str, environment: dict[str, str]) -> None:
        """Raises CommandError, before anything is started, for a catalog whose secrets are not all set here."""
        try:
            parse_catalog(catalog, file="catalog in force", adapters=ADAPTERS, environ=environment)
        except CatalogErrors as refused:
            for error in refused.errors:
                self.stderr.write(str(error))
            raise CommandError(
                "the catalog in force cannot be used here; why stands above. Nothing was started. "
                "Set what is missing, or load another catalog with load_catalog."
            ) from None

    def _run(self, environment: dict[str, str], *arguments: str) -> str:
        exit_code, printed = run_forked(arguments, environment)
        if exit_code != 0:
            raise CommandError(
                f"`manage.py {' '.join(arguments)}` failed; what it printed stands above. Nothing was started."
            )
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
        return children

    def _fresh_metrics_directory(self, port: int) -> Path:
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

    def _welcome(self, host: str, port: int, catalog: str, environment: dict[str, str]) -> None:
        base_url = f"http://{_reachable(host)}:{port}"
        made = json.loads(self._run(environment, "create_demo_account", "--json"))
        self._say(f"ready at {base_url}")
        if made["key"] is None:
            self._say(
                f"the demo key was shown at the first start; `{shown_manage_command()} issue_key demo` makes another"
            )
            return
        self._say("account `demo` has 1,000 credits. Its key, shown this once:\n")
        self.stdout.write(f"    {made['key']}\n\n")
        self._say("a first call:\n")
        self.stdout.write(_first_call(base_url, made["key"], catalog))
        self.stdout.flush()

    def _say(self, text: str) -> None:
        self.stdout.write(f"aio: {text}")
        self.stdout.flush()


def _reachable(host: str) -> str:
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _first_call(base_url: str, key: str, catalog: str) -> str:
    """A line for a shell: to the default chat model, or where there is none, for the list of models."""
    defaults = [
        route["model"]
        for route in tomllib.loads(catalog)["routes"]
        if route["endpoint"] == CHAT and route.get("default")
    ]
    if not defaults:
        return f'    curl {base_url}/v1/models -H "Authorization: Bearer {key}"\n\n'
    body = json.dumps(
        {"model": defaults[0], "messages": [{"role": "user", "content": "Hello!"}], "stream": False}
    )
    return (
        f"    curl {base_url}/v1/chat/completions \\\n"
        f'      -H "Authorization: Bearer {key}" \\\n'
        f'      -H "Content-Type: application/json" \\\n'
        f"      -d '{body}'\n\n"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
