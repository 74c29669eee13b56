"""Usage across all accounts, for operators."""

import csv
from datetime import datetime
from io import StringIO
from typing import Any, NamedTuple

from accounts.models import Account
from aio_platform.csv_text import safe_cell
from aio_platform.terminal.text_table import aligned
from usage.queries.aggregates.summaries import NO_INTERVAL, Grouping, summarise, within_period
from usage.queries.filters import CallFilter
from usage.snapshot import snapshot

DAY = "day"
DIMENSIONS = ("account", "key", "model", "endpoint", "outcome", DAY)
_SUMS = (
    "calls",
    "errors",
    "cost",
    "gross",
    "refunded",
    "tokens_in",
    "tokens_out",
    "p50_ms",
    "p95_ms",
    "p99_ms",
)


class Report(NamedTuple):
    """Rows of text and numbers under `columns`; amounts are decimal credits. The period is the one used."""

    as_of: datetime
    since: datetime
    until: datetime | None
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]


def usage_report(since: datetime | None, until: datetime | None, group_by: tuple[str, ...]) -> Report:
    """What all accounts used, by some of DIMENSIONS; the last 30 days where no start is given.

    Raises InvalidRequest for a period or grouping that makes too much.
    """
    grouping = Grouping(
        by=tuple(name for name in group_by if name != DAY),
        interval=DAY if DAY in group_by else NO_INTERVAL,
    )
    call_filter = CallFilter(account_id=None, since=since, until=until)
    with snapshot() as books:
        which = within_period(call_filter, grouping, books.as_of)
        found = summarise(books, which, grouping)
        account_ids = {row["account_id"] for row in found if "account_id" in row}
        names = dict(Account.objects.filter(pk__in=account_ids).values_list("pk", "name"))
    assert which.since is not None
    rows = [_flat(row, group_by, names) for row in found]
    return Report(books.as_of, which.since, which.until, (*group_by, *_SUMS), rows)


def as_csv(report: Report) -> str:
    """The report with a header line, as RFC 4180 writes it."""
    text = StringIO()
    writer = csv.DictWriter(text, report.columns)
    writer.writeheader()
    groups = report.columns[: -len(_SUMS)]
    writer.writerows([row | {name: safe_cell(row[name]) for name in groups} for row in report.rows])
    return text.getvalue().rstrip("\r\n")


def as_table(report: Report) -> str:
    """The report in columns for a terminal, numbers to the right."""
    lines = [list(report.columns)]
    lines += [["" if row[name] is None else str(row[name]) for name in report.columns] for row in report.rows]
    return aligned(lines, texts=len(report.columns) - len(_SUMS))


def _flat(row: dict[str, Any], group_by: tuple[str, ...], names: dict[int, str]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name in group_by:
        if name == DAY:
            flat[name] = row["bucket"][: len("2026-01-31")]
        elif name == "account":
            flat[name] = names.get(row["account_id"], f"account {row['account_id']}")
        elif name == "key":
            flat[name] = row["key"]["prefix"] if row["key"] else "session"
        else:
            flat[name] = row[name]
    for name in _SUMS:
        flat[name] = row["latency_ms"][name.removesuffix("_ms")] if name.endswith("_ms") else row[name]
    return flat
