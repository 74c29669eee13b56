"""Delivered is charged, failed is free, whatever goes wrong in reading, counting or writing an answer.

The books are real, and so are the connections; what goes wrong is planted.
"""

import asyncio
import tracemalloc
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from gateway.adapters.chat.openai_stream import ChatStream
from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.protocol import JsonAnswer, MalformedAnswer
from gateway.adapters.shared.requests import EmbeddingRequest
from gateway.adapters.sync import openai_embeddings
from gateway.calls import execute as execute_module
from gateway.calls import settle_once
from gateway.calls import stream as streaming_module
from gateway.calls.execute import execute
from gateway.calls.relay import Relay
from gateway.errors import UpstreamFailed
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
from usage.ledger.calls import Settlement

START = 10 * CREDIT


async def whole(
    relay: Relay, tenant: Tenant, url: str, to_body: Any = as_it_came
) -> tuple[bytes, Settlement]:
    request = chat()
    return await complete_chat(
        relay, call_of(tenant, request, route_to(url, rate=tenant.rate)), request, to_body
    )


async def stream(relay: Relay, tenant: Tenant, url: str, stop_after: int | None = None) -> bytes:
    request = chat(stream=True)
    response = await stream_chat(relay, call_of(tenant, request, route_to(url, rate=tenant.rate)), request)
    pieces: Any = response._iterator
    got: list[bytes] = []
    try:
        async for piece in pieces:
            got.append(piece)
            if stop_after is not None and len(got) >= stop_after:
                break
    finally:
        await pieces.aclose()
    return b"".join(got)


