"""`/tasks/{id}/results/{n}`: what a task made, streamed through our own address to the account's members.

Pages load nothing from other hosts, so a result that lies at its provider is read from there by us: from public
addresses only, within the size limit, and under a type that no browser runs. A copy that we keep is our own already.
"""

import asyncio
import binascii
import re
from base64 import b64decode
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp
from asgiref.sync import sync_to_async
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)

from accounts.page_context import member_page, page_member
from aio_platform.errors import NotFound
from aio_platform.http import public_client
from aio_platform.http.safe_urls import AddressRefused
from aio_platform.i18n.translatable import gettext_noop
from gateway.api.tasks import UnknownTask
from gateway.pages.shown_tasks import find_task
from gateway.results import fetching, sniffing, tokens
from gateway.results.errors import ResultNotFound, ResultNotKept
from gateway.results.views import asked_range

MAX_AGE_S = 3600
_is_one_range = re.compile(r"bytes=\d{0,18}-\d{0,18}", re.ASCII).fullmatch


class Part(NamedTuple):
    """Bytes [start, end) of `size`; both None where the size is not known and everything is sent."""

    start: int
    end: int | None
    size: int | None

    @property
    def is_whole(self) -> bool:
        return self.size is None or (self.start, self.end) == (0, self.size)


async def task_result(request: HttpRequest, task_id: str, number: int) -> HttpResponseBase:
    """The file, or the part of it that `Range` asks for; an attachment with `?download`.

    404 for another account's task, a number it has not, and a file that its provider has no longer. 502 for a
    file that cannot be read from there, or is too large.
    """
    refusal = await sync_to_async(_authorise)(request, task_id=task_id, number=number)
    if refusal.status_code != HttpResponse.status_code:
        return refusal
    url: str = request.result_url  # type: ignore[attr-defined]
    name = f"{task_id}-{number}"
    kept = _kept_here(url)
    if kept is not None:
        return HttpResponseRedirect(f"/{tokens.PATH}{kept}")
    if url.startswith(fetching.DATA_PREFIX):
        return _inside_url(request, url, name)
    return await _from_provider(request, url, name)


@member_page()
def _authorise(request: HttpRequest, task_id: str, number: int) -> HttpResponse:
    """Leaves the result's URL in the request, or answers what a page answers to whoever may not see it."""
    member = page_member(request)
    task = find_task(member.account.pk, task_id)
    if task is None:
        raise UnknownTask
    if not 1 <= number <= len(task.results):
        raise NotFound(gettext_noop("The task has no such result."))
    request.result_url = task.results[number - 1]  # type: ignore[attr-defined]
    return HttpResponse()


def _kept_here(url: str) -> str | None:
    """The token of a copy of ours; raises ResultNotFound for one whose time is over. None for a provider's URL."""
    if not url.startswith(tokens.public_base()):
        return None
    token = urlsplit(url).path.rpartition("/")[2]
    if tokens.result_of(token, datetime.now(UTC)) is None:
        raise ResultNotFound
    return token


def _inside_url(request: HttpRequest, url: str, name: str) -> HttpResponse:
    described, _, content = url[len(fetching.DATA_PREFIX) :].partition(",")
    try:
        body = b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ResultNotKept(gettext_noop("The result's data URL is not base64.")) from error
    content_type = sniffing.content_type_of(body[: sniffing.HEAD_BYTES], described.removesuffix(";base64"))
    part = _part_of(request, len(body))
    if part is None:
        return _behind_the_end(len(body))
    response = HttpResponse(body[part.start : part.end])
    _describe(response, request, content_type, part, name)
    return response


async def _from_provider(request: HttpRequest, url: str, name: str) -> HttpResponseBase:
    header = request.headers.get("Range", "")
    # Several ranges at once would come back as a form of several parts, which no player asks for.
    wanted = header if _is_one_range(header) else ""
    session = fetching.source_session(1)
    try:
        answer = await _open_result(session, url, wanted)
        part = _part_answered(request, answer)
        if part is None:
            size = answer.content_length
            await session.close()
            return _behind_the_end(size)
        head, skipped = b"", 0
        if answer.status == 200 or part.start == 0:
            head = await _head_of(answer)
        content_type = _content_type(head, answer)
        if answer.status == 200:
            skipped = part.start
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        await session.close()
        if isinstance(error, AddressRefused):
            raise ResultNotKept(gettext_noop("The result is at an address that is not public.")) from error
        raise ResultNotKept(gettext_noop("The result could not be read from its server.")) from error
    except BaseException:
        await session.close()
        raise
    response = StreamingHttpResponse(_ProviderBytes(session, answer, head, skipped, part))
    _describe(response, request, content_type, part, name)
    return response


