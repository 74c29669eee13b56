"""The client side against a real server: what comes back, what breaks, and what tells the upstream to stop."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from aio_platform.errors import PlatformError
from gateway.adapters.protocol import UpstreamCall
from gateway.errors import (
    UpstreamFailed,
    UpstreamMisconfigured,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamSaturated,
)
from gateway.upstreams.client import Upstreams
from gateway.upstreams.pool import SETTLE_S
from gateway.upstreams.responses import UpstreamAnswer, read_answer_body, read_chunk
from tests.gateway.local_upstream import LocalUpstream, route_to

PATH = "/v1/chat/completions"
CALL = UpstreamCall(PATH, body=b'{"a": 1}')


async def post(upstreams: Upstreams, upstream: LocalUpstream, **options: Any) -> UpstreamAnswer:
    return await upstreams.send(route_to(upstream.url, **options), CALL, again=True)


def answering(status: int, **headers: str) -> Any:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text="secret of the upstream", headers=headers)

    return handler


async def test_a_call_is_sent_with_the_upstreams_secrets_and_nothing_of_ours(
    upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    response = await post(upstreams, upstream, api_key="sk-theirs", headers={"X-Org": "acme"})
    assert await read_answer_body(response) == b'{"ok": true}'
    [seen] = upstream.seen
    assert (seen.method, seen.path, upstream.bodies) == ("POST", PATH, [b'{"a": 1}'])
    assert seen.headers["Authorization"] == "Bearer sk-theirs"
    assert seen.headers["X-Org"] == "acme"
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.headers["Accept-Encoding"] == "identity"
    assert "Cookie" not in seen.headers


@pytest.mark.parametrize(
    ("beginning", "path"),
    [
        (None, PATH),
        ("", "/chat/completions"),
        ("/v1beta/openai", "/v1beta/openai/chat/completions"),
        ("/openai/deployments/{model}", "/openai/deployments/upstream%2Fsmall/chat/completions"),
    ],
)
async def test_an_upstreams_own_path_stands_in_place_of_openais(
    beginning: str | None, path: str, upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    await post(upstreams, upstream, path=beginning)
    assert [seen.raw_path for seen in upstream.seen] == [path]


async def test_a_path_that_does_not_begin_as_openais_is_left_as_it_is(
    upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    await upstreams.send(route_to(upstream.url, path="/elsewhere"), UpstreamCall("/v1beta", body=b"{}"))
    assert [seen.raw_path for seen in upstream.seen] == ["/v1beta"]


async def test_models_of_one_upstream_each_have_their_own_path(
    upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    for model in ("one", "two", "one"):
        route = replace(route_to(upstream.url, path="/{model}"), upstream_model=model)
        await read_answer_body(await upstreams.send(route, CALL))
    assert [seen.raw_path.split("/")[1] for seen in upstream.seen] == ["one", "two", "one"]


async def test_an_upstreams_query_goes_with_each_request_beside_the_steps_own(
    upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    await post(upstreams, upstream, query={"api-version": "2026-01-01"})
    step = UpstreamCall("/jobs", method="GET", query={"id": "7"})
    await upstreams.send(route_to(upstream.url, query={"api-version": "2026-01-01"}), step)
    first, second = upstream.seen
    assert dict(first.query) == {"api-version": "2026-01-01"}
    assert dict(second.query) == {"api-version": "2026-01-01", "id": "7"}


async def test_a_key_goes_alone_in_the_header_that_the_upstream_wants(
    upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    await post(upstreams, upstream, api_key="sk-theirs", auth="api-key")
    [seen] = upstream.seen
    assert seen.headers["api-key"] == "sk-theirs"
    assert "Authorization" not in seen.headers


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, UpstreamRejected),
        (413, UpstreamRejected),
        (415, UpstreamRejected),
        (422, UpstreamRejected),
        (429, UpstreamRateLimited),
        (503, UpstreamSaturated),
        (529, UpstreamSaturated),
        (401, UpstreamMisconfigured),
        (402, UpstreamMisconfigured),
        (403, UpstreamMisconfigured),
        (404, UpstreamMisconfigured),
        (500, UpstreamFailed),
        (502, UpstreamFailed),
        (504, UpstreamFailed),
        (304, UpstreamFailed),
    ],
)
async def test_each_status_is_the_fault_of_the_caller_the_load_or_the_upstream(
    status: int, error: type[PlatformError], upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(status)
    with pytest.raises(error) as caught:
        await post(upstreams, upstream)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("7", 7),
        ("0", 1),
        ("99999", 120),
        ("", 1),
        ("-5", 1),
        ("soon", 1),
        ("1.5", 1),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 1),
        ("Wed, 21 Oct 2015", 1),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 120),
        ("Fri, 31 Dec 99999 23:59:59 GMT", 1),
    ],
)
async def test_the_upstreams_pause_is_passed_on_within_bounds(
    given: str, expected: int, upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(429, **{"Retry-After": given})
    with pytest.raises(UpstreamRateLimited) as caught:
        await post(upstreams, upstream)
    assert caught.value.retry_after_s == expected


async def test_a_pause_given_as_a_date_is_told_in_seconds(
    upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    upstream.handler = answering(429, **{"Retry-After": until})
    with pytest.raises(UpstreamRateLimited) as caught:
        await post(upstreams, upstream)
    assert 1 < (caught.value.retry_after_s or 0) <= 40


@pytest.mark.parametrize("given", ["²", "9" * 5000])
async def test_a_pause_that_only_looks_like_a_number_is_as_good_as_none(
    given: str, upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(503, **{"Retry-After": given})
    with pytest.raises(UpstreamSaturated):
        await post(upstreams, upstream)


async def test_a_redirect_is_not_followed(
    upstreams: Upstreams, upstream: LocalUpstream, second_upstream: LocalUpstream
) -> None:
    upstream.handler = answering(307, Location=second_upstream.url)
    with pytest.raises(UpstreamFailed):
        await post(upstreams, upstream, api_key="sk-theirs")
    assert second_upstream.seen == []


async def test_nobody_at_the_address_is_a_failure(upstreams: Upstreams) -> None:
    with pytest.raises(UpstreamFailed):
        await upstreams.send(route_to("http://127.0.0.1:9"), CALL, again=True)


async def test_a_connection_reset_before_the_headers_is_a_failure(
    upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    async def reset(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        await asyncio.sleep(60)
        return web.Response()

    upstream.handler = reset
    with pytest.raises(UpstreamFailed):
        await post(upstreams, upstream)


@pytest.mark.parametrize("chunked", [True, False])
async def test_an_answer_that_breaks_off_is_a_failure(
    chunked: bool, upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={} if chunked else {"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    upstream.handler = half
    response = await post(upstreams, upstream)
    with pytest.raises(UpstreamFailed):
        await read_answer_body(response)


async def test_cancelling_while_the_headers_are_awaited_closes_the_connection(
    upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    upstream.handler = upstream.hang
    called = asyncio.create_task(post(upstreams, upstream))
    async with asyncio.timeout(10):
        while not upstream.bodies:
            await asyncio.sleep(0.01)
    called.cancel()
    with pytest.raises(asyncio.CancelledError):
        await called
    await asyncio.wait_for(upstream.broken_off.wait(), 10)


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "100"}])
@pytest.mark.parametrize("read", [read_answer_body, read_chunk])
async def test_cancelling_while_the_answer_is_read_closes_the_connection(
    headers: dict[str, str], read: Any, upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    async def stalls(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await asyncio.sleep(60)
        return response

    upstream.handler = stalls
    response = await post(upstreams, upstream)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await read(response)
    await asyncio.wait_for(upstream.broken_off.wait(), 10)


@pytest.mark.parametrize("announced", [True, False])
async def test_too_large_an_answer_is_given_up(
    announced: bool, upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    async def large(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(10**9)} if announced else {})
        await response.prepare(request)
        for _ in range(100):
            await response.write(b"x" * 50_000)
        if announced:
            assert request.transport is not None
            request.transport.abort()
        return response

    upstream.handler = large
    response = await post(upstreams, upstream)
    with pytest.raises(UpstreamFailed, match="too large"):
        await read_answer_body(response, limit_bytes=100_000)


async def test_chunks_come_as_they_were_sent_and_end_empty(
    upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    async def two(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        await asyncio.sleep(0.05)
        await response.write(b"two")
        return response

    upstream.handler = two
    response = await post(upstreams, upstream)
    assert [await read_chunk(response) for _ in range(3)] == [b"one", b"two", b""]


async def test_connections_are_used_again(upstreams: Upstreams, upstream: LocalUpstream) -> None:
    ports = []
    for _ in range(3):
        await read_answer_body(await post(upstreams, upstream))
        await asyncio.sleep(3 * SETTLE_S)
        assert upstream.seen[-1].transport is not None
        ports.append(upstream.seen[-1].transport.get_extra_info("peername")[1])
    assert len(set(ports)) == 1


async def test_a_changed_upstream_gets_a_pool_of_its_own_and_calls_under_way_end_well(
    upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    go_on = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        await go_on.wait()
        return web.Response(text="late")

    upstream.handler = slow
    under_way = asyncio.create_task(post(upstreams, upstream, api_key="old"))
    while not upstream.seen:
        await asyncio.sleep(0.01)
    upstream.handler = upstream.fine
    await read_answer_body(await post(upstreams, upstream, api_key="new"))
    go_on.set()
    assert await read_answer_body(await under_way) == b"late"
    assert [request.headers["Authorization"] for request in upstream.seen] == ["Bearer old", "Bearer new"]
