"""How a call ends, in the books: one event, the right charge, and never a hold left behind.

The books are real, the upstream is a real server, and calls are cancelled at every point where they can be.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from accounts.errors import UnknownKey
from aio_platform.errors import PlatformError
from aio_platform.observability.metrics import SHELF
from gateway.calls.metrics import OVERRUNS
from gateway.calls.relay import Relay, price_headers
from gateway.errors import (
    RouteResting,
    TimeLimitReached,
    UpstreamFailed,
    UpstreamMisconfigured,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamSaturated,
)
from gateway.upstreams.circuit_breaker import FAILURES_TO_REST, REST_S
from tests.gateway.chat_calls import (
    answering,
    as_it_came,
    call_of,
    chat,
    complete_chat,
    stream_chat,
    streaming,
)
from tests.gateway.local_upstream import CREDIT, LocalUpstream, Tenant, completion, route_to, stream_events
from tests.gateway.stepping import cancelled_at
from usage.errors import InsufficientCredits
from usage.ledger.calls import Credentials

START = 10 * CREDIT
CALL_COST = 9 * 10 + 5 * 100  # what `completion` says it used, at the tenant's rate


SILENT = answering(pause_s=60)


def overruns() -> float:
    """How many chat calls this process says cost more than their hold."""
    return sum(
        values[0] for name, labels, values in SHELF.readings() if (name, labels) == (OVERRUNS.name, ("chat",))
    )


async def execute(relay: Relay, tenant: Tenant, *urls: str, **options: Any) -> Any:
    """One call that is answered in one piece."""
    request = chat()
    routes = [route_to(url, f"server {number}", tenant.rate) for number, url in enumerate(urls)]
    call = call_of(tenant, request, *routes, **options)
    body, settlement = await complete_chat(relay, call, request, as_it_came)
    return json.loads(body), settlement, call


async def deliver(
    relay: Relay,
    tenant: Tenant,
    url: str,
    got: list[bytes],
    stop_after: int | None = None,
    path: str = "/api/v1/chat/completions",
) -> None:
    """One streamed call to a client that may leave after so many pieces, sent as GatewayHandler sends it."""
    request = chat(stream=True)
    call = call_of(tenant, request, route_to(url, rate=tenant.rate))
    call.path = path
    response = await stream_chat(relay, call, request)
    pieces: Any = response._iterator
    try:
        await asyncio.sleep(0)  # the status line goes out
        async for piece in pieces:
            got.append(piece)
            if stop_after is not None and len(got) >= stop_after:
                return
            await asyncio.sleep(0)
    finally:
        await pieces.aclose()


async def test_a_complete_answer_is_captured_exactly(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = answering()
    values, settlement, call = await execute(relay, tenant, upstream.url)
    assert values["model"] == "small"
    assert (settlement.settled, settlement.charged) == (True, CALL_COST)
    assert await tenant.settled_balance() == START - CALL_COST == settlement.available
    [event] = tenant.outcomes()
    assert (event["outcome"], event["status"], event["cost_microcredits"]) == ("succeeded", 200, CALL_COST)
    assert (event["tokens_in"], event["tokens_out"], event["estimated"]) == (9, 5, False)
    assert event["upstream"] == "server 0"
    assert 0 <= event["first_byte_ms"] <= event["latency_ms"]
    headers = price_headers(call, settlement)
    assert headers["X-Credits-Consumed"] == "0.00059"
    assert headers["X-Credits-Remaining"] == "9.99941"


async def test_without_usage_the_charge_is_an_estimate_and_says_so(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(body=completion("x" * 40, usage=None))
    await execute(relay, tenant, upstream.url)
    [event] = tenant.outcomes()
    assert (event["estimated"], event["tokens_in"], event["tokens_out"]) == (True, 2, 10)


async def test_no_charge_is_above_the_hold(relay: Relay, tenant: Tenant, upstream: LocalUpstream) -> None:
    upstream.handler = answering(body=completion(usage={"prompt_tokens": 9, "completion_tokens": 10**7}))
    await execute(relay, tenant, upstream.url)
    [event] = tenant.outcomes()
    assert event["cost_microcredits"] == event["hold_microcredits"] < 10 * CREDIT
    assert await tenant.settled_balance() == START - event["cost_microcredits"]


async def test_a_call_that_cost_more_than_its_hold_is_told_to_staff(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(body=completion(usage={"prompt_tokens": 9, "completion_tokens": 10**7}))
    before = overruns()
    with capture_logs() as logged:
        _, _, call = await execute(relay, tenant, upstream.url)

    [event] = tenant.outcomes()
    [warning] = [line for line in logged if line["event"] == "call cost more than its hold"]
    assert (warning["log_level"], warning["request_uuid"]) == ("warning", call.request_uuid)
    assert warning["held_microcredits"] == event["hold_microcredits"] < warning["cost_microcredits"]
    assert overruns() == before + 1


async def test_a_call_within_its_hold_is_told_to_nobody(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = answering()
    before = overruns()
    await execute(relay, tenant, upstream.url)
    assert overruns() == before


@pytest.mark.parametrize(
    ("status", "body", "outcome", "error"),
    [
        (400, None, "rejected", UpstreamRejected),
        (422, None, "rejected", UpstreamRejected),
        (429, None, "failed", UpstreamRateLimited),
        (503, None, "failed", UpstreamSaturated),
        (500, None, "failed", UpstreamFailed),
        (401, None, "failed", UpstreamMisconfigured),
        (200, {"choices": []}, "failed", UpstreamFailed),
        (200, {"error": {"message": "no"}}, "failed", UpstreamFailed),
        (200, {"choices": [{"message": {"tool_calls": 5}}]}, "failed", UpstreamFailed),
    ],
)
async def test_a_call_that_fails_is_released_and_recorded(
    status: int,
    body: Any,
    outcome: str,
    error: type[PlatformError],
    relay: Relay,
    tenant: Tenant,
    upstream: LocalUpstream,
) -> None:
    upstream.handler = answering(status, body)
    with pytest.raises(error):
        await execute(relay, tenant, upstream.url)
    assert await tenant.settled_balance() == START
    [event] = tenant.outcomes()
    assert (event["outcome"], event["status"], event["cost_microcredits"]) == (
        outcome,
        error.status or 502,
        0,
    )


async def test_a_call_over_its_time_limit_is_cancelled_upstream_and_released(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = upstream.hang
    with pytest.raises(TimeLimitReached) as caught:
        await execute(relay, tenant, upstream.url, time_limit_s=0.3)
    assert caught.value.headers["x-should-retry"] == "false"
    await asyncio.wait_for(upstream.broken_off.wait(), 30)
    assert await tenant.settled_balance() == START
    [event] = tenant.outcomes()
    assert (event["outcome"], event["status"]) == ("timed_out", 504)


async def test_the_next_route_is_tried_and_the_failed_attempt_is_recorded(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream, second_upstream: LocalUpstream
) -> None:
    upstream.handler, second_upstream.handler = answering(500), answering()
    await execute(relay, tenant, upstream.url, second_upstream.url)
    [event] = tenant.outcomes()
    assert (event["outcome"], event["upstream"]) == ("succeeded", "server 1")
    [attempt] = event["attempts"]
    assert (attempt["upstream"], attempt["status"]) == ("server 0", 500)
    assert await tenant.settled_balance() == START - CALL_COST


async def test_a_request_that_one_upstream_calls_bad_is_not_tried_at_another(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream, second_upstream: LocalUpstream
) -> None:
    upstream.handler, second_upstream.handler = answering(400), answering()
    with pytest.raises(UpstreamRejected):
        await execute(relay, tenant, upstream.url, second_upstream.url)
    assert second_upstream.seen == []


async def test_an_upstream_that_keeps_failing_is_left_alone(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(500)
    for _ in range(FAILURES_TO_REST):
        with pytest.raises(UpstreamFailed):
            await execute(relay, tenant, upstream.url)
    with pytest.raises(RouteResting, match="resting after failures") as caught:
        await execute(relay, tenant, upstream.url)
    assert 1 <= (caught.value.retry_after_s or 0) <= REST_S
    assert len(upstream.seen) == FAILURES_TO_REST
    assert await tenant.settled_balance() == START
    assert len(tenant.outcomes()) == FAILURES_TO_REST + 1


@pytest.mark.parametrize(
    "handler",
    [
        answering(500),
        answering(429),
        answering(403),
        answering(400),
        answering(body={"choices": []}),
        answering(body={"error": {"message": "no"}}),
        SILENT,
    ],
    ids=["500", "429", "403", "400", "empty", "told in a 200", "silent"],
)
async def test_no_tenant_can_keep_another_from_a_route(
    handler: Any, relay: Relay, tenant: Tenant, other_tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = handler
    for _ in range(2 * FAILURES_TO_REST):
        with pytest.raises(PlatformError):
            await execute(relay, tenant, upstream.url, time_limit_s=0.1 if handler is SILENT else 30.0)
    upstream.handler = answering()
    await execute(relay, other_tenant, upstream.url)


async def test_a_refused_call_reaches_no_upstream_and_leaves_no_event(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    request = chat(max_tokens=100)
    costly = route_to(upstream.url, rate=tenant.rate)
    call = call_of(tenant, request, costly)
    call.ceiling = call.ceiling._replace(tokens_out=10**6)
    with pytest.raises(InsufficientCredits):
        await complete_chat(relay, call, request, as_it_came)
    stranger = call_of(tenant, request, costly)
    stranger.caller = Credentials(b"\0" * 32, address="192.0.2.1")
    with pytest.raises(UnknownKey):
        await complete_chat(relay, stranger, request, as_it_came)
    assert upstream.seen == []
    assert tenant.outcomes() == []
    assert await tenant.settled_balance() == START


async def test_usage_beyond_all_bounds_harms_no_other_call(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream, second_upstream: LocalUpstream
) -> None:
    upstream.handler = answering(body=completion(usage={"prompt_tokens": 2**63, "completion_tokens": 2**63}))
    second_upstream.handler = answering()
    calls = [execute(relay, tenant, url) for url in [upstream.url, *[second_upstream.url] * 8]]
    mad, *good = await asyncio.gather(*calls, return_exceptions=True)
    assert [settlement.charged for _, settlement, _ in good] == [CALL_COST] * 8
    assert not isinstance(mad, AssertionError)


async def test_a_whole_stream_is_captured_and_its_last_chunk_has_the_price(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = streaming(*stream_events("Hel", "lo"))
    got: list[bytes] = []
    await deliver(relay, tenant, upstream.url, got)
    text = b"".join(got)
    assert text.endswith(b"data: [DONE]\n\n")
    assert b'"credits_consumed":0.00059' in got[-1]
    [event] = tenant.outcomes()
    assert (event["outcome"], event["streamed"], event["cost_microcredits"]) == ("succeeded", True, CALL_COST)
    assert await tenant.settled_balance() == START - CALL_COST


async def test_a_client_that_leaves_within_a_stream_pays_for_what_was_delivered(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = streaming(*stream_events("x" * 8, "y" * 400), pause_s=0.2)
    got: list[bytes] = []
    await deliver(relay, tenant, upstream.url, got, stop_after=1)
    await asyncio.wait_for(upstream.broken_off.wait(), 30)
    cost = 2 * 10 + 2 * 100
    assert await tenant.settled_balance() == START - cost
    [event] = tenant.outcomes()
    assert (event["outcome"], event["estimated"], event["cost_microcredits"]) == ("partial", True, cost)


@pytest.mark.parametrize(
    "handler",
    [
        streaming(*stream_events("x" * 8)[:1]),
        streaming(*stream_events("x" * 8)[:1], break_off=True, pause_s=0.05),
        streaming(*stream_events("x" * 8)[:1], b"data: {broken\n\n", pause_s=0.05),
        streaming(*stream_events("x" * 8)[:1], b'data: {"error": {"message": "no"}}\n\n', pause_s=0.05),
        streaming(*stream_events("x" * 8)[:1], b'data: {"choices": [{"delta": 5}]}\n\n', pause_s=0.05),
    ],
    ids=["no end mark", "reset", "malformed", "error event", "strange delta"],
)
async def test_a_stream_that_breaks_is_charged_for_what_came_and_ends_in_an_error(
    handler: Any, relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = handler
    got: list[bytes] = []
    await deliver(relay, tenant, upstream.url, got)
    assert b'"error":{"code":502' in got[-1]
    assert b"[DONE]" not in b"".join(got)
    [event] = tenant.outcomes()
    assert (event["outcome"], event["estimated"], event["tokens_out"]) == ("partial", True, 2)
    assert await tenant.settled_balance() == START - event["cost_microcredits"]


@pytest.mark.parametrize(
    "handler",
    [
        answering(500),
        answering(),  # JSON where events were asked for
        streaming(),
        streaming(b"data: [DONE]\n\n"),
        streaming(b'data: {"error": "no"}\n\n'),
        streaming(b"data: 5\n\n"),
    ],
    ids=["500", "json", "nothing", "only the end", "error", "malformed"],
)
async def test_a_stream_that_never_begins_is_released(
    handler: Any, relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = handler
    with pytest.raises(UpstreamFailed):
        await deliver(relay, tenant, upstream.url, [])
    assert await tenant.settled_balance() == START
    assert [event["outcome"] for event in tenant.outcomes()] == ["failed"]


Work = Callable[[], Awaitable[None]]


async def books_are_quiet(relay: Relay, tenant: Tenant) -> None:
    """Whatever was asked of the books before has been answered: they take one batch after the other."""
    for _ in range(2):  # a release follows the batch that brought the hold
        request = chat()
        call = call_of(tenant, request, route_to("http://127.0.0.1:9", rate=tenant.rate))
        call.caller = Credentials(b"\0" * 32)
        with pytest.raises(UnknownKey):
            await relay.authorize(call)


async def cancel_everywhere(relay: Relay, tenant: Tenant, work: Work, *, as_it_resumes: bool) -> int:
    """Run the work again and again, cancelled one await point later each time; returns how many there are."""
    point = 0
    while True:
        point += 1
        ended = await cancelled_at(point, work, as_it_resumes=as_it_resumes)
        await books_are_quiet(relay, tenant)
        left = await tenant.settled_balance()
        assert START - left == sum(event["cost_microcredits"] for event in tenant.outcomes())
        if ended:
            return point


WHEN = pytest.mark.parametrize(
    "as_it_resumes", [pytest.param(False, id="while it waits"), pytest.param(True, id="as it resumes")]
)


@WHEN
async def test_a_call_cancelled_at_any_point_leaves_no_hold(
    as_it_resumes: bool, relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(pause_s=0.01)

    async def work() -> None:
        await execute(relay, tenant, upstream.url)

    points = await cancel_everywhere(relay, tenant, work, as_it_resumes=as_it_resumes)
    assert points > 3
    assert tenant.outcomes()[-1]["outcome"] == "succeeded"
    assert {event["outcome"] for event in tenant.outcomes()} == {"cancelled", "succeeded"}


@WHEN
async def test_a_stream_cancelled_at_any_point_leaves_no_hold(
    as_it_resumes: bool, relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = streaming(*stream_events("Hel", "lo"), pause_s=0.01)

    async def work() -> None:
        await deliver(relay, tenant, upstream.url, [])

    points = await cancel_everywhere(relay, tenant, work, as_it_resumes=as_it_resumes)
    assert points > 6
    assert tenant.outcomes()[-1]["outcome"] == "succeeded"


@pytest.mark.parametrize(
    ("path", "kind", "code"),
    [
        ("/v1/chat/completions", "server_error", "server_error"),
        ("/api/v1/chat/completions", "server_error", 502),
        ("/llm/v1/chat/completions", "server_error", 502),
    ],
)
async def test_an_error_within_a_stream_is_in_the_words_of_its_mount(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream, path: str, kind: str, code: object
) -> None:
    upstream.handler = streaming(*stream_events("x" * 8)[:1], b"data: {broken\n\n", pause_s=0.05)
    got: list[bytes] = []
    await deliver(relay, tenant, upstream.url, got, path=path)
    described = json.loads(got[-1].removeprefix(b"data: "))["error"]
    assert (described["type"], described["code"]) == (kind, code)
