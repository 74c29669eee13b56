"""From a task's end to the customer's endpoint: sent, signed, tried again, and given up."""

import asyncio
from typing import Any

import pytest
from aiohttp import web
from pytest_django import Settings
from standardwebhooks import Webhook, WebhookVerificationError

from gateway.webhooks_out import endpoints, queue, schedule, sending, signing_secrets
from gateway.webhooks_out.signing import new_secret
from tests.gateway.webhooks_out.conftest import Tenant
from tests.gateway.webhooks_out.customer import Endpoint, WebhookLab, Workers, beside, eventually


async def set_endpoint(account_id: int, url: str) -> None:
    await beside(endpoints.set_endpoint, account_id, url)


async def test_an_event_is_the_task_as_a_poll_shows_it(
    tenant: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers
) -> None:
    task_id = webhook_lab.end_task(tenant.id, endpoint.url)
    workers.start()
    [received] = await endpoint.has(1)
    event = received.verified_with(tenant.secret)
    assert event["type"] == "task.succeeded"
    assert event["timestamp"].endswith("Z")
    assert event["data"] == {
        "task_id": task_id,
        "status": "SUCCESS",
        "consumed_credits": 2.5,
        "error_message": None,
        "created_at": event["data"]["created_at"],
        "request": {"model": "small", "prompt": "고양이"},
        "response": ["https://cdn.example/cat.png"],
    }
    assert received.headers["content-type"] == "application/json"
    delivery = await webhook_lab.until(task_id, "delivered")
    assert received.event_id == "evt_" + delivery["event_id"].hex


async def test_a_failed_task_is_told_too(
    tenant: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers
) -> None:
    webhook_lab.end_task(tenant.id, endpoint.url, "timed_out")
    workers.start()
    [received] = await endpoint.has(1)
    event = received.verified_with(tenant.secret)
    assert (event["type"], event["data"]["status"]) == ("task.failed", "FAILED")
    assert event["data"]["error_message"]


async def test_a_forged_event_is_rejected_by_the_verifier(
    tenant: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers
) -> None:
    webhook_lab.end_task(tenant.id, endpoint.url)
    workers.start()
    [received] = await endpoint.has(1)
    forged_body = received.body.replace(b"SUCCESS", b"FAILED")
    other_id = {**received.headers, "webhook-id": "evt_" + "0" * 32}
    for secret, body, headers in [
        (tenant.secret, forged_body, received.headers),
        (tenant.secret, received.body, other_id),
        (new_secret(), received.body, received.headers),
    ]:
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers)


async def test_a_task_without_anywhere_to_tell_makes_no_delivery(
    tenant: Tenant, webhook_lab: WebhookLab
) -> None:
    assert webhook_lab.deliveries(webhook_lab.end_task(tenant.id)) == []


async def test_the_accounts_endpoint_hears_of_every_task_and_of_no_other_accounts(
    tenant: Tenant, stranger: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers
) -> None:
    await set_endpoint(tenant.id, endpoint.url + "/all")
    plain, own = webhook_lab.end_task(tenant.id), webhook_lab.end_task(tenant.id, endpoint.url + "/own")
    same = webhook_lab.end_task(tenant.id, endpoint.url + "/all")
    assert webhook_lab.deliveries(webhook_lab.end_task(stranger.id)) == []
    workers.start()
    received = await endpoint.has(4)
    told = sorted((one.path, one.event["data"]["task_id"]) for one in received)
    assert told == sorted([("/hook/all", plain), ("/hook/all", own), ("/hook/own", own), ("/hook/all", same)])
    # Both of one event's deliveries carry its one id.
    assert len({one.event_id for one in received}) == 3


async def test_what_fails_is_tried_again_with_the_same_id_and_body_but_a_fresh_timestamp(
    tenant: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers
) -> None:
    endpoint.status, endpoint.text = 500, "oh no\0" + "x" * 5000
    task_id = webhook_lab.end_task(tenant.id, endpoint.url)
    workers.start()
    attempt = await webhook_lab.until_attempted(task_id, 1)
    assert (attempt["status"], attempt["error"]) == (500, None)
    assert attempt["response"].startswith("oh no\N{REPLACEMENT CHARACTER}xxx")
    assert len(attempt["response"]) == 1024
    assert 3 < webhook_lab.wait_left_s(task_id) <= 6
    endpoint.status = 204
    webhook_lab.advance(10)
    await webhook_lab.until(task_id, "delivered")
    first, second = endpoint.received
    assert (first.event_id, first.body) == (second.event_id, second.body)
    assert (await webhook_lab.until_attempted(task_id, 2))["response"] is None


