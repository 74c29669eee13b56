"""The ledger API by itself: hold and settle pairs on one account, in one process, against the running database.

A process that carries out one job after the other, `{"kind": "pairs", "in_flight", "seconds"}` or `{"kind":
"books"}`, for the key and the account that its command line names.
"""

import asyncio
import sys
import time
from typing import Any

import django
import uvloop

django.setup()

from django.db import connection

from accounts.keys.format import digest_of
from accounts.lookup import find_account
from aio_platform.http.request_ids import new_request_uuid
from benchmarks.children import next_job, report
from benchmarks.served_platform import RATE
from usage.ledger.calls import ADMITTED, CallEnd, CallToAuthorize, Credentials
from usage.ledger.client import Ledger
from usage.ledger.outcomes import Outcome
from usage.ledger.units import Units
from usage.models import Balance, PublishedRate, UsageEvent

CEILING_MICROCREDITS = 1000
CHARGE_MICROCREDITS = 500
HOLD_TTL_S = 180


def main(key: str, account_name: str) -> None:
    """Carry out jobs until the parent is gone."""
    account_id: int = find_account(account_name).pk
    rate_id = PublishedRate.objects.filter(name=RATE).latest("version").id
    caller = Credentials(digest_of(key), address="127.0.0.1")
    version = connection.cursor().execute("SHOW server_version").fetchone()[0]
    fsync = connection.cursor().execute("SHOW fsync").fetchone()[0]
    commit = connection.cursor().execute("SHOW synchronous_commit").fetchone()[0]
    report({"postgresql": f"{version}, fsync {fsync}, synchronous_commit {commit}"})
    while (job := next_job()) is not None:
        if job["kind"] == "pairs":
            report(uvloop.run(_pairs(caller, rate_id, job["in_flight"], job["seconds"])))
        else:
            report(_books(account_id))


def _books(account_id: int) -> dict[str, int]:
    """What the account's books say of all calls until now."""
    events = UsageEvent.objects.filter(account_id=account_id)
    return {
        "succeeded": events.filter(outcome=Outcome.SUCCEEDED.value).count(),
        "others": events.exclude(outcome=Outcome.SUCCEEDED.value).count(),
        "held_microcredits": Balance.objects.get(account_id=account_id).held_microcredits,
    }


async def _pairs(caller: Credentials, rate_id: int, in_flight: int, seconds: float) -> dict[str, Any]:
    ledger = Ledger()
    await ledger.open()
    pairs = [0] * in_flight
    ends_at = time.perf_counter() + seconds
    try:
        async with asyncio.TaskGroup() as group:
            for place in range(in_flight):
                group.create_task(_one_after_the_other(ledger, caller, rate_id, ends_at, pairs, place))
    finally:
        await ledger.close()
    took = time.perf_counter() - ends_at + seconds
    return {"rate": sum(pairs) / took, "answered": sum(pairs)}


async def _one_after_the_other(
    ledger: Ledger, caller: Credentials, rate_id: int, ends_at: float, pairs: list[int], place: int
) -> None:
    while time.perf_counter() < ends_at:
        request_uuid = new_request_uuid()
        verdict = await ledger.authorize(
            CallToAuthorize(
                request_uuid, caller, "chat", "bench", "route", rate_id, CEILING_MICROCREDITS, HOLD_TTL_S
            )
        )
        assert verdict.name == ADMITTED, verdict
        assert verdict.account_id is not None
        settlement = await ledger.settle(
            CallEnd(
                verdict.account_id,
                request_uuid,
                Outcome.SUCCEEDED,
                CHARGE_MICROCREDITS,
                Units(10, 20),
                upstream="bench",
                status=200,
                latency_ms=5,
                upstream_latency_ms=4,
            )
        )
        assert settlement.settled, settlement
        pairs[place] += 1


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
