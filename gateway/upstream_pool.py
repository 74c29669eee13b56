"""The connections to one upstream: kept for the next call, never more than its limit, first come first served."""

import asyncio
import re
from collections import deque
from collections.abc import Mapping

from yarl import URL

from gateway.dialing import Dialer
from gateway.upstream_connection import ConnectionAnswer, UpstreamConnection

# Most servers keep a connection longer, so that it is we who close it and no request meets a closed one.
KEEP_ALIVE_S = 15.0
_LINE_END = re.compile(r"[\r\n\0]")


class NotConnected(Exception):
    """No connection was made, so nothing has reached the upstream."""


class ConnectionPool:
    """Sends requests to the server of one base URL."""

    def __init__(self, base_url: str, max_connections: int, connect_timeout_s: float) -> None:
        self._dialer = Dialer(URL(base_url))
        self._max_connections = max_connections
        self._connect_timeout_s = connect_timeout_s
        self._connections: set[UpstreamConnection] = set()
        # The longest idle first; the last one is used first, so that few stay open.
        self._idle: list[UpstreamConnection] = []
        self._being_made = 0
        # Each is given a free connection, or None: the right to make one.
        self._waiting: deque[asyncio.Future[UpstreamConnection | None]] = deque()
        self._sweep: asyncio.TimerHandle | None = None

    async def ask(self, head: bytes, body: bytes) -> ConnectionAnswer:
        """Send a request (see UpstreamConnection.ask) and return its answer once the headers have come.

        Raises NotConnected, and BrokenConnection for one that may have arrived: it is never sent twice. Cancelled,
        it closes the connection.
        """
        connection = self._kept() or await self._free_one()
        answer = connection.ask(head, body)
        try:
            await answer.head()
        except BaseException:
            answer.close()
            raise
        return answer

    def close(self) -> None:
        """Break off everything."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for connection in list(self._connections):
            connection.break_off("the pool is closed")

    def _kept(self) -> UpstreamConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _free_one(self) -> UpstreamConnection:
        while True:
            if self._has_room():
                return await self._make()
            waiter: asyncio.Future[UpstreamConnection | None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                connection = await waiter
            except BaseException:
                if not waiter.cancelled():
                    self._pass_on(waiter.result())
                raise
            if connection is not None and connection.is_open:
                return connection

    def _has_room(self) -> bool:
        return len(self._connections) + self._being_made < self._max_connections

    async def _make(self) -> UpstreamConnection:
        self._being_made += 1
        made: UpstreamConnection | None = None
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                made = await self._dialer.connect(lambda: UpstreamConnection(self._keep, self._forget))
            if not made.is_open:
                raise NotConnected("closed as it was opened")
            self._connections.add(made)
        except OSError as error:  # a TimeoutError is one, and so are those of TLS
            raise NotConnected(str(error)) from error
        finally:
            self._being_made -= 1
            if self._has_room():
                self._pass_on(None)
        return made

    def _keep(self, connection: UpstreamConnection) -> None:
        """It is free again."""
        self._pass_on(connection)

    def _forget(self, connection: UpstreamConnection) -> None:
        """It is closed."""
        if connection in self._connections:
            self._connections.discard(connection)
            if connection in self._idle:
                self._idle.remove(connection)
            self._pass_on(None)

    def _pass_on(self, connection: UpstreamConnection | None) -> None:
        """Give a connection, or the room for one, to who has waited longest; keep the connection where nobody does."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if connection is not None and connection.is_open:
            loop = asyncio.get_running_loop()
            connection.idle_since = loop.time()
            self._idle.append(connection)
            if self._sweep is None:
                self._sweep = loop.call_at(connection.idle_since + KEEP_ALIVE_S, self._close_idle)

    def _close_idle(self) -> None:
        self._sweep = None
        loop = asyncio.get_running_loop()
        while self._idle and self._idle[0].idle_since + KEEP_ALIVE_S <= loop.time():
            self._idle[0].break_off("idle")
        if self._idle:
            self._sweep = loop.call_at(self._idle[0].idle_since + KEEP_ALIVE_S, self._close_idle)


def request_head(url: URL, headers: Mapping[str, str]) -> bytes:
    """What a POST of JSON begins with, up to where the length of its body is to stand.

    Raises ValueError for a name or value that would not stay in its line.
    """
    fields = {"host": ("Host", url.host_port_subcomponent or ""), "accept": ("Accept", "*/*")}
    fields |= {name.lower(): (name, value) for name, value in headers.items()}
    # The length stands last: its value is not known yet.
    for name, value in (("Content-Type", "application/json"), ("Content-Length", "")):
        fields.pop(name.lower(), None)
        fields[name.lower()] = (name, value)
    lines = [f"POST {url.raw_path_qs} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.values())]
    if any(_LINE_END.search(line) for line in lines):
        raise ValueError("a header is more than a line")
    return "\r\n".join(lines).encode()