def plant(monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(*_: Any, **__: Any) -> Any:
        raise AttributeError("planted: a secret prompt")

    monkeypatch.setattr(ChatRequest, "metered", raises)


async def test_an_answer_whose_units_cannot_be_read_costs_its_ceiling(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.handler = answering()
    plant(monkeypatch)
    with capture_logs() as logs:
        _, settlement = await whole(relay, tenant, upstream.url)
    [event] = tenant.outcomes()
    assert (event["outcome"], event["estimated"]) == ("succeeded", True)
    assert settlement.charged == event["cost_microcredits"] == event["hold_microcredits"] > 0
    [told] = [entry for entry in logs if entry["log_level"] == "error"]
    assert told["request_uuid"]
    assert "secret" not in str(logs)


@pytest.mark.parametrize("stop_after", [None, 1, 2])
async def test_a_stream_whose_units_cannot_be_read_costs_its_ceiling_however_it_ends(
    stop_after: int | None,
    relay: Relay,
    tenant: Tenant,
    upstream: LocalUpstream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upstream.handler = streaming(*stream_events("Hel", "lo"), pause_s=0.02)
    plant(monkeypatch)
    await stream(relay, tenant, upstream.url, stop_after)
    await tenant.settled_balance()
    [event] = tenant.outcomes()
    assert (event["outcome"], event["estimated"]) == ("partial" if stop_after else "succeeded", True)
    assert event["cost_microcredits"] == event["hold_microcredits"] > 0


async def test_a_stream_that_breaks_by_our_own_fault_is_charged_for_what_came(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.handler = streaming(*stream_events("x" * 8, "y" * 8), pause_s=0.02)

    def raises(*_: Any) -> Any:
        raise RuntimeError("planted")

    monkeypatch.setattr(ChatStream, "closing", raises)
    got = await stream(relay, tenant, upstream.url)
    assert b'"code":500' in got
    [event] = tenant.outcomes()
    assert (event["outcome"], event["status"], event["cost_microcredits"]) == (
        "partial",
        500,
        9 * 10 + 5 * 100,
    )
    assert await tenant.settled_balance() == START - event["cost_microcredits"]


@pytest.mark.parametrize("error", [RuntimeError, KeyError, TypeError])
async def test_an_answer_that_cannot_be_shaped_is_free(
    error: type[Exception], relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = answering()

    def to_body(values: dict[str, Any], charge_microcredits: int) -> Any:
        raise error("planted")

    with pytest.raises(error):
        await whole(relay, tenant, upstream.url, to_body)
    assert await tenant.settled_balance() == START
    [event] = tenant.outcomes()
    assert (event["outcome"], event["status"]) == ("failed", 500)


async def test_the_price_inside_a_body_is_the_one_that_is_captured(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(body=completion(usage={"prompt_tokens": 9, "completion_tokens": 10**7}))
    body, settlement = await whole(relay, tenant, upstream.url, lambda values, charge: charge)
    assert int(body) == settlement.charged == tenant.outcomes()[0]["hold_microcredits"]


@pytest.mark.parametrize("wrong", [MalformedAnswer("planted"), RuntimeError("planted")])
async def test_another_endpoints_answer_that_cannot_be_shaped_is_free(
    wrong: Exception, relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(body={"data": [{"embedding": [1e300]}], "usage": {"prompt_tokens": 2}})
    request = EmbeddingRequest(["Hello"])
    route = route_to(upstream.url, rate=tenant.rate)
    call = call_of(tenant, chat(), route)

    def to_response(answer: Any) -> Any:
        assert isinstance(answer, JsonAnswer)
        raise wrong

    expected = UpstreamFailed if isinstance(wrong, MalformedAnswer) else RuntimeError
    with pytest.raises(expected):
        await execute(relay, call, {"openai_chat": openai_embeddings}, request, to_response)
    assert await tenant.settled_balance() == START
    assert [event["outcome"] for event in tenant.outcomes()] == ["failed"]


async def test_a_caller_who_leaves_before_the_first_event_pays_nothing(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = streaming(*stream_events("Hel", "lo"), pause_s=0.02)
    request = chat(stream=True)
    response = await stream_chat(
        relay, call_of(tenant, request, route_to(upstream.url, rate=tenant.rate)), request
    )
    pieces: Any = response._iterator
    await pieces.aclose()
    assert await tenant.settled_balance() == START
    assert [event["outcome"] for event in tenant.outcomes()] == ["cancelled"]


async def test_an_early_count_is_not_the_last_word_when_the_caller_leaves(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    first, *others = stream_events(*["x" * 40] * 97)
    early = first.replace(b'"choices"', b'"usage": {"prompt_tokens": 10, "completion_tokens": 0}, "choices"')
    upstream.handler = streaming(early, *others[:96], pause_s=0.001)
    await stream(relay, tenant, upstream.url, stop_after=60)
    await tenant.settled_balance()
    [event] = tenant.outcomes()
    assert (event["outcome"], event["estimated"], event["tokens_in"]) == ("partial", True, 10)
    # Each event tells ten tokens' worth; one is held back, since a count came with it.
    assert event["tokens_out"] >= 10 * 50
    assert event["cost_microcredits"] == event["hold_microcredits"]


async def test_a_stream_that_stays_open_after_its_answer_ends_after_a_grace(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream, settings: Any
) -> None:
    settings.STREAM_END_GRACE_S = 0.3

    async def never_ends(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in stream_events("Hello", done=False):
            await response.write(event)
        while True:
            await response.write(b": ping\n\n")
            await asyncio.sleep(0.01)

    upstream.handler = never_ends
    got = await asyncio.wait_for(stream(relay, tenant, upstream.url), 60)
    assert got.endswith(b"data: [DONE]\n\n")
    [event] = tenant.outcomes()
    assert (event["outcome"], event["estimated"], event["tokens_out"]) == ("succeeded", False, 5)
    await asyncio.wait_for(upstream.broken_off.wait(), 30)


async def test_a_stream_that_breaks_after_its_answer_is_a_whole_one(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = streaming(*stream_events("Hello", done=False), break_off=True, pause_s=0.02)
    assert (await stream(relay, tenant, upstream.url)).endswith(b"data: [DONE]\n\n")
    assert [event["outcome"] for event in tenant.outcomes()] == ["succeeded"]


@pytest.mark.parametrize(
    "flood", [b": ping\n\n", b'data: {"type": "ping"}\n\n', stream_events("")[0], b": " + b"x" * 60_000]
)
async def test_an_upstream_that_never_begins_its_answer_fills_no_memory(
    flood: bytes, relay: Relay, tenant: Tenant, upstream: LocalUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.adapters.shared.sse.MAX_EVENT_BYTES", 2_000_000)

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while True:
            await response.write(flood * (1 + 60_000 // len(flood)))

    upstream.handler = endless
    tracemalloc.start()
    try:
        with pytest.raises(UpstreamFailed):
            await asyncio.wait_for(stream(relay, tenant, upstream.url), 60)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 20_000_000
    assert await tenant.settled_balance() == START


async def test_an_image_of_several_megabytes_in_one_event_comes_through(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    image = (
        b'"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,' + b"A" * 8_000_000
    )
    first, *others = stream_events("here")
    upstream.handler = streaming(first.replace(b'"content"', image + b'"}}], "content"'), *others)
    got = await stream(relay, tenant, upstream.url)
    assert b"A" * 8_000_000 in got
    assert got.endswith(b"data: [DONE]\n\n")
    assert [event["outcome"] for event in tenant.outcomes()] == ["succeeded"]


def test_streams_and_answers_share_one_fall_back() -> None:
    assert streaming_module.metered is execute_module.metered is settle_once.metered
