"""Whether an upstream works is said in plain words, after the cheapest question there is, and no secret is."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.catalog.parser import parse_catalog
from gateway.catalog.routes import ADAPTERS, Route, UpstreamKey
from gateway.catalog.sandbox_choice import NOWHERE_URL
from gateway.upstreams import dialer
from gateway.upstreams.check import Finding, Outcome, check, plan
from gateway.upstreams.check_calls import listing_of, small_call
from tests.gateway.local_upstream import LocalUpstream, completion, route_to
from tests.gateway.sandbox.conftest import start_process, stop_process

SANDBOX_CATALOG = Path(__file__).resolve().parents[3] / "gateway" / "catalogs" / "sandbox.toml"
SECRET = "sk-not-to-be-told"
KEYS = (UpstreamKey("KEY_A", f"{SECRET}-a"), UpstreamKey("KEY_B", f"{SECRET}-b"))


def keyed(url: str, **options: Any) -> Route:
    """A chat route to `upstream/small` there, with one key."""
    return route_to(url, "there", api_key=KEYS[0].secret, keys=KEYS[:1], **options)


async def found(*routes: Route, time_limit_s: float = 30.0) -> Finding:
    [finding] = await check([routes], time_limit_s)
    assert SECRET not in repr(finding)
    return finding


def listing(*names: str) -> web.Response:
    return web.json_response({"object": "list", "data": [{"id": name} for name in names]})


class Server:
    """What a server says to each path; 404 to all others. `asked` has the paths in order."""

    def __init__(self, upstream: LocalUpstream, **says: Any) -> None:
        self.says = says
        self.asked: list[str] = []
        upstream.handler = self.answer

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        said = self.says.get(request.path.strip("/").replace("/", "_"))
        if said is None:
            return web.json_response({"error": {"message": "no such place"}}, status=404)
        if isinstance(said, int):
            return web.json_response({"error": {"message": "no"}}, status=said)
        if callable(said):
            said = said()
        return said if isinstance(said, web.StreamResponse) else web.json_response(said)


async def test_a_list_of_models_that_has_ours_is_enough(upstream: LocalUpstream) -> None:
    came: list[str | None] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        came.append(request.headers.get("Authorization"))
        return listing("other", "upstream/small") if came[-1] else web.Response(status=401)

    upstream.handler = answer
    finding = await found(keyed(upstream.url))
    assert finding == Finding("there", "KEY_A", Outcome.WORKS, "it has upstream/small")
    assert came == [f"Bearer {KEYS[0].secret}", None]
    assert {request.path for request in upstream.seen} == {"/v1/models"}


async def test_a_list_that_anybody_gets_says_nothing_of_the_key(upstream: LocalUpstream) -> None:
    """OpenRouter's is such a list: with a wrong key it looks as with a right one."""
    server = Server(upstream, v1_models=lambda: listing("upstream/small"), v1_chat_completions=401)
    finding = await found(keyed(upstream.url))
    assert (finding.outcome, server.asked[-1]) == (Outcome.REFUSED_KEY, "/v1/chat/completions")
    server.says["v1_chat_completions"] = completion()
    assert (await found(keyed(upstream.url))).outcome is Outcome.WORKS
    server.asked.clear()
    assert (await found(route_to(upstream.url, "there"))).outcome is Outcome.WORKS
    assert server.asked == ["/v1/models"]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_named_and_never_shown(status: int, upstream: LocalUpstream) -> None:
    Server(upstream, v1_models=status)
    finding = await found(keyed(upstream.url))
    assert finding.outcome is Outcome.REFUSED_KEY
    assert finding.said.startswith(f"answered {status}: it does not take KEY_A; put a valid key there")


async def test_a_key_without_credit_is_said(upstream: LocalUpstream) -> None:
    Server(upstream, v1_models=402)
    assert (await found(keyed(upstream.url))).said == "answered 402: KEY_A has no credit there"


async def test_a_server_that_wants_a_key_where_there_is_none(upstream: LocalUpstream) -> None:
    Server(upstream, v1_models=401)
    finding = await found(route_to(upstream.url, "there"))
    assert (finding.key, finding.outcome) == (None, Outcome.REFUSED_KEY)
    assert "the catalog names none" in finding.said


async def test_each_key_is_checked_by_itself(upstream: LocalUpstream) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        right = request.headers["Authorization"] == f"Bearer {KEYS[1].secret}"
        return listing("upstream/small") if right else web.Response(status=401)

    upstream.handler = answer
    route = route_to(upstream.url, "there", api_key=KEYS[0].secret, keys=KEYS)
    findings = await check([[route]], 30)
    assert [(finding.key, finding.outcome) for finding in findings] == [
        ("KEY_A", Outcome.REFUSED_KEY), ("KEY_B", Outcome.WORKS),
    ]  # fmt: skip