async def _open_result(session: aiohttp.ClientSession, url: str, wanted: str) -> aiohttp.ClientResponse:
    """The provider's answer, 200, 206 or 416; raises ResultNotFound and ResultNotKept."""
    answer = await public_client.request(session, "GET", url, headers={"Range": wanted} if wanted else None)
    if answer.status in (403, 404, 410):
        answer.close()
        raise ResultNotFound
    if answer.status not in (200, 206, 416):
        answer.close()
        raise ResultNotKept(gettext_noop("The result's server answered %(status)s."), status=answer.status)
    if answer.content_length is not None and answer.content_length > fetching.max_bytes():
        answer.close()
        raise ResultNotKept(
            gettext_noop("The result is larger than %(max_bytes)s bytes."),
            max_bytes=f"{fetching.max_bytes():,}",
        )
    return answer


def _part_answered(request: HttpRequest, answer: aiohttp.ClientResponse) -> Part | None:
    """Which part will be sent; None for one behind the file's end."""
    if answer.status == 416:
        return None
    if answer.status == 206:
        part = _told_part(answer.headers.get("Content-Range", ""))
        if part is None:
            raise ResultNotKept(gettext_noop("The result's server did not say which part it sent."))
        return part
    if answer.content_length is None:
        return Part(0, None, None)
    return _part_of(request, answer.content_length)


def _told_part(header: str) -> Part | None:
    """`bytes 0-99/1000`, as servers say which part it is."""
    unit, _, rest = header.partition(" ")
    span, _, size = rest.partition("/")
    first, _, last = span.partition("-")
    if unit != "bytes" or not (first.isdecimal() and last.isdecimal() and size.isdecimal()):
        return None
    return Part(int(first), int(last) + 1, int(size))


def _part_of(request: HttpRequest, size: int) -> Part | None:
    try:
        start, end = asked_range(request.headers.get("Range", ""), size)
    except ValueError:
        return None
    return Part(start, end, size)


def _behind_the_end(size: int | None) -> HttpResponse:
    response = HttpResponse(status=416)
    response["Content-Range"] = f"bytes */{'*' if size is None else size}"
    return response


async def _head_of(answer: aiohttp.ClientResponse) -> bytes:
    head = b""
    while len(head) < sniffing.HEAD_BYTES and (piece := await answer.content.readany()):
        head += piece
    return head


def _content_type(head: bytes, answer: aiohttp.ClientResponse) -> str:
    """By the bytes where the file's beginning is there; what its server says, if harmless, for a later part."""
    announced = answer.headers.get("Content-Type", "")
    if head:
        return sniffing.content_type_of(head, announced)
    return sniffing.harmless_type(announced)


class _ProviderBytes:
    """A part's bytes as they come. What the server sent before it is passed over; a file too large is broken off.

    Closed with its response, also one whose reader left before the first byte.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        answer: aiohttp.ClientResponse,
        head: bytes,
        skipped: int,
        part: Part,
    ) -> None:
        self._session, self._answer = session, answer
        self._piece, self._skipped = head, skipped
        self._left = fetching.max_bytes() if part.end is None else part.end - part.start
        self._size = part.size
        self._loop = asyncio.get_running_loop()
        self._closing: asyncio.Task[None] | None = None

    def __aiter__(self) -> "_ProviderBytes":
        return self

    async def __anext__(self) -> bytes:
        while self._left > 0 or self._size is None:
            piece = self._piece or await self._answer.content.readany()
            self._piece = b""
            if not piece:
                break
            if self._size is None and len(piece) > self._left:
                # Broken off, so that nobody takes half a file for a whole one.
                raise ResultNotKept(
                    gettext_noop("The result is larger than %(max_bytes)s bytes."),
                    max_bytes=f"{fetching.max_bytes():,}",
                )
            kept = piece[self._skipped :][: self._left]
            self._skipped = max(self._skipped - len(piece), 0)
            self._left -= len(kept)
            if kept:
                return kept
        raise StopAsyncIteration

    def close(self) -> None:
        """Let go of the provider; Django calls it in a thread."""
        self._loop.call_soon_threadsafe(self._let_go)

    def _let_go(self) -> None:
        self._answer.close()
        self._closing = self._loop.create_task(self._session.close())


def _describe(
    response: HttpResponseBase, request: HttpRequest, content_type: str, part: Part, name: str
) -> None:
    response["Content-Type"] = content_type
    if part.size is not None:
        assert part.end is not None
        response["Accept-Ranges"] = "bytes"
        response["Content-Length"] = str(part.end - part.start)
    if not part.is_whole:
        assert part.end is not None
        response.status_code = 206
        response["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{part.size}"
    saved = "download" in request.GET or content_type == sniffing.UNKNOWN
    file_name = f"{name}.{sniffing.extension_of(content_type)}"
    response["Content-Disposition"] = f'{"attachment" if saved else "inline"}; filename="{file_name}"'
    response["Cache-Control"] = f"private, max-age={MAX_AGE_S}"
    # Somebody else made this file: whatever a browser takes it for, it gets no rights on our origin.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
