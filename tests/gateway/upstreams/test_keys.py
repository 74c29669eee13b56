"""Several keys at one upstream: used in turn, one that is refused or limited rests alone, and nobody's calls suffer."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web
from django.db import connection
from prometheus_client import REGISTRY

from gateway.adapters.protocol import Form, UpstreamCall
from gateway.calls.relay import Relay
from gateway.catalog.routes import UpstreamKey
from gateway.errors import RouteResting, UpstreamMisconfigured, UpstreamRateLimited, UpstreamRejected
from gateway.upstreams.circuit_breaker import ACCOUNTS_TO_DOUBT, REST_S
from gateway.upstreams.client import Upstreams
from gateway.upstreams.health import KeyState, upstream_health
from gateway.upstreams.keys import REFUSED_REST_S, KeyFault, KeyHealth, RoutesKeys, fault_of_status
from tests.gateway.adapters.driving import MemoryUpload
from tests.gateway.chat_calls import as_it_came, call_of, chat, complete_chat
from tests.gateway.local_upstream import LocalUpstream, Tenant, completion, route_to

ANNA, BERT, CARL, DORA = 1, 2, 3, 4
KEYS = tuple(UpstreamKey(f"KEY_{name}", f"sk-{name}") for name in "ABC")


def keyed_route(url: str = "http://u.test", name: str = "several", keys: Any = KEYS, **options: Any) -> Any:
    return route_to(url, name, keys=keys, api_key=keys[0].secret, **options)


def names(routes: Any) -> list[str]:
    return [route.key.name for route in routes]


class Door:
    """An upstream that knows its callers by their keys; `says` is what it says to one, by key's last letter."""

    def __init__(self) -> None:
        self.came: list[str] = []
        self.says: dict[str, tuple[int, dict[str, str], Any]] = {}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        key = request.headers["Authorization"].removeprefix("Bearer sk-")
        self.came.append(key)
        status, headers, body = self.says.get(key, (200, {}, completion()))
        return web.json_response(body, status=status, headers=headers)

    def refuses(self, key: str, status: int = 401, body: Any = None, **headers: str) -> None:
        self.says[key] = (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.fixture
def door(upstream: LocalUpstream) -> Door:
    made = Door()
    upstream.handler = made.answer
    return made


async def execute(relay: Relay, tenant: Tenant, *routes: Any) -> Any:
    request = chat()
    call = call_of(tenant, request, *routes)
    await complete_chat(relay, call, request, as_it_came)
    return call


@pytest.fixture
def route(upstream: LocalUpstream, tenant: Tenant) -> Any:
    return route_to(upstream.url, "several", tenant.rate, keys=KEYS, api_key=KEYS[0].secret)


async def test_keys_are_used_in_turn(relay: Relay, tenant: Tenant, door: Door, route: Any) -> None:
    for _ in range(6):
        await execute(relay, tenant, route)
    assert "".join(door.came) == "ABCABC"


@pytest.mark.parametrize("status", [401, 402, 403])
async def test_a_refused_key_rests_alone_and_the_call_is_answered_by_the_next(
    status: int, relay: Relay, tenant: Tenant, door: Door, route: Any
) -> None:
    door.refuses("A", status)
    for _ in range(7):
        await execute(relay, tenant, route)
    assert Counter(door.came)["A"] == 1
    assert {event["outcome"] for event in tenant.outcomes()} == {"succeeded"}
    [attempts] = [event["attempts"] for event in tenant.outcomes() if event["attempts"]]
    assert [(attempt["upstream"], attempt["status"]) for attempt in attempts] == [("several", status)]


async def test_a_limited_key_rests_alone(relay: Relay, tenant: Tenant, door: Door, route: Any) -> None:
    door.refuses("B", 429, Retry_After="30")
    for _ in range(9):
        await execute(relay, tenant, route)
    assert Counter(door.came)["B"] == 1
    assert {event["outcome"] for event in tenant.outcomes()} == {"succeeded"}


async def test_when_all_rest_a_call_ends_as_with_one_key(
    relay: Relay, tenant: Tenant, door: Door, route: Any
) -> None:
    for key in "ABC":
        door.refuses(key, 429, Retry_After="7")
    with pytest.raises(UpstreamRateLimited) as caught:
        await execute(relay, tenant, route)
    assert caught.value.retry_after_s == 7
    assert sorted(door.came) == ["A", "B", "C"]
    door.came.clear()
    with pytest.raises(UpstreamRateLimited):
        await execute(relay, tenant, route)
    assert len(door.came) == 1

    door.says.clear()
    await execute(relay, tenant, route)
    for key in "ABC":
        door.refuses(key)
    with pytest.raises(UpstreamMisconfigured):
        for _ in range(4):
            await execute(relay, tenant, route)


async def test_the_next_route_is_tried_once_every_key_is_refused(
    relay: Relay, tenant: Tenant, door: Door, route: Any, second_upstream: LocalUpstream
) -> None:
    second = Door()
    second_upstream.handler = second.answer
    for key in "ABC":
        door.refuses(key)
    other = route_to(second_upstream.url, "second", tenant.rate, api_key="sk-Z")
    call = await execute(relay, tenant, route, other)
    assert (sorted(door.came), second.came) == (["A", "B", "C"], ["Z"])
    assert call.route.upstream.name == "second"


@pytest.mark.parametrize(("status", "error"), [(400, UpstreamRejected), (404, UpstreamMisconfigured)])
async def test_what_says_nothing_of_the_key_is_not_tried_with_another(
    status: int, error: type[Exception], relay: Relay, tenant: Tenant, door: Door, route: Any
) -> None:
    for key in "ABC":
        door.refuses(key, status)
    with pytest.raises(error):
        await execute(relay, tenant, route)
    assert door.came == ["A"]
    door.says.clear()
    for _ in range(2):
        await execute(relay, tenant, route)
    assert door.came == ["A", "B", "C"]


@pytest.mark.parametrize("status", [403, 429])
async def test_no_caller_can_bring_about_anothers_refusals(
    status: int, relay: Relay, tenant: Tenant, other_tenant: Tenant, door: Door, route: Any
) -> None:
    """What one caller asks is turned away with every key, again and again; another's calls go out as ever."""
    for key in "ABC":
        door.refuses(key, status, Retry_After="120")
    for _ in range(20):
        with pytest.raises((UpstreamMisconfigured, UpstreamRateLimited, RouteResting)):
            await execute(relay, tenant, route)
    door.says.clear()
    door.came.clear()
    for _ in range(6):
        await execute(relay, other_tenant, route)
    assert sorted(door.came) == list("AABBCC")


async def test_staff_see_which_key_is_refused_until_it_is_taken_again(
    relay: Relay, tenant: Tenant, door: Door, upstream: LocalUpstream
) -> None:
    route = keyed_route(upstream.url, "watched", rate=tenant.rate)

    def problems() -> list[Any]:
        return tenant.rows("SELECT route FROM gateway_upstreamproblem WHERE %s > 0")

    door.refuses("B")
    door.refuses("C", 429, Retry_After="30")
    for _ in range(4):
        await execute(relay, tenant, route)
    await relay.upstreams.problems.close()
    assert len(problems()) == 1
    states = await asyncio.to_thread(key_states, "watched")
    assert (states["KEY_B"].is_refused, states["KEY_C"].is_refused) == (True, False)
    assert 25 < states["KEY_C"].limited_for_s <= 30
    assert not states["KEY_A"].is_refused

    door.says.clear()
    keys = relay.upstreams.keys
    for keyed in keys.each(route):
        relay.upstreams.answered(keyed)
    await relay.upstreams.problems.close()
    assert problems() == []
    assert not (await asyncio.to_thread(key_states, "watched"))["KEY_B"].is_refused


async def test_forms_go_out_with_the_routes_key(
    upstreams: Upstreams, door: Door, upstream: LocalUpstream
) -> None:
    for keyed in upstreams.keys.each(keyed_route(upstream.url)):
        form = Form({"model": "m"}, "file", MemoryUpload(b"sound"))
        await upstreams.send(keyed, UpstreamCall("/v1/audio/transcriptions", form=form))
    assert door.came == ["A", "B", "C"]


async def test_keys_are_in_no_text_that_anybody_reads() -> None:
    route = keyed_route()
    [first, *_] = RoutesKeys().each(route)
    assert "sk-" not in repr(route) + repr(first) + repr(route.upstream) + repr(KEYS)


async def test_one_key_is_no_matter_of_turns() -> None:
    route = route_to("http://u.test", keys=KEYS[:1], api_key="sk-A")
    keys = RoutesKeys()
    assert keys.each(route) == (route,)
    assert keys.with_key(route, "KEY_A") is route


async def test_a_key_is_found_by_its_name_and_one_that_is_gone_is_the_first() -> None:
    keys, route = RoutesKeys(), keyed_route()
    assert names([keys.with_key(route, name) for name in ("KEY_C", "GONE", None)]) == [
        "KEY_C",
        "KEY_A",
        "KEY_A",
    ]


async def test_other_keys_begin_anew_and_another_rate_does_not() -> None:
    keys = RoutesKeys()
    route = keyed_route(name="changed")
    refused = keys.each(route)[0]
    keys.failed(refused, ANNA, KeyFault.REFUSED)
    assert refused_routes("KEY_A") == 1

    again = keyed_route(name="changed")
    assert again is not route
    assert names(keys.in_turn(again, BERT)) == ["KEY_B", "KEY_C"]

    fresh = keyed_route(name="changed", keys=(UpstreamKey("KEY_A", "sk-new"), KEYS[1]))
    assert names(keys.in_turn(fresh, BERT)) == ["KEY_A", "KEY_B"]
    assert refused_routes("KEY_A") == 0
    # What a call of before hears now is no news of the keys of today.
    keys.failed(refused, ANNA, KeyFault.REFUSED)
    assert names(keys.in_turn(fresh, BERT)) == ["KEY_B", "KEY_A"]
    assert not keys.answered(refused, KEYS[0])


def key_states(upstream: str) -> Mapping[str, KeyState]:
    """As staff's page of upstreams has them."""
    try:
        return upstream_health()[upstream].keys
    finally:
        connection.close()


def refused_routes(key: str) -> float:
    labels = {"upstream": "changed", "key": key}
    return REGISTRY.get_sample_value("aio_upstream_key_refused", labels) or 0.0


def test_a_refused_key_rests_for_all_and_then_one_call_looks() -> None:
    health = KeyHealth()
    health.failed(ANNA, KeyFault.REFUSED, 0.0, REFUSED_REST_S)
    assert not health.may_be_used(BERT, REFUSED_REST_S - 1)
    assert health.may_be_used(BERT, REFUSED_REST_S)
    assert not health.may_be_used(ANNA, REFUSED_REST_S + REST_S - 1)
    health.answered()
    assert all(health.may_be_used(account, REFUSED_REST_S) for account in (ANNA, BERT))


@pytest.mark.parametrize("fault", [KeyFault.FORBIDDEN, KeyFault.LIMITED])
def test_what_one_request_can_bring_about_rests_a_key_for_its_account_alone(fault: KeyFault) -> None:
    health = KeyHealth()
    for _ in range(20):
        health.failed(ANNA, fault, 0.0, 30.0)
        health.failed(BERT, fault, 0.0, 30.0)
    assert not health.may_be_used(ANNA, 29.0)
    assert health.may_be_used(CARL, 0.0)
    assert health.may_be_used(ANNA, 30.0)


def test_a_key_that_is_limited_for_several_accounts_rests_for_all() -> None:
    health = KeyHealth()
    for account in range(ACCOUNTS_TO_DOUBT):
        health.failed(account, KeyFault.LIMITED, 0.0, 30.0)
    assert not health.may_be_used(100, 29.0)
    answered = KeyHealth()
    for account in range(10):
        answered.failed(account, KeyFault.LIMITED, 0.0, 30.0)
        answered.answered()
    assert answered.may_be_used(100, 0.0)
    assert not answered.may_be_used(9, 29.0)


def test_what_a_status_says_of_a_key() -> None:
    said = {status: fault_of_status(status) for status in (401, 402, 403, 404, 405, 410, 400, 429, None)}
    assert {status for status, fault in said.items() if fault is None} == {404, 405, 410}
    assert said[403] is KeyFault.FORBIDDEN
    assert said[429] is KeyFault.REFUSED  # of credit that is used up, as OpenAI says it
