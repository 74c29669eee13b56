"""The gateway's store of tasks: opens, finds, lists and cancels them, and takes upstreams' hints."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import psycopg
import structlog

from aio_platform.db.batcher import Batcher
from aio_platform.db.connection import Connection
from aio_platform.db.pipelined_connection import PipelinedConnection
from aio_platform.errors import PlatformError, ServiceUnavailable
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.tasks.completion import TaskFinisher
from gateway.tasks.listing import FIND_SQL, RECALL_SQL, Page, TaskFilter, page_query, read_row
from gateway.tasks.records import Opened, Recalled, TaskKey, TaskRow, TaskToOpen, Transition, TransitionResult
from gateway.tasks.states import CANCELLED_END
from gateway.tasks.wire import open_parameters, read_opened
from usage.errors import IdempotencyInFlight
from usage.ledger.calls import ADMITTED, Credentials

log = structlog.get_logger(__name__)

OPEN = (
    "SELECT * FROM gateway_open_tasks_v2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
    " $17, $18, $19, $20, $21, $22, $23)"
)
CLAIM_CONSTRAINT = "gateway_task_idempotency_pkey"
HINT_SQL = "SELECT gateway_hint_task_v1(%s, %s)"
CANCELLED_MESSAGE = _("The task was cancelled at your request. Nothing was charged.")
ABANDONED_MESSAGE = _("The client left before it was told of the task. Nothing was charged.")
OUT_OF_REACH = _("The platform cannot take calls right now.")


class TaskStore:
    """This process's connections for tasks; each is made when it is first needed."""

    def __init__(self) -> None:
        self._open_connection = PipelinedConnection("aio tasks", {"open": OPEN})
        self._read_connection = Connection("aio task reads")
        self._batcher: Batcher[TaskToOpen, Opened] = Batcher(
            self._run_batch, max_batch_size=64, on_abandoned=self._cancel_abandoned
        )
        self._finisher = TaskFinisher()
        self._background: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """Wait for what is under way, then disconnect."""
        await self._batcher.idle()
        while self._background:
            await asyncio.gather(*self._background, return_exceptions=True)
        await self._finisher.close()
        await self._open_connection.close()
        await self._read_connection.close()

    async def open(self, task: TaskToOpen) -> Opened:
        """Hold a task's price and create the task, in one commit.

        Raises IdempotencyInFlight when its key stands for another task since just now, and ServiceUnavailable when the
        database does not answer; a task that was opened all the same is seen in the listing. A caller that is
        cancelled while it waits leaves no hold: its task is cancelled, unless it has a key to find it by.
        """
        try:
            return await self._batcher.submit(task)
        except psycopg.errors.UniqueViolation as error:
            if error.diag.constraint_name != CLAIM_CONSTRAINT:
                raise
            raise IdempotencyInFlight from None
        except psycopg.Error as error:
            log.error("a task was not opened", error=type(error).__name__)
            raise ServiceUnavailable(OUT_OF_REACH) from error

    async def find(self, caller: Credentials, task_id: str) -> tuple[TaskKey, TaskRow] | None:
        """The caller's task with that id; None where there is none, and for another account's."""
        rows = await self._fetch(FIND_SQL, (caller.key_digest, caller.account_id, task_id))
        return None if not rows else (TaskKey(rows[0][0], rows[0][1]), read_row(rows[0][1:]))

    async def recall(self, caller: Credentials, idempotency_key: str) -> Recalled | None:
        """The task that the caller's account opened under that key, or None."""
        rows = await self._fetch(RECALL_SQL, (caller.key_digest, caller.account_id, idempotency_key))
        if not rows:
            return None
        task_id, model, created_at, request_uuid, fingerprint, available, upstream = rows[0]
        return Recalled(task_id, model, created_at, request_uuid.hex, fingerprint, available, upstream)

    async def page(self, caller: Credentials, wanted: TaskFilter) -> Page:
        """Some of the caller's tasks, newest first."""
        sql, parameters = page_query(caller, wanted)
        rows = await self._fetch(sql, parameters)
        tasks = [read_row(row) for row in rows[: wanted.limit]]
        return Page(datetime.now(UTC), tasks, len(rows) > wanted.limit)

    async def cancel(self, key: TaskKey) -> TransitionResult:
        """End a task at its owner's request, unless it has ended. A worker tells its upstream."""
        return await self._finisher.end(Transition(key, CANCELLED_END, message=CANCELLED_MESSAGE))

    async def hint(self, upstream: str, upstream_key: str) -> bool:
        """Have a task polled now, because its upstream called. False where there is no such task, or it has ended."""
        rows = await self._fetch(HINT_SQL, (upstream, upstream_key))
        return bool(rows[0][0])

    async def _fetch(self, sql: Any, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            return await self._read_connection.fetch(sql, parameters)
        except psycopg.Error as error:
            raise ServiceUnavailable(OUT_OF_REACH) from error

    async def _run_batch(self, tasks: list[TaskToOpen]) -> list[Opened]:
        [rows] = await self._open_connection.fetch([("open", open_parameters(tasks))])
        return [read_opened(row) for row in rows]

    def _cancel_abandoned(self, task: TaskToOpen, opened: Opened) -> None:
        """Cancel a task whose client left before it was told the task's id.

        One with an idempotency key goes on: its client can ask for it again.
        """
        account_id = opened.verdict.account_id
        if opened.verdict.name == ADMITTED and account_id is not None and task.claim is None:
            end = Transition(TaskKey(account_id, task.id), CANCELLED_END, message=ABANDONED_MESSAGE)
            self._run_in_background(self._end_quietly(end))

    async def _end_quietly(self, end: Transition) -> None:
        try:
            await self._finisher.end(end)
        except PlatformError:
            pass  # logged where it was raised; the task then runs, and is in its owner's listing

    def _run_in_background(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
