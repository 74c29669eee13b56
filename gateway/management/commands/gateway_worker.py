"""One gateway process on a listening socket it inherits; started by `serve`."""

import gc
import signal
import socket
import sys
from functools import partial
from types import FrameType
from typing import Any, cast

import uvicorn
from django.core.management.base import BaseCommand, CommandParser

from aio_platform.edge.connections import Connections
from aio_platform.edge.limits import limits_from_settings
from aio_platform.edge.protocol import LimitedProtocol
from aio_platform.process.open_files import allow_most_open_files
from aio_platform.process.supervisor import stop_with_parent

GRACEFUL_STOP_S = 30
GC_THRESHOLD = 20_000
# How long a page's thread computes before the event loop, which waits for it, has its turn.
SWITCH_EVERY_S = 0.001


class Command(BaseCommand):
    help = "Serve the gateway and the platform's pages on an inherited socket (started by `serve`)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fd", type=int, required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        stop_with_parent()
        server = uvicorn.Server(server_config())
        server.config.load()
        # Modules, views and settings live for good: the collector need not look at them again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD, 50, 50)
        sys.setswitchinterval(SWITCH_EVERY_S)
        stop_gently(server)
        server.run(sockets=[socket.socket(fileno=options["fd"])])
        if not server.started:
            raise SystemExit(3)


def stop_gently(server: uvicorn.Server) -> None:
    """Let the process come to its own end when it is told to stop.

    uvicorn raises the signal again once it has stopped; by default that ends the process on the spot, and as the
    last one of a killed `serve` it would leave the embedded PostgreSQL running.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def server_config() -> uvicorn.Config:
    """uvicorn as the gateway runs it."""
    connections = Connections(limits_from_settings(allow_most_open_files()))
    return uvicorn.Config(
        "aio_platform.asgi:application",
        loop="uvloop",
        http=cast(Any, partial(LimitedProtocol, connections)),
        ws="none",
        lifespan="on",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=4096,
        timeout_graceful_shutdown=GRACEFUL_STOP_S,
    )
