"""One Idempotency-Key opens one task, and finds it again, whatever died between the opening and the answer.

A gateway that is killed there is one that opened its task and never kept its answer: nothing after the opening runs.
"""

import asyncio

import pytest

from aio_platform.db import database
from gateway.tasks.records import IdempotencyClaim, TaskToOpen
from gateway.tasks.store import TaskStore
from tests.gateway.local_upstream import Tenant
from tests.gateway.tasks.lab import task_to_open
from usage.errors import IdempotencyInFlight
from usage.ledger.calls import Credentials
from usage.ledger.rates import Rate

FINGERPRINT = b'\x00\\"{of},\xff'
CLAIM = IdempotencyClaim('a "key", {of} \\ 고양이', FINGERPRINT)


def keyed(tenant: Tenant, rate: Rate, claim: IdempotencyClaim = CLAIM) -> TaskToOpen:
    return task_to_open(tenant, rate)._replace(claim=claim)


def tasks_of(tenant: Tenant) -> list[str]:
    return [row["id"] for row in tenant.rows("SELECT id FROM gateway_task WHERE account_id = %s")]


async def test_a_repeat_finds_the_task_of_a_process_that_died_after_opening_it(
    store: TaskStore, tenant: Tenant, rate: Rate
) -> None:
    task = keyed(tenant, rate)
    opened = await store.open(task)
    heir = TaskStore()

    found = await heir.recall(tenant.caller, CLAIM.key)

    assert found is not None
    assert (found.id, found.model, found.created_at) == (task.id, task.call.model, opened.created_at)
    assert (found.request_uuid, found.fingerprint) == (task.call.request_uuid, FINGERPRINT)
    assert found.available_microcredits == opened.verdict.available
    assert await heir.recall(tenant.caller, "another key") is None
    assert await heir.recall(Credentials(b"of another account"), CLAIM.key) is None
    await heir.close()


async def test_a_key_never_opens_a_second_task_whoever_tries(
    store: TaskStore, tenant: Tenant, rate: Rate
) -> None:
    first = keyed(tenant, rate)
    await store.open(first)
    before = tenant.balance()
    others = [TaskStore() for _ in range(3)]

    tries = [other.open(keyed(tenant, rate)) for other in others for _ in range(4)]
    refused = await asyncio.gather(*tries, return_exceptions=True)

    assert {type(one) for one in refused} == {IdempotencyInFlight}
    assert tasks_of(tenant) == [first.id]
    assert tenant.balance() == before
    for other in others:
        await other.close()


async def test_of_many_at_once_under_one_key_one_opens(store: TaskStore, tenant: Tenant, rate: Rate) -> None:
    stores = [store, TaskStore()]
    tries = [stores[number % 2].open(keyed(tenant, rate)) for number in range(10)]

    came = await asyncio.gather(*tries, return_exceptions=True)

    refused = [one for one in came if isinstance(one, IdempotencyInFlight)]
    assert len(refused) == 9
    assert len(tasks_of(tenant)) == len(tenant.rows("SELECT 1 FROM usage_hold WHERE account_id = %s")) == 1
    await stores[1].close()


async def test_a_key_in_use_is_not_its_neighbours_fault(store: TaskStore, tenant: Tenant, rate: Rate) -> None:
    """They share a batch, which as a whole cannot be kept."""
    await store.open(keyed(tenant, rate))
    fresh = [keyed(tenant, rate, IdempotencyClaim(f"key {n}", FINGERPRINT)) for n in range(3)]
    keyless = [task_to_open(tenant, rate) for _ in range(3)]

    came = await asyncio.gather(
        *[store.open(task) for task in (*fresh, keyed(tenant, rate), *keyless)], return_exceptions=True
    )

    assert [isinstance(one, IdempotencyInFlight) for one in came] == [False] * 3 + [True] + [False] * 3
    assert {task.id for task in (*fresh, *keyless)} < set(tasks_of(tenant))


async def test_a_refused_task_leaves_its_key_free(store: TaskStore, tenant: Tenant, rate: Rate) -> None:
    dear = keyed(tenant, rate)
    dear = dear._replace(call=dear.call._replace(ceiling_microcredits=10**12))

    refused = await store.open(dear)
    opened = await store.open(keyed(tenant, rate))

    assert (refused.created_at, opened.created_at is None) == (None, False)


async def test_a_caller_that_leaves_finds_its_task_under_its_key(
    store: TaskStore, tenant: Tenant, rate: Rate
) -> None:
    """A task without a key ends when nobody was told of it; this one can be asked for again."""
    task = keyed(tenant, rate)
    opening = asyncio.ensure_future(store.open(task))
    await asyncio.sleep(0)
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    await store.close()

    found = await store.recall(tenant.caller, CLAIM.key)

    assert found is not None
    assert found.id == task.id
    [row] = tenant.rows("SELECT state FROM gateway_task WHERE account_id = %s")
    assert row["state"] == "held"


async def test_a_key_is_free_again_after_its_day(store: TaskStore, tenant: Tenant, rate: Rate) -> None:
    await store.open(keyed(tenant, rate))
    await store.open(keyed(tenant, rate, IdempotencyClaim("young", FINGERPRINT)))
    with database.connect("aio test clock") as owner:
        owner.execute(
            "UPDATE gateway_task_idempotency SET expires_at = expires_at - interval '24 hours'"
            " WHERE idempotency_key <> 'young'"
        )
        forgotten = owner.execute("SELECT gateway_forget_task_keys_v1(10)").fetchone()

    again = await store.open(keyed(tenant, rate))

    assert forgotten == (1,)
    assert again.created_at is not None
    with pytest.raises(IdempotencyInFlight):
        await store.open(keyed(tenant, rate, IdempotencyClaim("young", FINGERPRINT)))
