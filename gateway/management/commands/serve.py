"""`manage.py serve`: everything the platform needs, from the database to the first key.

It prepares, and then becomes `manage.py supervise`, whose settings know all that was found out here.
"""

import os
import shutil
import socket
import sys
import tomllib
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from aio_platform.command import StartCommand
from aio_platform.db import database
from aio_platform.edge.limits import files_needed
from aio_platform.observability.metrics import DIRECTORY_VARIABLE
from aio_platform.process.forked_command import run_forked
from aio_platform.process.open_files import allow_most_open_files
from gateway.catalog.parser import CatalogErrors, parse_catalog
from gateway.catalog.routes import ADAPTERS
from gateway.catalog.sandbox_choice import NOWHERE_URL, URL_VARIABLE, choose, upstreams_in_use
from gateway.management.commands.supervise import reachable_at
from gateway.sandbox.providers.signatures import webhook_secrets

SANDBOX_CATALOG = Path(__file__).resolve().parent.parent.parent / "catalogs" / "sandbox.toml"


class Command(StartCommand):
    help = "Run the platform: database, gateway, dashboard, worker and, until there are real upstreams, the sandbox."

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
        sandbox = self._sandbox(catalog, options["sandbox"], options["host"], port, environment)
        self._check_usable(catalog, environment)
        environment[DIRECTORY_VARIABLE] = str(self._fresh_metrics_directory(port))
        workers = options["workers"] or os.cpu_count() or 1
        self._supervise(listener, workers, sandbox=sandbox, environment=environment)

    def _allow_open_files(self) -> None:
        """For this process and its children; fewer files than connections need are said, and connections are fewer."""
        allowed, needed = allow_most_open_files(), files_needed(settings.MAX_CONNECTIONS)
        if allowed < needed:
            self.say(
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
            self.say(f"starting PostgreSQL in {settings.AIO_DATA_DIR}")
            database.embedded().socket_directory()
        self.say("migrating")
        self._run(environment, "migrate", "--no-input", "--verbosity=0", "--skip-checks")

    def _catalog_in_force(self, environment: dict[str, str]) -> str:
        """The text of the catalog to run: AIO_CATALOG's file, else the one in the database, else the sandbox's.

        What staff changed since the file was last loaded outlives a restart; a file that changed is loaded.
        """
        # Where the sandbox will be, if anywhere, is not known before the catalog is.
        loading = {URL_VARIABLE: NOWHERE_URL, **environment}
        if settings.AIO_CATALOG:
            self.say(f"loading the catalog {settings.AIO_CATALOG}")
            arguments = (settings.AIO_CATALOG, "--if-changed")
        else:
            arguments = (str(SANDBOX_CATALOG), "--if-none")
        self.say(self._run(loading, "load_catalog", *arguments).strip())
        return self._run(loading, "export_catalog")

    def _sandbox(
        self, catalog: str, sandbox_wanted: bool, host: str, port: int, environment: dict[str, str]
    ) -> bool:
        """Whether the sandbox is to run; what the processes need to know of it goes to the environment."""
        used = upstreams_in_use(tomllib.loads(catalog))
        choice = choose(used, environment, sandbox_wanted=sandbox_wanted, free_port=_free_port())
        if choice.notice:
            self.say(choice.notice)
        environment.update(choice.variables)
        if not choice.start:
            return False
        if choice.variables and not used.real:
            # The sandbox's results, and a developer's callbacks, are on this machine.
            environment.setdefault("AIO_PRIVATE_URL_NETWORKS", "127.0.0.0/8,::1/128")
            # So is whom its providers call, and by whose address a lost submission is found again.
            environment.setdefault("AIO_PUBLIC_URL", f"http://{reachable_at(host, port)}")
        if choice.variables:
            for provider, secret in webhook_secrets().items():
                environment.setdefault(f"AIO_{provider.upper()}_WEBHOOK_SECRET", secret)
        return True

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

    def _fresh_metrics_directory(self, port: int) -> Path:
        """Where this node's processes count for /metrics; by port, so that two platforms may share the data."""
        directory: Path = settings.AIO_DATA_DIR / "metrics" / str(port)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def _supervise(
        self, listener: socket.socket, workers: int, *, sandbox: bool, environment: dict[str, str]
    ) -> NoReturn:
        arguments = [f"--fd={listener.fileno()}", f"--workers={workers}"]
        if sandbox:
            arguments.append("--sandbox")
        self.stdout.flush()
        self.stderr.flush()
        os.execve(  # noqa: S606 - our own program
            sys.executable,
            [sys.executable, os.path.abspath(sys.argv[0]), "supervise", *arguments],
            environment,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
