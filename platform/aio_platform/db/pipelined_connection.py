"""One connection that runs the same prepared statements over and over, at the least cost on the event loop.

Here libpq's own calls are driven by the loop's reader: psycopg's asynchronous cursor takes 40 µs more of a lone
statement's time on the loop (see ADR 29). Several statements may go out as one pipeline, and then commit together.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

import psycopg
from psycopg import errors, pq

from aio_platform.db import database

Row = tuple[bytes | None, ...]
Run = tuple[str, Sequence[str | None]]
ANSWER_LIMIT_S = 15.0


class PipelinedConnection:
    """Runs its statements with text parameters. One run at a time: a Batcher stands in front.

    Opened when needed, and again after it broke.
    """

    def __init__(self, application_name: str, statements: Mapping[str, LiteralString]) -> None:
        self._application_name = application_name
        self._statements = dict(statements)
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._descriptor = -1
        self._answer: asyncio.Future[list[pq.abc.PGresult]] | None = None
        self._results: list[pq.abc.PGresult] = []

    async def connect(self) -> None:
        """Connect and prepare; raises psycopg.Error. Does nothing on an open connection."""
        if self._connection is not None:
            return
        connection = await database.connect_async(self._application_name)
        try:
            # Somebody's open transaction must not hold up every tenant's calls.
            await connection.execute("SET lock_timeout = '5s'")
            for name, statement in self._statements.items():
                await connection.execute(f"PREPARE {name} AS {statement}")
        except BaseException:
            await connection.close()
            raise
        connection.pgconn.nonblocking = 1
        connection.pgconn.enter_pipeline_mode()
        self._connection = connection
        self._descriptor = connection.pgconn.socket
        # Stays on between runs, so that a server that goes away is noticed at once.
        asyncio.get_running_loop().add_reader(self._descriptor, self._on_readable)

    async def fetch(self, runs: Sequence[Run]) -> list[list[Row]]:
        """Run (statement name, parameters) in order, in one transaction; each one's rows as undecoded text.

        Raises psycopg.OperationalError when the connection is lost (the next run opens another), and the
        server's error otherwise; then nothing of this run was kept. Cancelled or lost, whether it was kept is
        unknown.
        """
        await self.connect()
        assert self._connection is not None
        assert self._answer is None, "one run at a time"
        self._answer = asyncio.get_running_loop().create_future()
        try:
            connection = self._connection.pgconn
            for name, parameters in runs:
                values = [None if value is None else value.encode() for value in parameters]
                connection.send_query_prepared(name.encode(), values)
            connection.pipeline_sync()
            self._flush()
            async with asyncio.timeout(ANSWER_LIMIT_S):
                results = await self._answer
        except TimeoutError:
            self._drop()
            raise psycopg.OperationalError("the server does not answer") from None
        except BaseException:
            self._drop()
            raise
        finally:
            self._answer = None
        for result in results:
            if result.status != pq.ExecStatus.TUPLES_OK:
                raise errors.error_from_result(result)
        return [_rows(result) for result in results]

    async def close(self) -> None:
        self._drop()

    def _on_readable(self) -> None:
        assert self._connection is not None
        connection = self._connection.pgconn
        try:
            connection.consume_input()
            while self._answer is not None and not connection.is_busy():
                result = connection.get_result()
                if result is None:
                    continue  # the end of one statement's results
                if result.status == pq.ExecStatus.PIPELINE_SYNC:
                    self._finish()
                    break
                if _ends_connection(result):
                    # The end of the pipeline will not come, and the event loop need not tell of the close.
                    self._lost(errors.error_from_result(result))
                    return
                self._results.append(result)
        except psycopg.Error as error:
            self._lost(error)
            return
        if connection.status != pq.ConnStatus.OK:
            self._lost(psycopg.OperationalError("the server closed the connection"))

    def _finish(self) -> None:
        results, self._results = self._results, []
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(results)

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
        self._results = []


def _ends_connection(result: pq.abc.PGresult) -> bool:
    if result.status != pq.ExecStatus.FATAL_ERROR:
        return False
    return result.error_field(pq.DiagnosticField.SEVERITY_NONLOCALIZED) in (b"FATAL", b"PANIC")


def _rows(result: pq.abc.PGresult) -> list[Row]:
    columns = range(result.nfields)
    return [tuple([result.get_value(row, column) for column in columns]) for row in range(result.ntuples)]
