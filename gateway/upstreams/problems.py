"""Records what our staff has to see to at an upstream, where every process and the staff site can see it.

A wrong key or address of ours stays here from the first refusal until the route answers again; that an upstream sent
what nobody asked for stays for a day. Written in the background: no call waits for it, or fails by it.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg
import structlog

from aio_platform.db import database
from gateway.catalog.routes import Route
from gateway.models import UpstreamProblem

log = structlog.get_logger(__name__)

# The same problem is written down so often at most, by each process.
WRITE_EVERY_S = 10.0
Kind = UpstreamProblem.Kind
Key = tuple[str, str, str]

_READ_SQL = "SELECT upstream, route, kind FROM gateway_upstreamproblem WHERE kind = %s"
_WRITE_SQL = """
    INSERT INTO gateway_upstreamproblem AS known (upstream, route, kind, status, request_id, times)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (upstream, route, kind) DO UPDATE
    SET status = excluded.status, request_id = excluded.request_id,
        times = known.times + excluded.times, last_at = now()
"""
_DELETE_SQL = "DELETE FROM gateway_upstreamproblem WHERE upstream = %s AND route = %s AND kind = %s"


@dataclass(slots=True)
class _Known:
    """A problem that this process has met: how many times since it last wrote that to the database."""

    not_before: float = 0.0
    times: int = 0


class UpstreamProblems:
    """Records problems, and their ends, for one process."""

    def __init__(self) -> None:
        self._known: dict[Key, _Known] = {}
        self._writing = asyncio.Lock()
        self._writes: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Load the recorded problems, so that this process too can end them. Raises psycopg.Error."""
        for key in await self._keys():
            self._known.setdefault(key, _Known())

    async def close(self) -> None:
        """Wait for the writes under way."""
        await asyncio.gather(*self._writes, return_exceptions=True)

    def not_welcome(self, route: Route, status: int | None, request_id: str) -> None:
        """Record that the upstream does not take our key, or has no such address or model."""
        log.error(
            "an upstream does not take our calls",
            upstream=route.upstream.name,
            route=route.name,
            status=status,
            request_id=request_id,
        )
        self._arose((route.upstream.name, route.name, Kind.NOT_WELCOME), status, request_id)

    def unasked(self, upstream: str) -> None:
        """Record that the upstream sent something that nobody asked for."""
        self._arose((upstream, "", Kind.UNASKED), None, "")

    def answered(self, route: Route) -> None:
        """End the route's problem with our key or address: it has answered."""
        if self._known:
            key = (route.upstream.name, route.name, Kind.NOT_WELCOME)
            if self._known.pop(key, None) is not None:
                self._run(_DELETE_SQL, key)

    def _arose(self, key: Key, status: int | None, request_id: str) -> None:
        known = self._known.setdefault(key, _Known())
        known.times += 1
        now = asyncio.get_running_loop().time()
        if now >= known.not_before:
            known.not_before = now + WRITE_EVERY_S
            self._run(_WRITE_SQL, (*key, status, request_id, known.times))
            known.times = 0

    def _run(self, sql: str, parameters: Iterable[object]) -> None:
        task = asyncio.create_task(self._write(sql, tuple(parameters)), name="upstream problem")
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    async def _write(self, sql: str, parameters: tuple[object, ...]) -> None:
        try:
            # One after the other, in the order in which they were asked for.
            async with self._writing, await database.connect_async("aio upstream problems") as connection:
                await connection.execute(sql.encode(), parameters)
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning("a problem of an upstream was not written down", error=type(error).__name__)

    async def _keys(self) -> list[Key]:
        async with await database.connect_async("aio upstream problems") as connection:
            cursor = await connection.execute(_READ_SQL, (Kind.NOT_WELCOME,))
            return [(upstream, route, kind) for upstream, route, kind in await cursor.fetchall()]
