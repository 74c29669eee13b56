"""Every process runs the catalog in force as soon as it is told of it, and keeps a good one through any trouble."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from structlog.testing import capture_logs

from aio_platform.db import database
from gateway.catalog import feed as catalog_feed
from gateway.catalog import store as catalog_store
from gateway.catalog.feed import CatalogFeed, NoCatalog
from gateway.catalog.parser import CatalogErrors, parse_catalog
from tests.gateway.catalog.small_catalog import small_catalog
from usage.ledger.rate_card import UnknownRate

ADAPTERS = {"openai_chat"}
TOML = small_catalog("feed-test")


@pytest.fixture(autouse=True)
def waits_for_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is found by looking, but where that is what a test is about."""
    monkeypatch.setattr(catalog_feed, "POLL_S", 3600.0)


@pytest.fixture
async def feed(waits_for_notices: None, transactional_db: None) -> AsyncIterator[CatalogFeed]:
    await store(TOML)
    feed = CatalogFeed(ADAPTERS)
    await feed.open()
    yield feed
    await feed.close()


@sync_to_async
def store(text: str) -> int:
    """What another process's `load_catalog` does, on a connection of its own."""
    try:
        description = parse_catalog(text, file="my.toml", adapters=ADAPTERS, environ={})
        return catalog_store.store(text, description).version
    finally:
        connection.close()


async def store_unchecked(text: str) -> None:
    """A version that this process cannot use, as after an upgrade elsewhere."""
    async with await database.connect_async("test") as other:
        await other.execute(
            "INSERT INTO gateway_catalogversion (toml, digest, loaded_by, note) VALUES (%s, 'x', '', '')",
            (text,),
        )
        await other.execute("SELECT pg_notify('aio_catalog', '')")


async def until(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up_at, "it did not come about"
        await asyncio.sleep(0.005)


async def end_connections_of_feeds() -> int:
    async with await database.connect_async("test") as other:
        cursor = await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'aio catalog'"
            " AND datname = current_database()"
        )
        return len(await cursor.fetchall())


async def no_feed_is_connected() -> None:
    """A server's process outlives its client by a moment."""
    give_up_at = time.monotonic() + 30
    while await end_connections_of_feeds():
        assert time.monotonic() < give_up_at, "a feed stays connected"


async def test_open_loads_the_catalog_in_force(feed: CatalogFeed) -> None:
    [route] = feed.current.routes_for("chat", None)
    assert route.rate.id > 0
    assert route.rate.as_json() == {"tokens_in": {"microcredits": 500_000, "per": 1000}}


async def test_a_change_on_another_connection_arrives_by_its_notice(feed: CatalogFeed) -> None:
    for price in ("0.25", "0.125", "0.5"):
        before = feed.current
        version = await store(TOML.replace('"0.5"', f'"{price}"'))
        await until(lambda version=version: feed.current.version == version)
        assert feed.current is not before
        rate = feed.current.routes_for("chat", None)[0].rate
        assert rate.prices[0].microcredits == float(price) * 1_000_000
    assert before.routes_for("chat", None)[0].rate.prices[0].microcredits == 125_000


async def test_many_changes_in_a_row_end_at_the_newest(feed: CatalogFeed) -> None:
    for number in range(20):
        version = await store(TOML + f"# {number}\n")
    await until(lambda: feed.current.version == version)


async def test_a_change_without_a_notice_is_found_by_looking(
    feed: CatalogFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_feed, "POLL_S", 0.05)
    waits_anew = await store(TOML + "# with the shorter pause\n")
    await until(lambda: feed.current.version == waits_anew)
    async with await database.connect_async("test") as other:
        await other.execute(
            "INSERT INTO gateway_catalogversion (toml, digest, loaded_by, note)"
            " SELECT toml || '#', 'x', '', '' FROM gateway_catalogversion ORDER BY version DESC LIMIT 1"
        )
    await until(lambda: feed.current.version > waits_anew)


async def test_a_lost_connection_is_made_again_and_nothing_is_missed(feed: CatalogFeed) -> None:
    for number in range(3):
        with capture_logs() as logs:
            assert await end_connections_of_feeds() == 1
            version = await store(TOML + f"# {number}\n")
            await until(lambda version=version: feed.current.version == version)
        assert "catalog feed interrupted" in [entry["event"] for entry in logs]


async def test_a_database_that_is_away_leaves_the_snapshot_in_force(
    feed: CatalogFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, attempts = database.connect_async, []

    async def refused(name: str) -> psycopg.AsyncConnection[object]:
        attempts.append(name)
        raise psycopg.OperationalError("connection refused")

    await end_connections_of_feeds()
    monkeypatch.setattr(database, "connect_async", refused)
    before = feed.current
    await until(lambda: len(attempts) >= 2)
    assert feed.current is before
    monkeypatch.setattr(database, "connect_async", connect)
    version = await store(TOML + "# back\n")
    await until(lambda: feed.current.version == version)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("not toml", ":1: Expected '=' after a key in a key/value pair"),
        (
            TOML.replace("openai_chat", "newer"),
            ":16: routes[0].adapter: no such adapter; there is openai_chat",
        ),
        (
            TOML.replace('"http://127.0.0.1:9000"', '"env:AIO_NOT_SET_HERE"'),
            "base_url: the environment variable AIO_NOT_SET_HERE is not set in this process",
        ),
        (TOML.replace('"0.5"', '"0.77"'), "not published with these prices: feed-test"),
    ],
    ids=["text", "adapter", "environment", "rate"],
)
async def test_a_version_this_process_cannot_use_leaves_the_one_before(
    feed: CatalogFeed, text: str, error: str
) -> None:
    before = feed.current
    with capture_logs() as logs:
        await store_unchecked(text)
        await until(lambda: bool(logs))
        await store_unchecked(text)
        await until(lambda: len(logs) == 2)
    assert [entry["log_level"] for entry in logs] == ["error", "error"]
    assert logs[0]["errors"][0].endswith(error)
    assert feed.current is before
    version = await store(TOML + "# mended\n")
    await until(lambda: feed.current.version == version)


async def test_a_version_that_cannot_be_used_keeps_a_process_from_starting(transactional_db: None) -> None:
    await store_unchecked(TOML.replace('"0.5"', '"0.77"'))
    feed = CatalogFeed(ADAPTERS)
    with pytest.raises(UnknownRate):
        await feed.open()
    await store_unchecked("not toml")
    with pytest.raises(CatalogErrors):
        await feed.open()
    with pytest.raises(NoCatalog):
        _ = feed.current


async def test_without_a_catalog_a_process_does_not_start(transactional_db: None) -> None:
    with pytest.raises(NoCatalog, match="load_catalog"):
        await CatalogFeed(ADAPTERS).open()
    await no_feed_is_connected()


async def test_close_ends_the_connection_and_keeps_the_snapshot(feed: CatalogFeed) -> None:
    await feed.close()
    assert feed.current.default_model("chat") == "small"
    await no_feed_is_connected()
