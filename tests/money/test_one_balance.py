"""A balance for exactly one call admits exactly one, however many ask at once and whichever process they ask.

Every call of a race has the same bytes, so the same ceiling C, and the balance is exactly C when it starts. The
call that gets through costs A with 0 < A < C. While it runs nothing is available; once it is settled C - A is,
which is below C: a second can never fit, at whatever moment the first ends. So the count is exact without any
timing. Half of the races keep the upstream waiting, so that the hold is open throughout; in the others the
settlement falls into the middle of the race. Credits are topped up to exactly C between two races. A race in which
one of the gateways had no part, for want of a core at that moment, is judged too, and run again.
"""

import time

import pytest
from money import books, load
from running_platform import RunningPlatform, Tenant

CALLS = 1000
WAITING, AT_ONCE = "delay_ms=400", "delay_ms=000"
FITTING = 7
MOST_ROUNDS_MORE = 20


@pytest.mark.slow
async def test_of_a_thousand_calls_one_fits_a_balance_for_one(three_gateways: RunningPlatform) -> None:
    await race(three_gateways, rounds=2)


@pytest.mark.prove
async def test_of_a_thousand_calls_one_fits_in_each_of_fifty_rounds(three_gateways: RunningPlatform) -> None:
    await race(three_gateways, rounds=50)


@pytest.mark.slow
async def test_a_balance_for_seven_admits_seven(three_gateways: RunningPlatform) -> None:
    """The calls cost nearly their ceilings, so that what seven of them give back is less than an eighth needs."""
    tenant = three_gateways.new_tenant(credits="0.000001")
    body = load.chat_body(magic="tokens=2000", max_tokens=2000)
    ceiling = await ceiling_of(three_gateways, tenant, body)
    give(three_gateways, tenant, FITTING * ceiling - 1)
    answers = await load.all_at_once(three_gateways, tenant, body, 300)
    assert load.by_status(answers) == {200: FITTING, 402: 300 - FITTING}
    left = books.balance(three_gateways, tenant)
    paid = sum(answer.microcredits() for answer in answers if answer.accepted)
    assert left == (FITTING * ceiling - paid, 0)
    assert left.available < ceiling


async def race(platform: RunningPlatform, rounds: int) -> None:
    tenant = platform.new_tenant(credits="0.000001")
    ceiling = await ceiling_of(platform, tenant, load.chat_body(magic=WAITING))
    assert ceiling == await ceiling_of(platform, tenant, load.chat_body(magic=AT_ONCE))
    number = complete = 0
    while complete < rounds:
        number += 1
        assert number <= rounds + MOST_ROUNDS_MORE, "a gateway hardly ever has a part"
        give(platform, tenant, ceiling - books.balance(platform, tenant).available)
        began = time.monotonic()
        gateways = platform.process_ids("gateway_worker")
        async with load.session(platform) as client:
            body = load.chat_body(magic=AT_ONCE if complete % 2 else WAITING)
            answers = await load.at_once(client, tenant, body, CALLS)
            shares = books.connections_of(gateways, platform.port)
        assert load.by_status(answers) == {200: 1, 402: CALLS - 1}, f"round {number}"
        assert len(shares) == 3
        complete += all(shares.values())
        [winner] = [answer for answer in answers if answer.accepted]
        assert 0 < winner.microcredits() < ceiling
        assert books.balance(platform, tenant) == (ceiling - winner.microcredits(), 0)
        assert books.charges(platform, [winner.request_id]) == {
            winner.request_id: [("succeeded", winner.microcredits())]
        }
        print(
            f"round {number}: one 200, {CALLS - 1} x 402 in {time.monotonic() - began:.1f} s,"
            f" connections by gateway {sorted(shares.values())}"
        )
    assert books.outcomes(platform, tenant) == {"succeeded": number}
    assert books.refusals(platform, tenant) == {"insufficient_credits": 2 + number * (CALLS - 1)}
    platform.assert_books_agree()


async def ceiling_of(platform: RunningPlatform, tenant: Tenant, body: bytes) -> int:
    """What the body's call may cost at most, as the refusal says it to an account that has nearly nothing."""
    [refused] = await load.all_at_once(platform, tenant, body, 1)
    assert refused.status == 402
    return int(float(refused.error()["needed"]) * 1_000_000 + 0.5)


def give(platform: RunningPlatform, tenant: Tenant, microcredits: int) -> None:
    platform.manage("grant_credits", tenant.name, f"{microcredits / 1_000_000:.6f}")
