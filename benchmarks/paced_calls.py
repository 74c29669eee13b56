"""Calls written into the books at a steady pace, by a process of its own, until its parent has had enough.

`python -m benchmarks.paced_calls KEY RATE CALLS_PER_S` reports `{"written": n}` whenever it is told anything.
"""

import asyncio
import sys
import threading
import time

import django
import uvloop

django.setup()

from accounts.keys.format import digest_of
from aio_platform.http.request_ids import new_request_uuid
from benchmarks.children import next_job, report
from usage.ledger.calls import ADMITTED, CallEnd, CallToAuthorize, Credentials
from usage.ledger.client import Ledger
from usage.ledger.outcomes import Outcome
from usage.ledger.units import Units
from usage.models import PublishedRate

TICK_S = 0.02
written = 0


def main(key: str, rate: str, calls_per_s: float) -> None:
    """Write in a thread, and answer the parent."""
    rate_id = PublishedRate.objects.filter(name=rate).latest("version").id
    caller = Credentials(digest_of(key), address="127.0.0.1")
    threading.Thread(target=lambda: uvloop.run(_write(caller, rate_id, calls_per_s)), daemon=True).start()
    while next_job() is not None:
        report({"written": written})


async def _write(caller: Credentials, rate_id: int, calls_per_s: float) -> None:
    ledger = Ledger()
    await ledger.open()
    began, begun = time.perf_counter(), 0
    running: set[asyncio.Task[None]] = set()
    while True:
        due = int((time.perf_counter() - began) * calls_per_s)
        for _ in range(due - begun):
            call = asyncio.create_task(_call(ledger, caller, rate_id))
            running.add(call)
            call.add_done_callback(running.discard)
        begun = due
        await asyncio.sleep(TICK_S)


async def _call(ledger: Ledger, caller: Credentials, rate_id: int) -> None:
    global written
    request_uuid = new_request_uuid()
    verdict = await ledger.authorize(
        CallToAuthorize(request_uuid, caller, "chat", "bench", "route", rate_id, 1000, 180)
    )
    assert verdict.name == ADMITTED, verdict
    assert verdict.account_id is not None
    settlement = await ledger.settle(
        CallEnd(
            verdict.account_id,
            request_uuid,
            Outcome.SUCCEEDED,
            500,
            Units(10, 20),
            upstream="bench",
            status=200,
            latency_ms=5,
            upstream_latency_ms=4,
            first_byte_ms=4,
        )
    )
    assert settlement.settled, settlement
    written += 1


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
