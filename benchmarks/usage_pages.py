"""Looks at staff reports and members' usage as their pages do, one after the other, and times each.

A process that carries out jobs `{"rounds": n}`; it answers with the milliseconds of every look, by what was looked at.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import django

django.setup()

from django.db import connection

from aio_platform.errors import InvalidRequest
from benchmarks.children import next_job, report
from usage.queries.aggregates.summaries import Grouping, summarise, total, within_period
from usage.queries.events import event_page
from usage.queries.filters import CallFilter
from usage.queries.refusals import count_refusals
from usage.reports import REPORTS, ReportKind, ReportQuery
from usage.request_times import parse_call
from usage.snapshot import snapshot

ZONES = ("UTC", "Asia/Seoul")
Look = tuple[str, Callable[[], Any]]


def main() -> None:
    """Carry out jobs until the parent is gone."""
    while (job := next_job()) is not None:
        taken: dict[str, list[float]] = {}
        for _ in range(job["rounds"]):
            for name, look in [*_reports(), *_member_pages()]:
                began = time.perf_counter()
                look()
                taken.setdefault(name, []).append((time.perf_counter() - began) * 1000)
        report({"taken_ms": taken})


def _reports() -> Iterator[Look]:
    """Every report over 90 days, in two zones, beside the 90 days before; and some with a filter."""
    for zone_name in ZONES:
        zone = ZoneInfo(zone_name)
        since = (
            (datetime.now(UTC) - timedelta(days=89))
            .astimezone(zone)
            .replace(hour=0, minute=0, second=0, microsecond=0)
        )
        query = ReportQuery(CallFilter(None, since=since), zone=zone, zone_name=zone_name, compare=True)
        for kind in REPORTS.values():
            yield f"report {kind.name}", partial(kind.make, _suited(kind, query))
        by_route = replace(query, group_by=("upstream", "route"), interval="day", compare=False)
        yield "report latency by route and day", partial(REPORTS["latency"].make, by_route)
        for which in (
            replace(query.which, plan="standard"),
            replace(query.which, model="sbx-chat"),
            replace(query.which, outcome="failed"),
            replace(query.which, account_id=_accounts()[0]),
        ):
            filtered = replace(query, which=which)
            yield "report calls, filtered", partial(REPORTS["calls"].make, filtered)


def _suited(kind: ReportKind, query: ReportQuery) -> ReportQuery:
    """Some reports are of this moment and take no period."""
    if kind.name not in _takes_period:
        try:
            kind.make(query)
            _takes_period[kind.name] = True
        except InvalidRequest:
            _takes_period[kind.name] = False
    return query if _takes_period[kind.name] else replace(query, which=CallFilter(None), compare=False)


_takes_period: dict[str, bool] = {}


def _member_pages() -> Iterator[Look]:
    """A large, a middling and a small account's summaries and lists of calls, first and deep."""
    for size, account_id in zip(("large", "middling", "small"), _accounts(), strict=True):
        for zone_name in ZONES:
            for days in (1, 30, 90):
                since = datetime.now(UTC) - timedelta(days=days)
                for by, interval in (
                    ((), "day"),
                    (("key",), "none"),
                    (("model", "outcome"), "none"),
                    ((), "hour"),
                ):
                    if (interval == "hour") != (days == 1):
                        continue
                    grouping = Grouping(by, interval, ZoneInfo(zone_name), zone_name)
                    which = CallFilter(account_id, since=since)
                    yield f"summary, {size} account", partial(_summary, which, grouping)
        everything = CallFilter(account_id)
        for which in (
            everything,
            replace(everything, outcome="failed"),
            replace(everything, outcome="expired"),
            replace(everything, model="sbx-chat"),
        ):
            yield f"newest calls, {size} account", partial(event_page, which, limit=50)
            yield f"deep page, {size} account", partial(_deep_page, which)


def _summary(which: CallFilter, grouping: Grouping) -> None:
    with snapshot() as books:
        within = within_period(which, grouping, books.as_of)
        summarise(books, within, grouping)
        total(books, within)
        count_refusals(books, within, replace(grouping, by=("code",)))


def _deep_page(which: CallFilter) -> None:
    """The page that starts sixty days ago, as somebody reaches it who pages on and on."""
    moment = datetime.now(UTC) - timedelta(days=60)
    after = parse_call(f"req_{int(moment.timestamp() * 1000):012x}7fff8fffffffffffffff")
    event_page(which, limit=50, after=after)


_found: list[int] = []


def _accounts() -> list[int]:
    if not _found:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT account_id FROM usage_rollup_account_day WHERE day_start = 0"
                " GROUP BY 1 ORDER BY sum(calls) DESC"
            )
            ids = [row[0] for row in cursor.fetchall()]
        _found.extend([ids[0], ids[len(ids) // 20], ids[len(ids) // 2]])
    return _found


if __name__ == "__main__":
    main()
