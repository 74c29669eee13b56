"""Revoking, suspending and granting hold for every call that starts after they return, in every process.

The load never pauses: calls are in flight on all three gateways when the change is made, which a thread does
meanwhile. A call counts when it was started after the change had returned; those in between may go either way.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from money import books, load
from running_platform import RunningPlatform, Tenant

LANES = 48
MOST_LANES = 20 * LANES
PATIENCE_S = 180.0
WARM_UP = 150


@pytest.mark.slow
@pytest.mark.parametrize("way", ["command", "api"])
async def test_calls_after_a_revocation_are_refused(three_gateways: RunningPlatform, way: str) -> None:
    await assert_revoked_at_once(three_gateways, way, calls=2_000)


@pytest.mark.prove
@pytest.mark.parametrize("way", ["command", "api"])
async def test_none_of_ten_thousand_calls_after_a_revocation_is_accepted(
    three_gateways: RunningPlatform, way: str
) -> None:
    await assert_revoked_at_once(three_gateways, way, calls=10_000)


@pytest.mark.slow
async def test_calls_after_a_suspension_are_refused(three_gateways: RunningPlatform) -> None:
    tenant = three_gateways.new_tenant()
    before, after = await under_load(
        three_gateways, tenant, lambda: run(three_gateways, "suspend_account", tenant.name), calls=1_000
    )
    assert load.by_status(before)[200] >= WARM_UP
    assert load.by_status(after) == {403: len(after)}
    three_gateways.manage("reactivate_account", tenant.name)
    again = await load.all_at_once(three_gateways, tenant, load.chat_body(), 100)
    assert load.by_status(again) == {200: 100}


@pytest.mark.slow
async def test_calls_after_a_grant_are_paid_by_it(three_gateways: RunningPlatform) -> None:
    tenant = three_gateways.new_tenant(credits="0.000001")
    before, after = await under_load(
        three_gateways, tenant, lambda: run(three_gateways, "grant_credits", tenant.name, "1000"), calls=500
    )
    assert load.by_status(before)[402] >= WARM_UP
    assert load.by_status(after) == {200: len(after)}


async def assert_revoked_at_once(platform: RunningPlatform, way: str, calls: int) -> None:
    tenant = platform.new_tenant(credits="100000", key_options=("--manage-keys",))

    async def revoke() -> None:
        if way == "command":
            await run(platform, "revoke_key", tenant.key_id)
            return
        async with (
            load.session(platform) as client,
            client.delete(f"/api/v1/keys/{tenant.key_id}", headers=tenant.headers) as response,
        ):
            assert response.status in (200, 204), await response.text()

    before, after = await under_load(platform, tenant, revoke, calls)
    assert load.by_status(before)[200] >= WARM_UP
    assert load.by_status(after) == {401: len(after)}
    assert len(after) >= calls
    print(f"revoked by {way}: 0 of {len(after)} later calls accepted, {load.by_status(before)} before")


async def under_load(
    platform: RunningPlatform, tenant: Tenant, change: Callable[[], Awaitable[None]], calls: int
) -> tuple[list[load.Answer], list[load.Answer]]:
    """Answers to the calls started before the change returned, and to at least `calls` started after it."""
    answers: list[load.Answer] = []
    changed_at = float("inf")
    later = 0
    body = load.chat_body()

    async def lane(client: load.Client) -> None:
        nonlocal later
        while later < calls:
            later += time.monotonic() > changed_at
            answers.append(await load.ask(client, tenant, body))

    async with load.session(platform) as client:
        lanes = [asyncio.create_task(lane(client)) for _ in range(LANES)]
        while len(answers) < WARM_UP + LANES:
            await asyncio.sleep(0.01)
        # Whoever is quickest takes a new connection: more lanes come until every gateway has its part.
        give_up_at = time.monotonic() + PATIENCE_S
        while not all(books.connections_of(platform.process_ids("gateway_worker"), platform.port).values()):
            assert time.monotonic() < give_up_at, "a gateway takes no part in the load"
            if len(lanes) < MOST_LANES:
                lanes += [asyncio.create_task(lane(client)) for _ in range(LANES)]
            # On a busy machine those lanes come to their first call late.
            answered = len(answers)
            while len(answers) < answered + len(lanes) and time.monotonic() < give_up_at:
                await asyncio.sleep(0.05)
        await change()
        changed_at = time.monotonic()
        await asyncio.gather(*lanes)
    assert all(answer.complete for answer in answers)
    return (
        [answer for answer in answers if answer.started <= changed_at],
        [answer for answer in answers if answer.started > changed_at],
    )


async def run(platform: RunningPlatform, *command: str) -> None:
    await asyncio.to_thread(platform.manage, *command)
