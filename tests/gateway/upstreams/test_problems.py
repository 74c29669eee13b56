"""What staff have to see to at an upstream is said at once, in every place, until it works again."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.calls.relay import Relay
from gateway.errors import UpstreamMisconfigured
from gateway.models import UpstreamProblem
from gateway.upstreams import problems
from gateway.upstreams.client import Upstreams
from gateway.upstreams.problem_report import open_problems
from gateway.upstreams.problem_report import upstream_problems as report
from tests.gateway.calls.test_relay import answering, execute
from tests.gateway.local_upstream import LocalUpstream, Tenant, route_to
from usage.ledger.client import Ledger
from usage.reports import REPORTS, ReportQuery


@pytest.fixture
async def relay(tenant: Tenant, upstreams: Upstreams) -> AsyncIterator[Relay]:
    ledger = Ledger()
    await ledger.open()
    yield Relay(ledger, upstreams)
    await ledger.close()


def written(tenant: Tenant) -> list[tuple[Any, ...]]:
    rows = tenant.rows("SELECT * FROM gateway_upstreamproblem WHERE %s > 0 ORDER BY upstream")
    return [(row["upstream"], row["route"], row["kind"], row["status"], row["times"]) for row in rows]


@pytest.mark.parametrize("status", [401, 402, 403, 404])
async def test_a_wrong_key_or_address_of_ours_is_said_at_once_until_the_route_answers(
    status: int, relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(status, {"error": "not for you"})
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(UpstreamMisconfigured, match="not set up correctly"):
                await execute(relay, tenant, upstream.url)
    told = [line for line in logs if line["event"] == "an upstream does not take our calls"]
    assert [(line["log_level"], line["upstream"], line["status"]) for line in told] == [
        ("error", "server 0", status)
    ] * 3
    assert all(line["request_id"].startswith("req_") for line in told)
    await relay.upstreams.problems.close()
    assert written(tenant) == [("server 0", "small on server 0", "not_welcome", status, 1)]

    upstream.handler = answering()
    await execute(relay, tenant, upstream.url)
    await relay.upstreams.problems.close()
    assert written(tenant) == []


async def test_staff_hear_of_it_though_the_next_route_answers(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream, second_upstream: LocalUpstream
) -> None:
    upstream.handler, second_upstream.handler = answering(401), answering()
    await execute(relay, tenant, upstream.url, second_upstream.url)
    await relay.upstreams.problems.close()
    assert [row[0] for row in written(tenant)] == ["server 0"]


async def test_it_is_counted_again_after_a_while(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problems, "WRITE_EVERY_S", 0.0)
    upstream.handler = answering(401)
    for _ in range(3):
        with pytest.raises(UpstreamMisconfigured):
            await execute(relay, tenant, upstream.url)
    await relay.upstreams.problems.close()
    assert written(tenant) == [("server 0", "small on server 0", "not_welcome", 401, 3)]


async def test_another_process_says_when_it_is_over(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(401)
    with pytest.raises(UpstreamMisconfigured):
        await execute(relay, tenant, upstream.url)
    await relay.upstreams.problems.close()
    other = Upstreams()
    await other.problems.open()
    other.answered(route_to(upstream.url, "server 0"))
    await other.close()
    assert written(tenant) == []


async def test_an_upstream_that_sends_what_nobody_asked_for_is_written_down(
    upstreams: Upstreams, tenant: Tenant
) -> None:
    upstreams._unasked("twofold")
    upstreams.answered(route_to("http://u.test", "twofold"))
    await upstreams.problems.close()
    assert written(tenant) == [("twofold", "", "unasked", None, 1)]


async def test_a_database_that_is_away_costs_no_call(
    upstreams: Upstreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(name: str) -> None:
        raise OSError

    monkeypatch.setattr("aio_platform.db.database.connect_async", away)
    upstreams.problems.not_welcome(route_to("http://u.test"), 401, "req_1")
    await upstreams.problems.close()


def test_the_report_shows_them_and_the_staffs_first_page_counts_them(db: None) -> None:
    UpstreamProblem.objects.create(
        upstream="main", route="small on main", kind="not_welcome", status=401, times=7, request_id="req_1"
    )
    UpstreamProblem.objects.create(upstream="main", route="", kind="unasked", times=1)
    rows = report(ReportQuery()).rows
    assert {(row["upstream"], row["what"], row["times"]) for row in rows} == {
        ("main", "not_welcome", 7),
        ("main", "unasked", 1),
    }
    assert open_problems() == {"main": 2}
    assert REPORTS["upstream_problems"].make is report
