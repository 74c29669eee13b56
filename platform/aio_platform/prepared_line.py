"""One connection that runs one prepared statement over and over, at the least cost on the event loop.

psycopg's asynchronous cursor spends 150 µs of the loop's time a statement; libpq's own calls, driven by the
loop's reader, a fifth of that. It matters because every metered call waits for two of these.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg
from psycopg import errors, pq

from aio_platform import database

_NAME = b"statement"
Row = tuple[bytes | None, ...]


class PreparedLine:
    """Runs its statement with text parameters, one run at a time, each in a transaction of its own.

    Opened when needed and again after it broke. Not for concurrent callers: a Batcher stands in front.
    """

    def __init__(self, application_name: str, statement: LiteralString) -> None:
        self._application_name = application_name
        self._statement = statement
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._descriptor = -1
        self._answer: asyncio.Future[pq.abc.PGresult] | None = None
        self._result: pq.abc.PGresult | None = None

    async def connect(self) -> None:
        """Connect and prepare; raises psycopg.Error. Does nothing on an open connection."""
        if self._connection is not None:
            return
        connection = await database.connect_async(self._application_name)
        try:
            await connection.execute(f"PREPARE {_NAME.decode()} AS {self._statement}")
        except BaseException:
            await connection.close()
            raise
        connection.pgconn.nonblocking = 1
        self._connection = connection
        self._descriptor = connection.pgconn.socket
        # Stays on between runs, so that a server that goes away is noticed at once.
        asyncio.get_running_loop().add_reader(self._descriptor, self._on_readable)

    async def fetch(self, parameters: Sequence[str | None]) -> list[Row]:
        """Run the statement; rows come as PostgreSQL's text, undecoded.

        Raises psycopg.OperationalError when the connection is lost (the next run opens another), and the
        server's error otherwise. Cancelled, it closes the connection: whether the statement ran is unknown.
        """
        await self.connect()
        assert self._connection is not None
        assert self._answer is None, "one run at a time"
        self._answer = asyncio.get_running_loop().create_future()
        try:
            values = [None if value is None else value.encode() for value in parameters]
            self._connection.pgconn.send_query_prepared(_NAME, values)
            self._flush()
            result = await self._answer
        except BaseException:
            self._answer = None
            self._drop()
            raise
        self._answer = None
        if result.status != pq.ExecStatus.TUPLES_OK:
            raise errors.error_from_result(result)
        columns = range(result.nfields)
        return [tuple([result.get_value(row, column) for column in columns]) for row in range(result.ntuples)]

    async def close(self) -> None:
        self._drop()

    def _on_readable(self) -> None:
        assert self._connection is not None
        connection = self._connection.pgconn
        try:
            connection.consume_input()
            while not connection.is_busy():
                result = connection.get_result()
                if result is None:
                    break
                self._result = result
            else:
                return
        except psycopg.Error as error:
            self._lost(error)
            return
        if connection.status != pq.ConnStatus.OK:
            self._lost(psycopg.OperationalError("the server closed the connection"))
        elif self._result is not None and self._answer is not None:
            result, self._result = self._result, None
            if not self._answer.done():
                self._answer.set_result(result)

    def _flush(self) -> None:
        if self._connection is None:
            return
        loop = asyncio.get_running_loop()
        try:
            if self._connection.pgconn.flush():
                loop.add_writer(self._descriptor, self._flush)
            else:
                loop.remove_writer(self._descriptor)
        except psycopg.Error as error:
            self._lost(error)

    def _lost(self, error: psycopg.Error) -> None:
        self._drop()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(psycopg.OperationalError(str(error)))

    def _drop(self) -> None:
        if self._connection is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._descriptor)
        loop.remove_writer(self._descriptor)
        self._connection.pgconn.finish()
        self._connection = None
        self._result = None
