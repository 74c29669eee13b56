"""Tells customers of their tasks' ends, until told to stop. Any number of these may run beside each other."""

import asyncio
import time
from collections import Counter

import aiohttp
import psycopg
import structlog

from aio_platform.http.public_client import public_session
from gateway.webhooks_out.event_body import event_body, public_event_id
from gateway.webhooks_out.queue import Claimed, DeliveryQueue
from gateway.webhooks_out.schedule import wait_after
from gateway.webhooks_out.sealing import Unreadable, unseal
from gateway.webhooks_out.sending import TIME_LIMIT_S, Outcome, send
from gateway.webhooks_out.signing import signed_headers

log = structlog.get_logger(__name__)
MAX_IN_FLIGHT = 64
# A receiver that takes its 15 seconds each time holds up its own account only.
MAX_IN_FLIGHT_PER_ACCOUNT = 8
LOOK_EVERY_S = 0.5
DATABASE_PAUSE_S = 1.0
RECORD_PATIENCE_S = 20.0


async def run(stop: asyncio.Event) -> None:
    """Send what is due until `stop` is set, then finish what is under way (some 15 s at most).

    At least once: an event whose worker dies between its acknowledgement and the commit is sent again, under the
    same id. A database that is away is waited for.
    """
    queue = DeliveryQueue()
    try:
        async with public_session(MAX_IN_FLIGHT, total_s=TIME_LIMIT_S) as session:
            await _Worker(queue, session).work(stop)
    finally:
        await queue.close()


class _Worker:
    def __init__(self, queue: DeliveryQueue, session: aiohttp.ClientSession) -> None:
        self._queue = queue
        self._session = session
        self._under_way: set[asyncio.Task[None]] = set()
        self._accounts: Counter[int] = Counter()

    async def work(self, stop: asyncio.Event) -> None:
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                found = await self._start_due()
                pause_s = DATABASE_PAUSE_S if found is None else LOOK_EVERY_S
                full = len(self._under_way) >= MAX_IN_FLIGHT
                if found and not full:
                    continue
                # Something that ends makes room; where there is room already, nothing but time brings more.
                await asyncio.wait(
                    {stopped, *(self._under_way if full else ())},
                    timeout=pause_s,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            if self._under_way:
                await asyncio.wait(self._under_way)
        finally:
            for task in (stopped, *self._under_way):
                task.cancel()
            await asyncio.gather(stopped, *self._under_way, return_exceptions=True)

    async def _start_due(self) -> int | None:
        """Start what is due and there is room for; how many, or None when the database did not answer."""
        room = MAX_IN_FLIGHT - len(self._under_way)
        if room == 0:
            return 0
        try:
            claimed = await self._queue.claim(room, MAX_IN_FLIGHT_PER_ACCOUNT, self._accounts)
        except psycopg.Error as error:
            log.warning("callbacks are out of reach", error=type(error).__name__)
            return None
        for delivery in claimed:
            self._accounts[delivery.account_id] += 1
            task = asyncio.create_task(self._deliver(delivery))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return len(claimed)

    async def _deliver(self, delivery: Claimed) -> None:
        try:
            outcome, wait_s = await self._attempt(delivery)
            await self._record(delivery, outcome, wait_s)
        except Exception:
            # The lease ends by itself, and the delivery is tried again.
            log.exception("a callback's attempt broke", delivery=str(delivery.id))
        finally:
            self._accounts[delivery.account_id] -= 1
            if not self._accounts[delivery.account_id]:
                del self._accounts[delivery.account_id]

    async def _attempt(self, delivery: Claimed) -> tuple[Outcome, float | None]:
        """What came of sending it, and when to try again."""
        if delivery.task is None:
            return Outcome(0, error="The task is not kept any more."), None
        secrets = _readable(delivery.sealed_secrets)
        if delivery.sealed_secrets and not secrets:
            outcome = Outcome(0, error="The account's secret cannot be read; rotate it, then send again.")
            return outcome, wait_after(delivery.tries, outcome)
        secrets = secrets or [unseal(await self._queue.make_secret(delivery.account_id))]
        body = event_body(delivery.type, delivery.event_at, delivery.task)
        headers = signed_headers(secrets, public_event_id(delivery.event_id), int(time.time()), body)
        outcome = await send(self._session, delivery.url, headers, body)
        return outcome, wait_after(delivery.tries, outcome)

    async def _record(self, delivery: Claimed, outcome: Outcome, wait_s: float | None) -> None:
        give_up_at = time.monotonic() + RECORD_PATIENCE_S
        while True:
            try:
                moved = await self._queue.record(delivery, outcome, wait_s)
            except psycopg.OperationalError:
                # Worth some patience: what is acknowledged but not recorded is sent once more.
                if time.monotonic() > give_up_at:
                    raise
                await asyncio.sleep(DATABASE_PAUSE_S)
            else:
                log.info(
                    "callback sent",
                    delivery=str(delivery.id),
                    attempt=delivery.number,
                    status=outcome.status,
                    duration_ms=outcome.duration_ms,
                    superseded=not moved,
                )
                return


def _readable(sealed_secrets: list[str]) -> list[str]:
    secrets = []
    for sealed in sealed_secrets:
        try:
            secrets.append(unseal(sealed))
        except Unreadable:
            log.error("a callback secret was sealed with another SECRET_KEY")
    return secrets
