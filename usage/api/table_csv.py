"""Summaries and ledger entries as CSV, streamed, with the API's figures. Amounts are in credits."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from django.http import StreamingHttpResponse

from aio_platform.http.output_formats import csv_stream
from usage.ledger.units import NULLABLE_UNITS

ROWS_AT_ONCE = 1000
SUMS = (
    "calls",
    "errors",
    "cost",
    "gross",
    "refunded",
    "tokens_in",
    "tokens_out",
    "latency_p50_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "first_byte_p50_ms",
    "first_byte_p95_ms",
    *NULLABLE_UNITS,
)
LEDGER_COLUMNS = ("entry", "created_at", "kind", "amount", "balance", "request_id", "cause_entry", "reason")
_NUMBERS = frozenset({"amount", "balance", *SUMS})


def summary_columns(by: Sequence[str], *, with_bucket: bool) -> tuple[str, ...]:
    """A summary's header line."""
    named: list[str] = ["bucket"] if with_bucket else []
    for dimension in by:
        named += ["key_id", "key_name"] if dimension == "key" else [dimension]
    return (*named, *SUMS)


def flat_summary(row: dict[str, Any]) -> dict[str, Any]:
    """A summary's row under the names of `summary_columns`."""
    flat = {name: value for name, value in row.items() if not isinstance(value, dict)}
    if "key" in row:
        flat |= {"key_id": (row["key"] or {}).get("id"), "key_name": (row["key"] or {}).get("name")}
    if "member" in row:
        flat["member"] = (row["member"] or {}).get("email")
    for name in ("p50", "p95", "p99"):
        flat[f"latency_{name}_ms"] = row["latency_ms"][name]
    for name in ("p50", "p95"):
        flat[f"first_byte_{name}_ms"] = row["first_byte_ms"][name]
    return flat


def csv_response(name: str, columns: Sequence[str], rows: Iterator[dict[str, Any]]) -> StreamingHttpResponse:
    """The rows as a file to keep; a thousand are fetched at a time, each when those before have been sent."""
    batches = iter(lambda: [[row[column] for column in columns] for row in islice(rows, ROWS_AT_ONCE)], [])
    response = csv_stream(name, columns, batches, _NUMBERS)
    response["Cache-Control"] = "no-store"
    return response
