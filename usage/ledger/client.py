"""The asynchronous ledger API: the functions of `usage/sql` that the gateway calls while a call runs.

A call takes two round trips, and a Batcher shares each of them among the calls of this process. A refusal comes back
as a verdict; an exception means that the database did not answer, or a bug. Why money moves in SQL, and in this app:
see ADR 1 and ADR 2.
"""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any

import psycopg
import structlog

from aio_platform.db.batcher import AGAIN, Again, Batcher
from aio_platform.db.connection import Connection
from aio_platform.db.pipelined_connection import PipelinedConnection, Row
from aio_platform.errors import ServiceUnavailable
from aio_platform.i18n.translatable import gettext_noop as _
from usage.ledger.calls import ADMITTED, CallEnd, CallToAuthorize, Credentials, Settlement, Verdict
from usage.ledger.outcomes import Outcome
from usage.ledger.wire import authorize_parameters, read_settlement, read_verdict, settle_parameters
from usage.metrics import BATCH_ITEMS, BATCH_S, CALLS_ENDED, SETTLEMENT_RETRIES, SETTLEMENTS_GIVEN_UP

log = structlog.get_logger(__name__)

AUTHORIZE_SQL = "SELECT * FROM usage_authorize_v2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
SETTLE_SQL = (
    "SELECT * FROM usage_settle_v3($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
    " $17, $18, $19, $20, $21)"
)
REFUSE_SQL = "SELECT usage_refuse_v1(%s, %s, %s, %s, %s, %s, %s)"
SETTLE_PATIENCE_S = 30.0
RECONNECT_PAUSE_S = 0.05


class Ledger:
    """This process's connections to the ledger. Open it once, and close it after the last call has settled."""

    def __init__(self) -> None:
        # A connection each: while the database works on one kind of batch, the other is made or read. On one connection
        # they would share a transaction and a commit, and reached half as many pairs a second.
        self._authorize_connection = PipelinedConnection("aio authorize", {"authorize": AUTHORIZE_SQL})
        self._settle_connection = PipelinedConnection("aio settle", {"settle": SETTLE_SQL})
        self._refuse_connection = Connection("aio refuse")
        self._authorizations: Batcher[CallToAuthorize, Verdict] = Batcher(
            self._authorize_batch, on_abandoned=self._release_abandoned
        )
        self._settlements: Batcher[CallEnd, Settlement] = Batcher(self._settle_batch)
        self._background: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Connect. Raises psycopg.OperationalError when the database cannot be reached."""
        await self._authorize_connection.connect()
        await self._settle_connection.connect()

    async def close(self) -> None:
        """Wait for the statements under way, then disconnect."""
        await self.finish_pending()
        await self._authorize_connection.close()
        await self._settle_connection.close()
        await self._refuse_connection.close()

    async def finish_pending(self) -> None:
        """Wait until all authorisations and settlements that were submitted so far are done."""
        await self._authorizations.idle()
        while self._background:
            await asyncio.gather(*self._background, return_exceptions=True)
        await self._settlements.idle()

    async def authorize(self, call: CallToAuthorize) -> Verdict:
        """Check the caller and hold the call's ceiling, in one statement. Returns the verdict, refusals included.

        Raises ServiceUnavailable when the database does not answer; a hold that it made all the same expires. A task
        that is cancelled while it waits here leaves no hold.
        """
        future = self._authorizations.submit(call)
        try:
            verdict = await future
        except asyncio.CancelledError:
            # Cancelled between the verdict's coming and our waking up: the Batcher thinks it delivered.
            if future.done() and not future.cancelled() and future.exception() is None:
                self._release_abandoned(call, future.result())
            raise
        except psycopg.Error as error:
            log.error("authorisation failed", error=type(error).__name__)
            raise ServiceUnavailable(_("The platform cannot take calls right now.")) from error
        return verdict

    async def settle(self, end: CallEnd) -> Settlement:
        """End a hold and write the call's usage event. Returns once both are committed.

        Runs to its end even when the task that called it is cancelled. Settling is safe to repeat, so a lost database
        is tried again; after SETTLE_PATIENCE_S this raises ServiceUnavailable, and the hold expires.
        """
        end.give_up_at = asyncio.get_running_loop().time() + SETTLE_PATIENCE_S
        try:
            settlement = await self._settlements.submit(end)
        except psycopg.Error as error:
            SETTLEMENTS_GIVEN_UP[()].add()
            log.error("settlement failed", error=type(error).__name__, request_uuid=end.request_uuid)
            raise ServiceUnavailable(_("The call was carried, but could not be recorded.")) from error
        return settlement

    async def refuse(
        self, caller: Credentials, endpoint: str | None, code: str | None, model: str | None = None
    ) -> str | None:
        """Check a caller whose request is refused anyway, for `code`, and count one refusal.

        Returns the name of the refusal that authorisation would have given before it, or None; that one is counted
        where there is one, and `code` otherwise. Without an endpoint or a model, the key's scopes of that kind are not
        checked; without a code, nothing is counted where authorisation would refuse nothing. Raises
        ServiceUnavailable when the database does not answer.
        """
        parameters = (
            caller.key_digest,
            caller.account_id,
            caller.member_id,
            caller.address or None,
            endpoint,
            model,
            code,
        )
        try:
            rows = await self._refuse_connection.fetch(REFUSE_SQL, parameters)
        except psycopg.Error as error:
            raise ServiceUnavailable(_("The platform cannot take calls right now.")) from error
        earlier: str | None = rows[0][0]
        return earlier

    def run_in_background(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run `work` to its end, whatever happens to the task that called this."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _release_abandoned(self, call: CallToAuthorize, verdict: Verdict) -> None:
        """Release the hold of a call whose task was cancelled before it was given the verdict."""
        if verdict.name == ADMITTED and verdict.account_id is not None:
            CALLS_ENDED[call.endpoint, Outcome.CANCELLED.value].add()
            end = CallEnd(verdict.account_id, call.request_uuid, Outcome.CANCELLED, charge_microcredits=None)
            self.run_in_background(self.settle(end))

    async def _authorize_batch(self, calls: list[CallToAuthorize]) -> Sequence[Verdict]:
        try:
            rows = await _run(
                self._authorize_connection, "authorize", authorize_parameters(calls), len(calls)
            )
        except psycopg.OperationalError:
            log.warning("the books are out of reach")
            await asyncio.sleep(RECONNECT_PAUSE_S)
            raise
        return [read_verdict(row) for row in rows]

    async def _settle_batch(self, ends: list[CallEnd]) -> Sequence[Settlement | Exception | Again]:
        """Settle a batch. What a lost connection left open goes into the next one, since settling is safe to repeat."""
        try:
            rows = await _run(self._settle_connection, "settle", settle_parameters(ends), len(ends))
        except psycopg.OperationalError as error:
            log.warning("the books are out of reach", error=type(error).__name__)
            await asyncio.sleep(RECONNECT_PAUSE_S)
            now = asyncio.get_running_loop().time()
            SETTLEMENT_RETRIES[()].add(sum(now < end.give_up_at for end in ends))
            return [AGAIN if now < end.give_up_at else error for end in ends]
        return [read_settlement(row) for row in rows]


async def _run(
    connection: PipelinedConnection, name: str, parameters: Sequence[str | None], items: int
) -> list[Row]:
    started = time.perf_counter()
    [rows] = await connection.fetch([(name, parameters)])
    BATCH_S[()].observe(time.perf_counter() - started)
    BATCH_ITEMS[()].observe(items)
    return rows
