"""A call's hold ends once: whoever settles first decides, and whoever comes later changes nothing in the books."""

from collections.abc import Awaitable, Callable

import pytest

from gateway.calls.call import Call
from gateway.calls.relay import Relay
from gateway.calls.settle_once import (
    capture,
    release,
    release_in_background,
    settle_broken,
    settle_left,
)
from tests.gateway.chat_calls import call_of, chat
from tests.gateway.local_upstream import CREDIT, Tenant, route_to
from usage.ledger.outcomes import Outcome
from usage.ledger.units import Units

START = 10 * CREDIT
USED = Units(tokens_in=9, tokens_out=5)
USED_COST = 9 * 10 + 5 * 100
End = Callable[[Relay, Call], Awaitable[None]]


def delivered() -> tuple[Units, bool]:
    return USED, True


async def captured(relay: Relay, call: Call) -> None:
    await capture(relay.ledger, call, USED, estimated=False)


async def released(relay: Relay, call: Call) -> None:
    await release(relay.ledger, call, Outcome.FAILED, 502)


async def released_behind(relay: Relay, call: Call) -> None:
    release_in_background(relay.ledger, call, Outcome.CANCELLED)


async def broken(relay: Relay, call: Call) -> None:
    await settle_broken(relay.ledger, call, delivered, 502)


async def broken_at_once(relay: Relay, call: Call) -> None:
    await settle_broken(relay.ledger, call, lambda: None, 502)


async def left(relay: Relay, call: Call) -> None:
    settle_left(relay.ledger, call, delivered)


async def left_at_once(relay: Relay, call: Call) -> None:
    settle_left(relay.ledger, call, lambda: None)


ENDS: dict[End, tuple[str, int | None, int]] = {
    captured: ("succeeded", 200, USED_COST),
    released: ("failed", 502, 0),
    released_behind: ("cancelled", None, 0),
    broken: ("partial", 502, USED_COST),
    broken_at_once: ("failed", 502, 0),
    left: ("partial", 499, USED_COST),
    left_at_once: ("cancelled", None, 0),
}


@pytest.mark.parametrize("first", ENDS, ids=lambda end: end.__name__)
async def test_the_first_end_is_the_only_one(first: End, relay: Relay, tenant: Tenant) -> None:
    call = call_of(tenant, chat(), route_to("http://127.0.0.1:9", rate=tenant.rate))
    await relay.authorize(call)

    await first(relay, call)
    for later in ENDS:
        if later is not captured:
            await later(relay, call)
    await relay.ledger.finish_pending()

    [event] = tenant.outcomes()
    outcome, status, cost = ENDS[first]
    assert (event["outcome"], event["status"], event["cost_microcredits"]) == (outcome, status, cost)
    assert await tenant.settled_balance() == START - cost


@pytest.mark.parametrize("first", ENDS, ids=lambda end: end.__name__)
async def test_no_answer_goes_out_of_a_call_that_has_ended(first: End, relay: Relay, tenant: Tenant) -> None:
    call = call_of(tenant, chat(), route_to("http://127.0.0.1:9", rate=tenant.rate))
    await relay.authorize(call)

    await first(relay, call)
    with pytest.raises(AssertionError, match="captured once"):
        await captured(relay, call)
    await relay.ledger.finish_pending()
    assert await tenant.settled_balance() == START - ENDS[first][2]


async def test_a_call_that_was_never_held_ends_nothing(relay: Relay, tenant: Tenant) -> None:
    call = call_of(tenant, chat(), route_to("http://127.0.0.1:9", rate=tenant.rate))
    for end in ENDS:
        if end is not captured:
            await end(relay, call)
    await relay.ledger.finish_pending()
    assert tenant.outcomes() == []
    assert not call.settled
