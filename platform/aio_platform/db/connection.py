"""One connection for asynchronous code, opened when needed and again after it broke."""

import asyncio
from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg

from aio_platform.db import database


class Connection:
    """Runs one statement at a time, each in a transaction of its own."""

    def __init__(self, application_name: str) -> None:
        self._application_name = application_name
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._lock = asyncio.Lock()

    async def connect(self) -> None:
        """Connect now instead of at the first statement; raises psycopg.OperationalError."""
        async with self._lock:
            await self._connected()

    async def fetch(self, sql: LiteralString, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows.

        Raises psycopg.Error; a lost connection is replaced at the next statement.
        """
        async with self._lock:
            connection = await self._connected()
            cursor = await connection.execute(sql, parameters)
            return await cursor.fetchall()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await database.connect_async(self._application_name)
        return self._connection
