"""`manage.py supervise`: the platform's processes, once `serve` has prepared what they need.

They are forks of this one, which loads all that any of them needs: the platform is there sooner, a process that died
is there again at once, and what they have in common is in memory once.
"""

import gc
import json
import os
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.management.base import CommandError, CommandParser
from django.urls import get_resolver

from aio_platform.command import StartCommand
from aio_platform.db import database
from aio_platform.http.metrics_page import forget_live_metrics
from aio_platform.observability.metrics import node_directory
from aio_platform.process.forked_command import run_forked
from aio_platform.process.supervisor import Child, Supervisor, shown_manage_command
from gateway.endpoints import CHAT

# A machine that has much else to do is waited for; a process that ends is noticed at once.
READY_TIMEOUT_S = 180.0
# What the processes run, beside the addresses.
PROGRAMS = (
    "aio_platform.asgi",
    "gateway.management.commands.gateway_worker",
    "gateway.management.commands.work",
)


class Command(StartCommand):
    help = "Run the platform's processes on an inherited socket (what `serve` becomes)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fd", type=int, required=True)
        parser.add_argument("--workers", type=int, required=True)
        parser.add_argument("--sandbox", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if database.uses_embedded_server():
            database.embedded().socket_directory()
        _load(("gateway.sandbox.server",) if options["sandbox"] else ())
        supervisor = Supervisor(
            _children(options["fd"], options["workers"], sandbox=options["sandbox"]),
            dict(os.environ),
            check=self._keep_database_running,
            on_end=_forget_live_metrics,
        )
        supervisor.start()
        try:
            if self._wait_until_ready(supervisor):
                self._welcome()
        except BaseException:
            supervisor.stop()
            raise
        supervisor.run()
        self.say("stopped")

    def _keep_database_running(self) -> None:
        if database.uses_embedded_server() and not database.embedded().is_running():
            self.say("PostgreSQL is gone; starting it again")
            database.embedded().socket_directory()

    def _wait_until_ready(self, supervisor: Supervisor) -> bool:
        """False when it was told to stop meanwhile."""
        url = f"http://{reachable_at(settings.AIO_HOST, settings.AIO_PORT)}/readyz"
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

    def _welcome(self) -> None:
        base_url = f"http://{reachable_at(settings.AIO_HOST, settings.AIO_PORT)}"
        made = json.loads(_printed_by("create_demo_account", "--json"))
        self.say(f"ready at {base_url}")
        if made["key"] is None:
            self.say(
                f"the demo key was shown at the first start; `{shown_manage_command()} issue_key demo` makes another"
            )
            return
        self.say("account `demo` has 1,000 credits. Its key, shown this once:\n")
        self.stdout.write(f"    {made['key']}\n\n")
        self.say("a first call:\n")
        self.stdout.write(_first_call(base_url, made["key"], _printed_by("export_catalog")))
        self.stdout.flush()


def reachable_at(host: str, port: int) -> str:
    """Where somebody on this machine reaches a server that listens there: `127.0.0.1:8000`."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _load(more: Sequence[str]) -> None:
    """Load what the children run, which then is no garbage to look through, nor copied by looking."""
    for program in (*PROGRAMS, *more):
        import_module(program)
    for addresses in (settings.ROOT_URLCONF, settings.GATEWAY_URLCONF):
        get_resolver(addresses).reverse_dict  # noqa: B018 - read it, and it is there
    gc.collect()
    gc.freeze()


def _children(listener: int, workers: int, *, sandbox: bool) -> list[Child]:
    children = [
        _child(f"gateway {number + 1}", "gateway_worker", f"--fd={listener}", stop_order=0, keep=(listener,))
        for number in range(workers)
    ]
    children.append(_child("worker", "work", stop_order=1))
    if sandbox:
        port, journal = os.environ["AIO_SANDBOX_PORT"], os.environ.get("AIO_SANDBOX_JOURNAL", "10000")
        children.append(_child("sandbox", "sandbox", f"--port={port}", f"--journal={journal}", stop_order=2))
    return children


def _child(name: str, *command: str, stop_order: int, keep: tuple[int, ...] = ()) -> Child:
    return Child(
        name,
        partial(execute_from_command_line, ["manage.py", *command]),
        stop_order,
        title=" ".join((sys.executable, "manage.py", *command)),
        keep=keep,
    )


def _forget_live_metrics(pid: int) -> None:
    directory = node_directory()
    if directory is not None:
        forget_live_metrics(directory, pid)


def _printed_by(*arguments: str) -> str:
    exit_code, printed = run_forked(arguments, os.environ)
    if exit_code != 0:
        raise CommandError(f"`manage.py {' '.join(arguments)}` failed; what it printed stands above.")
    return printed


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
