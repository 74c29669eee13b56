"""Usage events as CSV that no spreadsheet takes for formulas."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async

from aio_platform.csv_text import csv_text, safe_cell
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
