"""Refused calls by reason. They are counted by the minute and have no model, upstream or outcome."""

from typing import Any

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from usage.queries.aggregates.intervals import start_of_bucket
from usage.queries.aggregates.summaries import MAX_ROWS, Grouping, check_row_count
from usage.queries.filters import CallFilter
from usage.reports.builder import ReportDefinition, Row
from usage.reports.rows import share
from usage.reports.shape import Column, Kind
from usage.snapshot import Snapshot

DIMENSIONS = ("code", "endpoint", "account", "key", "plan")
VALUE_COLUMNS = (Column("calls", _("Refused calls"), Kind.COUNT), Column("share", _("Share"), Kind.SHARE))
_EXPRESSIONS = {
    "code": "r.code",
    "endpoint": "nullif(r.endpoint, '')",
    "account": "r.account_id",
    "key": "r.key_id",
    "plan": "p.plan",
}
_SOURCE_SQL = """
    FROM usage_refusal r
    LEFT JOIN usage_plan_period p ON p.account_id = r.account_id AND p.since <= r.minute AND r.minute < p.until
    WHERE (%(account_id)s::bigint IS NULL OR r.account_id = %(account_id)s)
        AND (%(key_id)s::bigint IS NULL OR r.key_id = %(key_id)s)
        AND (%(endpoint)s::text IS NULL OR r.endpoint = %(endpoint)s)
        AND (%(plan)s::text IS NULL OR p.plan = %(plan)s)
        AND r.minute >= date_trunc('minute', %(since)s::timestamptz)
        AND (%(until)s::timestamptz IS NULL OR r.minute < %(until)s::timestamptz)
"""


def _query_rows(books: Snapshot, which: CallFilter, grouping: Grouping) -> tuple[list[Row], Row]:
    for name in ("model", "upstream", "route", "outcome", "member_id"):
        if getattr(which, name) is not None:
            param = name.removesuffix("_id")
            raise InvalidRequest(_("Refused calls have no %(param)s."), param=param)
    bucket = "NULL::timestamptz"
    if grouping.interval != "none":
        bucket = "date_trunc(%(interval)s, r.minute, %(zone)s)"
    groups = ["bucket", *grouping.by]
    columns = ", ".join([f"{bucket} AS bucket", *(f"{_EXPRESSIONS[name]} AS {name}" for name in grouping.by)])
    parameters: dict[str, Any] = {
        **which.parameters(),
        "plan": which.plan,
        "interval": grouping.interval,
        "zone": grouping.zone_name,
    }
    rows = books.rows(
        f"SELECT {columns}, sum(r.calls)::bigint AS calls {_SOURCE_SQL} GROUP BY {', '.join(groups)}"
        f" ORDER BY bucket, sum(r.calls) DESC, {', '.join(grouping.by or ('bucket',))} LIMIT {MAX_ROWS + 1}",
        parameters,
    )
    check_row_count(rows)
    if grouping.interval != "none":
        for row in rows:
            row["bucket"] = start_of_bucket(row["bucket"], grouping.interval, grouping.zone)
    total = sum(row["calls"] for row in rows)
    return [row | {"share": share(row["calls"], total)} for row in rows], {"calls": total, "share": None}


refusals = ReportDefinition(
    "refusals", _("Refusals by reason"), DIMENSIONS, ("code",), "none", VALUE_COLUMNS, ("calls",), _query_rows
)
