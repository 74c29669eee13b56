"""Usage events as the rows of a CSV file."""

from collections.abc import Iterable, Iterator
from typing import Any

from usage.ledger.units import NULLABLE_UNITS
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
    *(unit for unit in UNIT_COLUMNS if unit not in NULLABLE_UNITS),
    "hold",
    "capture",
    "refunded",
    "cost",
    "latency_ms",
    "platform_ms",
    "upstream_ms",
    "first_byte_ms",
    *NULLABLE_UNITS,
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
    return [flat[column] for column in COLUMNS]


def csv_batches(batches: Iterable[list[dict[str, Any]]]) -> Iterator[Iterator[list[Any]]]:
    """The rows of each batch of events."""
    for batch in batches:
        yield map(csv_row, batch)
