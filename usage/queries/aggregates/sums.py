"""Calls added up: from the sums as far as they go, and from the events themselves for the rest.

Sums and events are read in one snapshot, and every event is in exactly one of them, so the sums are those of the
events to the micro-credit at every moment, however far the sums are behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any

from accounts.models import ApiKey
from usage.ledger.units import Units
from usage.queries.aggregates.coverage import Coverage, Kept, Span, cover
from usage.queries.aggregates.intervals import start_of_bucket
from usage.queries.filters import CallFilter
from usage.snapshot import Snapshot

# All accounts' sums, and those without plans and with no more of an outcome than whether it is an error.
EVERYBODY = 0
EVERYBODY_COARSELY = -1
UNIT_SUMS = tuple(unit for unit in Units._fields if unit != "calls")
HISTOGRAMS = ("latencies", "upstream_latencies", "first_bytes")
_COUNTS = ("calls", "gross_microcredits", "refunded_microcredits")
ERROR_OUTCOMES = ("rejected", "failed", "timed_out", "expired")
# More spans than this are looked up one by one instead of being written into one condition.
_SPANS_IN_A_CONDITION = 8
_KEPT_SQL = """
    SELECT greatest(rolled_up_to, '0002-01-01') AS rolled_up_to, day_starts,
        greatest(minutes_from, '0002-01-01') AS minutes_from, greatest(hours_from, '0002-01-01') AS hours_from,
        greatest(events_from, '0002-01-01') AS events_from
    FROM usage_rollup_state
"""
_LONG_AGO = datetime(2, 1, 1, tzinfo=UTC)
_NOTHING_KEPT = Kept(_LONG_AGO, frozenset(), _LONG_AGO, _LONG_AGO, _LONG_AGO)
# How a dimension reads in the rows of sums (r, and k for their kind) and in an event (e, and p for its plan).
_OF_SUMS = {
    "account": "r.account_id",
    "key": "r.key_id",
    "member": "nullif(r.member_id, 0)",
    "plan": "k.plan",
    "endpoint": "k.endpoint",
    "model": "k.model",
    "route": "k.route",
    "upstream": "nullif(k.upstream, '')",
    "outcome": "k.outcome",
}
_OF_EVENTS = {
    "account": "e.account_id",
    "key": "e.key_id",
    "member": "e.member_id",
    "plan": "coalesce(p.plan, '')",
    "endpoint": "e.endpoint",
    "model": "e.model",
    "route": "e.route",
    "upstream": "e.upstream",
    "outcome": "e.outcome",
}
DIMENSIONS = tuple(_OF_SUMS)
_MARKS = {
    "latencies": "CASE WHEN e.outcome <> 'expired' THEN usage_latency_mark_v1(e.latency_ms) END",
    "upstream_latencies": "usage_latency_mark_v1(e.upstream_latency_ms)",
    "first_bytes": "usage_latency_mark_v1(e.first_byte_ms)",
}
_PLAN_JOIN = """
    LEFT JOIN usage_plan_period p
        ON p.account_id = e.account_id AND p.since <= e.started_at AND e.started_at < p.until
