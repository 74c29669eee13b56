"""A key of sixty calls a minute passes sixty of a thousand calls at once, over three processes together."""

import time

import pytest
from money import books, load
from running_platform import RunningPlatform, Tenant

CALLS, PER_MINUTE = 1000, 60
# A minute begins with its first call.
SURELY_ONE_MINUTE_S = 55.0
MOST_ATTEMPTS = 5


async def within_a_minute(
    platform: RunningPlatform, credits: str, calls: int
) -> tuple[Tenant, list[load.Answer]]:
    """So many calls at once of a new tenant; of another one where a busy machine took longer than their minute."""
    for _ in range(MOST_ATTEMPTS):
        tenant = platform.new_tenant(plan="standard", credits=credits)
        began = time.monotonic()
        answers = await load.all_at_once(platform, tenant, load.chat_body(), calls)
        if time.monotonic() - began < SURELY_ONE_MINUTE_S:
            return tenant, answers
    raise AssertionError("this machine cannot make so many calls in a minute")


@pytest.mark.slow
async def test_sixty_of_a_thousand_calls_pass_a_sixty_a_minute_key(three_gateways: RunningPlatform) -> None:
    tenant, answers = await within_a_minute(three_gateways, "1000", CALLS)
    assert load.by_status(answers) == {200: PER_MINUTE, 429: CALLS - PER_MINUTE}
    for refused in (answer for answer in answers if not answer.accepted):
        assert refused.error()["type"] == "rate_limit"
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["x-ratelimit-limit-requests"] == str(PER_MINUTE)
        assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    # Each slot was given once: the accepted calls were told all of 59 … 0 as what remains.
    remaining = sorted(int(a.headers["x-ratelimit-remaining-requests"]) for a in answers if a.accepted)
    assert remaining == list(range(PER_MINUTE))
    assert books.outcomes(three_gateways, tenant) == {"succeeded": PER_MINUTE}
    assert books.refusals(three_gateways, tenant) == {"minute_rate": CALLS - PER_MINUTE}
    three_gateways.assert_books_agree()


@pytest.mark.slow
async def test_one_key_at_its_limit_leaves_the_accounts_other_key_alone(
    three_gateways: RunningPlatform,
) -> None:
    tenant, first = await within_a_minute(three_gateways, "10", PER_MINUTE + 5)
    other = three_gateways.manage_json("issue_key", tenant.name)["key"]
    assert load.by_status(first) == {200: PER_MINUTE, 429: 5}
    second = await load.all_at_once(
        three_gateways, load.with_key(tenant, other), load.chat_body(), PER_MINUTE + 5
    )
    assert load.by_status(second) == {200: PER_MINUTE, 429: 5}