async def test_a_model_that_is_not_listed_is_asked_before_it_is_called_unknown(
    upstream: LocalUpstream,
) -> None:
    server = Server(upstream, v1_models=lambda: listing("other"), v1_chat_completions=completion())
    assert (await found(keyed(upstream.url))).outcome is Outcome.WORKS
    assert server.asked == ["/v1/models", "/v1/chat/completions"]
    assert json.loads(upstream.bodies[-1])["max_tokens"] <= 64

    del server.says["v1_chat_completions"]
    finding = await found(keyed(upstream.url))
    assert finding.outcome is Outcome.UNKNOWN_MODEL
    assert "upstream/small" in finding.said


async def test_a_model_without_a_small_call_that_is_not_listed_is_unknown(upstream: LocalUpstream) -> None:
    server = Server(upstream, v1_models=lambda: listing("other"))
    route = replace(keyed(upstream.url), endpoint="images", adapter="openai_images")
    finding = await found(route)
    assert finding.outcome is Outcome.UNKNOWN_MODEL
    assert "upstream/small" in finding.said
    assert server.asked == ["/v1/models"]


@pytest.mark.parametrize("says", [None, {"hello": 1}, lambda: web.Response(text="<html>")])
async def test_without_a_list_of_models_one_small_call_tells(says: Any, upstream: LocalUpstream) -> None:
    server = Server(upstream, v1_models=says, v1_chat_completions=completion())
    finding = await found(keyed(upstream.url))
    assert (finding.outcome, finding.said) == (Outcome.WORKS, "small on there answered a small call")
    assert server.asked == ["/v1/models", "/v1/chat/completions"]


async def test_an_address_that_names_the_model_has_no_list(upstream: LocalUpstream) -> None:
    server = Server(upstream, **{"deployments_upstream%2Fsmall_chat_completions": completion()})
    route = keyed(upstream.url, path="/deployments/{model}")
    await found(route)
    assert server.asked == ["/deployments/upstream/small/chat/completions"]
    assert listing_of(route) is None


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (500, "answered 500: look at its own log"),
        (429, "takes no more calls with this key for now"),
        (301, "are `base_url` and `path` right"),
    ],
)
async def test_any_other_answer_is_said(says: int, words: str, upstream: LocalUpstream) -> None:
    Server(upstream, v1_models=says)
    finding = await found(keyed(upstream.url))
    assert finding.outcome is Outcome.UNEXPECTED_ANSWER
    assert words in finding.said


async def test_an_answer_in_another_protocol_is_said(upstream: LocalUpstream) -> None:
    Server(upstream, v1_chat_completions={"result": "hello"})
    finding = await found(keyed(upstream.url))
    assert finding.outcome is Outcome.UNEXPECTED_ANSWER
    assert "`openai_chat`" in finding.said


async def test_a_parameter_that_the_server_does_not_take_is_named(upstream: LocalUpstream) -> None:
    def refuse() -> web.Response:
        error = {"code": "unsupported_parameter", "message": "no", "param": "max_tokens"}
        return web.json_response({"error": error}, status=400)

    Server(upstream, v1_chat_completions=refuse)
    finding = await found(keyed(upstream.url))
    assert finding.outcome is Outcome.UNEXPECTED_ANSWER
    assert "`max_tokens`" in finding.said
    assert "docs/catalog.md" in finding.said


async def test_a_server_that_never_answers_is_given_up(upstream: LocalUpstream) -> None:
    upstream.handler = upstream.hang
    finding = await found(keyed(upstream.url), time_limit_s=0.3)
    assert finding.outcome is Outcome.UNREACHABLE
    assert "no answer within 0.3 s" in finding.said


async def test_nobody_waits_for_another(upstream: LocalUpstream, second_upstream: LocalUpstream) -> None:
    """One that hangs is given up while the others are long done."""
    upstream.handler = upstream.hang
    Server(second_upstream, v1_models=lambda: listing("upstream/small"), v1_chat_completions=completion())
    routes = [[keyed(upstream.url)]] * 30 + [[keyed(second_upstream.url)]]
    async with asyncio.timeout(20):
        findings = await check(routes, 1.0)
    assert [finding.outcome for finding in findings] == [Outcome.UNREACHABLE] * 30 + [Outcome.WORKS]


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port that nothing listens at."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def test_a_dead_server_is_said(dead_port: int) -> None:
    finding = await found(keyed(f"http://127.0.0.1:{dead_port}"))
    assert finding.outcome is Outcome.UNREACHABLE
    assert f"nothing listens at 127.0.0.1:{dead_port}" in finding.said


async def test_a_server_without_tls_is_said(upstream: LocalUpstream) -> None:
    finding = await found(keyed(upstream.url.replace("http", "https")))
    assert finding.outcome is Outcome.UNREACHABLE
    assert "no TLS connection" in finding.said


