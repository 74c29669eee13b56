"""A task is its account's alone: nobody else finds it, lists it, or has it by an idempotency key."""

import pytest

from accounts.keys import lifecycle
from accounts.keys.format import digest_of
from gateway.tasks.listing import TaskFilter
from gateway.tasks.records import IdempotencyClaim
from gateway.tasks.store import TaskStore
from tests.gateway.local_upstream import Tenant
from tests.gateway.tasks.lab import open_task, task_to_open
from usage.ledger import grants
from usage.ledger.calls import Credentials
from usage.ledger.rates import Rate

CLAIM = IdempotencyClaim("the-key", b"f" * 32)


@pytest.fixture
def stranger(tenant: Tenant) -> Credentials:
    """A key of another account."""
    account, _ = grants.open_account("Somebody else", "unlimited")
    _, key = lifecycle.issue_key(account, "stranger")
    return Credentials(digest_of(key))


async def test_another_tenants_task_is_not_found(
    stranger: Credentials, store: TaskStore, tenant: Tenant, rate: Rate
) -> None:
    task = await open_task(store, tenant, rate)
    assert await store.find(tenant.caller, task.id) is not None
    assert await store.find(stranger, task.id) is None
    assert await store.find(Credentials(b"\0" * 32), task.id) is None


async def test_another_tenants_tasks_are_not_listed(
    stranger: Credentials, store: TaskStore, tenant: Tenant, rate: Rate
) -> None:
    task = await open_task(store, tenant, rate)
    assert [row.id for row in (await store.page(tenant.caller, TaskFilter())).tasks] == [task.id]
    assert (await store.page(stranger, TaskFilter())).tasks == []


async def test_another_tenants_idempotency_key_finds_nothing(
    stranger: Credentials, store: TaskStore, tenant: Tenant, rate: Rate
) -> None:
    opening = task_to_open(tenant, rate)._replace(claim=CLAIM)
    await store.open(opening)
    found = await store.recall(tenant.caller, CLAIM.key)
    assert found is not None
    assert found.id == opening.id
    assert await store.recall(stranger, CLAIM.key) is None
