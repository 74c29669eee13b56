"""The connections to one upstream: kept for the next call, never more than its limit, first come first served.

Why they are our own: see ADR 16. When one may be used again: see ADR 19.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Mapping

from yarl import URL

from aio_platform.process.open_files import NoFileLeft
from gateway.upstreams.connection import BrokenConnection, ConnectionAnswer, UpstreamConnection
from gateway.upstreams.dialer import Dialer

# Most servers keep a connection longer, so that it is we who close it and no request meets a closed one.
KEEP_ALIVE_S = 15.0
# An answer's connection is not used again sooner: what an upstream sends too much comes by then, and is noticed.
SETTLE_S = 0.01
# A kept connection that ends so soon after a request was most likely closed before the request arrived.
STALE_WITHIN_S = 1.0
_LINE_END = re.compile(r"[\r\n\0]")


class NotConnected(Exception):
    """No connection was made, so nothing has reached the upstream."""


class ConnectionPool:
    """Sends requests to the server of one base URL.

    A connection whose answer has come is used again only after SETTLE_S, and only if nothing more has come on it. An
    upstream that sends what nobody asked for could give one caller another's answer: it gets a new connection for
    each call for `no_reuse_s` (ADR 19).
    """

    def __init__(
        self,
        base_url: str,
        max_connections: int,
        connect_timeout_s: float,
        *,
        no_reuse_s: float = 0.0,
        on_unasked: Callable[[], None] = lambda: None,
    ) -> None:
        """For the running event loop. `on_unasked` is called when the upstream has sent what nobody asked for."""
        self._loop = asyncio.get_running_loop()
        self._dialer = Dialer(URL(base_url))
        self._max_connections = max_connections
        self._connect_timeout_s = connect_timeout_s
        self._no_reuse_s = no_reuse_s
        self._no_reuse_until = 0.0
        self._on_unasked = on_unasked
        self._connections: set[UpstreamConnection] = set()
        # Those whose answer has just come, and those that have settled; in both the longest idle first. Of the
        # settled the last one is used first, so that few stay open.
        self._settling: deque[UpstreamConnection] = deque()
        self._idle: list[UpstreamConnection] = []
        self._being_made = 0
        # Each is given a free connection, or None: the right to make one.
        self._waiting: deque[asyncio.Future[UpstreamConnection | None]] = deque()
        self._sweep: asyncio.TimerHandle | None = None
        self._settle_timer: asyncio.TimerHandle | None = None

    async def ask(self, head: bytes, body: bytes | None, *, again: bool = False) -> ConnectionAnswer:
        """Send a request (see UpstreamConnection.ask) and return its answer once its headers have come.

        Raises NotConnected where nothing was sent, and BrokenConnection where the request may have arrived. When the
        task is cancelled, the connection is closed.

        A server may close a kept connection just as the next request goes out. Nobody can know whether it read that
        request: what we see is a connection, used before, that ended within STALE_WITHIN_S without a byte of an
        answer. With `again`, the request is then sent once more, over a new connection. That is for requests that ask
        a model, which cost no more than the upstream's time when they run twice; one that starts a job is never
        repeated.
        """
        loop = self._loop
        connection = self._kept(loop.time()) or await self._free_one()
        asked_at = loop.time()
        answer = connection.ask(head, body)
        try:
            await answer.head()
            return answer
        except BaseException as error:
            answer.close()
            if (
                not (again and isinstance(error, BrokenConnection))
                or answer.began
                or connection.requests == 1
            ):
                raise
            if loop.time() - asked_at > STALE_WITHIN_S:
                raise
        answer = (await self._new_one()).ask(head, body)
        try:
            await answer.head()
        except BaseException:
            answer.close()
            raise
        return answer

    def close(self) -> None:
        """Close every connection, in use or not."""
        for timer in (self._sweep, self._settle_timer):
            if timer is not None:
                timer.cancel()
        self._sweep = self._settle_timer = None
        for connection in list(self._connections):
            connection.break_off("the pool is closed")

    def _kept(self, now: float) -> UpstreamConnection | None:
        self._settle(now)
        while self._idle:
            connection = self._idle.pop()
            if connection.is_quiet():
                return connection
        return None

    def _settle(self, now: float) -> None:
        settling = self._settling
        while settling and settling[0].idle_since + SETTLE_S <= now:
            self._idle.append(settling.popleft())

    async def _free_one(self) -> UpstreamConnection:
        while not self._has_room():
            connection = await self._turn()
            if connection is not None and connection.is_quiet():
                return connection
        return await self._make()

    async def _new_one(self) -> UpstreamConnection:
        while not self._has_room():
            connection = await self._turn()
            if connection is not None:
                connection.break_off("a new one takes its place")
        return await self._make()

    async def _turn(self) -> UpstreamConnection | None:
        """Wait in turn. Returns a free connection, or None for the right to make one."""
        waiter: asyncio.Future[UpstreamConnection | None] = self._loop.create_future()
        self._waiting.append(waiter)
        self._wait_for_settling()
        try:
            return await waiter
        except BaseException:
            if not waiter.cancelled():
                self._pass_on(waiter.result())
            raise

    def _has_room(self) -> bool:
        return len(self._connections) + self._being_made < self._max_connections

    async def _make(self) -> UpstreamConnection:
        self._being_made += 1
        made: UpstreamConnection | None = None
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                made = await self._dialer.connect(
                    lambda: UpstreamConnection(self._keep, self._forget, self._distrust)
                )
            if not made.is_open:
                raise NotConnected("closed as it was opened")
            self._connections.add(made)
        except OSError as error:  # a TimeoutError is one, and so are those of TLS
            NoFileLeft.raise_for(error)
            raise NotConnected(str(error)) from error
        finally:
            self._being_made -= 1
            if self._has_room():
                self._pass_on(None)
        return made

    def _keep(self, connection: UpstreamConnection) -> None:
        """Take back a connection whose answer has come whole."""
        connection.idle_since = self._loop.time()
        if connection.idle_since < self._no_reuse_until:
            connection.break_off("no connection is used twice for now")
            return
        self._settling.append(connection)
        if self._waiting:
            self._wait_for_settling()
        if self._sweep is None:
            self._sweep = self._loop.call_at(connection.idle_since + KEEP_ALIVE_S, self._close_idle)

    def _forget(self, connection: UpstreamConnection) -> None:
        """Drop a closed connection."""
        if connection in self._connections:
            self._connections.discard(connection)
            for kept in (self._idle, self._settling):
                if connection in kept:
                    kept.remove(connection)
            self._pass_on(None)

    def _distrust(self) -> None:
        """Use no connection twice for a while: the upstream has sent something that nobody asked for.

        Calls that wait for an answer on a connection that had one before are broken off: they might get another's.
        """
        self._no_reuse_until = self._loop.time() + self._no_reuse_s
        for connection in list(self._connections):
            if connection.is_free or (connection.is_waited_for and connection.requests > 1):
                connection.break_off("its upstream sends what nobody asked for")
        self._on_unasked()

    def _pass_on(self, connection: UpstreamConnection | None) -> None:
        """Give a connection, or the right to make one, to whoever has waited longest; keep it where nobody waits."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if connection is not None and connection.is_open:
            self._idle.append(connection)

    def _wait_for_settling(self) -> None:
        """Where somebody waits, arrange for the next connection that settles to be handed on."""
        if self._waiting and self._settling and self._settle_timer is None:
            self._settle_timer = self._loop.call_at(self._settling[0].idle_since + SETTLE_S, self._hand_on)

    def _hand_on(self) -> None:
        self._settle_timer = None
        while self._waiting and (connection := self._kept(self._loop.time())) is not None:
            self._pass_on(connection)
        self._wait_for_settling()

    def _close_idle(self) -> None:
        self._sweep = None
        now = self._loop.time()
        self._settle(now)
        while self._idle and self._idle[0].idle_since + KEEP_ALIVE_S <= now:
            self._idle[0].break_off("idle")
        left = self._idle or self._settling
        if left:
            self._sweep = self._loop.call_at(left[0].idle_since + KEEP_ALIVE_S, self._close_idle)


def request_head(
    url: URL, headers: Mapping[str, str], method: str = "POST", content_type: str | None = "application/json"
) -> bytes:
    """A request's bytes up to the value of Content-Length, which is not known yet; for a GET, its whole head.

    Raises ValueError for a header name or value with a line break in it.
    """
    fields = {"host": ("Host", url.host_port_subcomponent or ""), "accept": ("Accept", "*/*")}
    fields |= {name.lower(): (name, value) for name, value in headers.items()}
    fields.pop("content-type", None)
    fields.pop("content-length", None)
    if content_type is not None:
        fields["content-type"] = ("Content-Type", content_type)
    lines = [f"{method} {url.raw_path_qs} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.values())]
    if any(_LINE_END.search(line) for line in lines):
        raise ValueError("a header is more than a line")
    # The length stands last: its value is not known yet.
    lines.append("\r\n" if method == "GET" else "Content-Length: ")
    return "\r\n".join(lines).encode()
