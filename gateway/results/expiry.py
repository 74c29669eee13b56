"""Removing results whose time is over: first the file, then the row that remembers it."""

import asyncio

import structlog
from django.db import Error as DatabaseError
from django.db import connection, transaction

from gateway.results.storage import result_storage

log = structlog.get_logger(__name__)
EVERY_S = 60.0
AT_ONCE = 100


def delete_expired(limit: int = AT_ONCE) -> int:
    """Delete up to `limit` expired results; how many went. Blocks. Any number of processes may do it at once.

    A file that the storage does not give up keeps its row, and is tried again.
    """
    deleted = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, storage_name FROM gateway_result WHERE expires_at <= now()"
            " ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED",
            [limit],
        )
        for result_id, storage_name in cursor.fetchall():
            try:
                result_storage().delete(storage_name)  # no error where it is gone already
            except Exception as error:  # each storage has errors of its own kind
                log.error("an expired result could not be deleted", error=type(error).__name__)
                continue
            cursor.execute("DELETE FROM gateway_result WHERE id = %s", [result_id])
            deleted += 1
    return deleted


async def run(stop: asyncio.Event) -> None:
    """Delete expired results until `stop` is set; a database that is away is waited for."""
    while not stop.is_set():
        try:
            deleted = await asyncio.to_thread(_delete_expired_and_disconnect)
        except DatabaseError as error:
            log.warning("results are out of reach", error=type(error).__name__)
            deleted = 0
        if deleted:
            log.info("expired results deleted", count=deleted)
        if deleted < AT_ONCE:
            await _pause(stop)


def _delete_expired_and_disconnect() -> int:
    try:
        return delete_expired()
    finally:
        # The thread is whichever was free; its connection would stay open for nobody.
        connection.close()


async def _pause(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(EVERY_S):
            await stop.wait()
    except TimeoutError:
        pass
