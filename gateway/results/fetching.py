"""Reading a result from where its upstream put it, piece by piece, within limits of size and time."""

import asyncio
import binascii
from base64 import b64decode
from typing import IO

import aiohttp
import structlog
from django.conf import settings

from aio_platform.http import public_client
from aio_platform.http.safe_urls import AddressRefused
from aio_platform.i18n.translatable import gettext_noop
from gateway.results.errors import ResultNotKept

log = structlog.get_logger(__name__)
TIME_LIMIT_S = 300.0
DEFAULT_MAX_BYTES = 1_000_000_000
# Written a megabyte at a time: each write is a thread's turn.
BLOCK_BYTES = 1_000_000
DATA_PREFIX = "data:"


def source_session(limit: int) -> aiohttp.ClientSession:
    """A session that reads results; as a caller's URL is not to be trusted, so is not an upstream's."""
    return public_client.public_session(limit, total_s=TIME_LIMIT_S)


async def fetch(session: aiohttp.ClientSession, url: str, file: IO[bytes]) -> str:
    """Write what is at the URL to the file, and return the type it was announced as.

    Raises ResultNotKept for an address that is not public, also after a redirect, for any answer but 200, one
    that is empty, broken off or over the size limit, and for one that takes too long.
    """
    if url.startswith(DATA_PREFIX):
        return await _decode(url, file)
    try:
        answer = await public_client.request(session, "GET", url)
        try:
            if answer.status != 200:
                raise ResultNotKept(
                    gettext_noop("The result's server answered %(status)s."), status=answer.status
                )
            await _copy(answer, file)
            return answer.headers.get("Content-Type", "")
        finally:
            answer.close()
    except AddressRefused as error:
        log.warning("a result's address was refused", reason=str(error))
        raise ResultNotKept(gettext_noop("The result is at an address that is not public.")) from error
    except (aiohttp.ClientError, OSError) as error:
        raise ResultNotKept(gettext_noop("The result could not be read from its server.")) from error


async def _copy(answer: aiohttp.ClientResponse, file: IO[bytes]) -> None:
    limit = max_bytes()
    if answer.content_length is not None and answer.content_length > limit:
        raise _too_large()
    size, block = 0, bytearray()
    async for piece in answer.content.iter_any():
        size += len(piece)
        if size > limit:
            raise _too_large()
        block += piece
        if len(block) >= BLOCK_BYTES:
            await asyncio.to_thread(file.write, bytes(block))
            block.clear()
    if size == 0:
        raise ResultNotKept(gettext_noop("The result is empty."))
    await asyncio.to_thread(file.write, bytes(block))


async def _decode(url: str, file: IO[bytes]) -> str:
    """A result that came inside its URL, base64 as upstreams write it."""
    described, _, content = url[len(DATA_PREFIX) :].partition(",")
    if not described.endswith(";base64"):
        raise ResultNotKept(gettext_noop("The result's data URL is not base64."))
    try:
        decoded = await asyncio.to_thread(b64decode, content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ResultNotKept(gettext_noop("The result's data URL is not base64.")) from error
    if not decoded:
        raise ResultNotKept(gettext_noop("The result is empty."))
    if len(decoded) > max_bytes():
        raise _too_large()
    await asyncio.to_thread(file.write, decoded)
    return described.removesuffix(";base64")


def max_bytes() -> int:
    """AIO_RESULTS_MAX_BYTES: a larger result is not copied."""
    return int(getattr(settings, "AIO_RESULTS_MAX_BYTES", DEFAULT_MAX_BYTES))


def _too_large() -> ResultNotKept:
    return ResultNotKept(
        gettext_noop("The result is larger than %(max_bytes)s bytes."), max_bytes=f"{max_bytes():,}"
    )
