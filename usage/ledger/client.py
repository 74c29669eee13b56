"""The asynchronous ledger API: what the gateway asks of `usage/sql` while it carries a call.

Two round trips a call, each shared with every other call of this process by a Batcher. Refusals come back as
verdicts; exceptions are for a database that does not answer, and for bugs.
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
from usage.ledger.calls import ADMITTED, CallEnd, CallToAuthorize, Credentials, Settlement, Verdict
from usage.ledger.outcomes import Outcome
from usage.ledger.wire import authorize_parameters, read_settlement, read_verdict, settle_parameters
from usage.metrics import BATCH_ITEMS, BATCH_S, CALLS_ENDED, SETTLEMENT_RETRIES, SETTLEMENTS_GIVEN_UP

log = structlog.get_logger(__name__)

AUTHORIZE_SQL = "SELECT * FROM usage_authorize_v2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
SETTLE_SQL = (
    "SELECT * FROM usage_settle_v2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
    " $17, $18, $19, $20)"
)
REFUSE_SQL = "SELECT usage_refuse_v1(%s, %s, %s, %s, %s, %s, %s)"
SETTLE_PATIENCE_S = 30.0
RECONNECT_PAUSE_S = 0.05


class Ledger:
    """This process's connections to the books. Open once, close after the last call has settled."""

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
        """Connect; raises psycopg.OperationalError when the database is not there."""
        await self._authorize_connection.connect()
        await self._settle_connection.connect()

    async def close(self) -> None:
        """Wait for what is under way, then disconnect."""
        await self.finish_pending()
        await self._authorize_connection.close()
        await self._settle_connection.close()
        await self._refuse_connection.close()

    async def finish_pending(self) -> None:
        """Wait until everything that was asked of the books by now is in them."""
        await self._authorizations.idle()
        while self._background:
            await asyncio.gather(*self._background, return_exceptions=True)
        await self._settlements.idle()

    async def authorize(self, call: CallToAuthorize) -> Verdict:
        """Check the caller and hold the ceiling, in one statement.

        Raises ServiceUnavailable when the database does not answer; a hold that may have been left then ends
        by expiry. A caller that is cancelled while it waits leaves no hold.
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
            raise ServiceUnavailable("The platform cannot take calls right now.") from error
        return verdict

    async def settle(self, end: CallEnd) -> Settlement:
        """End a hold and write its usage event; returns once that is committed, or raises.

        Runs to its end even when the caller is cancelled. A lost database is waited for, since settling is safe
        to repeat; raises ServiceUnavailable after SETTLE_PATIENCE_S, and the hold then ends by expiry.
        """
        end.give_up_at = asyncio.get_running_loop().time() + SETTLE_PATIENCE_S
        try:
            settlement = await self._settlements.submit(end)
        except psycopg.Error as error:
            SETTLEMENTS_GIVEN_UP[()].add()
            log.error("settlement failed", error=type(error).__name__, request_uuid=end.request_uuid)
            raise ServiceUnavailable("The call was carried, but could not be recorded.") from error
        return settlement

    async def refuse(
        self, caller: Credentials, endpoint: str | None, code: str | None, model: str | None = None
    ) -> str | None:
        """The refusal that comes before the caller's own mistake, or None; counts whichever it was.

        Without an endpoint or a model the key's are not looked at; without a code only the refusal is counted.
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
            raise ServiceUnavailable("The platform cannot take calls right now.") from error
        earlier: str | None = rows[0][0]
        return earlier

    def run_in_background(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run to the end whatever happens to the caller; the task is kept referenced until then."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _release_abandoned(self, call: CallToAuthorize, verdict: Verdict) -> None:
        """Whoever asked is gone; the hold that it would have owned ends here."""
        if verdict.name == ADMITTED and verdict.account_id is not None:
            CALLS_ENDED[call.endpoint, Outcome.CANCELLED.value].add()
            end = CallEnd(verdict.account_id, call.request_uuid, Outcome.CANCELLED, charge_microcredits=None)
            self.run_in_background(self.settle(end))

    async def _authorize_batch(self, calls: list[CallToAuthorize]) -> Sequence[Verdict | Exception]:
        try:
            rows = await _run(
                self._authorize_connection, "authorize", authorize_parameters(calls), len(calls)
            )
        except psycopg.OperationalError:
            log.warning("the books are out of reach")
            await asyncio.sleep(RECONNECT_PAUSE_S)
            raise
        except psycopg.Error as error:
            if len(calls) == 1:
                return [error]
            # One call's fault must not become its neighbours': each runs by itself, and answers for itself.
            return [(await self._authorize_batch([call]))[0] for call in calls]
        return [read_verdict(row) for row in rows]

    async def _settle_batch(self, ends: list[CallEnd]) -> Sequence[Settlement | Exception | Again]:
        """Settling is safe to repeat, so what a lost connection left open goes into the next batch."""
        try:
            rows = await _run(self._settle_connection, "settle", settle_parameters(ends), len(ends))
        except psycopg.OperationalError as error:
            log.warning("the books are out of reach", error=type(error).__name__)
            await asyncio.sleep(RECONNECT_PAUSE_S)
            now = asyncio.get_running_loop().time()
            SETTLEMENT_RETRIES[()].add(sum(now < end.give_up_at for end in ends))
            return [AGAIN if now < end.give_up_at else error for end in ends]
        except psycopg.Error as error:
            if len(ends) == 1:
                return [error]
            return [(await self._settle_batch([end]))[0] for end in ends]
        return [read_settlement(row) for row in rows]


async def _run(
    connection: PipelinedConnection, name: str, parameters: Sequence[str | None], items: int
) -> list[Row]:
    started = time.perf_counter()
    [rows] = await connection.fetch([(name, parameters)])
    BATCH_S[()].observe(time.perf_counter() - started)
    BATCH_ITEMS[()].observe(items)
    return rows
