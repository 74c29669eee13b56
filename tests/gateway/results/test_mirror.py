"""Results: passed on by default; mirrored on request, whole or not at all, and only from public addresses."""

import asyncio
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from asgiref.sync import sync_to_async
from django.core.files.storage import FileSystemStorage
from django.db import connection
from django.test import AsyncClient
from pytest_django import Settings

from gateway import results
from gateway.results import expiry, fetching, storage
from gateway.results.errors import ResultNotKept
from gateway.tasks.records import ClaimedTask
from tests.gateway.results.conftest import PNG, FileServer, beside, rows


async def ask(method: str, url: str, **headers: str) -> Any:
    """One request; the thread that the view ran in is left without a connection."""
    response = await AsyncClient().generic(method, urlsplit(url).path, headers=headers)
    await sync_to_async(lambda: connection.close())()
    return response


async def get(url: str, **headers: str) -> Any:
    return await ask("GET", url, **headers)


async def body_of(response: Any) -> bytes:
    return b"".join([piece async for piece in response.streaming_content])


def files_in(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


async def test_urls_are_passed_on_as_they_are_by_default(task: ClaimedTask) -> None:
    urls = ["https://cdn.example/a.png", "http://10.0.0.1/b.png"]
    assert await results.keep(task, urls) == urls


async def test_a_mirrored_result_is_served_from_an_address_of_ours(
    mirrored: None, task: ClaimedTask, server: FileServer
) -> None:
    urls = [server.put("/a", PNG, **{"Content-Type": "text/html"}), server.put("/b", b"<script>" * 9)]
    first, second = await results.keep(task, urls)
    assert first.startswith("https://aio.example/results/")
    shown = await get(first)
    assert (shown.status_code, await body_of(shown)) == (200, PNG)
    # What it is, not what its server called it.
    assert shown["Content-Type"] == "image/png"
    assert shown["Content-Disposition"] == 'inline; filename="n1abc_small-1.png"'
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in shown["Content-Security-Policy"]
    page = await get(second)
    assert page["Content-Type"] == "application/octet-stream"
    assert page["Content-Disposition"].startswith("attachment")
    assert await body_of(page) == b"<script>" * 9


async def test_a_result_inside_its_url_is_mirrored_too(mirrored: None, task: ClaimedTask) -> None:
    [url] = await results.keep(task, ["data:image/png;base64," + b64encode(PNG).decode()])
    assert await body_of(await get(url)) == PNG


@pytest.mark.parametrize(
    ("header", "status", "content_range"),
    [
        ("bytes=0-7", 206, f"bytes 0-7/{len(PNG)}"),
        ("bytes=100-", 206, f"bytes 100-{len(PNG) - 1}/{len(PNG)}"),
        ("bytes=-5", 206, f"bytes {len(PNG) - 5}-{len(PNG) - 1}/{len(PNG)}"),
        (f"bytes=8-{10**9}", 206, f"bytes 8-{len(PNG) - 1}/{len(PNG)}"),
        (f"bytes={len(PNG)}-", 416, f"bytes */{len(PNG)}"),
        ("bytes=-0", 416, f"bytes */{len(PNG)}"),
        ("bytes=9-3", 200, None),
        ("bytes=0-1,4-5", 200, None),
        ("lines=1-2", 200, None),
    ],
)
async def test_players_get_the_part_they_ask_for(
    mirrored: None, task: ClaimedTask, server: FileServer, header: str, status: int, content_range: str | None
) -> None:
    [url] = await results.keep(task, [server.put("/a", PNG)])
    part = await get(url, Range=header)
    assert (part.status_code, part.get("Content-Range")) == (status, content_range)
    if status == 416:
        return
    start, end = 0, len(PNG)
    if content_range is not None:
        first, last = content_range.split()[1].split("/")[0].split("-")
        start, end = int(first), int(last) + 1
    assert await body_of(part) == PNG[start:end]
    assert part["Content-Length"] == str(end - start)


async def test_its_size_can_be_asked_without_the_file(
    mirrored: None, task: ClaimedTask, server: FileServer
) -> None:
    [url] = await results.keep(task, [server.put("/a", PNG)])
    head = await ask("HEAD", url)
    assert (head.status_code, head["Content-Length"], head.content) == (200, str(len(PNG)), b"")
    assert (await ask("POST", url)).status_code == 405


async def test_a_token_that_is_forged_or_expired_finds_nothing(
    mirrored: None, task: ClaimedTask, server: FileServer, settings: Settings
) -> None:
    [url] = await results.keep(task, [server.put("/a", PNG)])
    token = urlsplit(url).path.rpartition("/")[2]
    result_hex, expires, signature = token.split(".")
    for forged in (
        f"{result_hex}.{int(expires) + 1}.{signature}",
        f"{'0' * 32}.{expires}.{signature}",
        f"{result_hex}.{expires}.x",
        "x",
        "..",
        token + "x",
    ):
        assert (await get(f"/results/{forged}")).status_code == 404
    settings.AIO_RESULTS_KEEP_DAYS = -1
    [expired] = await results.keep(task, [server.put("/a", PNG)])
    answer = await get(expired)
    assert answer.status_code == 404
    assert answer.json()["type"] == "not_found"


@pytest.mark.parametrize("target", ["http://127.0.0.2/x", "http://169.254.169.254/latest", "http://[::1]/"])
@pytest.mark.parametrize("redirected", [False, True])
async def test_a_private_source_is_refused_directly_and_on_a_redirect(
    mirrored: None, task: ClaimedTask, server: FileServer, directory: Path, target: str, redirected: bool
) -> None:
    url = server.put("/from", b"", 302, Location=target) if redirected else target
    with pytest.raises(ResultNotKept, match="not public"):
        await results.keep(task, [url])
    assert files_in(directory) == []


@pytest.mark.parametrize(
    ("body", "status"), [(b"", 200), (b"gone", 404), (b"oh", 500), (b"x" * 3000, 200), (b"", 204)]
)
async def test_what_is_no_whole_result_keeps_none_of_them(
    mirrored: None,
    task: ClaimedTask,
    server: FileServer,
    directory: Path,
    settings: Settings,
    body: bytes,
    status: int,
) -> None:
    settings.AIO_RESULTS_MAX_BYTES = 2500
    good = server.put("/good", PNG[:2000])
    with pytest.raises(ResultNotKept):
        await results.keep(task, [server.put("/bad", body, status), good])


async def test_the_size_limit_holds_where_no_size_is_announced(
    mirrored: None, task: ClaimedTask, server: FileServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AIO_RESULTS_MAX_BYTES = 1000
    monkeypatch.setattr("aiohttp.ClientResponse.content_length", None)
    with pytest.raises(ResultNotKept, match="larger"):
        await results.keep(task, [server.put("/big", PNG)])


@pytest.mark.parametrize(
    "url", ["data:text/plain,hello", "data:image/png;base64,!!", "data:image/png;base64,"]
)
async def test_a_broken_data_url_is_not_kept(mirrored: None, task: ClaimedTask, url: str) -> None:
    with pytest.raises(ResultNotKept):
        await results.keep(task, [url])


async def test_expired_files_and_their_rows_are_removed_and_no_others(
    mirrored: None, task: ClaimedTask, server: FileServer, directory: Path, settings: Settings
) -> None:
    [stays] = await results.keep(task, [server.put("/a", PNG)])
    settings.AIO_RESULTS_KEEP_DAYS = -1
    await results.keep(task, [server.put("/b", PNG), server.put("/c", PNG)])
    assert len(files_in(directory)) == 3
    # A copy whose worker was killed before its file was whole: the row alone.
    await beside(
        rows,
        "INSERT INTO gateway_result (id, account_id, task_id, storage_name, file_name, expires_at)"
        " VALUES (gen_random_uuid(), 7, 't', 'ab/none', 'x', now())",
    )
    assert await beside(expiry.delete_expired) == 3
    assert await beside(expiry.delete_expired) == 0
    assert len(files_in(directory)) == len(await beside(rows)) == 1
    assert await body_of(await get(stays)) == PNG


async def test_expiry_runs_until_it_is_told_to_stop(
    mirrored: None, task: ClaimedTask, server: FileServer, directory: Path, settings: Settings
) -> None:
    settings.AIO_RESULTS_KEEP_DAYS = -1
    await results.keep(task, [server.put("/b", PNG)])
    stop = asyncio.Event()
    running = asyncio.create_task(expiry.run(stop))
    while files_in(directory):
        await asyncio.sleep(0.02)
    stop.set()
    async with asyncio.timeout(30):
        await running


async def test_a_storage_that_fails_keeps_nothing_and_deletes_later(
    mirrored: None,
    task: ClaimedTask,
    server: FileServer,
    directory: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Trouble(Exception):
        pass

    def fail(*_: Any) -> Any:
        raise Trouble

    settings.AIO_RESULTS_KEEP_DAYS = -1
    await results.keep(task, [server.put("/a", PNG)])
    with monkeypatch.context() as patched:
        patched.setattr(FileSystemStorage, "save", fail)
        patched.setattr(FileSystemStorage, "delete", fail)
        with pytest.raises(ResultNotKept, match="stored"):
            await results.keep(task, [server.put("/a", PNG)])
        assert await beside(expiry.delete_expired) == 0
    assert await beside(expiry.delete_expired) == 2
    assert files_in(directory) == []


async def test_a_file_that_is_gone_is_a_404(
    mirrored: None, task: ClaimedTask, server: FileServer, directory: Path
) -> None:
    [url] = await results.keep(task, [server.put("/a", PNG)])
    files_in(directory)[0].unlink()
    assert (await get(url)).status_code == 404


async def test_a_slow_source_is_given_up(
    mirrored: None, task: ClaimedTask, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "TIME_LIMIT_S", 0.0001)
    with pytest.raises(ResultNotKept):
        await results.keep(task, [server.put("/a", PNG)])


def test_without_a_storage_of_that_name_files_are_beside_our_data(settings: Settings) -> None:
    used = storage.result_storage()
    assert isinstance(used, FileSystemStorage)
    assert Path(used.location) == Path(settings.AIO_DATA_DIR) / "results"
