"""Keeping a task's results: by default the upstream's own URLs, with AIO_RESULTS=mirror copies in our storage."""

import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from typing import IO, NamedTuple
from uuid import uuid4

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.files import File
from django.db import connection

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.results import fetching, sniffing, tokens
from gateway.results.errors import ResultNotKept
from gateway.results.storage import result_storage
from gateway.tasks.records import ClaimedTask

log = structlog.get_logger(__name__)
MIRROR = "mirror"
DEFAULT_KEEP_DAYS = 14
# Videos come in one or two; songs in a handful. More at once would only take memory from each other.
AT_ONCE = 2


class _Place(NamedTuple):
    """Where a copy goes, written down before it is made."""

    id: str
    storage_name: str
    expires_at: datetime


async def keep(task: ClaimedTask, urls: list[str]) -> list[str]:
    """What the customer is given for a task's result URLs, in their order.

    As they are by default. With AIO_RESULTS=mirror each is copied, and the answer is a URL of ours that works for
    AIO_RESULTS_KEEP_DAYS; all are kept, or ResultNotKept is raised and nothing was promised. Calling it again for
    the same task is safe: copies that nobody was told of expire with the rest.
    """
    if getattr(settings, "AIO_RESULTS", "") != MIRROR:
        return urls
    turn = asyncio.Semaphore(AT_ONCE)
    async with fetching.source_session(AT_ONCE) as session:

        async def copy(number: int, url: str) -> str:
            async with turn:
                # The library's own files are in blocks on disk: neither memory nor the loop waits for them.
                with tempfile.TemporaryFile() as file:
                    announced = await fetching.fetch(session, url, file)
                    return await sync_to_async(_store, thread_sensitive=False)(task, number, file, announced)

        copies = [asyncio.create_task(copy(number, url)) for number, url in enumerate(urls, 1)]
        try:
            return list(await asyncio.gather(*copies))
        finally:
            for one in copies:
                one.cancel()
            await asyncio.gather(*copies, return_exceptions=True)


def _store(task: ClaimedTask, number: int, file: IO[bytes], announced: str) -> str:
    """Put a whole file into storage; returns its URL. Blocks."""
    file.seek(0)
    content_type = sniffing.content_type_of(file.read(sniffing.HEAD_BYTES), announced)
    size_bytes = file.seek(0, 2)
    file_name = f"{task.key.id}-{number}.{sniffing.extension_of(content_type)}"
    try:
        place = _write_down(task, file_name)
        stored_name = _save(place.storage_name, file)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE gateway_result SET storage_name = %s, content_type = %s, size_bytes = %s WHERE id = %s",
                [stored_name, content_type, size_bytes, place.id],
            )
    finally:
        connection.close()
    return tokens.public_url(place.id, place.expires_at)


def _save(name: str, file: IO[bytes]) -> str:
    """Hand the file to the storage, which may give it another name."""
    file.seek(0)
    try:
        return result_storage().save(name, File(file))
    except Exception as error:  # each storage has errors of its own kind
        log.error("a result could not be stored", error=type(error).__name__)
        raise ResultNotKept(_("The result could not be stored.")) from error


def _write_down(task: ClaimedTask, file_name: str) -> _Place:
    """The row comes before the file, so that a file whose worker was killed is found again and removed."""
    days = getattr(settings, "AIO_RESULTS_KEEP_DAYS", DEFAULT_KEEP_DAYS)
    result_id = uuid4()
    place = _Place(
        str(result_id),
        # Spread over folders: none of them gets so full that listing it takes long.
        f"{result_id.hex[:2]}/{result_id.hex}",
        (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO gateway_result (id, account_id, task_id, storage_name, file_name, expires_at)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [place.id, task.key.account_id, task.key.id, place.storage_name, file_name, place.expires_at],
        )
    return place
