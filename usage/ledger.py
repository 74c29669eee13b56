"""The one Python door to the books: what the gateway asks of `usage/sql` while it carries a call.

Two round trips a call, each shared with every other call of this process by a Batcher. Refusals come back as
verdicts; exceptions are for a database that does not answer, and for bugs.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
import psycopg
import structlog

from aio_platform.batcher import Batcher
from aio_platform.database_line import DatabaseLine
from aio_platform.errors import ServiceUnavailable
from aio_platform.prepared_line import PreparedLine
from aio_platform.request_ids import milliseconds_of
from usage.outcomes import TRIAL_GIVEN_BACK, Outcome
from usage.units import Units

log = structlog.get_logger(__name__)

AUTHORIZE_SQL = "SELECT * FROM usage_authorize_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
SETTLE_SQL = (
    "SELECT * FROM usage_settle_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
    " $17, $18, $19, $20)"
)
REFUSE_SQL = "SELECT usage_refuse_v1(%s, %s, %s, %s, %s, %s)"
SETTLE_PATIENCE_S = 30.0
RECONNECT_PAUSE_S = 0.05
ADMITTED = "admitted"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a key by its digest, or a signed-in member of an account. `address` is empty when unknown."""

    key_digest: bytes | None
    account_id: int | None = None
    member_id: int | None = None
    address: str = ""


class CallToAuthorize(NamedTuple):
    """One call before it is carried: the hold it asks for, in micro-credits, and how long that may live."""

    request_uuid: str
    caller: Caller
    endpoint: str
    model: str
    route: str
    rate_id: int
    ceiling_microcredits: int
    hold_ttl_s: int


class Verdict(NamedTuple):
    """The money door's answer. `name` is 'admitted' or the refusal; amounts are micro-credits."""

    name: str
    account_id: int | None
    key_id: int | None
    available: int | None
    held: int | None
    allowance: int | None
    minute_limit: int | None
    minute_remaining: int | None
    minute_reset_s: int | None


@dataclass(slots=True)
class CallEnd:
    """How a held call ended. `charge_microcredits` None releases the hold; else that much is captured."""

    account_id: int
    request_uuid: str
    outcome: Outcome
    charge_microcredits: int | None
    units: Units = field(default_factory=Units)
    upstream: str | None = None
    status: int | None = None
    streamed: bool = False
    estimated: bool = False
    latency_ms: int = 0
    upstream_latency_ms: int | None = None
    first_byte_ms: int | None = None
    attempts: Sequence[dict[str, Any]] | None = None


class Settlement(NamedTuple):
    """`settled` is False when the hold had ended before; then nothing was charged by this call."""

    settled: bool
    charged: int | None
    available: int | None


def array_literal(values: Sequence[object]) -> str:
    """PostgreSQL's text form of an array of numbers, booleans, hex digits and nulls.

    Not for free text: nothing is quoted. psycopg's own lists cost a microsecond an element, this a tenth.
    """
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def text_array_literal(values: Sequence[str | None]) -> str:
    """PostgreSQL's text form of an array of any strings."""
    return "{" + ",".join([_quoted(value) for value in values]) + "}"


