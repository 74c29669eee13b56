"""The catalog in force, in memory, in every process, within a second of a change anywhere.

A connection of its own listens for changes, and looks every few seconds in case one was missed.
"""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Collection
from typing import Any

import psycopg
import structlog

from aio_platform.db import database
from gateway.catalog import processes
from gateway.catalog.parser import CatalogErrors, parse_catalog
from gateway.catalog.routes import ADAPTERS, Catalog
from gateway.models import CatalogVersion
from usage.ledger import rate_card

log = structlog.get_logger(__name__)

POLL_S = 5.0
RECONNECT_PAUSE_S = 0.25
# A connection that died without a word answers nothing; after this long it is given up for a new one.
REFRESH_LIMIT_S = 10.0
NO_VERSION = 0
NEWEST_SQL = """
    SELECT version, toml
    FROM (SELECT version, toml FROM gateway_catalogversion ORDER BY version DESC LIMIT 1) AS newest
    WHERE version <> %s
"""


class NoCatalog(RuntimeError):
    """Nothing has been loaded yet."""

    def __init__(self) -> None:
        super().__init__("no catalog is loaded: run manage.py load_catalog FILE.toml")


def load_current(adapters: Collection[str] = ADAPTERS) -> Catalog:
    """The catalog in force, for commands.

    Raises NoCatalog, or CatalogErrors where this process cannot use it.
    """
    newest = CatalogVersion.objects.order_by("-version").first()
    if newest is None:
        raise NoCatalog
    description = parse_catalog(newest.toml, file=str(newest), adapters=adapters)
    return description.catalog(newest.version, rate_card.find_published(description.rates))


class CatalogFeed:
    """Follows the catalog in force. Open once; `current` is then always a whole snapshot.

    Everybody can see which version that is, and why it is not a newer one; `kind` says what this process does.
    """

    def __init__(self, adapters: Collection[str] = ADAPTERS, *, kind: str = "gateway") -> None:
        self._adapters = adapters
        self._name = f"{kind}, process {os.getpid()} on {socket.gethostname()}"[:300]
        self._number = secrets.randbelow(2**31)
        self._current: Catalog | None = None
        # The newest version looked at, whether or not it could be used: an error is logged once.
        self._seen_version = NO_VERSION
        self._problems = ""
        self._noted: tuple[int, int | None, str] | None = None
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._follower: asyncio.Task[None] | None = None

    @property
    def current(self) -> Catalog:
        """The newest snapshot this process could load; raises NoCatalog before `open`."""
        if self._current is None:
            raise NoCatalog
        return self._current

    async def open(self) -> None:
        """Load the catalog in force and start to follow it.

        Raises NoCatalog, CatalogErrors where this process cannot use it (an unset `env:NAME`, an adapter it
        does not have), or psycopg.OperationalError or TimeoutError when the database does not answer.
        """
        try:
            connection = await self._listen()
            await self._refresh(connection)
            if self._current is None:
                raise NoCatalog
            await self._enter(connection)
        except BaseException:
            await self.close()
            raise
        self._follower = asyncio.create_task(self._follow(connection), name="catalog feed")

    async def close(self) -> None:
        """Stop following; `current` stays what it was."""
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.gather(self._follower, return_exceptions=True)
            self._follower = None
        await self._disconnect()

    async def _follow(self, connection: psycopg.AsyncConnection[Any]) -> None:
        while True:
            try:
                await self._note(connection)
                await self._judge_trials(connection)
                async for _ in connection.notifies(timeout=POLL_S, stop_after=1):
                    pass  # which version is for the look-up to say: several may have come at once
                await self._refresh(connection)
            except Exception as error:
                # Whatever it was, calls go on with the snapshot there is, and the feed must not end.
                log.warning("catalog feed interrupted", error=type(error).__name__)
                connection = await self._reconnect()

    async def _reconnect(self) -> psycopg.AsyncConnection[Any]:
        while True:
            await self._disconnect()
            await asyncio.sleep(RECONNECT_PAUSE_S)
            try:
                connection = await self._listen()
                await self._enter(connection)
                await self._refresh(connection)
            except Exception as error:
                log.debug("catalog feed still interrupted", error=type(error).__name__)
            else:
                log.info("catalog feed resumed")
                return connection

    async def _listen(self) -> psycopg.AsyncConnection[Any]:
        self._connection = await database.connect_async("aio catalog")
        # Before the first look: a change between the two is then announced rather than missed.
        await self._connection.execute("LISTEN aio_catalog")
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _enter(self, connection: psycopg.AsyncConnection[Any]) -> None:
        async with asyncio.timeout(REFRESH_LIMIT_S):
            await processes.enter(connection, self._number)
        self._noted = None
        await self._note(connection)

    async def _note(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Let everybody see what this process runs, where that is news."""
        refused = self._seen_version if self._problems else None
        news = (self.current.version, refused, self._problems)
        if news == self._noted:
            return
        async with asyncio.timeout(REFRESH_LIMIT_S):
            await processes.note(connection, self._number, self._name, *news)
        self._noted = news

    async def _judge_trials(self, connection: psycopg.AsyncConnection[Any]) -> None:
        async with asyncio.timeout(REFRESH_LIMIT_S):
            await processes.judge_trials(connection, self._number, self._judge)

    async def _judge(self, text: str, file: str) -> str:
        try:
            await asyncio.to_thread(parse_catalog, text, file=file, adapters=self._adapters)
        except CatalogErrors as refused:
            return str(refused)
        return ""

    async def _refresh(self, connection: psycopg.AsyncConnection[Any]) -> None:
        async with asyncio.timeout(REFRESH_LIMIT_S):
            cursor = await connection.execute(NEWEST_SQL, (self._seen_version,))
            row = await cursor.fetchone()
            if row is None:
                return
            version, text = row
            try:
                self._current = await self._load(connection, version, text)
            except (CatalogErrors, rate_card.UnknownRate) as error:
                if self._current is None:
                    raise
                self._problems = str(error)
                log.error(
                    "catalog version refused; the one before stays in force here",
                    version=version,
                    in_force=self._current.version,
                    errors=str(error).splitlines(),
                )
            else:
                self._problems = ""
                # What there was at the start goes without saying: only a change is news.
                level = logging.INFO if self._seen_version else logging.DEBUG
                log.log(level, "catalog loaded", version=version)
            self._seen_version = version

    async def _load(self, connection: psycopg.AsyncConnection[Any], version: int, text: str) -> Catalog:
        # In a thread: reading a long catalog takes longer than calls in flight should stand still.
        description = await asyncio.to_thread(
            parse_catalog, text, file=f"catalog version {version}", adapters=self._adapters
        )
        rates = await rate_card.find_published_async(connection, description.rates)
        return description.catalog(version, rates)
