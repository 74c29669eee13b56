"""How long calls took and how many failed, by upstream and route, over time. Expired calls have no latency."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from usage.queries.aggregates.histograms import percentiles
from usage.queries.aggregates.sums import HISTOGRAMS
from usage.reports.builder import CALL_DIMENSIONS, ReportDefinition, Row, query_of_sums
from usage.reports.rows import share
from usage.reports.shape import Column, Kind

VALUE_COLUMNS = (
    Column("calls", _("Calls"), Kind.COUNT),
    Column("errors", _("Errors"), Kind.COUNT),
    Column("error_rate", _("Error rate"), Kind.SHARE),
    Column("p50", _("Latency p50"), Kind.MILLISECONDS),
    Column("p95", _("Latency p95"), Kind.MILLISECONDS),
    Column("p99", _("Latency p99"), Kind.MILLISECONDS),
    Column("upstream_p50", _("Upstream p50"), Kind.MILLISECONDS),
    Column("upstream_p95", _("Upstream p95"), Kind.MILLISECONDS),
    Column("first_byte_p50", _("First byte p50"), Kind.MILLISECONDS),
    Column("first_byte_p95", _("First byte p95"), Kind.MILLISECONDS),
)


def describe(row: Mapping[str, Any]) -> Row:
    """The values of summed calls with all their histograms."""
    p50, p95, p99 = percentiles(row["latencies"], (0.5, 0.95, 0.99))
    upstream_p50, upstream_p95 = percentiles(row["upstream_latencies"], (0.5, 0.95))
    first_byte_p50, first_byte_p95 = percentiles(row["first_bytes"], (0.5, 0.95))
    return {
        "calls": row["calls"],
        "errors": row["errors"],
        "error_rate": share(row["errors"], row["calls"]),
        "p50": p50,
        "p95": p95,
        "p99": p99,
        "upstream_p50": upstream_p50,
        "upstream_p95": upstream_p95,
        "first_byte_p50": first_byte_p50,
        "first_byte_p95": first_byte_p95,
    }


latency = ReportDefinition(
    "latency",
    _("Latency and errors"),
    CALL_DIMENSIONS,
    ("upstream", "route"),
    "none",
    VALUE_COLUMNS,
    ("p50", "p95", "p99", "error_rate"),
    query_of_sums(describe, HISTOGRAMS),
)
