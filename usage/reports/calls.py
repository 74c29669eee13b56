"""Calls and credits: how many calls there were, how many went wrong, what they cost, and what was granted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_noop as _
from django.utils.translation import pgettext_lazy

from usage.queries.aggregates.intervals import start_of_bucket
from usage.queries.aggregates.summaries import Grouping
from usage.queries.filters import CallFilter
from usage.reports.builder import CALL_DIMENSIONS, ReportDefinition, Row, query_of_sums
from usage.reports.rows import share
from usage.reports.shape import Column, Kind
from usage.snapshot import Snapshot

VALUE_COLUMNS = (
    Column("calls", _("Calls"), Kind.COUNT),
    Column("errors", _("Errors"), Kind.COUNT),
    Column("error_rate", _("Error rate"), Kind.SHARE),
    Column("cost", _("Spent, net"), Kind.MICROCREDITS),
    Column("gross", _("Spent, gross"), Kind.MICROCREDITS),
    Column("refunded", _("Refunded"), Kind.MICROCREDITS),
    Column("granted", "Granted", Kind.MICROCREDITS, shown_as=pgettext_lazy("amount", "Granted")),
    Column("tokens_in", _("Tokens in"), Kind.COUNT),
    Column("tokens_out", _("Tokens out"), Kind.COUNT),
    Column("cache_read_tokens", _("Tokens from a cache"), Kind.COUNT),
    Column("cache_write_tokens", _("Tokens to a cache"), Kind.COUNT),
    Column("reasoning_tokens", _("Tokens of reasoning"), Kind.COUNT),
)
UNITS = (
    "tokens_in",
    "tokens_out",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
)
_GRANTS_SQL = """
    SELECT CASE WHEN %(interval)s <> 'none' THEN date_trunc(%(interval)s, created_at, %(zone)s) END AS bucket,
        CASE WHEN %(by_account)s THEN account_id END AS account, sum(amount_microcredits)::bigint AS granted
    FROM usage_grant
    WHERE (%(account_id)s::bigint IS NULL OR account_id = %(account_id)s)
        AND created_at >= %(since)s AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)
    GROUP BY 1, 2
"""


def describe(row: Mapping[str, Any]) -> Row:
    """The values of summed calls, without grants, which are no calls."""
    gross, refunded = row["gross_microcredits"], row["refunded_microcredits"]
    return {
        "calls": row["calls"],
        "errors": row["errors"],
        "error_rate": share(row["errors"], row["calls"]),
        "cost": gross - refunded,
        "gross": gross,
        "refunded": refunded,
        "granted": None,
        "tokens_in": row["tokens_in"],
        "tokens_out": row["tokens_out"],
        "cache_read_tokens": row["cache_read_tokens"],
        "cache_write_tokens": row["cache_write_tokens"] + row["cache_write_1h_tokens"],
        "reasoning_tokens": row["reasoning_tokens"],
    }


_query_calls = query_of_sums(describe, units=UNITS)


def _query_rows(books: Snapshot, which: CallFilter, grouping: Grouping) -> tuple[list[Row], Row]:
    rows, totals = _query_calls(books, which, grouping)
    filters = (
        which.key_id,
        which.member_id,
        which.endpoint,
        which.model,
        which.upstream,
        which.route,
        which.outcome,
    )
    if which.plan is not None or any(one is not None for one in filters):
        return rows, totals  # a grant has none of these
    granted = _grants(books, which, grouping)
    totals["granted"] = sum(granted.values())
    if not set(grouping.by) <= {"account"}:
        return rows, totals
    for row in rows:
        row["granted"] = granted.pop((row["bucket"], row.get("account")), 0)
    empty = describe(
        dict.fromkeys(("calls", "errors", "gross_microcredits", "refunded_microcredits"), 0)
        | dict.fromkeys(UNITS, 0)
    )
    for (bucket, account), amount in granted.items():
        groups = {"bucket": bucket} | ({"account": account} if "account" in grouping.by else {})
        rows.append(groups | empty | {"granted": amount})
    rows.sort(key=lambda row: (row["bucket"] or which.since, -row["cost"]))
    return rows, totals


def _grants(
    books: Snapshot, which: CallFilter, grouping: Grouping
) -> dict[tuple[datetime | None, int | None], int]:
    found = books.rows(
        _GRANTS_SQL,
        {
            **which.parameters(),
            "interval": grouping.interval,
            "zone": grouping.zone_name,
            "by_account": "account" in grouping.by,
        },
    )
    return {
        (
            row["bucket"] and start_of_bucket(row["bucket"], grouping.interval, grouping.zone),
            row["account"],
        ): row["granted"]
        for row in found
    }


calls = ReportDefinition(
    "calls", _("Calls and credits"), CALL_DIMENSIONS, (), "day", VALUE_COLUMNS, ("calls", "cost"), _query_rows
)
