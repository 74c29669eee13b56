"""The process: uvicorn on one socket, one ready line on stdout, a clean stop on SIGTERM."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from dataclasses import dataclass

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.sandbox.assembly import assemble
from gateway.sandbox.journal import Journal

PARENT_CHECK_S = 0.5


@dataclass(slots=True)
class Options:
    """The command line, parsed."""

    host: str
    port: int
    journal: int
    clock: str
    task_s: float
    exit_with_parent: bool


class SandboxProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with the transport in the scope: only it can reset a connection."""

    def on_message_begin(self) -> None:
        """Start a request's scope."""
        super().on_message_begin()
        self.scope["extensions"] = {"sandbox.transport": {"transport": self.transport}}


class SandboxServer(uvicorn.Server):
    """A server that says when it is ready."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then print the one line that whoever started this process waits for."""
        await super().startup(sockets=sockets)
        if self.should_exit:
            return
        port = self.servers[0].sockets[0].getsockname()[1]
        sys.stdout.write(json.dumps({"event": "ready", "port": port}) + "\n")
        sys.stdout.flush()


def run(options: Options) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    application = assemble(Journal(options.journal), options.clock, options.task_s)
    config = uvicorn.Config(
        application,
        host=options.host,
        port=options.port,
        loop="uvloop",
        http=SandboxProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="critical",
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        # Calls that hang on purpose must not hold up the stop.
        timeout_graceful_shutdown=1,
    )
    server = SandboxServer(config)
    # uvicorn raises a caught signal again after its clean stop; here the stop is all that was asked for.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    loop_factory = config.get_loop_factory()
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_serve(server, options.exit_with_parent))
    return 0 if server.started else 1


async def _serve(server: uvicorn.Server, exit_with_parent: bool) -> None:
    watcher = asyncio.create_task(_leave_with_parent(server)) if exit_with_parent else None
    try:
        await server.serve()
    except SystemExit as error:
        sys.stderr.write(f"sandbox: could not listen ({error.code})\n")
    finally:
        if watcher is not None:
            watcher.cancel()


async def _leave_with_parent(server: uvicorn.Server) -> None:
    """A killed parent cannot stop its child: the child notices that it was adopted."""
    parent = os.getppid()
    while True:
        await asyncio.sleep(PARENT_CHECK_S)
        if os.getppid() != parent:
            server.should_exit = True
            return
