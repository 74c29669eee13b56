"""`/results/{token}`: a kept result, for whoever has its address, until that expires."""

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from aio_platform import problems
from gateway.results.errors import ResultNotFound
from gateway.results.sniffing import UNKNOWN
from gateway.results.storage import result_storage
from gateway.results.tokens import result_of

BLOCK_BYTES = 256 * 1024
_range_of = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII).fullmatch


class _Kept(NamedTuple):
    storage_name: str
    file_name: str
    content_type: str
    size_bytes: int
    expires_at: datetime


@csrf_exempt
@require_safe
def show_result(request: HttpRequest, token: str) -> HttpResponseBase:
    """The file, or the part of it that a `Range` header asks for, as players of video and music do.

    404 for a token that is not ours, expired, or whose file is gone.
    """
    kept = _find(token)
    if kept is None:
        return _not_found(request)
    try:
        start, end = asked_range(request.headers.get("Range", ""), kept.size_bytes)
    except ValueError:
        refusal = HttpResponse(status=416)
        refusal["Content-Range"] = f"bytes */{kept.size_bytes}"
        return refusal
    try:
        file = result_storage().open(kept.storage_name)
    except OSError:
        return _not_found(request)
    response: HttpResponseBase
    if request.method == "HEAD":
        file.close()
        response = HttpResponse()
    else:
        response = StreamingHttpResponse(_Part(file, start, end))
    is_part = (start, end) != (0, kept.size_bytes)
    if is_part:
        response.status_code = 206
        response["Content-Range"] = f"bytes {start}-{end - 1}/{kept.size_bytes}"
    _describe(response, kept, end - start)
    return response


def _describe(response: HttpResponseBase, kept: _Kept, length: int) -> None:
    response["Content-Type"] = kept.content_type
    response["Content-Length"] = str(length)
    response["Accept-Ranges"] = "bytes"
    shown = "attachment" if kept.content_type == UNKNOWN else "inline"
    response["Content-Disposition"] = f'{shown}; filename="{kept.file_name}"'
    seconds = max(int((kept.expires_at - datetime.now(UTC)).total_seconds()), 0)
    response["Cache-Control"] = f"private, max-age={seconds}, immutable"
    # Somebody else made this file: whatever a browser takes it for, it gets no rights on our origin.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"


class _Part:
    """The bytes of an open file from start to end, each block read in a thread when the one before has been sent.

    Closed with its response, also one whose reader left before the first block.
    """

    def __init__(self, file: Any, start: int, end: int) -> None:
        self._file = file
        self._at, self._end = start, end

    def __aiter__(self) -> "_Part":
        return self

    async def __anext__(self) -> bytes:
        block = await sync_to_async(self._read, thread_sensitive=False)()
        if not block:
            raise StopAsyncIteration
        return block

    def close(self) -> None:
        self._file.close()

    def _read(self) -> bytes:
        self._file.seek(self._at)
        block: bytes = self._file.read(min(self._end - self._at, BLOCK_BYTES))
        self._at += len(block)
        return block


def asked_range(header: str, size: int) -> tuple[int, int]:
    """Where to start, and where to stop before; the whole file for anything but one range of bytes.

    Raises ValueError for a range that starts behind the end.
    """
    found = _range_of(header)
    if found is None or found.groups() == ("", ""):
        return 0, size
    first, last = found.groups()
    if not first:
        if int(last) == 0:
            raise ValueError("the last no bytes")
        return max(size - int(last), 0), size
    start, end = int(first), int(last) + 1 if last else size
    if start >= end and last:
        return 0, size  # the wrong way round is no range at all
    if start >= size:
        raise ValueError("behind the end")
    return start, min(end, size)


def _find(token: str) -> _Kept | None:
    result_id = result_of(token, datetime.now(UTC))
    if result_id is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT storage_name, file_name, content_type, size_bytes, expires_at FROM gateway_result"
            " WHERE id = %s AND size_bytes IS NOT NULL AND expires_at > now()",
            [result_id],
        )
        row = cursor.fetchone()
    return None if row is None else _Kept(*row)


def _not_found(request: HttpRequest) -> HttpResponse:
    return problems.render(ResultNotFound(), request.path, getattr(request, "request_id", ""))
