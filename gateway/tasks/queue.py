"""The worker's queue of tasks: claims due ones, records steps, renews leases, and finds overdue ones."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import uuid4

import orjson
import psycopg
import structlog

from aio_platform.db.arrays import array_literal, name_array_literal
from aio_platform.db.batcher import AGAIN, Again, Batcher
from aio_platform.db.pipelined_connection import PipelinedConnection, Row
from aio_platform.errors import ServiceUnavailable
from aio_platform.i18n.translatable import gettext_noop
from gateway.tasks.records import ClaimedTask, StepNote, TaskKey
from gateway.tasks.wire import key_parameters, read_claimed, record_parameters
from usage.ledger.rates import Rate, prices_from_json

log = structlog.get_logger(__name__)

CLAIM_STATEMENTS = {
    "claim": "SELECT * FROM gateway_claim_tasks_v1($1, $2, $3, $4)",
    "renew": "SELECT gateway_renew_leases_v1($1, $2, $3, $4)",
    "overdue": (
        "SELECT account_id, id FROM gateway_task WHERE ended_at IS NULL AND deadline_at <= clock_timestamp()"
        " ORDER BY deadline_at LIMIT $1::integer"
    ),
    "forget": "SELECT gateway_forget_ended_v1()",
    "ended": "SELECT ended_at IS NOT NULL FROM gateway_task WHERE account_id = $1::bigint AND id = $2",
    "rate": "SELECT id, name, version, prices::text FROM usage_rate WHERE id = $1::bigint",
}
RECORD_STATEMENTS = {"record": "SELECT * FROM gateway_record_steps_v1($1, $2, $3, $4, $5, $6, $7, $8)"}
# As long as a lease may still be ours; after that another worker looks at the task, and ours is void.
PATIENCE_S = 15.0
RECONNECT_PAUSE_S = 0.05


class TaskQueue:
    """A worker's two database connections: one claims tasks, the other records steps, many of them in one commit."""

    def __init__(self, lease_s: float) -> None:
        self.owner = uuid4().hex
        self._lease_s = lease_s
        self._claims = PipelinedConnection("aio task claims", CLAIM_STATEMENTS)
        self._claims_lock = asyncio.Lock()
        self._records = PipelinedConnection("aio task steps", RECORD_STATEMENTS)
        self._batcher: Batcher[StepNote, bool] = Batcher(self._run_batch)
        self._rates: dict[int, Rate] = {}

    async def close(self) -> None:
        """Wait for the records under way, then disconnect."""
        await self._batcher.idle()
        await self._records.close()
        await self._claims.close()

    async def claim(self, limits: Mapping[str, int]) -> list[ClaimedTask]:
        """Lease due tasks, at most so many of each upstream. Those that were held are submitting once this returns.

        Raises psycopg.Error; tasks that were leased all the same come back when their lease ends.
        """
        rows = await self._fetch(
            "claim",
            self.owner,
            str(self._lease_s),
            name_array_literal(list(limits)),
            array_literal(list(limits.values())),
        )
        return [read_claimed(row) for row in rows]

    async def renew(self, keys: Sequence[TaskKey]) -> None:
        """Renew leases. Tasks that this worker no longer holds stay as they are."""
        await self._fetch("renew", self.owner, str(self._lease_s), *key_parameters(keys))

    async def overdue(self, limit: int) -> list[TaskKey]:
        """At most `limit` live tasks past their deadline, whoever leases them."""
        rows = await self._fetch("overdue", str(limit))
        return [TaskKey(int(row[0] or 0), (row[1] or b"").decode()) for row in rows]

    async def forget_ended(self) -> None:
        """Give up on ended tasks whose upstream could not be told for long."""
        await self._fetch("forget")

    async def has_ended(self, key: TaskKey) -> bool:
        """Whether the task has ended by now."""
        rows = await self._fetch("ended", str(key.account_id), key.id)
        return rows == [(b"t",)]

    async def rate(self, rate_id: int) -> Rate:
        """The rate pinned on a task's hold; a published rate never changes, so it is asked for once."""
        rate = self._rates.get(rate_id)
        if rate is None:
            [(_, name, version, prices)] = await self._fetch("rate", str(rate_id))
            assert name is not None
            assert version is not None
            assert prices is not None
            rate = Rate.of(rate_id, name.decode(), int(version), prices_from_json(orjson.loads(prices)))
            self._rates[rate_id] = rate
        return rate

    async def record(self, note: StepNote) -> bool:
        """Record the result of a step and give the task back. False when this worker did not hold its lease any more.

        Raises psycopg.errors.UniqueViolation for an upstream's id that another task has, and ServiceUnavailable
        when the database is away for longer than a lease.
        """
        note.give_up_at = asyncio.get_running_loop().time() + PATIENCE_S
        try:
            return await self._batcher.submit(note)
        except psycopg.OperationalError as error:
            raise ServiceUnavailable(gettext_noop("The step could not be written down.")) from error

    async def _fetch(self, name: str, *parameters: str) -> list[Row]:
        async with self._claims_lock:
            [rows] = await self._claims.fetch([(name, parameters)])
            return rows

    async def _run_batch(self, notes: list[StepNote]) -> list[bool | Exception | Again]:
        try:
            [rows] = await self._records.fetch([("record", record_parameters(self.owner, notes))])
        except psycopg.OperationalError as error:
            log.warning("tasks are out of reach", error=type(error).__name__)
            await asyncio.sleep(RECONNECT_PAUSE_S)
            now = asyncio.get_running_loop().time()
            return [AGAIN if now < note.give_up_at else error for note in notes]
        return [row[0] == b"t" for row in rows]
