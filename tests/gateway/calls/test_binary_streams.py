"""A binary stream that ends early is booked by whose doing it was: the upstream's, or the client's."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from aio_platform.errors import PlatformError
from aio_platform.http.stream_priming import started
from gateway.adapters.protocol import Steps, StreamedAnswer, UpstreamCall
from gateway.calls.execute import OpenBinary, binary_stream, execute
from gateway.calls.relay import Relay
from gateway.errors import TimeLimitReached, UpstreamFailed
from tests.gateway.chat_calls import call_of, chat
from tests.gateway.local_upstream import CREDIT, LocalUpstream, Tenant, route_to
from usage.ledger.units import Units

HEAD = b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(100)
LENGTH = 100 * len(HEAD)
WHOLE = Units(tokens_in=1000, tokens_out=0)
WHOLE_COST = 10_000


class Sounding:
    """An adapter whose answer is the upstream's stream."""

    def steps(self, request: Any, route: Any) -> Steps:
        yield UpstreamCall("/sound", json={}, streamed=True)
        return StreamedAnswer("audio/wav", WHOLE)


def sounding(pieces: int, *, announced: bool = True, then: str = "break") -> Any:
    """So many hundredths of a sound, and then what the upstream does: break off, or fall silent."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/wav"})
        if announced:
            response.content_length = LENGTH
        await response.prepare(request)
        for _ in range(pieces):
            await response.write(HEAD)
            await asyncio.sleep(0.01)
        if then == "silence":
            await asyncio.sleep(60)
        assert request.transport is not None
        request.transport.abort()
        return response

    return handler


async def opened(relay: Relay, tenant: Tenant, upstream: LocalUpstream) -> AsyncIterator[bytes]:
    """The stream as it is sent; its first bytes have come."""
    call = call_of(tenant, chat(), route_to(upstream.url, rate=tenant.rate))
    call.ceiling = WHOLE
    call.may_stream = True
    executed = await execute(relay, call, {"openai_chat": Sounding()}, None, _not_asked_for)  # type: ignore[dict-item]
    assert isinstance(executed.answer, OpenBinary)
    return await started(binary_stream(relay.ledger, call, executed.answer))


def _not_asked_for(answer: Any) -> Any:
    raise AssertionError("a stream has no shape")


async def listen(sound: AsyncIterator[bytes]) -> bytes:
    got = b""
    async for piece in sound:
        got += piece
    return got


@pytest.mark.parametrize("announced", [True, False])
async def test_a_sound_broken_by_its_upstream_is_booked_as_the_upstreams_fault(
    announced: bool, relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = sounding(10, announced=announced)

    with pytest.raises(UpstreamFailed):
        await listen(await opened(relay, tenant, upstream))

    [event] = tenant.outcomes()
    assert (event["outcome"], event["status"], event["estimated"]) == ("partial", 502, True)
    assert 0 < event["cost_microcredits"] <= (WHOLE_COST // 10 if announced else WHOLE_COST)
    assert await tenant.settled_balance() == 10 * CREDIT - event["cost_microcredits"]


async def test_a_sound_that_falls_silent_is_booked_as_over_its_time(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream, settings: Any
) -> None:
    settings.STREAM_IDLE_LIMIT_S = 0.5
    upstream.handler = sounding(10, then="silence")

    with pytest.raises(TimeLimitReached):
        await listen(await opened(relay, tenant, upstream))

    [event] = tenant.outcomes()
    assert (event["outcome"], event["status"]) == ("partial", 504)


async def test_a_sound_whose_listener_leaves_is_booked_as_left(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = sounding(10, then="silence")
    sound: Any = await opened(relay, tenant, upstream)
    assert await anext(sound)

    await sound.aclose()

    await tenant.settled_balance()
    [event] = tenant.outcomes()
    assert (event["outcome"], event["status"]) == ("partial", 499)
    assert 0 < event["cost_microcredits"] < WHOLE_COST


async def test_a_sound_broken_before_anything_was_sent_costs_nothing_and_has_failed(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = sounding(1)

    with pytest.raises(PlatformError):
        await listen(await opened(relay, tenant, upstream))

    [event] = tenant.outcomes()
    assert (event["outcome"], event["status"], event["cost_microcredits"]) == ("failed", 502, 0)
    assert await tenant.settled_balance() == 10 * CREDIT


async def test_a_fault_of_ours_in_mid_sound_is_booked_as_ours(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.handler = sounding(10, then="silence")
    sound = await opened(relay, tenant, upstream)
    assert await anext(sound)

    async def failing(*_: Any) -> bytes:
        raise RuntimeError("a bug")

    monkeypatch.setattr("gateway.calls.execute._next_chunk", failing)
    with pytest.raises(RuntimeError):
        await listen(sound)

    [event] = tenant.outcomes()
    assert (event["outcome"], event["status"]) == ("partial", 500)
