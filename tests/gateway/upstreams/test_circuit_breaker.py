"""Who is kept from a route, and by whose failures: no caller can do it to another by itself."""

import pytest
from prometheus_client import REGISTRY

from gateway.upstreams.circuit_breaker import (
    ACCOUNTS_TO_DOUBT,
    FAILURES_TO_REST,
    LONGEST_REST_S,
    MAX_ACCOUNTS,
    REST_S,
    Blame,
    RouteHealth,
    RoutesHealth,
)
from tests.gateway.local_upstream import route_to

ANNA, BERT, CARL, DORA = 1, 2, 3, 4


def doubted(*accounts: int, times: int = 1, at: float = 0.0) -> RouteHealth:
    health = RouteHealth()
    for _ in range(times):
        for account in accounts:
            health.failed(account, Blame.DOUBTFUL, at)
    return health


def unreached(at: float = 0.0) -> RouteHealth:
    health = RouteHealth()
    for _ in range(FAILURES_TO_REST):
        assert health.wait_s(ANNA, at) == 0
        health.failed(ANNA, Blame.UNREACHED, at)
    return health


def test_a_route_that_cannot_be_reached_rests_for_all_whoever_asked() -> None:
    health = unreached(at=100.0)
    assert health.rests
    assert health.wait_s(ANNA, 100.0) == health.wait_s(BERT, 100.0) == REST_S
    assert health.wait_s(BERT, 100.0 + REST_S - 0.001) > 0


@pytest.mark.parametrize("accounts", [[ANNA], [ANNA, BERT]])
def test_failures_that_a_caller_can_bring_about_rest_a_route_for_that_caller_alone(
    accounts: list[int],
) -> None:
    health = doubted(*accounts, times=10 * FAILURES_TO_REST)
    assert not health.rests
    assert all(health.wait_s(account, 0.0) == REST_S for account in accounts)
    assert health.wait_s(CARL, 0.0) == 0


def test_failures_of_several_accounts_with_no_answer_in_between_rest_a_route_for_all() -> None:
    accounts = range(ACCOUNTS_TO_DOUBT)
    assert not doubted(*accounts).rests
    assert doubted(*accounts, times=FAILURES_TO_REST).wait_s(DORA, 0.0) == REST_S


def test_an_answer_to_anybody_starts_the_count_again() -> None:
    health = RouteHealth()
    for _ in range(10):
        for account in (ANNA, BERT, CARL, ANNA):
            health.failed(account, Blame.DOUBTFUL, 0.0)
        for _ in range(FAILURES_TO_REST - 1):
            health.failed(DORA, Blame.UNREACHED, 0.0)
        health.answered()
    assert not health.rests
    assert health.wait_s(ANNA, 0.0) == 0


def test_what_is_a_callers_own_doing_never_counts() -> None:
    health = RouteHealth()
    for account in range(100):
        health.failed(account % 7, Blame.NOTHING, 0.0)
    assert not health.rests
    assert health.wait_s(ANNA, 0.0) == 0


def test_a_rest_is_as_long_as_the_upstream_asked_for_within_bounds() -> None:
    for asked, expected in ((1, REST_S), (30, 30), (10**6, LONGEST_REST_S)):
        health = RouteHealth()
        for account in (ANNA, BERT, CARL, ANNA, BERT):
            health.failed(account, Blame.DOUBTFUL, 0.0, asked)
        assert health.wait_s(DORA, 0.0) == expected


def test_after_a_rest_each_account_probes_with_one_call_at_a_time() -> None:
    health = unreached()
    assert health.wait_s(ANNA, REST_S) == 0
    assert health.wait_s(ANNA, REST_S + 1) == REST_S - 1
    assert health.wait_s(BERT, REST_S) == 0
    assert health.wait_s(ANNA, 2 * REST_S) == 0  # one that never ended lets another one try


def test_a_probe_that_reaches_nobody_rests_the_route_again() -> None:
    health = unreached()
    assert health.wait_s(BERT, REST_S) == 0
    health.failed(BERT, Blame.UNREACHED, REST_S)
    assert health.wait_s(CARL, REST_S) == REST_S


def test_a_probe_with_an_answer_ends_the_rest() -> None:
    health = unreached()
    assert health.wait_s(ANNA, REST_S) == 0
    health.answered()
    assert not health.rests
    assert [health.wait_s(ANNA, REST_S) for _ in range(3)] == [0, 0, 0]


@pytest.mark.parametrize("blame", [Blame.NOTHING, None])
def test_a_probe_that_says_nothing_is_given_back(blame: Blame | None) -> None:
    """A moderated prompt, or a client that left: the same account may try again at once, and so may others."""
    for health in (unreached(), doubted(ANNA, times=FAILURES_TO_REST)):
        for _ in range(20):
            assert health.wait_s(ANNA, REST_S) == 0
            assert health.wait_s(ANNA, REST_S) > 0
            if blame is None:
                health.gave_back(ANNA)
            else:
                health.failed(ANNA, blame, REST_S)


def test_one_caller_cannot_keep_a_route_resting_by_burning_its_probes() -> None:
    health = unreached()
    for turn in range(20):
        now = REST_S * (turn + 1)
        assert health.wait_s(ANNA, now) == 0
        health.failed(ANNA, Blame.DOUBTFUL, now)  # a prompt that crashes the model
        assert health.wait_s(ANNA, now) == REST_S
    assert health.wait_s(BERT, now) == 0


def test_the_memory_of_who_failed_is_bounded() -> None:
    health = RouteHealth()
    for account in range(3 * MAX_ACCOUNTS):
        health.failed(account, Blame.DOUBTFUL, 0.0)
    assert len(health._streaks) <= MAX_ACCOUNTS


async def test_health_belongs_to_a_route_and_to_the_server_and_key_it_leads_to() -> None:
    health = RoutesHealth()
    failing = route_to("http://u.test", "first", api_key="old")
    for _ in range(FAILURES_TO_REST):
        health.failed(failing, ANNA, Blame.UNREACHED)
    assert health.wait_s(failing, BERT) > 0
    assert health.wait_s(route_to("http://u.test", "second", api_key="old"), BERT) == 0
    assert health.wait_s(route_to("http://u.test", "first", api_key="new"), BERT) == 0


async def test_the_metric_counts_the_routes_that_rest() -> None:
    def resting() -> float:
        return REGISTRY.get_sample_value("aio_upstream_resting", {"upstream": "counted"}) or 0.0

    health = RoutesHealth()
    first, other_key = route_to("http://u.test", "counted"), route_to("http://u.test", "counted", api_key="k")
    for _ in range(2 * FAILURES_TO_REST):
        health.failed(first, ANNA, Blame.UNREACHED)
    assert resting() == 1
    health.answered(first)
    health.answered(first)
    assert resting() == 0
    for _ in range(FAILURES_TO_REST):
        health.failed(first, ANNA, Blame.UNREACHED)
    health.answered(other_key)
    assert resting() == 0
