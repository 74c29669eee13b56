"""What reports should say, added up from the raw rows of the books by SQL that shares nothing with the product's.

Refunds are those of the ledger, percentiles are exact, and every call is looked at for every question.
"""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.db import connection

from accounts.models import Account, ApiKey, User

ERRORS = ("rejected", "failed", "timed_out", "expired")
CHARGED = ("succeeded", "partial")
PARTS = (
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "audio_tokens_in",
    "audio_tokens_out",
)
UNITS = ("tokens_in", "tokens_out", "images", "audio_ms", "characters", "pixel_steps", "video_ms", *PARTS)
_PARTS_SQL = ", ".join(f"coalesce(e.{part}, 0) AS {part}" for part in PARTS)
_TRUTH_SQL = f"""
    DROP TABLE IF EXISTS pg_temp.truth;
    CREATE TEMPORARY TABLE truth AS
    SELECT e.account_id AS account, e.key_id AS key, e.member_id AS member, p.plan, e.endpoint, e.model, e.route,
        e.upstream, e.outcome, e.started_at, e.request_id, e.cost_microcredits AS gross,
        coalesce(r.amount, 0)::bigint AS refunded, e.tokens_in, e.tokens_out, e.images, e.audio_ms, e.characters,
        e.pixel_steps, e.video_ms, {_PARTS_SQL}, CASE WHEN e.outcome <> 'expired' THEN e.latency_ms END AS latency,
        e.upstream_latency_ms AS upstream_latency, e.first_byte_ms AS first_byte
    FROM usage_event e
    LEFT JOIN (SELECT l.account_id, l.request_id, sum(r.amount_microcredits) AS amount
               FROM usage_refund r
               JOIN usage_ledger_entry l ON l.account_id = r.account_id AND l.entry = r.capture_entry
               GROUP BY 1, 2) r USING (account_id, request_id)
    LEFT JOIN usage_plan_period p
        ON p.account_id = e.account_id AND e.started_at >= p.since AND e.started_at < p.until;
    ANALYZE truth
"""


@dataclass(frozen=True)
class Asked:
    """A question in the words of these tables: which calls, by what, in which intervals of which zone."""

    since: datetime
    until: datetime | None
    filters: dict[str, Any]
    by: tuple[str, ...] = ()
    interval: str = "none"
    zone: str = "UTC"


class Truth:
    """The calls as they are at this moment, with refunds and the plan of their time; and everybody's names."""

    def __init__(self) -> None:
        rows(_TRUTH_SQL)
        self.calls = rows("SELECT count(*) FROM truth")[0][0]
        self.accounts = dict(Account.objects.values_list("pk", "name"))
        self.keys = dict(ApiKey.objects.values_list("pk", "prefix")) | {0: "session"}
        self.emails = dict(User.objects.values_list("pk", "email"))

    def sums(self, asked: Asked) -> dict[tuple[Any, ...], dict[str, int]]:
        """Calls, errors, gross, refunded and units of each group that has calls."""
        figures = {
            "calls": "count(*)",
            "errors": f"count(*) FILTER (WHERE outcome IN {ERRORS})",
            "gross": "sum(gross)::bigint",
            "refunded": "sum(refunded)::bigint",
            **{unit: f"sum({unit})::bigint" for unit in UNITS},
        }
        return self.grouped(asked, figures)

    def latencies(self, asked: Asked) -> dict[tuple[Any, ...], dict[str, int | None]]:
        """Calls and errors, and the exact percentiles: the latency that so many of a hundred did not exceed."""
        figures = {"calls": "count(*)", "errors": f"count(*) FILTER (WHERE outcome IN {ERRORS})"}
        for name, column, part in (
            ("p50", "latency", 50),
            ("p95", "latency", 95),
            ("p99", "latency", 99),
            ("upstream_p50", "upstream_latency", 50),
            ("upstream_p95", "upstream_latency", 95),
            ("first_byte_p50", "first_byte", 50),
            ("first_byte_p95", "first_byte", 95),
        ):
            figures[name] = (
                f"(array_agg({column} ORDER BY {column}) FILTER (WHERE {column} IS NOT NULL))"
                f"[(count({column}) * {part} + 99) / 100]"
            )
        return self.grouped(asked, figures)

    def margins(self, asked: Asked, costs: list[tuple[str, datetime, dict[str, Fraction]]]) -> dict[Any, Any]:
        """Revenue, upstream cost (exact) and uncosted calls; `costs` say what a unit on a route costs from when on."""
        charged = f"outcome IN {CHARGED}"
        cost, uncosted, parameters = ["0"], charged, []
        for route, since, prices in costs:
            later = min((other for name, other, _ in costs if name == route and other > since), default=None)
            within = "route = %s AND started_at >= %s" + (" AND started_at < %s" if later else "")
            one = [route, since] + ([later] if later else [])
            per_call = " + ".join(
                f"{'1' if unit == 'calls' else unit} * {price.numerator}::numeric / {price.denominator}"
                for unit, price in prices.items()
            )
            cost.append(f"coalesce(sum({per_call}) FILTER (WHERE {charged} AND {within}), 0)")
            parameters += one
        for route, since in {
            (route, min(s for name, s, _ in costs if name == route)) for route, _, _ in costs
        }:
            uncosted += " AND NOT (route = %s AND started_at >= %s)"
            parameters += [route, since]
        figures = {
            "calls": "count(*)",
            "revenue": "sum(gross - refunded)::bigint",
            "upstream_cost": " + ".join(cost),
            "uncosted": f"count(*) FILTER (WHERE {uncosted})",
        }
        return self.grouped(asked, figures, parameters)

    def grouped(
        self, asked: Asked, figures: dict[str, str], parameters: list[Any] | None = None
    ) -> dict[Any, Any]:
        """Those figures of every group of `truth`, by the bucket's start and the groups' names."""
        bucket, bucket_parameters = "NULL", []
        if asked.interval != "none":
            bucket = "date_trunc(%s, started_at AT TIME ZONE %s) AT TIME ZONE %s"
            bucket_parameters = [asked.interval, asked.zone, asked.zone]
        where, bounds = matching(asked.filters, "started_at", asked.since, asked.until)
        groups = ", ".join([f"{bucket} AS bucket", *asked.by])
        found = rows(
            f"SELECT {groups}, {', '.join(figures.values())} FROM truth WHERE {where}"
            f" GROUP BY {', '.join(str(n + 1) for n in range(len(asked.by) + 1))}",
            *bucket_parameters,
            *(parameters or []),
            *bounds,
        )
        named: dict[Any, Any] = {}
        for row in found:
            group = (row[0], *(self.name(*pair) for pair in zip(asked.by, row[1:], strict=False)))
            assert group not in named, group
            named[group] = dict(zip(figures, row[len(asked.by) + 1 :], strict=True))
        return named

    def name(self, dimension: str, value: Any) -> Any:
        """As a report names it."""
        names = {"account": self.accounts, "key": self.keys, "member": self.emails}.get(dimension)
        return value if names is None or value is None else names[value]


def matching(
    filters: dict[str, Any], moment: str, since: datetime, until: datetime | None
) -> tuple[str, list[Any]]:
    """A condition on columns of these names, and its parameters."""
    conditions = [
        f"{moment} >= %s",
        *([f"{moment} < %s"] if until else []),
        *(f"{name} = %s" for name in filters),
    ]
    return " AND ".join(conditions), [since, *([until] if until else []), *filters.values()]


def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Run any SQL; its rows, if it has any."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return cursor.fetchall() if cursor.description else []
