"""The product as it is served, in this process: uvicorn on a socket, the real handler, relay, ledger and database.

What stands around it is scripted: the upstream's bytes and the caller's. Calls go one after the other, each on the
next lane, so that everything the books say after a call is of that call.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

import uvicorn
import uvloop
from money.delivered.catalog import LANES, catalog_text
from money.delivered.raw_client import RawClient, Received
from money.delivered.scripted_upstream import ScriptedUpstream
from money.delivered.world import Call
from psycopg.rows import namedtuple_row

from accounts.keys import lifecycle
from aio_platform.db import database
from gateway.calls import runtime
from gateway.catalog import store
from gateway.catalog.parser import parse_catalog
from gateway.catalog.routes import ADAPTERS
from gateway.management.commands.gateway_worker import server_config
from usage.ledger import grants

GRANTED = 10**15
QUIET_LIMIT_S = 180.0
BALANCE_SQL = """
    SELECT available_microcredits, held_microcredits, captured_microcredits, holds_opened, holds_ended, last_entry,
           (SELECT count(*) FROM usage_hold) AS holds,
           (SELECT coalesce(sum(amount_microcredits), 0) FROM usage_ledger_entry e
            WHERE e.account_id = b.account_id AND e.kind = 'capture' AND e.entry > %(entry)s) AS captures
    FROM usage_balance b WHERE account_id = %(account)s
"""
EVENTS_SQL = """
    SELECT request_id, outcome, status, streamed, estimated, tokens_in, tokens_out, characters, images, pixel_steps,
           audio_ms, hold_microcredits, cost_microcredits, ledger_entry
    FROM usage_event WHERE account_id = %(account)s AND started_at >= %(since)s ORDER BY settled_at
"""


@dataclass(frozen=True)
class Event:
    """A row of usage_event, as far as the rules need it."""

    request_id: UUID
    outcome: str
    status: int | None
    streamed: bool
    estimated: bool
    tokens_in: int
    tokens_out: int
    characters: int
    images: int
    pixel_steps: int
    audio_ms: int
    hold: int
    cost: int
    ledger_entry: int | None


@dataclass(frozen=True)
class Books:
    """What one call did to the books: its usage events, and by how much the balance moved."""

    events: tuple[Event, ...]
    captured: int
    ledger_captured: int
    opened: int
    ended: int
    available: int
    held: int
    open_holds: int


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals are the test run's own


class GatewayInProcess:
    """Open it, play calls one by one, close it. `catalog` is given the scripted upstream's URL."""

    def __init__(self, catalog: Callable[[str], str] = catalog_text, lanes: int = LANES) -> None:
        self._lanes = lanes
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._numbers = count()
        self._books = database.connect("aio test books")
        self._books.row_factory = namedtuple_row  # type: ignore[assignment]
        account, _ = grants.open_account(
            "delivered", "unlimited", extra_microcredits=GRANTED, with_bonus=False
        )
        self._account_id = account.pk
        _, self._key = lifecycle.issue_key(account, "delivered")
        self.upstream = ScriptedUpstream()
        self._runner.run(self.upstream.start())
        text = catalog(f"http://127.0.0.1:{self.upstream.port}")
        store.store(text, parse_catalog(text, file="delivered.toml", adapters=ADAPTERS, environ={}))
        self._runner.run(self._start())
        self._last = self._balance(0)

    def close(self) -> None:
        self._runner.run(self._stop())
        self._runner.close()
        self._books.close()

    def play(self, call: Call) -> tuple[list[Received], Books]:
        """One call from its first byte to its last settlement; a repeated one gives two answers."""
        lane = next(self._numbers) % self._lanes
        since = time.time_ns() // 1_000_000 / 1000
        received = self._runner.run(self._play(call, lane))
        return received, self._what_changed(since)

    async def _play(self, call: Call, lane: int) -> list[Received]:
        self.upstream.next_script(lane, call.script)
        headers = {"Authorization": f"Bearer {self._key}", **call.headers}
        if call.repeats:
            headers["Idempotency-Key"] = f"call-{time.monotonic_ns()}"
        answers = []
        for _ in range(1 + call.repeats):
            client = RawClient(
                self.port,
                self.upstream.waiting,
                self.upstream.client_left.set,
                call.path,
                headers,
                call.body.replace(b"@lane@", b"%d" % lane),
                call.leaving,
            )
            answers.append(await client.ask())
            await self._quiet()
        return answers

    async def _quiet(self) -> None:
        """Nothing is under way any more: no connection, no task of a request, nothing on its way to the books."""
        state = self._server.server_state
        async with asyncio.timeout(QUIET_LIMIT_S):
            while state.connections or state.tasks:
                await asyncio.sleep(0.0005)
            await runtime.runtime().ledger.finish_pending()

    def _what_changed(self, since: float) -> Books:
        with self._books.cursor() as cursor:
            cursor.execute(EVENTS_SQL, {"account": self._account_id, "since": _timestamp(since)})
            events = tuple(Event(*row) for row in cursor.fetchall())
        before, now = self._last, self._balance(self._last.last_entry)
        self._last = now
        return Books(
            events,
            now.captured_microcredits - before.captured_microcredits,
            -int(now.captures),
            now.holds_opened - before.holds_opened,
            now.holds_ended - before.holds_ended,
            now.available_microcredits - before.available_microcredits,
            now.held_microcredits,
            now.holds,
        )

    def _balance(self, entry: int) -> Any:
        """The balance, and what was captured since that ledger entry."""
        with self._books.cursor() as cursor:
            cursor.execute(BALANCE_SQL, {"account": self._account_id, "entry": entry})
            return cursor.fetchone()

    async def _start(self) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self._server = _Server(server_config())
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))
        async with asyncio.timeout(QUIET_LIMIT_S):
            while not self._server.started:
                assert not self._serving.done(), "the gateway did not start"
                await asyncio.sleep(0.01)

    async def _stop(self) -> None:
        self._server.should_exit = True
        await self._serving
        await self.upstream.stop()


def _timestamp(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
