"""How long a call, its stream and its hold may last, and that a bug within a call leaves no hold."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from gateway.adapters.protocol import HEARTBEAT
from gateway.calls import stream
from gateway.calls.relay import Call
from tests.gateway.chat_calls import call_of, chat, stream_chat
from tests.gateway.local_upstream import CREDIT, LocalUpstream, Tenant, route_to, stream_events
from usage.ledger.client import SETTLE_PATIENCE_S

EVENTS = stream_events("Hel", "lo")
GIVEN_UP_S = 20.0


def telling(*events: bytes, pause_s: float = 0.0, then_hang: bool = False) -> Any:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in events:
            await response.write(event)
            await asyncio.sleep(pause_s)
        if then_hang:
            await asyncio.sleep(10 * GIVEN_UP_S)
        return response

    return handler


async def streamed(relay: Any, tenant: Tenant, url: str, time_limit_s: float = 30.0) -> list[bytes]:
    """What a client that waits gets of a stream; fails where that has no end."""
    request = chat(stream=True)
    call = call_of(tenant, request, route_to(url, rate=tenant.rate), time_limit_s=time_limit_s)
    async with asyncio.timeout(GIVEN_UP_S):
        response: Any = await stream_chat(relay, call, request)
        return [piece async for piece in response._iterator]


async def test_a_silent_stream_is_kept_alive(
    relay: Any, tenant: Tenant, upstream: LocalUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)
    upstream.handler = telling(*EVENTS, pause_s=0.5)
    got = await streamed(relay, tenant, upstream.url)
    assert HEARTBEAT in got
    assert got[-1].endswith(b"data: [DONE]\n\n")


async def test_a_stream_that_stays_silent_is_given_up_and_charged_for_what_came(
    relay: Any, tenant: Tenant, upstream: LocalUpstream, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)
    settings.STREAM_IDLE_LIMIT_S = 0.2
    upstream.handler = telling(EVENTS[0], then_hang=True)
    got = await streamed(relay, tenant, upstream.url)
    assert b'"error":{"code":504' in got[-1]
    await assert_partly_charged(tenant)


async def test_a_stream_without_end_is_given_up_and_charged_for_what_came(
    relay: Any, tenant: Tenant, upstream: LocalUpstream, settings: Any
) -> None:
    settings.STREAM_TIME_LIMIT_S = 0
    upstream.handler = telling(*[EVENTS[0]] * 2000, pause_s=0.05)
    got = await streamed(relay, tenant, upstream.url, time_limit_s=1.0)
    assert b'"error":{"code":504' in got[-1]
    await assert_partly_charged(tenant)


async def assert_partly_charged(tenant: Tenant) -> None:
    left = await tenant.settled_balance()
    [event] = tenant.outcomes()
    assert event["outcome"] == "partial"
    assert 0 < event["cost_microcredits"] == 10 * CREDIT - left


async def test_a_hold_outlives_its_call(relay: Any, tenant: Tenant, settings: Any) -> None:
    request = chat()
    call = call_of(tenant, request, route_to("http://127.0.0.1:9", rate=tenant.rate), time_limit_s=10.0)
    assert await held_for(relay, tenant, call) == timedelta(seconds=10 + settings.HOLD_MARGIN_S)


async def test_a_hold_outlives_its_stream_and_the_slowest_reader_of_it(
    relay: Any, tenant: Tenant, settings: Any
) -> None:
    request = chat(stream=True)
    call = call_of(tenant, request, route_to("http://127.0.0.1:9", rate=tenant.rate), time_limit_s=10.0)
    longest_s = settings.STREAM_TIME_LIMIT_S + settings.STREAM_IDLE_LIMIT_S + settings.STALLED_READER_LIMIT_S
    expected_s = 10 + longest_s + SETTLE_PATIENCE_S + settings.HOLD_MARGIN_S
    assert await held_for(relay, tenant, call) == timedelta(seconds=expected_s)


async def held_for(relay: Any, tenant: Tenant, call: Call) -> timedelta:
    await relay.authorize(call)
    [hold] = tenant.rows("SELECT expires_at - held_at AS lasts FROM usage_hold WHERE account_id = %s")
    return hold["lasts"]  # type: ignore[no-any-return]


async def test_a_bug_within_a_call_leaves_no_hold(relay: Any, tenant: Tenant) -> None:
    call = call_of(tenant, chat(), route_to("http://127.0.0.1:9", rate=tenant.rate))

    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await relay.while_held(call, work)
    assert await tenant.settled_balance() == 10 * CREDIT
    [event] = tenant.outcomes()
    assert (event["outcome"], event["status"], event["cost_microcredits"]) == ("failed", 500, 0)
