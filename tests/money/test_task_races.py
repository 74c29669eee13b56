"""Cancel against completion: one winner each time, and the books agree whoever it was."""

import asyncio
import random
from collections import Counter

import pytest

from accounts.keys import lifecycle
from accounts.keys.format import digest_of
from gateway.tasks.completion import TaskFinisher
from gateway.tasks.queue import TaskQueue
from gateway.tasks.records import StepNote, TaskKey, Transition
from gateway.tasks.states import SUCCEEDED_END, State
from gateway.tasks.store import TaskStore
from tests.gateway.local_upstream import CREDIT, Tenant
from tests.gateway.tasks.lab import OpenedTask, open_task, rate_of
from usage.ledger import grants
from usage.ledger.calls import Credentials
from usage.ledger.rates import Rate

PRICE = CREDIT // 2
AT_ONCE = 20


@pytest.fixture
def rich(transactional_db: None) -> Tenant:
    account, _ = grants.open_account("Racers", "unlimited", extra_microcredits=1000 * CREDIT)
    _, key = lifecycle.issue_key(account, "race")
    return Tenant(account.pk, Credentials(digest_of(key)), key, rate_of(PRICE))


async def test_a_cancel_and_a_completion_have_one_winner(rich: Tenant) -> None:
    await race(rich, 200)


@pytest.mark.prove
async def test_a_cancel_and_a_completion_have_one_winner_a_thousand_times(rich: Tenant) -> None:
    await race(rich, 1000)


async def race(tenant: Tenant, times: int) -> None:
    start, _ = tenant.balance()
    store, queue = TaskStore(), TaskQueue(60.0)
    ends = TaskFinisher(queue.owner)
    winners: Counter[str] = Counter()
    try:
        for _ in range(times // AT_ONCE):
            keys = await running_tasks(tenant, tenant.rate, store, queue)
            await asyncio.gather(*[one_race(key, store, ends, winners) for key in keys])
    finally:
        await asyncio.gather(store.close(), queue.close(), ends.close())
    print(f"{times} races: {dict(winners)}")
    assert winners.total() == times
    assert min(winners["cancelled"], winners["succeeded"]) > 0, "no race at all"
    assert tenant.balance() == (start - winners["succeeded"] * PRICE, 0)
    outcomes = Counter(event["outcome"] for event in tenant.outcomes())
    assert outcomes == winners
    assert len(tenant.rows("SELECT 1 FROM gateway_task_event WHERE account_id = %s")) == times
    assert tenant.rows("SELECT * FROM usage_reconcile_v2() WHERE %s IS NOT NULL") == []


async def running_tasks(tenant: Tenant, rate: Rate, store: TaskStore, queue: TaskQueue) -> list[TaskKey]:
    """Tasks that a worker is polling at this moment."""
    opened = await asyncio.gather(*[open_task(store, tenant, rate) for _ in range(AT_ONCE)])
    await claim_all(queue, opened)
    notes = [StepNote(t.key, 0.0, State.RUNNING, reference={"id": t.id}, upstream_key=t.id) for t in opened]
    assert all(await asyncio.gather(*[queue.record(note) for note in notes]))
    await claim_all(queue, opened)
    return [task.key for task in opened]


async def claim_all(queue: TaskQueue, wanted: list[OpenedTask]) -> None:
    """Those that earlier rounds cancelled are due as well: their upstream is to be told."""
    left = {task.key for task in wanted}
    while left:
        left -= {task.key for task in await queue.claim({"lab": 1000})}


async def one_race(key: TaskKey, store: TaskStore, ends: TaskFinisher, winners: Counter[str]) -> None:
    success = Transition(
        key, SUCCEEDED_END, leased=True, charge_microcredits=PRICE, results=["https://files.test/1.png"]
    )

    async def cancel() -> bool:
        await asyncio.sleep(random.random() * 0.004)
        return (await store.cancel(key)).won

    async def complete() -> bool:
        await asyncio.sleep(random.random() * 0.004)
        return (await ends.end(success)).won

    cancelled, succeeded = await asyncio.gather(cancel(), complete())
    assert cancelled != succeeded
    winners["cancelled" if cancelled else "succeeded"] += 1