@asynccontextmanager
async def accepting_only() -> AsyncIterator[int]:
    """A server that takes connections and says nothing, not even a greeting of TLS."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_connection_that_takes_too_long_is_said() -> None:
    async with accepting_only() as port:
        finding = await found(keyed(f"https://127.0.0.1:{port}", connect_timeout_s=0.2))
    assert finding.outcome is Outcome.UNREACHABLE
    assert "within 0.2 s" in finding.said


async def test_a_server_that_breaks_off_is_said(upstream: LocalUpstream) -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    upstream.handler = break_off
    finding = await found(keyed(upstream.url))
    assert finding.outcome is Outcome.UNEXPECTED_ANSWER
    assert "broke off" in finding.said


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "the name of nowhere.test is not known"),
        (ssl.SSLCertVerificationError("bad"), "is its certificate valid"),
        (OSError(113, "No route to host"), "no connection to nowhere.test (OSError)"),
    ],
)
async def test_why_no_connection_was_made_is_said(
    error: OSError, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: object, protocol: object) -> None:
        raise error

    monkeypatch.setattr(dialer.Dialer, "connect", fail)
    finding = await found(keyed("https://nowhere.test"))
    assert finding.outcome is Outcome.UNREACHABLE
    assert words in finding.said


async def test_the_sandbox_of_serve_is_not_checked() -> None:
    route = route_to(NOWHERE_URL, "sandbox", sandbox=True)
    assert (await found(route)).outcome is Outcome.NOT_CHECKED
    assert plan([route]) == "nothing"


@pytest.mark.parametrize(
    ("adapter", "status", "outcome"),
    [
        ("replicate", 404, Outcome.REACHED),
        ("replicate", 401, Outcome.REFUSED_KEY),
        ("fal", 404, Outcome.REACHED),
        ("fal", 403, Outcome.REFUSED_KEY),
        ("wavespeed", 400, Outcome.REACHED),
        ("wavespeed", 500, Outcome.UNEXPECTED_ANSWER),
    ],
)
async def test_a_task_provider_is_asked_about_a_task_that_is_none(
    adapter: str, status: int, outcome: Outcome, upstream: LocalUpstream
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response({"detail": "no"}, status=status)

    upstream.handler = answer
    route = replace(keyed(upstream.url), endpoint="image_task", adapter=adapter, upstream_model="a/b/c")
    assert (await found(route)).outcome is outcome
    assert {request.method for request in upstream.seen} == {"GET"}


@pytest.mark.parametrize(("code", "outcome"), [(401, Outcome.REFUSED_KEY), (422, Outcome.REACHED)])
async def test_a_refusal_in_the_body_of_a_200_counts(
    code: int, outcome: Outcome, upstream: LocalUpstream
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response({"code": code, "msg": "no", "data": None})

    upstream.handler = answer
    route = replace(keyed(upstream.url), endpoint="image_task", adapter="kie")
    assert (await found(route)).outcome is outcome


def test_what_will_be_asked_and_may_cost_is_said_before() -> None:
    chat = keyed("http://there.test")
    assert plan([chat]).startswith("its list of models, which costs nothing; a model that it does not list")
    task = replace(chat, endpoint="image_task", adapter="replicate")
    assert plan([task]) == "about a task that does not exist, which costs nothing"
    texts = replace(chat, endpoint="embeddings", adapter="tei_embed")
    assert plan([texts]).startswith("one small call of small on there, ")
    picture = replace(chat, endpoint="images", adapter="a1111_txt2img")
    assert plan([picture]) == "whether it answers at all, which costs nothing"


@pytest.fixture(scope="module")
def sandbox_url() -> Iterator[str]:
    process, url = start_process("--journal", "0")
    yield url
    stop_process(process)


async def test_every_route_of_the_sandboxs_catalog_is_well_there(sandbox_url: str) -> None:
    """By itself, so that each adapter's question is asked of the server that speaks its protocol."""
    text = SANDBOX_CATALOG.read_text()
    catalog = parse_catalog(text, file="s", adapters=ADAPTERS, environ={"AIO_SANDBOX_URL": sandbox_url})
    routes = [route for route in catalog.routes if route.model not in ("sbx-fail", "sbx-timeout")]
    findings = await check([[route] for route in routes], 60)
    bad = {
        route.name: (finding.outcome, finding.said)
        for route, finding in zip(routes, findings, strict=True)
        if finding.outcome not in (Outcome.WORKS, Outcome.REACHED)
    }
    assert bad == {}
    by_small_call = {route.endpoint for route in routes if small_call([route])}
    assert by_small_call == {"chat", "embeddings", "moderations", "rerank", "speech", "voices"}


async def test_a_model_of_the_sandbox_that_fails_is_found_out(sandbox_url: str) -> None:
    failing = replace(
        route_to(sandbox_url, "sandbox"), upstream_model="vendor/sbx-fail", adapter="anthropic_messages"
    )
    finding = await found(failing)
    assert finding.outcome is Outcome.UNEXPECTED_ANSWER
    assert "answered 500" in finding.said
