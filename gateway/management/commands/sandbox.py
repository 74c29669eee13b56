"""The sandbox upstream, by itself or beside `serve`."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from aio_platform.process.supervisor import PARENT_PIPE_VARIABLE, stop_with_parent


class Command(BaseCommand):
    help = "Run the sandbox upstream: a real HTTP server that speaks the upstreams' protocols."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=9100)
        parser.add_argument("--journal", type=int, default=10_000)

    def handle(self, *args: Any, **options: Any) -> None:
        from gateway.sandbox.__main__ import main

        if PARENT_PIPE_VARIABLE in os.environ:
            stop_with_parent()
        arguments = [f"--{name}={options[name]}" for name in ("host", "port", "journal")]
        code = main(arguments)
        if code:
            raise SystemExit(code)
