"""Calls to callers' URLs connect to public addresses only, whatever a name or a redirect says."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from pytest_django import Settings

from aio_platform.http import public_client, safe_urls
from aio_platform.http.safe_urls import AddressRefused

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """On loopback. `answers` are given by path; every request is noted."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes]] = []
        self.answers: dict[str, tuple[int, str]] = {}
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.method, request.path, await request.read()))
        status, location = self.answers.get(request.path, (200, ""))
        return web.Response(status=status, headers={"Location": location} if location else {}, text="fine")


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[Server]:
    settings.AIO_PRIVATE_URL_NETWORKS = ["127.0.0.1/32"]
    made = Server()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with public_client.public_session(4, total_s=5) as opened:
        yield opened


async def test_a_public_answer_comes_back(server: Server, session: aiohttp.ClientSession) -> None:
    response = await public_client.request(session, "POST", server.url + "/in", body=b"hello")
    assert (response.status, await response.text()) == (200, "fine")
    assert server.seen == [("POST", "/in", b"hello")]


async def test_nothing_is_sent_to_a_private_address(
    server: Server, session: aiohttp.ClientSession, settings: Settings
) -> None:
    settings.AIO_PRIVATE_URL_NETWORKS = []
    with pytest.raises(AddressRefused):
        await public_client.request(session, "GET", server.url)
    assert server.seen == []


async def test_a_name_that_changes_its_mind_after_the_check_is_refused_at_the_socket(
    server: Server, settings: Settings
) -> None:
    """Rebinding: the name servers' answer is public when it is checked, and loopback when it is used."""
    settings.AIO_PRIVATE_URL_NETWORKS = []

    class Rebound(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            return [
                ResolveResult(
                    hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=6, flags=0
                )
            ]

        async def close(self) -> None: ...

    connector = public_client.public_connector(1)
    connector._resolver = Rebound()
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(AddressRefused):
            await public_client.request(session, "GET", f"http://rebound.example:{server.port}/")
    assert server.seen == []


async def test_a_name_is_refused_for_what_it_leads_to(
    server: Server,
    session: aiohttp.ClientSession,
    settings: Settings,
) -> None:
    settings.AIO_PRIVATE_URL_NETWORKS = ["10.1.2.3/32"]  # so that the name itself is looked up
    with pytest.raises(AddressRefused, match="public"):
        await public_client.request(session, "GET", f"http://localhost:{server.port}/")
    assert server.seen == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.2:{port}/", "http://169.254.169.254/latest", "http://[::1]:{port}/", "file:///x"],
)
async def test_a_redirect_to_what_is_not_public_is_not_followed(
    server: Server, session: aiohttp.ClientSession, status: int, target: str
) -> None:
    server.answers["/from"] = (status, target.format(port=server.port))
    with pytest.raises(AddressRefused):
        await public_client.request(session, "GET", server.url + "/from")
    assert [path for _, path, _ in server.seen] == ["/from"]


async def test_three_redirects_are_followed_and_a_fourth_is_not(
    server: Server, session: aiohttp.ClientSession
) -> None:
    for number in range(4):
        server.answers[f"/{number}"] = (302, f"/{number + 1}")
    response = await public_client.request(session, "GET", server.url + "/1")
    assert response.status == 200
    with pytest.raises(AddressRefused, match="more than 3"):
        await public_client.request(session, "GET", server.url + "/0")


async def test_a_post_keeps_its_body_over_a_redirect_or_is_not_sent_on(
    server: Server, session: aiohttp.ClientSession
) -> None:
    server.answers |= {"/moved": (308, "/new"), "/see": (303, "/other")}
    await public_client.request(session, "POST", server.url + "/moved", body=b"event")
    response = await public_client.request(session, "POST", server.url + "/see", body=b"event")
    assert response.status == 303
    assert server.seen == [
        ("POST", "/moved", b"event"),
        ("POST", "/new", b"event"),
        ("POST", "/see", b"event"),
    ]


async def test_the_resolver_gives_the_connector_checked_addresses_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def found(host: str, port: int = 0) -> list[Any]:
        return [safe_urls.ipaddress.ip_address("8.8.8.8"), safe_urls.ipaddress.ip_address("2606:4700::1")]

    monkeypatch.setattr(safe_urls, "resolve_public", found)
    results = await public_client.PublicOnlyResolver().resolve("two.example", 443)
    assert [(one["host"], one["port"], one["family"]) for one in results] == [
        ("8.8.8.8", 443, socket.AF_INET),
        ("2606:4700::1", 443, socket.AF_INET6),
    ]
