"""Ends tasks, for gateways, which cancel them, and for workers."""

import asyncio

import psycopg
import structlog

from aio_platform.db.batcher import AGAIN, Again, Batcher
from aio_platform.db.pipelined_connection import PipelinedConnection
from aio_platform.errors import ServiceUnavailable
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.tasks.records import Transition, TransitionResult
from gateway.tasks.wire import finish_parameters, read_ended

log = structlog.get_logger(__name__)

FINISH = "SELECT * FROM gateway_finish_tasks_v2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
PATIENCE_S = 30.0
RECONNECT_PAUSE_S = 0.05


class TaskFinisher:
    """Ends tasks, many in one commit. `owner` is the worker's name in its leases; None for a gateway."""

    def __init__(self, owner: str | None = None) -> None:
        self._owner = owner
        self._connection = PipelinedConnection("aio task ends", {"finish": FINISH})
        self._batcher: Batcher[Transition, TransitionResult] = Batcher(self._run_batch)

    async def close(self) -> None:
        """Wait for the ends under way, then disconnect."""
        await self._batcher.idle()
        await self._connection.close()

    async def end(self, end: Transition) -> TransitionResult:
        """End a task, settle its hold and keep its results, in one commit. The result says whether this end won.

        Runs to its end even when the task that called it is cancelled. Ending is safe to repeat, so a lost database is
        tried again; raises ServiceUnavailable after PATIENCE_S.
        """
        end.give_up_at = asyncio.get_running_loop().time() + PATIENCE_S
        try:
            return await self._batcher.submit(end)
        except psycopg.Error as error:
            log.error("a task's end was not recorded", task=end.key.id, error=type(error).__name__)
            raise ServiceUnavailable(_("The task could not be changed right now.")) from error

    async def _run_batch(self, ends: list[Transition]) -> list[TransitionResult | Exception | Again]:
        try:
            [rows] = await self._connection.fetch([("finish", finish_parameters(self._owner, ends))])
        except psycopg.OperationalError as error:
            log.warning("tasks are out of reach", error=type(error).__name__)
            await asyncio.sleep(RECONNECT_PAUSE_S)
            now = asyncio.get_running_loop().time()
            for end in ends:
                end.repeated = True
            return [AGAIN if now < end.give_up_at else error for end in ends]
        return [_told(end, read_ended(row)) for end, row in zip(ends, rows, strict=True)]


def _told(end: Transition, ended: TransitionResult) -> TransitionResult:
    """An end whose commit was kept but whose answer was lost has won, though its repetition did not."""
    if end.repeated and ended.state is end.end.state:
        return ended._replace(won=True)
    return ended
