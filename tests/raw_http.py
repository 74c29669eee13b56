"""The gateway's own server with an application of a test, and connections to it that send what they like."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import uvicorn

from aio_platform.edge import connections as connections_module
from aio_platform.edge.connections import Connections
from aio_platform.edge.limits import limits_from_settings
from aio_platform.edge.protocol import LimitedProtocol
from gateway.management.commands.gateway_worker import server_config

Application = Callable[[Any, Any, Any], Awaitable[None]]
PATIENCE_S = 60


class RawServer:
    """A server under test; `shared` is what its connections share."""

    def __init__(self, port: int, shared: Connections) -> None:
        self.port = port
        self.shared = shared
        self.clients: list[RawClient] = []

    async def connect(self, host: str = "127.0.0.1") -> "RawClient":
        """A connection to it from that address of the loopback."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(host, 0))
        self.clients.append(RawClient(reader, writer))
        return self.clients[-1]

    async def ask(self, request: bytes) -> bytes:
        """Everything that comes back for those bytes until the server ends the connection."""
        client = await self.connect()
        client.send(request)
        return await client.rest()


class RawClient:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def rest(self) -> bytes:
        """What comes until the end; a reset is an end too."""
        parts = []
        async with asyncio.timeout(PATIENCE_S):
            try:
                while part := await self.reader.read(65_536):
                    parts.append(part)
            except ConnectionError:
                pass
        self.close()
        return b"".join(parts)

    async def answer(self) -> bytes:
        """One answer with a Content-Length."""
        async with asyncio.timeout(PATIENCE_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return head + await self.reader.readexactly(length)

    def close(self) -> None:
        self.writer.transport.abort()


@asynccontextmanager
async def raw_server(
    application: Application, *, look_every_s: float = 0.05, **limits: Any
) -> AsyncIterator[RawServer]:
    """Serve the application with the limits in force, but those that are given."""
    shared = Connections(replace(limits_from_settings(), **limits))
    earlier = connections_module.LOOK_EVERY_S
    connections_module.LOOK_EVERY_S = look_every_s
    config = server_config()
    config.app, config.lifespan = application, "off"
    config.http = partial(LimitedProtocol, shared)  # type: ignore[assignment]
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listener]))
    raw = RawServer(listener.getsockname()[1], shared)
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield raw
    finally:
        for client in raw.clients:
            client.close()
        for connection in tuple(server.server_state.connections):
            connection.transport.abort()
        server.should_exit = True
        await serving
        connections_module.LOOK_EVERY_S = earlier
