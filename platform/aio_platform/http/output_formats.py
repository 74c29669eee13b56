"""The formats that an address answers in: one of its own, JSON or CSV by its `format`, and CSV as a file to keep."""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpResponse, StreamingHttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from aio_platform.csv_text import Rows, csv_texts

FORMATS = ("json", "csv")
CSV_TYPE = "text/csv; charset=utf-8"


class OneFormat(BaseContentNegotiation):
    """Each address has one format; what a client would rather have changes nothing."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


def csv_file(name: str, text: str) -> HttpResponse:
    """A CSV text as a file of that name."""
    return HttpResponse(text, content_type=CSV_TYPE, headers=_as_file(name))


def csv_stream(
    name: str, header: Sequence[str], batches: Iterable[Rows], numbers: Collection[str] = ()
) -> StreamingHttpResponse:
    """The rows as a CSV file of that name, written as `csv_texts` does.

    Each batch is fetched in a thread when the one before has been sent.
    """
    texts = csv_texts(header, batches, numbers)
    return StreamingHttpResponse(_sent(texts), content_type=CSV_TYPE, headers=_as_file(name))


def _as_file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


async def _sent(texts: Iterator[str]) -> AsyncIterator[bytes]:
    while (text := await sync_to_async(_next)(texts)) is not None:
        yield text.encode()


def _next(texts: Iterator[str]) -> str | None:
    return next(texts, None)