"""


ZERO_SUMS: dict[str, Any] = {
    **dict.fromkeys((*_COUNTS, *UNIT_SUMS, "errors"), 0),
    **dict.fromkeys(HISTOGRAMS),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """By what to add up, over what buckets, and which histograms and units to bring along.

    `only` leaves out every group but those with these values of the first dimension.
    """

    by: tuple[str, ...] = ()
    interval: str = "none"
    zone: tzinfo = UTC
    zone_name: str = "UTC"
    histograms: tuple[str, ...] = HISTOGRAMS
    units: tuple[str, ...] = UNIT_SUMS
    limit: int | None = None
    only: tuple[Any, ...] | None = None


def kept_sums(books: Snapshot) -> Kept:
    """How far the sums go in this snapshot."""
    row = books.row(_KEPT_SQL, {})
    return _NOTHING_KEPT if row is None else Kept(**row | {"day_starts": frozenset(row["day_starts"])})


def aggregate_calls(books: Snapshot, which: CallFilter, wanted: Wanted) -> list[dict[str, Any]]:
    """One row a bucket and group that has calls, by time, then dearest first; amounts in micro-credits.

    A row has `bucket` (None without an interval), the dimensions, `calls`, `errors`, `gross_microcredits`,
    `refunded_microcredits`, the units, and the histograms as `usage.queries.aggregates.histograms` reads them.
    """
    query, coverage = _query(books, which, wanted)
    rows = books.rows(query.text(coverage), query.parameters)
    moments = {row["bucket"] for row in rows} - {None}
    bucket_of = {
        second: start_of_bucket(datetime.fromtimestamp(second, UTC), wanted.interval, wanted.zone)
        for second in moments
    }
    for row in rows:
        row["bucket"] = bucket_of.get(row["bucket"])
    return rows


def summands_statement(books: Snapshot, which: CallFilter, wanted: Wanted) -> tuple[str, dict[str, Any]]:
    """A SELECT of what `aggregate_calls` adds up, and its parameters; for a query that adds up in its own way."""
    query, coverage = _query(books, which, wanted)
    return query.summands(coverage), query.parameters


def _query(books: Snapshot, which: CallFilter, wanted: Wanted) -> tuple["_Query", Coverage]:
    which = _with_account(which)
    kept = kept_sums(books)
    assert which.since is not None
    coverage = cover(which.since, which.until, books.as_of, wanted.interval, wanted.zone, kept)
    return _Query(which, wanted, kept), coverage


def _with_account(which: CallFilter) -> CallFilter:
    """A key has one account, under which its sums are filed."""
    if which.account_id is not None or not which.key_id:
        return which
    account_id = ApiKey.objects.filter(pk=which.key_id).values_list("account_id", flat=True).first()
    return replace(which, account_id=-1 if account_id is None else account_id)


class _Query:
    """The statement for one coverage, and its parameters."""

    def __init__(self, which: CallFilter, wanted: Wanted, kept: Kept) -> None:
        self._which = which
        self._wanted = wanted
        self._kept = kept
        self.parameters: dict[str, Any] = {
            **which.parameters(),
            "plan": which.plan,
            "zone": wanted.zone_name,
            "rolled_up_to": kept.rolled_up_to,
            "only": None if wanted.only is None else list(wanted.only),
        }

    def text(self, coverage: Coverage) -> str:
        """The sums of each bucket and group."""
        groups = ["bucket", *self._wanted.by]
        # Seconds: the driver takes longer to read a moment than the database to add up a row, and most are the same.
        columns = ["extract(epoch FROM bucket)::bigint AS bucket", *self._wanted.by]
        sums = [f"sum({name})::bigint AS {name}" for name in (*_COUNTS, "errors")]
        # Parts of units are null where there are none.
        sums += [f"coalesce(sum({name}), 0)::bigint AS {name}" for name in self._wanted.units]
        sums += [f"numeric_send(sum({name})) AS {name}" for name in self._wanted.histograms]
        order = ["part.bucket", "sum(gross_microcredits - refunded_microcredits) DESC", *self._wanted.by]
        limit = f" LIMIT {int(self._wanted.limit)}" if self._wanted.limit is not None else ""
        return (
            f"SELECT {', '.join([*columns, *sums])} FROM ({self.summands(coverage)}) part"  # noqa: S608
            f" GROUP BY {', '.join(f'part.{name}' for name in groups)} HAVING sum(calls) > 0"
            f" ORDER BY {', '.join(order)}{limit}"
        )

    def summands(self, coverage: Coverage) -> str:
        """The rows to add up, of sums and of events; every name in it is one of this file's, values are bound."""
        of_days = self._of_account_days if self._is_of_whole_accounts() else self._of_sums
        parts = [
            of_days("day", spans, f"r.day_start = {int(start)}") for start, spans in coverage.days.items()
        ]
        parts += [self._of_sums("hour", coverage.hours)] if coverage.hours else []
        parts += [self._of_sums("minute", coverage.minutes)] if coverage.minutes else []
        covered = [span for spans in coverage.days.values() for span in spans]
        covered += coverage.hours + coverage.minutes
        parts.append(self._of_events(covered, "e.settled_at > %(rolled_up_to)s") if covered else "")
        parts.append(self._of_events(coverage.events) if coverage.events else "")
        parts.append(self._of_waiting_refunds(covered) if covered else "")
        return " UNION ALL ".join(part for part in parts if part) or self._nothing()

    def _columns(self, dimensions: dict[str, str], moment: str, sums: Sequence[str], level: str = "") -> str:
        bucket = "NULL::timestamptz"
        if self._wanted.interval == level:
            # `cover` reads only those sums of this level that begin where the zone's intervals do.
            bucket = moment
        elif self._wanted.interval != "none":
            bucket = f"date_trunc('{self._wanted.interval}', {moment}, %(zone)s)"
        groups = [f"{dimensions[name]} AS {name}" for name in self._wanted.by]
        return ", ".join([f"{bucket} AS bucket", *groups, *sums])

    def _of_sums(self, level: str, spans: list[Span], condition: str = "true") -> str:
        errors = f"CASE WHEN k.outcome IN {ERROR_OUTCOMES} THEN r.calls ELSE 0 END AS errors"
        names = (*_COUNTS, *self._wanted.units, *self._wanted.histograms)
        columns = self._columns(_OF_SUMS, "r.bucket", [*(f"r.{name}" for name in names), errors], level)
        conditions = [condition, self._account_of_sums(), *self._kind_conditions(), *self._only(_OF_SUMS)]
        who = [name for name in ("key_id", "member_id") if getattr(self._which, name) is not None]
        conditions += [f"r.{name} = %({name})s" for name in who]
        return self._select(
            columns,
            f"usage_rollup_{level} r",
            "r.bucket",
            spans,
            conditions,
            "JOIN usage_call_kind k ON k.id = r.kind_id",
        )

    def _is_of_whole_accounts(self) -> bool:
        """Whether an account's day in one row says all that is wanted."""
        names = ("key_id", "member_id", "plan", "endpoint", "model", "route", "upstream", "outcome")
        is_filtered = any(getattr(self._which, name) is not None for name in names)
        return (
            self._wanted.by == ("account",)
            and not self._wanted.histograms
            and not self._wanted.units
            and not is_filtered
            and self._wanted.only is None
        )

    def _of_account_days(self, level: str, spans: list[Span], condition: str) -> str:
        sums = ["r.calls", "r.gross_microcredits", "r.refunded_microcredits"]
        columns = self._columns({"account": "r.account_id"}, "r.bucket", [*sums, "r.errors"], level)
        conditions = [condition]
        if self._which.account_id is not None:
            conditions.append("r.account_id = %(account_id)s")
        return self._select(columns, "usage_rollup_account_day r", "r.bucket", spans, conditions, "")

    def _of_events(self, spans: list[Span], condition: str = "") -> str:
        marks = [f"{_MARKS[name]} AS {name}" for name in self._wanted.histograms]
        sums = [
            "1 AS calls",
            "e.cost_microcredits AS gross_microcredits",
            "e.refunded_microcredits",
            *(f"e.{name}" for name in self._wanted.units),
            *marks,
            f"CASE WHEN e.outcome IN {ERROR_OUTCOMES} THEN 1 ELSE 0 END AS errors",
        ]
        columns = self._columns(_OF_EVENTS, "e.started_at", sums)
        conditions = [condition] if condition else []
        return self._select(
            columns,
            "usage_event e",
            "e.started_at",
            spans,
            [*conditions, *self._event_conditions()],
            self._plan_join(),
        )

    def _of_waiting_refunds(self, spans: list[Span]) -> str:
        """Refunds of events that are in the sums, while they themselves are not."""
        sums = [
            "0 AS calls",
            "0 AS gross_microcredits",
            "w.amount_microcredits AS refunded_microcredits",
            *(f"0 AS {name}" for name in self._wanted.units),
            *(f"NULL::numeric AS {name}" for name in self._wanted.histograms),
            "0 AS errors",
        ]
        joins = (
            "JOIN usage_refund_to_roll_up w USING (account_id, started_at, request_id)" + self._plan_join()
        )
        conditions = ["e.settled_at <= %(rolled_up_to)s", *self._event_conditions()]
        columns = self._columns(_OF_EVENTS, "e.started_at", sums)
        return self._select(columns, "usage_event e", "e.started_at", spans, conditions, joins)

    def _select(
        self, columns: str, source: str, moment: str, spans: list[Span], conditions: list[str], joins: str
    ) -> str:
        where = " AND ".join(conditions) or "true"
        if len(spans) > _SPANS_IN_A_CONDITION:
            since, until = (
                self._bind([span.since for span in spans]),
                self._bind([span.until for span in spans]),
            )
            spans_sql = f"unnest({since}::timestamptz[], {until}::timestamptz[]) AS span (since, until)"
            joined = f"{source} ON {moment} >= span.since AND {moment} < span.until"
            return f"SELECT {columns} FROM {spans_sql} JOIN {joined} {joins} WHERE {where}"  # noqa: S608
        times = " OR ".join(
            f"({moment} >= {self._bind(span.since)} AND {moment} < {self._bind(span.until)})"
            for span in spans
        )
        return f"SELECT {columns} FROM {source} {joins} WHERE ({times}) AND {where}"  # noqa: S608

    def _account_of_sums(self) -> str:
        if self._which.account_id is not None:
            return "r.account_id = %(account_id)s"
        single = self._which.key_id is not None or self._which.member_id is not None
        if single or {"account", "key", "member"} & set(self._wanted.by):
            return f"r.account_id > {EVERYBODY}"
        finer = any(
            name in self._wanted.by or getattr(self._which, name) is not None for name in ("plan", "outcome")
        )
        return f"r.account_id = {EVERYBODY if finer else EVERYBODY_COARSELY}"

    def _kind_conditions(self) -> list[str]:
        names = ("plan", "endpoint", "model", "route", "upstream", "outcome")
        return [f"k.{name} = %({name})s" for name in names if getattr(self._which, name) is not None]

    def _event_conditions(self) -> list[str]:
        names = ("account_id", "key_id", "member_id", "endpoint", "model", "route", "upstream", "outcome")
        conditions = [f"e.{name} = %({name})s" for name in names if getattr(self._which, name) is not None]
        if self._which.plan is not None:
            conditions.append("coalesce(p.plan, '') = %(plan)s")
        return [*conditions, *self._only(_OF_EVENTS)]

    def _only(self, dimensions: dict[str, str]) -> list[str]:
        if self._wanted.only is None:
            return []
        return [f"{dimensions[self._wanted.by[0]]} = ANY (%(only)s)"]

    def _plan_join(self) -> str:
        return _PLAN_JOIN if self._which.plan is not None or "plan" in self._wanted.by else ""

    def _bind(self, value: Any) -> str:
        name = f"bound_{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})s"

    def _nothing(self) -> str:
        zeros = [f"0 AS {name}" for name in (*_COUNTS, *self._wanted.units, "errors")]
        zeros += [f"0::numeric AS {name}" for name in self._wanted.histograms]
        columns = self._columns(dict.fromkeys(DIMENSIONS, "NULL"), "NULL::timestamptz", zeros)
        return f"SELECT {columns} WHERE false"
