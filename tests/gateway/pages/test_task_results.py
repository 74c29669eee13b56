"""Results through our own address: the account's members only, whole or in parts, and never as something that runs."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from asgiref.sync import sync_to_async
from django.db import connection
from django.test import AsyncClient
from pytest_django import Settings

from accounts.models import Membership
from gateway.results import tokens
from gateway.results.errors import ResultNotKept
from tests.gateway.team import Team

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20


class Provider:
    """A file server that answers as a test says; it serves ranges only if told to."""

    def __init__(self) -> None:
        self.body, self.content_type, self.status = PNG, "image/png", 200
        self.serves_ranges = False
        self.says_length = True
        self.location = ""
        self.asked: list[str] = []
        self.open = 0
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        asked = request.headers.get("Range", "")
        self.asked.append(asked)
        if self.location:
            raise web.HTTPFound(self.location)
        headers = {"Content-Type": self.content_type}
        if self.serves_ranges and asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last or len(self.body) - 1), len(self.body) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(self.body)}"
            return web.Response(status=206, headers=headers, body=self.body[start : end + 1])
        if self.says_length:
            return web.Response(status=self.status, headers=headers, body=self.body)
        response = web.StreamResponse(headers=headers)
        response.enable_chunked_encoding()
        await response.prepare(request)
        self.open += 1
        try:
            for place in range(0, len(self.body), 1000):
                await response.write(self.body[place : place + 1000])
                await asyncio.sleep(0)
        finally:
            self.open -= 1
        return response


@pytest.fixture
async def provider(settings: Settings) -> AsyncIterator[Provider]:
    settings.AIO_PRIVATE_URL_NETWORKS = ["127.0.0.1/32"]
    made = Provider()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/file"
    yield made
    await runner.cleanup()


Get = Callable[..., Any]


@pytest.fixture
def get(team: Team) -> Get:
    """Asks for the first result of a new task with that URL."""

    async def ask(url: str, query: str = "", role: str = "viewer", **headers: str) -> Any:
        task_id = await sync_to_async(team.task)("succeeded", results=[url])
        client = AsyncClient()
        user = (await Membership.objects.select_related("user").aget(account=team.account, role=role)).user
        await client.aforce_login(user)
        response = await client.get(f"/tasks/{task_id}/results/1{query}", headers=headers)
        await sync_to_async(lambda: connection.close())()
        return response

    return ask


async def body_of(response: Any) -> bytes:
    if not response.streaming:
        return bytes(response.content)
    return b"".join([piece async for piece in response.streaming_content])


async def test_a_member_is_sent_the_file_as_what_it_is(get: Get, provider: Provider) -> None:
    provider.content_type = "text/html"
    answer = await get(provider.url)
    assert (answer.status_code, await body_of(answer)) == (200, PNG)
    assert answer["Content-Type"] == "image/png"
    assert answer["Content-Length"] == str(len(PNG))
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Cache-Control"].startswith("private")
    assert answer["Content-Disposition"].startswith("inline; filename=")
    assert answer["Content-Disposition"].endswith('-1.png"')


async def test_a_file_is_saved_under_its_name(get: Get, provider: Provider) -> None:
    answer = await get(provider.url, "?download")
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    await body_of(answer)


@pytest.mark.parametrize("body", [b"<script>alert(1)</script>" * 9, b"<svg onload='alert(1)'></svg>" * 9])
async def test_what_a_browser_would_run_is_only_ever_saved(body: bytes, get: Get, provider: Provider) -> None:
    provider.body, provider.content_type = body, "image/svg+xml"
    answer = await get(provider.url)
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    await body_of(answer)


@pytest.mark.parametrize("serves_ranges", [True, False])
@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-", 0, None),
        ("bytes=0-9", 0, 10),
        ("bytes=1000-1999", 1000, 2000),
        ("bytes=5000-", 5000, None),
    ],
)
async def test_players_get_the_part_they_ask_for(
    serves_ranges: bool, asked: str, start: int, end: int | None, get: Get, provider: Provider
) -> None:
    provider.serves_ranges = serves_ranges
    answer = await get(provider.url, Range=asked)
    body = await body_of(answer)
    assert body == PNG[start:end]
    assert answer["Content-Length"] == str(len(body))
    assert answer["Content-Type"] == "image/png"
    if len(body) < len(PNG):
        assert answer.status_code == 206
        assert answer["Content-Range"] == f"bytes {start}-{start + len(body) - 1}/{len(PNG)}"


async def test_a_part_behind_the_end_is_a_416(get: Get, provider: Provider) -> None:
    answer = await get(provider.url, Range="bytes=999999-")
    assert answer.status_code == 416
    assert answer["Content-Range"] == f"bytes */{len(PNG)}"


async def test_several_parts_at_once_are_not_asked_of_a_provider(get: Get, provider: Provider) -> None:
    answer = await get(provider.url, Range="bytes=0-1,4-5")
    assert (answer.status_code, await body_of(answer)) == (200, PNG)
    assert provider.asked == [""]


async def test_a_file_of_unknown_length_is_sent_whole(get: Get, provider: Provider) -> None:
    provider.says_length = False
    answer = await get(provider.url, Range="bytes=100-")
    assert (answer.status_code, await body_of(answer)) == (200, PNG)
    assert "Content-Length" not in answer


@pytest.mark.parametrize("says_length", [True, False])
async def test_a_file_over_the_limit_is_not_passed_on(
    says_length: bool, get: Get, provider: Provider, settings: Settings
) -> None:
    settings.AIO_RESULTS_MAX_BYTES = 2000
    provider.says_length = says_length
    answer = await get(provider.url)
    if says_length:
        assert answer.status_code == 502
    else:
        with pytest.raises(ResultNotKept):
            await body_of(answer)


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest/meta-data", "http://10.0.0.1/x.png", "file:///etc/passwd"]
)
async def test_an_address_that_is_not_public_is_not_asked(url: str, get: Get, settings: Settings) -> None:
    settings.AIO_PRIVATE_URL_NETWORKS = []
    assert (await get(url)).status_code == 502


async def test_a_redirect_to_a_private_address_is_not_followed(get: Get, provider: Provider) -> None:
    provider.location = "http://10.0.0.1/x.png"
    assert (await get(provider.url)).status_code == 502


@pytest.mark.parametrize(("status", "ours"), [(404, 404), (410, 404), (403, 404), (500, 502), (302, 502)])
async def test_a_file_that_is_not_there_says_so(status: int, ours: int, get: Get, provider: Provider) -> None:
    provider.status = status
    assert (await get(provider.url)).status_code == ours


async def test_a_provider_that_is_away_is_a_502(get: Get, settings: Settings) -> None:
    settings.AIO_PRIVATE_URL_NETWORKS = ["127.0.0.1/32"]
    assert (await get("http://127.0.0.1:1025/x")).status_code == 502


async def test_a_result_inside_its_url_is_sent_too(get: Get) -> None:
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    answer = await get(url, Range="bytes=8-15")
    assert (answer.status_code, await body_of(answer)) == (206, PNG[8:16])
    assert answer["Content-Type"] == "image/png"
    assert (await get("data:image/png;base64,%%%")).status_code == 502


async def test_a_copy_of_ours_is_found_at_its_own_address_until_it_expires(
    get: Get, settings: Settings
) -> None:

    settings.BASE_URL = "https://aio.example"
    kept = tokens.public_url(str(uuid4()), datetime.now(UTC) + timedelta(hours=1))
    answer = await get(kept)
    assert (answer.status_code, answer["Location"]) == (302, kept.removeprefix("https://aio.example"))
    over = tokens.public_url(str(uuid4()), datetime.now(UTC) - timedelta(hours=1))
    assert (await get(over)).status_code == 404


async def test_a_reader_who_leaves_lets_go_of_the_provider(get: Get, provider: Provider) -> None:
    provider.body = PNG * 2000
    provider.says_length = False
    answer = await get(provider.url)
    stream = aiter(answer.streaming_content)
    assert await anext(stream)
    answer.close()
    async with asyncio.timeout(5):
        while provider.open:
            await asyncio.sleep(0.01)
