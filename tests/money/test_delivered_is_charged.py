"""Whatever a caller received in full is charged within its units' price, whatever failed is free, no hold stays.

Hypothesis makes the calls: any value in every field of a request that nobody checks, any value and any bytes in an
upstream's answer, cut, broken off or hanging anywhere, and a caller who leaves at any byte. One example is one call,
from a real socket through the gateway to a real socket and into PostgreSQL. `make test` plays the same few hundred
each time; `make prove` looks for new ones, and for the shortest that fails. PROVE_SEED=N repeats them.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from itertools import chain

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from money.delivered.chat_calls import chat_calls
from money.delivered.every_byte import caller_leaves, caller_stops_asking, plain_calls, upstream_breaks
from money.delivered.gateway_in_process import GatewayInProcess
from money.delivered.media_calls import media_calls
from money.delivered.rules import check, shown
from money.delivered.world import Call

from usage.ledger import grants

ALWAYS = settings(
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
SAME_EVERY_TIME = settings(ALWAYS, derandomize=True, phases=[Phase.explicit, Phase.generate])
NEW_EVERY_TIME = settings(ALWAYS, phases=[Phase.explicit, Phase.generate, Phase.shrink])


@pytest.fixture
def gateway(transactional_db: None) -> Iterator[GatewayInProcess]:
    running = GatewayInProcess()
    yield running
    running.close()
    assert grants.reconcile() == []


def test_delivered_chat_is_charged_and_failed_chat_is_free(gateway: GatewayInProcess) -> None:
    played = play_all(gateway, chat_calls(), settings(SAME_EVERY_TIME, max_examples=350))
    assert enough_of_everything(played)


def test_other_delivered_answers_are_charged_and_failed_ones_are_free(gateway: GatewayInProcess) -> None:
    played = play_all(gateway, media_calls(), settings(SAME_EVERY_TIME, max_examples=150))
    assert played["exactly the upstream's price"] > 20


@pytest.mark.prove
def test_delivered_chat_is_charged_in_many_random_calls(gateway: GatewayInProcess) -> None:
    play_all(gateway, chat_calls(), settings(NEW_EVERY_TIME, max_examples=14_000), prove_seed())


@pytest.mark.prove
def test_other_delivered_answers_are_charged_in_many_random_calls(gateway: GatewayInProcess) -> None:
    play_all(gateway, media_calls(), settings(NEW_EVERY_TIME, max_examples=6_000), prove_seed())


@pytest.mark.prove
@pytest.mark.parametrize("kind", ["stream", "answer", "sound"])
def test_delivered_is_charged_wherever_it_breaks(gateway: GatewayInProcess, kind: str) -> None:
    """Not by chance: at every byte of the request, of the upstream's answer and of ours."""
    call = plain_calls()[kind]
    seen = Counter[str]()
    [whole], _ = gateway.play(call)
    assert whole.is_whole
    # Numbers in our answer differ from call to call.
    answer_bytes = len(whole.raw) + 8
    for broken in chain(upstream_breaks(call), caller_leaves(call, answer_bytes), caller_stops_asking(call)):
        seen.update(play_and_check(gateway, broken))
    show(seen)
    assert {"stream": 3, "answer": 2, "sound": 3}[kind] <= sum(
        "succeeded" in name or "partial" in name for name in seen
    )


def play_all(
    gateway: GatewayInProcess, calls: st.SearchStrategy[Call], how: settings, number: int | None = None
) -> Counter[str]:
    """Play `max_examples` calls and check every one; returns what they came to."""
    seen = Counter[str]()

    @how
    @given(calls)
    def one_call(call: Call) -> None:
        seen.update(play_and_check(gateway, call))

    started = time.monotonic()
    (one_call if number is None else seed(number)(one_call))()
    print(f"{seen['calls'] / (time.monotonic() - started):.0f} calls a second")
    show(seen)
    return seen


def play_and_check(gateway: GatewayInProcess, call: Call) -> Counter[str]:
    """Play one call; raises AssertionError with all there is to know of it where a rule is broken."""
    answers, books = gateway.play(call)
    try:
        return check(call, answers, books) + Counter({"calls": 1})
    except (AssertionError, ValueError, LookupError) as broken:  # the others: an answer that cannot be read
        raise AssertionError(f"{broken!r}\n{shown(call, answers, books)}") from None


def show(seen: Counter[str]) -> None:
    for name, times in seen.most_common():
        print(f"{times:8} {name}")


def enough_of_everything(played: Counter[str]) -> bool:
    """A harness whose calls were all refused would prove nothing."""
    answered = played["answer, succeeded"] + played["stream, succeeded"]
    return (
        answered > played["calls"] / 5
        and played["exactly the upstream's price"] > 20
        and sum(played[f"stream{how}"] for how in (" in part, partial", ", partial", ", failed")) > 5
        and played["502, failed"] > 5
    )


def prove_seed() -> int:
    number = int(os.environ.get("PROVE_SEED") or time.time_ns() % 10**9)
    print(f"PROVE_SEED={number} repeats these calls")
    return number
