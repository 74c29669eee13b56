"""The trial plan's fifty calls a day: the fifty-first is told how long to wait, a failed one did not count.

The plan also has sixty calls a minute, and a failed call keeps its place in the minute. Four failures and fifty
answers stay below that.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from money import books, load
from running_platform import RunningPlatform, Tenant

PER_DAY, FAILURES, CALLS = 50, 4, 120


@pytest.mark.slow
async def test_the_fifty_first_call_of_the_day_waits_for_the_next_day(
    three_gateways: RunningPlatform,
) -> None:
    await stay_within_one_day()
    tenant = three_gateways.new_tenant(plan="trial", credits="1")
    failing, good = load.chat_body(magic="status=500"), load.chat_body()
    async with load.session(three_gateways) as client:
        for number in range(FAILURES):
            # A good one after each: five failures in a row would rest the upstream.
            assert (await load.ask(client, tenant, failing)).status == 502
            assert calls_counted_today(three_gateways, tenant) == number
            assert (await load.ask(client, tenant, good)).status == 200
            assert calls_counted_today(three_gateways, tenant) == number + 1
        answers = await load.at_once(client, tenant, good, CALLS)
        left = PER_DAY - FAILURES
        assert load.by_status(answers) == {200: left, 429: CALLS - left}
        for refused in (answer for answer in answers if not answer.accepted):
            assert_says_when_the_day_ends(refused)
        # A refused call took nothing: the next is refused for the same reason, and the count stands.
        assert_says_when_the_day_ends(await load.ask(client, tenant, failing))
    assert calls_counted_today(three_gateways, tenant) == PER_DAY
    assert books.outcomes(three_gateways, tenant) == {"succeeded": PER_DAY, "failed": FAILURES}
    assert books.refusals(three_gateways, tenant) == {"trial_exhausted": CALLS - left + 1}
    three_gateways.assert_books_agree()


@pytest.mark.slow
async def test_a_failure_at_the_last_slot_leaves_it_for_another_call(three_gateways: RunningPlatform) -> None:
    await stay_within_one_day()
    tenant = three_gateways.new_tenant(plan="trial", credits="1")
    answers = await load.all_at_once(three_gateways, tenant, load.chat_body(), PER_DAY - 1)
    assert load.by_status(answers) == {200: PER_DAY - 1}
    async with load.session(three_gateways) as client:
        assert (await load.ask(client, tenant, load.chat_body(magic="status=500"))).status == 502
        assert (await load.ask(client, tenant, load.chat_body())).status == 200
        assert (await load.ask(client, tenant, load.chat_body())).error()["type"] == "daily_trial_limit"


def assert_says_when_the_day_ends(refused: load.Answer) -> None:
    assert refused.status == 429
    error = refused.error()
    assert error["type"] == "daily_trial_limit"
    midnight = (datetime.now(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert datetime.fromisoformat(error["resets_at"]) == midnight
    seconds = (midnight - datetime.now(UTC)).total_seconds()
    assert abs(int(refused.headers["Retry-After"]) - seconds) < 60
    assert refused.headers["x-should-retry"] == "false"


def calls_counted_today(platform: RunningPlatform, tenant: Tenant) -> int:
    [(calls,)] = books.rows(
        platform,
        "SELECT sum(d.calls) FROM usage_trial_day d JOIN accounts_account a ON a.id = d.account_id"
        " WHERE a.public_id = %s",
        tenant.account_id,
    )
    return int(calls)


async def stay_within_one_day() -> None:
    """Shortly before midnight (UTC) wait for it: the count starts anew there."""
    now = datetime.now(UTC)
    seconds_left = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0) - now
    if seconds_left < timedelta(seconds=120):
        await asyncio.sleep(seconds_left.total_seconds() + 1)
