"""Tasks in a real database, and a store, a worker's queue and a whole worker to move them."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from pytest_django import Settings

from gateway.tasks import backoff
from gateway.tasks.completion import TaskFinisher
from gateway.tasks.queue import TaskQueue
from gateway.tasks.store import TaskStore
from gateway.upstreams.client import Upstreams
from tests.gateway.local_upstream import CREDIT, Tenant
from tests.gateway.tasks.lab import Lab, open_task, rate_of
from usage.ledger.rates import Rate

TABLES = "gateway_task, gateway_task_due, gateway_task_event"
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def patient_tasks(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine nothing runs out by itself: a test that is about a limit sets that limit. What is looked at
    again is so at once."""
    for pause in ("FIRST_LOOK_S", "FIRST_ERROR_PAUSE_S"):
        monkeypatch.setattr(backoff, pause, 0.05)
    settings.TASK_LEASE_S = 60
    settings.TASK_POLL_LIMIT_S = 60
    settings.TASK_SUBMIT_LIMIT_S = 60
    settings.TASK_STOP_LIMIT_S = 0.2


@pytest.fixture(autouse=True)
def committed_tasks(transactional_db: None) -> None:
    """Workers have connections of their own, so everything is committed."""


@pytest.fixture
def rate(tenant: Tenant) -> Rate:
    """Half a credit an image."""
    return rate_of(CREDIT // 2)


@pytest.fixture
async def store(tenant: Tenant) -> AsyncIterator[TaskStore]:
    opened = TaskStore()
    yield opened
    await opened.close()


@pytest.fixture
async def queue(tenant: Tenant) -> AsyncIterator[TaskQueue]:
    opened = TaskQueue(2.0)
    yield opened
    await opened.close()


@pytest.fixture
async def ends(tenant: Tenant, queue: TaskQueue) -> AsyncIterator[TaskFinisher]:
    """Ends of the worker whose leases `queue` takes."""
    opened = TaskFinisher(queue.owner)
    yield opened
    await opened.close()


@pytest.fixture
async def lab(tenant: Tenant, store: TaskStore, rate: Rate, upstreams: Upstreams) -> AsyncIterator[Lab]:
    """A worker on an upstream that does as the test says."""
    made = Lab(tenant, store, rate, upstreams)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def new_task(store: TaskStore, tenant: Tenant, rate: Rate) -> Callable[..., Awaitable[str]]:
    async def make(**fields: object) -> str:
        opened = await open_task(store, tenant, rate, **fields)
        return opened.id

    return make


@pytest.fixture(autouse=True)
async def no_step_is_left() -> AsyncIterator[None]:
    yield
    left = [task for task in asyncio.all_tasks() if "carry_out" in repr(task.get_coro())]
    assert left == []