async def test_after_three_days_of_failures_it_is_given_up(
    tenant: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers
) -> None:
    endpoint.status = 503
    task_id = webhook_lab.end_task(tenant.id, endpoint.url)
    workers.start()
    waited_s = 0.0
    for number in range(1, len(schedule.WAITS_S) + 1):
        await webhook_lab.until_attempted(task_id, number)
        await eventually(lambda: webhook_lab.wait_left_s(task_id) > -1)
        wait_s = webhook_lab.wait_left_s(task_id)
        expected_s = schedule.WAITS_S[number - 1]
        assert 0.8 * expected_s - 2 <= wait_s <= 1.2 * expected_s
        waited_s += expected_s
        webhook_lab.advance(wait_s)
    delivery = await webhook_lab.until(task_id, "failed")
    assert delivery["attempts"] == len(schedule.WAITS_S) + 1 == len(endpoint.received)
    assert 71 < waited_s / 3600 < 72
    assert len({one.event_id for one in endpoint.received}) == 1


async def test_a_receiver_is_not_asked_again_before_it_wants_to(
    tenant: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers
) -> None:
    endpoint.status, endpoint.headers = 429, {"Retry-After": "600"}
    task_id = webhook_lab.end_task(tenant.id, endpoint.url)
    workers.start()
    await webhook_lab.until_attempted(task_id, 1)
    assert 590 < webhook_lab.wait_left_s(task_id) <= 600


async def test_410_stops_what_waits_for_that_address_and_disables_the_endpoint(
    tenant: Tenant, stranger: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers
) -> None:
    await set_endpoint(tenant.id, endpoint.url)
    await set_endpoint(stranger.id, endpoint.url)
    endpoint.status = 500
    waiting = webhook_lab.end_task(tenant.id)
    theirs = webhook_lab.end_task(stranger.id)
    elsewhere = webhook_lab.end_task(tenant.id, endpoint.url + "/else")
    workers.start()
    await webhook_lab.until_attempted(waiting, 1)
    await webhook_lab.until_attempted(theirs, 1)
    endpoint.status = 410
    gone = webhook_lab.end_task(tenant.id)
    await webhook_lab.until(gone, "stopped")
    assert (await webhook_lab.until(waiting, "stopped"))["ended_at"] is not None
    assert webhook_lab.delivery(theirs)["state"] == "pending"
    assert {one["target"]: one["state"] for one in webhook_lab.deliveries(elsewhere)} == {
        "task": "pending",
        "endpoint": "stopped",
    }
    assert webhook_lab.deliveries(webhook_lab.end_task(tenant.id)) == []
    found = await beside(endpoints.endpoint_of, tenant.id)
    assert found is not None
    assert found.disabled_at is not None

    endpoint.status = 200
    await set_endpoint(tenant.id, endpoint.url)
    await webhook_lab.until(webhook_lab.end_task(tenant.id), "delivered")


async def test_an_answer_that_does_not_come_is_not_waited_for(
    tenant: Tenant,
    webhook_lab: WebhookLab,
    endpoint: Endpoint,
    workers: Workers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1)
        return web.Response()

    monkeypatch.setattr(sending, "TIME_LIMIT_S", 0.1)
    endpoint.answer = hang
    task_id = webhook_lab.end_task(tenant.id, endpoint.url)
    workers.start()
    attempt = await webhook_lab.until_attempted(task_id, 1)
    assert attempt["error"] == "No answer within 0.1 seconds."
    assert attempt["duration_ms"] >= 100


async def test_a_refused_connection_is_an_attempt_too(
    tenant: Tenant, webhook_lab: WebhookLab, workers: Workers
) -> None:
    task_id = webhook_lab.end_task(tenant.id, "http://127.0.0.1:1025/")
    workers.start()
    assert (await webhook_lab.until_attempted(task_id, 1))["error"] == "No connection could be made."


async def test_old_and_new_secret_both_verify_until_the_old_one_ends(
    tenant: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers
) -> None:
    rotated = await beside(signing_secrets.rotate, tenant.id, 86_400)
    assert rotated.secret != tenant.secret
    workers.start()
    webhook_lab.end_task(tenant.id, endpoint.url)
    [during] = await endpoint.has(1)
    assert during.verified_with(tenant.secret) == during.verified_with(rotated.secret)
    webhook_lab.sql("UPDATE gateway_callback_secret SET expires_at = expires_at - interval '1 day'")
    webhook_lab.end_task(tenant.id, endpoint.url)
    [_, after] = await endpoint.has(2)
    after.verified_with(rotated.secret)
    with pytest.raises(WebhookVerificationError):
        after.verified_with(tenant.secret)


