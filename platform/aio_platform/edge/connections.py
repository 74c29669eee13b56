"""The connections of one process: who may have one, for how long, and what all of them hold at most.

One look at all of them every second keeps every deadline: a timer for each request would cost each request. Time in
which this process did not run (a starved or a paused machine) counts against nobody: what clients sent meanwhile has
not been looked at yet.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

import structlog

from aio_platform.edge.limits import Limits, Share
from aio_platform.edge.memory import Memory
from aio_platform.edge.turns import Turns

log = structlog.get_logger(__name__)
LOOK_EVERY_S = 1.0
SAY_EVERY_S = 10.0
# Where there is no room, so many of the connections that have waited longest for their clients are ended at once.
ENDED_AT_ONCE = 64
# What waits of bodies is counted anew when it may have grown by this part of its limit: counting looks at everybody.
COUNT_AGAIN = 8
# How long nothing is read of strangers while requests take what has come.
HOLD_BACK_S = 5.0
RELIEVE_AFTER_S = 0.02


class Connection(Protocol):
    """What is asked of a connection."""

    address: str

    @property
    def proven(self) -> bool:
        """Whether somebody with a valid key has called on it: it is ended after those of strangers."""

    def look(self, now: float) -> None:
        """End the connection where one of its times has run out."""

    def waits_since(self) -> float | None:
        """Since when it waits for its client, or None while it does not.

        Every connection waits for a next request; a stranger's also for the rest of a body and for its answer's reader.
        """

    def unread_bytes(self) -> int:
        """How much of its answers its client has not taken."""

    def unasked_bytes(self) -> int:
        """How much has come of a body that no application has asked for, nor will for a caller with a valid key."""

    def stop_reading(self) -> None:
        """Take no more of a body until what has come is asked for."""

    def read_on(self) -> None:
        """Read again where nothing of its own speaks against it."""

    def cut(self) -> None:
        """End it now, whatever is under way."""


class Connections:
    """Everything that one process's connections share."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        # The seconds that deadlines are counted in, and when they were last counted.
        self.now = 0.0
        self._looked_at = 0.0
        self.open: set[Connection] = set()
        self.heads = Share(limits.heads_bytes, limits.share)
        self.turns = Turns()
        self._places = Share(limits.connections, limits.share)
        self.holds_back = False
        self._newcomer: Connection | None = None
        self._unasked_bodies = 0
        self._count_unasked_at = limits.unasked_bodies_bytes
        self._unread_answers = 0
        self._nobody_waits_at = -1.0
        self._refusals: Counter[str] = Counter()
        self._said_at = 0.0
        self._memory = Memory()
        self._loop: asyncio.AbstractEventLoop | None = None

    def admit(self, connection: Connection) -> bool:
        """Give the connection a place, if need be that of one that waits for its client; False without one."""
        self._start_looking()
        if not self._places.take(connection.address, 1):
            if self._places.taken < self.limits.connections or not self._end_waiting():
                return False
            if not self._places.take(connection.address, 1):
                return False
        self.open.add(connection)
        return True

    def leave(self, connection: Connection) -> None:
        """Free the place of a connection that has ended; does nothing for one that has none."""
        if connection in self.open:
            self.open.discard(connection)
            self._places.give_back(connection.address, 1)

    def hold_newcomer_back(self, connection: Connection) -> None:
        """Read nothing of it yet, while it is being made and `holds_back`.

        uvloop begins to read as soon as a connection has been made, whatever it was told meanwhile: each is stopped
        when the next is made, the last one in the loop's next turn.
        """
        if self._newcomer is None:
            asyncio.get_running_loop().call_soon(self._stop_newcomer)
        else:
            self._newcomer.stop_reading()
        self._newcomer = connection

    def _stop_newcomer(self) -> None:
        newcomer, self._newcomer = self._newcomer, None
        if newcomer is not None and self.holds_back:
            newcomer.stop_reading()

    def body_came(self, size_bytes: int) -> None:
        """Of a stranger's body: it waits until its request asks for it. Holds theirs back where too much waits."""
        self._unasked_bodies += size_bytes
        if self._unasked_bodies > self._count_unasked_at and not self.holds_back:
            self._count_unasked()

    def _count_unasked(self) -> None:
        limit = self.limits.unasked_bodies_bytes
        self._unasked_bodies = sum(connection.unasked_bytes() for connection in self.open)
        self._count_unasked_at = max(limit, self._unasked_bodies + limit // COUNT_AGAIN)
        if self._unasked_bodies > limit:
            self.holds_back = True
            self.count_refusal("reading_held_back")
            for connection in self.open:
                if not connection.proven:
                    connection.stop_reading()
            self._relieve_later(self.now + HOLD_BACK_S)

    def answer_unread(self, size_bytes: int) -> None:
        """A client has stopped reading with so much of its answer to come."""
        self._unread_answers += size_bytes
        if self._unread_answers > self.limits.unread_answers_bytes:
            self._cut_unread()

    def _relieve_later(self, until: float) -> None:
        asyncio.get_running_loop().call_later(RELIEVE_AFTER_S, self._relieve, until)

    def _relieve(self, until: float) -> None:
        """Read on once requests have asked for half of what waits; in the end strangers that do not ask are cut.

        Connections with a proven key are never cut for it: each holds no more than one connection may.
        """
        enough = self.limits.unasked_bodies_bytes // 2
        holding = [
            (connection, size_bytes) for connection in self.open if (size_bytes := connection.unasked_bytes())
        ]
        left = sum(size for _, size in holding)
        if left > enough and self.now < until:
            self._relieve_later(until)
            return
        if left > enough:
            strangers = [(connection, size) for connection, size in holding if not connection.proven]
            self._cut(strangers, left - enough, "unasked_body_cut")
        self.holds_back = False
        self._unasked_bodies = min(left, enough)
        self._count_unasked_at = self.limits.unasked_bodies_bytes
        for connection in self.open:
            connection.read_on()

    def _cut(self, holding: Sequence[tuple[Connection, int]], excess_bytes: int, reason: str) -> None:
        """End connections until so much is free: strangers first, then those whose address holds the most.

        By size alone, whoever holds little on each of many connections would have another's one large answer cut.
        """
        by_address: Counter[str] = Counter()
        for connection, size in holding:
            by_address[connection.address] += size
        order = [
            (connection.proven, -by_address[connection.address], -size, id(connection), connection)
            for connection, size in holding
        ]
        for *_, size, _, connection in sorted(order):
            if excess_bytes <= 0:
                return
            connection.cut()
            self.count_refusal(reason)
            excess_bytes += size

    def count_refusal(self, reason: str) -> None:
        """Count a refusal for the log, which has one line for all of them every ten seconds."""
        self._refusals[reason] += 1

    def _start_looking(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self.now = self._looked_at = loop.time()
            loop.call_later(LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        assert self._loop is not None
        self._loop.call_later(LOOK_EVERY_S, self._look)
        time = self._loop.time()
        self.now += min(time - self._looked_at, 2 * LOOK_EVERY_S)
        self._looked_at = time
        for connection in tuple(self.open):
            connection.look(self.now)
        self._cut_unread()
        self._memory.look(time)
        if self._refusals and self.now - self._said_at >= SAY_EVERY_S:
            self._said_at = self.now
            log.warning(
                "requests were refused before they were read",
                **self._refusals,
                open_connections=len(self.open),
            )
            self._refusals.clear()

    def _end_waiting(self) -> bool:
        """End those that have waited longest, strangers first; False where none waits."""
        if self._nobody_waits_at == self.now:
            return False
        waiting = [
            (connection.proven, since, id(connection), connection)
            for connection in self.open
            if (since := connection.waits_since()) is not None
        ]
        if not waiting:
            self._nobody_waits_at = self.now
            return False
        for *_, connection in sorted(waiting)[:ENDED_AT_ONCE]:
            connection.cut()
            self.leave(connection)
        self.count_refusal("waiting_connection_ended")
        return True

    def _cut_unread(self) -> None:
        """Where too much waits to be read by clients, end the connections that hold the most of it."""
        holding = [
            (connection, size_bytes) for connection in self.open if (size_bytes := connection.unread_bytes())
        ]
        self._unread_answers = sum(size for _, size in holding)
        limit = self.limits.unread_answers_bytes
        if self._unread_answers > limit:
            self._cut(holding, self._unread_answers - limit * 3 // 4, "unread_answer_cut")