@lru_cache(maxsize=4096)
def _quoted(value: str | None) -> str:
    """Names of models, routes and addresses come again and again."""
    if value is None:
        return "NULL"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Ledger:
    """This process's connections to the books. Open once, close after the last call has settled."""

    def __init__(self) -> None:
        self._authorize_line = PreparedLine("aio authorize", AUTHORIZE_SQL)
        self._settle_line = PreparedLine("aio settle", SETTLE_SQL)
        self._refuse_line = DatabaseLine("aio refuse")
        self._authorizations: Batcher[CallToAuthorize, Verdict] = Batcher(
            self._authorize_batch, on_abandoned=self._release_abandoned
        )
        self._settlements: Batcher[CallEnd, Settlement] = Batcher(self._settle_batch)
        self._background: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Connect; raises psycopg.OperationalError when the database is not there."""
        await self._authorize_line.connect()
        await self._settle_line.connect()

    async def close(self) -> None:
        """Wait for what is under way, then disconnect."""
        while self._background:
            await asyncio.gather(*self._background, return_exceptions=True)
        await self._authorizations.idle()
        await self._settlements.idle()
        await self._authorize_line.close()
        await self._settle_line.close()
        await self._refuse_line.close()

    async def authorize(self, call: CallToAuthorize) -> Verdict:
        """Check the caller and hold the ceiling, in one statement.

        Raises ServiceUnavailable when the database does not answer; whatever hold that may have left is
        released in the background. A caller that is cancelled while it waits leaves no hold either.
        """
        try:
            return await self._authorizations.submit(call)
        except psycopg.Error as error:
            log.error("authorisation failed", error=type(error).__name__)
            raise ServiceUnavailable("The platform cannot take calls right now.") from error

    async def settle(self, end: CallEnd) -> Settlement:
        """End a hold and write its usage event; returns once that is committed, or raises.

        Runs to its end even when the caller is cancelled. Raises ServiceUnavailable when the database stays
        away for SETTLE_PATIENCE_S; the hold then ends by expiry.
        """
        try:
            return await self._settlements.submit(end)
        except psycopg.Error as error:
            log.error("settlement failed", error=type(error).__name__, request_uuid=end.request_uuid)
            raise ServiceUnavailable("The call was carried, but could not be recorded.") from error

    async def refuse(self, caller: Caller, endpoint: str | None, code: str | None) -> str | None:
        """The refusal that comes before the caller's own mistake, or None; counts whichever it was.

        Without an endpoint the key's endpoints are not looked at; without a code only the refusal is counted.
        """
        parameters = (
            caller.key_digest,
            caller.account_id,
            caller.member_id,
            caller.address or None,
            endpoint,
            code,
        )
        try:
            rows = await self._refuse_line.fetch(REFUSE_SQL, parameters)
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
            end = CallEnd(verdict.account_id, call.request_uuid, Outcome.CANCELLED, charge_microcredits=None)
            self.run_in_background(self.settle(end))

    async def _authorize_batch(self, calls: list[CallToAuthorize]) -> list[Verdict]:
        rows = await self._authorize_line.fetch(_authorize_parameters(calls))
        return [
            Verdict._make([row[0].decode(), *[value and int(value) for value in row[1:]]])  # type: ignore[union-attr]
            for row in rows
        ]

    async def _settle_batch(self, ends: list[CallEnd]) -> list[Settlement]:
        """Settling is safe to repeat, so a lost connection is tried again until patience ends."""
        parameters = _settle_parameters(ends)
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + SETTLE_PATIENCE_S
        while True:
            try:
                rows = await self._settle_line.fetch(parameters)
                return [
                    Settlement(row[0] == b"t", row[1] and int(row[1]), row[2] and int(row[2]))  # type: ignore[arg-type]
                    for row in rows
                ]
            except psycopg.OperationalError as error:
                if loop.time() > give_up_at:
                    raise
                log.warning("settlement is tried again", error=type(error).__name__)
                await asyncio.sleep(RECONNECT_PAUSE_S)


def _authorize_parameters(calls: list[CallToAuthorize]) -> tuple[str, ...]:
    callers = [call.caller for call in calls]
    return (
        array_literal([call.request_uuid for call in calls]),
        # Not through the cache of quoted names: digests are not kept.
        array_literal([c.key_digest and '"\\\\x' + c.key_digest.hex() + '"' for c in callers]),
        array_literal([c.account_id for c in callers]),
        array_literal([c.member_id for c in callers]),
        text_array_literal([c.address or None for c in callers]),
        text_array_literal([call.endpoint for call in calls]),
        text_array_literal([call.model for call in calls]),
        text_array_literal([call.route for call in calls]),
        array_literal([call.rate_id for call in calls]),
        array_literal([call.ceiling_microcredits for call in calls]),
        array_literal([milliseconds_of(call.request_uuid) for call in calls]),
        array_literal([call.hold_ttl_s for call in calls]),
    )


def _settle_parameters(ends: list[CallEnd]) -> tuple[str, ...]:
    units = [end.units for end in ends]
    return (
        array_literal([end.account_id for end in ends]),
        array_literal([end.request_uuid for end in ends]),
        array_literal([end.outcome.value for end in ends]),
        array_literal([end.charge_microcredits for end in ends]),
        array_literal([end.outcome in TRIAL_GIVEN_BACK for end in ends]),
        text_array_literal([end.upstream for end in ends]),
        array_literal([end.status for end in ends]),
        array_literal([end.streamed for end in ends]),
        array_literal([end.estimated for end in ends]),
        array_literal([u.tokens_in for u in units]),
        array_literal([u.tokens_out for u in units]),
        array_literal([u.images for u in units]),
        array_literal([u.audio_ms for u in units]),
        array_literal([u.characters for u in units]),
        array_literal([u.pixel_steps for u in units]),
        array_literal([u.video_ms for u in units]),
        array_literal([end.latency_ms for end in ends]),
        array_literal([end.upstream_latency_ms for end in ends]),
        array_literal([end.first_byte_ms for end in ends]),
        text_array_literal([end.attempts and orjson.dumps(end.attempts).decode() for end in ends]),  # type: ignore[misc]
    )
