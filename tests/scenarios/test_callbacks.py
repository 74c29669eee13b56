"""A customer's endpoint is down for an hour; afterwards it gets every event: signed, and once for each it acknowledges.

Real tasks end as workers end them, workers run as `manage.py work` runs them, and time is the deliveries' own:
it is advanced instead of waited for.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from pytest_django import Settings
from standardwebhooks import WebhookVerificationError

from accounts.keys import lifecycle
from accounts.keys.format import digest_of
from gateway.tasks.store import TaskStore
from gateway.webhooks_out import signing_secrets, worker
from gateway.webhooks_out.signing import new_secret
from tests.gateway.local_upstream import CREDIT, Tenant
from tests.gateway.tasks.lab import open_task, rate_of
from tests.gateway.webhooks_out.customer import Endpoint, WebhookLab, Workers, eventually
from usage.ledger import grants
from usage.ledger.calls import Credentials

HOUR_S = 3600
EVENTS = 12


@pytest.fixture
def customer(transactional_db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    settings.AIO_PRIVATE_URL_NETWORKS = ["127.0.0.1/32"]
    monkeypatch.setattr(worker, "LOOK_EVERY_S", 0.02)
    account, _ = grants.open_account("Ada's lab", "unlimited", extra_microcredits=100 * CREDIT)
    _, key = lifecycle.issue_key(account, "tasks")
    return Tenant(account.pk, Credentials(digest_of(key)), key, rate_of(CREDIT))


@pytest.fixture
def secret(customer: Tenant) -> str:
    return signing_secrets.secrets_of(customer.account_id).secret


@pytest.fixture
async def tasks(customer: Tenant) -> AsyncIterator[TaskStore]:
    opened = TaskStore()
    yield opened
    await opened.close()


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    made = Endpoint()
    runner = await made.start()
    yield made
    await runner.cleanup()


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    made = Workers()
    yield made
    await made.stop()


async def test_an_endpoint_that_fails_for_an_hour_gets_each_event_once_afterwards(
    customer: Tenant, secret: str, tasks: TaskStore, endpoint: Endpoint, workers: Workers
) -> None:
    webhook_lab = WebhookLab()
    is_down = True
    asked = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        """While down: refusals of several kinds, and connections cut without a word."""
        nonlocal asked
        asked += 1
        if not is_down:
            return web.Response(status=(200, 201, 204)[asked % 3])
        if asked % 4 == 0:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=(500, 404, 429, 503)[asked % 4])

    endpoint.answer = answer
    ended = []
    for _ in range(EVENTS):
        task = await open_task(tasks, customer, customer.rate, callback_url=endpoint.url)
        assert (await tasks.cancel(task.key)).won
        ended.append(task.id)
    for _ in range(2):
        workers.start()

    down_s = 0.0
    while down_s < HOUR_S:
        before = attempts_made(webhook_lab)
        # As far as the last of them, so that each is tried in every step.
        step_s = max(webhook_lab.wait_left_s(task_id) for task_id in ended) + 1
        webhook_lab.advance(step_s)
        down_s += max(step_s, 0)
        await eventually(lambda before=before: attempts_made(webhook_lab) >= before + EVENTS)  # type: ignore[misc]
    assert {webhook_lab.delivery(task_id)["state"] for task_id in ended} == {"pending"}
    failures = len(endpoint.received)
    assert failures >= 5 * EVENTS

    is_down = False
    # The next try of each comes within its schedule's step; nobody has to ask for it.
    waits = [webhook_lab.wait_left_s(task_id) for task_id in ended]
    assert 0 < max(waits) <= 2.4 * HOUR_S
    webhook_lab.advance(max(waits) + 1)
    for task_id in ended:
        await webhook_lab.until(task_id, "delivered")
    await asyncio.sleep(0.2)

    acknowledged = endpoint.received[failures:]
    counted = Counter(one.event_id for one in acknowledged)
    assert len(counted) == EVENTS
    assert set(counted.values()) == {1}
    assert {one.event["data"]["task_id"] for one in acknowledged} == set(ended)
    ids_by_task = {one.event["data"]["task_id"]: one.event_id for one in acknowledged}
    for one in endpoint.received:
        assert one.verified_with(secret)["data"]["status"] == "FAILED"
        assert one.event_id == ids_by_task[one.event["data"]["task_id"]]
        with pytest.raises(WebhookVerificationError):
            one.verified_with(new_secret())
    for task_id in ended:
        attempts = webhook_lab.attempts(task_id)
        assert [attempt["number"] for attempt in attempts] == list(range(1, len(attempts) + 1))
        assert all(attempt["error"] or attempt["status"] for attempt in attempts)


async def test_an_acknowledgement_that_got_lost_brings_the_same_event_again(
    customer: Tenant, secret: str, tasks: TaskStore, endpoint: Endpoint, workers: Workers
) -> None:
    """At least once: the receiver took it, its answer was cut off; by the id it can tell that it has it."""
    webhook_lab = WebhookLab()

    async def cut_off(request: web.Request) -> web.StreamResponse:
        if len(endpoint.received) == 1:
            assert request.transport is not None
            request.transport.abort()
        return web.Response()

    endpoint.answer = cut_off
    task = await open_task(tasks, customer, customer.rate, callback_url=endpoint.url)
    await tasks.cancel(task.key)
    workers.start()
    assert (await webhook_lab.until_attempted(task.id, 1))["error"] is not None
    webhook_lab.advance(10)
    await webhook_lab.until(task.id, "delivered")
    first, second = endpoint.received
    assert first.event_id == second.event_id
    assert first.verified_with(secret) == second.verified_with(secret)


def attempts_made(webhook_lab: WebhookLab) -> int:
    [row] = webhook_lab.sql(
        "SELECT count(*) AS n FROM gateway_callback_attempt WHERE duration_ms IS NOT NULL"
    )
    return int(row["n"])