async def test_an_account_that_never_looked_at_its_secret_gets_signed_events(
    tenant: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers
) -> None:
    webhook_lab.sql("DELETE FROM gateway_callback_secret")
    webhook_lab.end_task(tenant.id, endpoint.url)
    workers.start()
    [received] = await endpoint.has(1)
    secrets = await beside(signing_secrets.secrets_of, tenant.id)
    received.verified_with(secrets.secret)


async def test_nothing_is_sent_unsigned_when_the_secret_cannot_be_read(
    tenant: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers, settings: Settings
) -> None:
    settings.SECRET_KEY = "another"
    task_id = webhook_lab.end_task(tenant.id, endpoint.url)
    workers.start()
    assert "rotate" in (await webhook_lab.until_attempted(task_id, 1))["error"]
    assert endpoint.received == []
    settings.SECRET_KEY_FALLBACKS = ["only-for-tests"]
    webhook_lab.advance(10)
    await webhook_lab.until(task_id, "delivered")


async def test_several_workers_send_each_event_once(
    tenant: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers
) -> None:
    tasks = [webhook_lab.end_task(tenant.id, endpoint.url) for _ in range(60)]
    for _ in range(3):
        workers.start()
    await endpoint.has(60)
    for task_id in tasks:
        assert (await webhook_lab.until(task_id, "delivered"))["attempts"] == 1
    assert len(endpoint.received) == len({one.event_id for one in endpoint.received}) == 60


async def test_a_lost_workers_event_is_sent_again_and_its_attempt_stays_visible(
    tenant: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers
) -> None:
    task_id = webhook_lab.end_task(tenant.id, endpoint.url)
    lost = queue.DeliveryQueue()
    [claimed] = await lost.claim(10, 10, {})
    assert await lost.claim(10, 10, {}) == []
    await lost.close()
    workers.start()
    webhook_lab.advance(queue.LEASE_S + 1)
    await webhook_lab.until(task_id, "delivered")
    first, second = webhook_lab.attempts(task_id)
    assert (first["number"], first["duration_ms"], first["status"]) == (claimed.number, None, None)
    assert second["status"] == 200


async def test_a_late_failure_does_not_undo_an_acknowledgement(
    tenant: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers
) -> None:
    task_id = webhook_lab.end_task(tenant.id, endpoint.url)
    slow = queue.DeliveryQueue()
    [claimed] = await slow.claim(10, 10, {})
    workers.start()
    webhook_lab.advance(queue.LEASE_S + 1)
    await webhook_lab.until(task_id, "delivered")
    assert not await slow.record(claimed, sending.Outcome(10, 500), 5.0)
    await slow.close()
    assert webhook_lab.delivery(task_id)["state"] == "delivered"
    assert webhook_lab.attempts(task_id)[0]["status"] == 500


async def test_one_accounts_slow_endpoint_does_not_hold_up_anothers(
    tenant: Tenant, stranger: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers
) -> None:
    release = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/hook/slow":
            await release.wait()
        return web.Response()

    endpoint.answer = answer
    for _ in range(100):
        webhook_lab.end_task(tenant.id, endpoint.url + "/slow")
    workers.start()
    await endpoint.has(8)
    quick = webhook_lab.end_task(stranger.id, endpoint.url)
    await webhook_lab.until(quick, "delivered")
    assert sum(one.path == "/hook/slow" for one in endpoint.received) == 8
    release.set()
    await endpoint.has(101)


async def test_a_worker_that_is_told_to_stop_finishes_what_is_under_way(
    tenant: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers
) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.2)
        return web.Response()

    endpoint.answer = slow
    task_id = webhook_lab.end_task(tenant.id, endpoint.url)
    workers.start()
    await endpoint.has(1)
    await workers.stop()
    assert webhook_lab.delivery(task_id)["state"] == "delivered"


async def test_a_changed_endpoint_gets_what_still_waits(
    tenant: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers
) -> None:
    await set_endpoint(tenant.id, "http://127.0.0.1:1025/wrong")
    task_id = webhook_lab.end_task(tenant.id)
    workers.start()
    await webhook_lab.until_attempted(task_id, 1)
    await set_endpoint(tenant.id, endpoint.url)
    webhook_lab.advance(10)
    await webhook_lab.until(task_id, "delivered")
    urls: list[Any] = [attempt["url"] for attempt in webhook_lab.attempts(task_id)]
    assert urls == ["http://127.0.0.1:1025/wrong", endpoint.url]
