"""`load_catalog` says "loaded" when every running process has the catalog, and why not when one could not run it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.db import connection

from aio_platform.db import database
from gateway.catalog import feed as catalog_feed
from gateway.catalog import processes
from gateway.catalog.feed import CatalogFeed
from gateway.catalog.processes import TrialFailed
from gateway.models import CatalogTrial, CatalogVerdict, CatalogVersion
from tests.gateway.catalog.small_catalog import small_catalog

TOML = small_catalog("process-test", "env:TEST_CATALOG_URL")
DEARER = TOML.replace('"0.5"', '"0.75"')
SECRET = "sk-3f9c-never-shown"
NEEDS_A_SECRET = TOML.replace("[rates", 'api_key = "env:TEST_CATALOG_KEY"\n\n[rates', 1)


@pytest.fixture
async def feed(
    transactional_db: None, file: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[CatalogFeed]:
    """A running process; nothing is found by looking, everything by its notice."""
    monkeypatch.setattr(catalog_feed, "POLL_S", 3600.0)
    assert (await load(file))[0] == 0
    feed = CatalogFeed()
    await feed.open()
    yield feed
    await feed.close()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEST_CATALOG_URL", "http://127.0.0.1:9000")
    monkeypatch.delenv("TEST_CATALOG_KEY", raising=False)
    file = tmp_path / "my.toml"
    file.write_text(TOML)
    return file


@sync_to_async
def load(file: Path, *options: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of the command, which has a connection of its own."""
    out, err = StringIO(), StringIO()
    try:
        call_command("load_catalog", str(file), *options, stdout=out, stderr=err)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue(), err.getvalue()
    finally:
        connection.close()
    return 0, out.getvalue(), err.getvalue()


async def versions() -> int:
    return await sync_to_async(CatalogVersion.objects.count)()


async def test_loaded_means_that_every_process_has_it(feed: CatalogFeed, file: Path) -> None:
    second = CatalogFeed(kind="worker")
    await second.open()
    file.write_text(DEARER)
    code, out, _ = await load(file, "--json")
    shown = json.loads(out)
    assert code == 0
    assert feed.current.version == second.current.version == shown["version"]
    assert [one["version"] for one in shown["processes"]] == [shown["version"]] * 2
    assert sorted(one["process"].partition(",")[0] for one in shown["processes"]) == ["gateway", "worker"]
    await second.close()
    code, out, _ = await load(file)
    assert "in force in 1 processes: gateway, process " in out


async def test_what_a_process_cannot_run_changes_nothing_and_is_said(
    feed: CatalogFeed, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = feed.current
    file.write_text(NEEDS_A_SECRET)
    code, out, err = await load(file)
    assert (code, out) == (1, "")
    first, second = err.splitlines()
    assert first == "nothing was changed: not every running process could run this catalog:"
    missing = "upstreams.first.api_key: the environment variable TEST_CATALOG_KEY is not set in this process"
    assert second.startswith(f"{file}:4: {missing} (gateway, process ")
    code, out, _ = await load(file, "--json")
    shown = json.loads(out)
    assert (code, shown["version"], shown["changed"], shown["silent"]) == (1, None, False, [])
    assert shown["refused"][0]["problems"] == [f"{file}:4: {missing}"]
    assert await versions() == 1
    assert feed.current is before
    assert await sync_to_async(CatalogTrial.objects.count)() == 0
    assert await sync_to_async(CatalogVerdict.objects.count)() == 0


async def test_no_secret_is_shown_when_one_cannot_be_used(
    feed: CatalogFeed, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_CATALOG_KEY", f"{SECRET}\x01")
    file.write_text(NEEDS_A_SECRET)
    code, out, err = await load(file, "--json")
    assert code == 1
    assert "TEST_CATALOG_KEY contains control characters" in out
    assert SECRET not in out + err


async def test_the_shell_that_loads_needs_no_secret_of_the_processes(
    feed: CatalogFeed, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def has_it(text: str, name: str) -> str:
        return ""

    async def runs_it(*_: object) -> None:
        feed._current = replace(feed.current, version=feed.current.version + 1)

    monkeypatch.setattr(feed, "_judge", has_it)
    monkeypatch.setattr(feed, "_refresh", runs_it)
    file.write_text(NEEDS_A_SECRET)
    assert (await load(file))[0] == 0


async def test_a_process_that_does_not_answer_is_named_and_waited_for_no_longer_than_the_limit(
    feed: CatalogFeed, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(text: str, name: str) -> str:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(processes, "ANSWER_LIMIT_S", 0.2)
    monkeypatch.setattr(feed, "_judge", never)
    file.write_text(DEARER)
    code, _, err = await load(file)
    assert code == 1
    assert "no answer in 0 seconds from gateway, process " in err
    assert await versions() == 1
    code, out, _ = await load(file, "--no-wait")
    assert code == 0
    assert "version" in out
    assert await versions() == 2


async def test_a_process_that_was_killed_is_not_waited_for(feed: CatalogFeed, file: Path) -> None:
    killed = CatalogFeed()
    await killed.open()
    assert killed._follower is not None
    killed._follower.cancel()
    async with await database.connect_async("test") as other:
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s::oid",
            (killed._number,),
        )
    file.write_text(DEARER)
    code, out, _ = await load(file, "--json")
    assert code == 0
    assert len(json.loads(out)["processes"]) == 1
    await killed.close()


async def test_what_processes_run_is_seen_with_why_it_is_not_the_newest(
    feed: CatalogFeed, file: Path
) -> None:
    file.write_text(NEEDS_A_SECRET)
    async with await database.connect_async("test") as other:
        cursor = await other.execute(
            "INSERT INTO gateway_catalogversion (toml, digest, loaded_by, note) VALUES (%s, 'x', '', '')"
            " RETURNING version",
            (NEEDS_A_SECRET,),
        )
        [version] = await cursor.fetchone() or [0]
        await other.execute("SELECT pg_notify('aio_catalog', '')")
    with pytest.raises(TrialFailed) as raised:
        await sync_to_async(processes.wait_until_in_force)(version)
    assert raised.value.version == version
    [one] = await sync_to_async(processes.processes)()
    assert (one.version, one.refused_version) == (version - 1, version)
    assert "TEST_CATALOG_KEY is not set" in one.problems[0]
    file.write_text(DEARER)
    assert (await load(file))[0] == 0
    [one] = await sync_to_async(processes.processes)()
    assert (one.version, one.refused_version, one.problems) == (version + 1, None, ())


async def test_where_nothing_runs_that_is_said(transactional_db: None, file: Path) -> None:
    code, _, err = await load(file)
    assert code == 0
    assert err.strip() == "no process of the platform is running: each takes it up when it starts"
