"""Sound is sent as it comes: what of it was delivered is charged, by its share, and what was not is free."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from django.http import HttpResponse

from aio_platform.errors import PlatformError
from aio_platform.http.stream_priming import started
from gateway.adapters.protocol import Steps, StreamedAnswer, UpstreamCall
from gateway.calls.execute import OpenBinary, binary_stream, execute
from tests.gateway.chat_calls import call_of, chat
from tests.gateway.local_upstream import CREDIT, LocalUpstream, Tenant, route_to
from usage.ledger.units import Units

HEAD = b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(184)  # 200 bytes
REST = bytes(600)
PART = 300
WHOLE = Units(tokens_in=9, tokens_out=5)
PRICE = 9 * 10 + 5 * 100
QUARTER = 3 * 10 + 2 * 100  # of each unit a quarter, rounded up


class Speaking:
    """An adapter of one step whose answer is sound."""

    def steps(self, request: Any, route: Any) -> Steps:
        yield UpstreamCall("/speech", json={}, streamed=True)
        return StreamedAnswer("audio/wav", WHOLE)


def speaking(*, announced: int | None, breaks: bool = False) -> Any:
    """Say the head, and once it has been read the rest; or break off in the middle of that."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/wav"})
        response.content_length = announced
        await response.prepare(request)
        await response.write(HEAD)
        await asyncio.sleep(0.1)
        await response.write(REST[:PART])
        if breaks:
            await asyncio.sleep(0.1)
            assert request.transport is not None
            request.transport.abort()
        else:
            await response.write(REST[PART:])
        return response

    return handler


def no_response(answer: Any) -> HttpResponse:
    """What whole answers are shaped by; a sound needs none."""
    raise AssertionError


async def open_sound(relay: Any, tenant: Tenant, upstream: LocalUpstream) -> AsyncIterator[bytes]:
    call = call_of(tenant, chat(), route_to(upstream.url, rate=tenant.rate))
    executed = await execute(relay, call, {"openai_chat": Speaking()}, None, no_response)  # type: ignore[dict-item]
    assert isinstance(executed.answer, OpenBinary)
    return await started(binary_stream(relay.ledger, call, executed.answer))


async def charged(tenant: Tenant) -> tuple[str, int]:
    """The one call's outcome and cost once nothing is held any more."""
    left = await tenant.settled_balance()
    [event] = tenant.outcomes()
    assert 10 * CREDIT - left == event["cost_microcredits"]
    return event["outcome"], event["cost_microcredits"]


async def test_a_whole_sound_costs_its_price(relay: Any, tenant: Tenant, upstream: LocalUpstream) -> None:
    upstream.handler = speaking(announced=800)
    sound = await open_sound(relay, tenant, upstream)
    assert b"".join([piece async for piece in sound]) == HEAD + REST
    assert await charged(tenant) == ("succeeded", PRICE)


@pytest.mark.parametrize(("announced", "cost"), [(800, QUARTER), (None, PRICE)])
async def test_whoever_leaves_within_a_sound_pays_the_share_that_was_sent(
    announced: int | None, cost: int, relay: Any, tenant: Tenant, upstream: LocalUpstream
) -> None:
    """Where no length was announced, nobody knows the share."""
    upstream.handler = speaking(announced=announced)
    sound: Any = await open_sound(relay, tenant, upstream)
    assert await anext(sound) == HEAD
    await sound.aclose()
    assert await charged(tenant) == ("partial", cost)


async def test_a_sound_that_breaks_costs_the_share_that_came(
    relay: Any, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = speaking(announced=800, breaks=True)
    sound = await open_sound(relay, tenant, upstream)
    got = b""
    with pytest.raises(PlatformError):
        async for piece in sound:
            got += piece
    # The last that came is held back for the whole's capture, and counts as nothing.
    assert got == HEAD
    assert await charged(tenant) == ("partial", QUARTER)


async def test_whoever_leaves_before_the_first_byte_pays_nothing(
    relay: Any, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = speaking(announced=800)
    sound: Any = await open_sound(relay, tenant, upstream)
    await sound.aclose()
    assert await charged(tenant) == ("cancelled", 0)
