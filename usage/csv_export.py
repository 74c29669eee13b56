"""Usage events as CSV that no spreadsheet takes for formulas."""

import csv
from collections.abc import AsyncIterator, Iterator
from io import StringIO
from typing import Any

from asgiref.sync import sync_to_async

from usage.queries.events import UNIT_COLUMNS

COLUMNS = (
    "request_id",
    "started_at",
    "settled_at",
    "key_id",
    "key_name",
    "endpoint",
    "model",
    "route",
    "upstream",
    "outcome",
    "status",
    "streamed",
    "estimated",
    "trial",
    *UNIT_COLUMNS,
    "hold",
    "capture",
    "refunded",
    "cost",
    "latency_ms",
    "platform_ms",
    "upstream_ms",
    "first_byte_ms",
)
# What Excel, LibreOffice and Google Sheets take for the start of a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_row(event: dict[str, Any]) -> list[Any]:
    """One event in the order of COLUMNS. Amounts are in credits."""
    key = event["key"] or {}
    flat = {
        **event,
        **event["units"],
        **event["timings"],
        "key_id": key.get("id"),
        "key_name": key.get("name"),
    }
    return [safe_cell(flat[column]) for column in COLUMNS]


def csv_text(rows: list[list[Any]]) -> str:
    """The rows as RFC 4180 writes them."""
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


async def stream_csv(batches: Iterator[list[dict[str, Any]]]) -> AsyncIterator[bytes]:
    """The header line and then every batch, each fetched in a thread when the one before has been sent."""
    yield csv_text([list(COLUMNS)]).encode()
    while True:
        batch = await sync_to_async(_next)(batches)
        if batch is None:
            return
        yield csv_text([csv_row(event) for event in batch]).encode()


def _next(batches: Iterator[list[dict[str, Any]]]) -> list[dict[str, Any]] | None:
    return next(batches, None)


def safe_cell(value: Any) -> Any:
    """The value as a cell that no spreadsheet takes for a formula."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return "'" + value
    return value
