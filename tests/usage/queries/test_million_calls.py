"""Reports and members' usage of a million calls equal what brute force makes of the raw rows, to the micro-credit."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from brute_force import UNITS, Asked, Truth, matching, rows
from made_up_million import MadeUpMillion

from accounts.models import Account
from aio_platform.errors import InvalidRequest
from usage.ledger.rates import Price
from usage.ledger.route_costs import publish_route_cost
from usage.queries.aggregates.histograms import EXACT_UP_TO_MS
from usage.queries.aggregates.summaries import DIMENSIONS, MAX_ROWS, Grouping, summarise, total
from usage.queries.aggregates.time_series import time_series
from usage.queries.cursors import call_of, cursor_after_call
from usage.queries.events import event_page
from usage.queries.filters import CallFilter
from usage.reports import REPORTS, Report, ReportQuery
from usage.reports.builder import CALL_DIMENSIONS
from usage.snapshot import snapshot

PAIRS = 6
PERCENTILES = ("p50", "p95", "p99", "upstream_p50", "upstream_p95", "first_byte_p50", "first_byte_p95")


@pytest.fixture
def made(committed_books: Any) -> Iterator[MadeUpMillion]:
    yield MadeUpMillion(committed_books)
    rows("DROP TABLE pg_temp.truth")


@pytest.mark.prove
@pytest.mark.django_db(transaction=True)
def test_every_figure_of_a_million_calls_is_that_of_the_raw_rows(made):
    for check in (
        check_calls,
        check_latency,
        check_margin,
        check_refusals,
        check_top_accounts,
        check_standing,
    ):
        check(made)
        print(f"{check.__name__}: equal")
    for account_id, calls in rows("SELECT account, count(*) FROM truth GROUP BY 1 ORDER BY 2 DESC")[::15]:
        check_member(made, account_id)
        print(f"usage of an account with {calls:,} calls: equal")


def groupings(made: MadeUpMillion) -> list[tuple[str, ...]]:
    """Nothing, every dimension alone, and some in pairs."""
    pairs = [tuple(made.chance.sample(CALL_DIMENSIONS, 2)) for _ in range(PAIRS)]
    return [(), *((name,) for name in CALL_DIMENSIONS), *pairs]


def check_calls(made):
    for by in [*groupings(made), *groupings(made), ("account",), ()]:
        asked = made.asked(by)
        truth, granted = made.truth.sums(asked), grants(made.truth, asked)
        report = ask("calls", asked, truth, compare=asked.interval != "hour" and len(by) < 2)
        if report is None:
            continue
        check_sums(report.rows, asked, truth, granted)
        [everything] = made.truth.sums(replace(asked, by=(), interval="none")).values() or [
            dict.fromkeys(UNITS, 0)
        ]
        assert report.totals["cost"] == everything.get("gross", 0) - everything.get("refunded", 0), asked
        assert report.totals["calls"] == everything.get("calls", 0), asked
        if report.previous is not None:
            before = replace(asked, since=report.previous.period.since, until=report.previous.period.until)
            check_sums(report.previous.rows, before, made.truth.sums(before), grants(made.truth, before))


def check_sums(found, asked, truth, granted):
    shown = by_group(found, asked)
    may_be_cut = len(found) == 1000 < len(truth)
    assert may_be_cut or shown.keys() == truth.keys() | (granted or {}).keys(), asked
    for group, row in shown.items():
        right = truth.get(group, dict.fromkeys(("calls", "errors", "gross", "refunded", *UNITS), 0))
        assert {
            name: row[name] for name in ("calls", "errors", "gross", "refunded", "tokens_in", "tokens_out")
        } == {
            name: right[name] for name in ("calls", "errors", "gross", "refunded", "tokens_in", "tokens_out")
        }, (asked, group)
        assert row["cost"] == right["gross"] - right["refunded"]
        assert row["granted"] == (None if granted is None else granted.get(group, 0)), (asked, group)


def grants(truth: Truth, asked: Asked) -> dict[Any, int] | None:
    """What was granted to each group; None where a grant belongs to none of them."""
    if not set(asked.filters) <= {"account"} or not set(asked.by) <= {"account"}:
        return None
    filters = {"account_id": asked.filters["account"]} if asked.filters else {}
    where, bounds = matching(filters, "created_at", asked.since, asked.until)
    granted: dict[Any, int] = {}
    for moment, account_id, amount in rows(
        f"SELECT created_at, account_id, amount_microcredits FROM usage_grant WHERE {where}", *bounds
    ):
        bucket = start_of(moment, asked)
        group = (bucket, *([truth.accounts[account_id]] if asked.by else []))
        granted[group] = granted.get(group, 0) + amount
    return granted


def start_of(moment: datetime, asked: Asked) -> datetime | None:
    if asked.interval == "none":
        return None
    local = moment.astimezone(ZoneInfo(asked.zone)).replace(minute=0, second=0, microsecond=0)
    if asked.interval != "hour":
        local = local.replace(hour=0)
    return (local.replace(day=1) if asked.interval == "month" else local).astimezone(UTC)


def check_latency(made):
    for by in [*groupings(made), ("upstream", "route")]:
        asked = made.asked(by)
        truth = made.truth.latencies(asked)
        report = ask("latency", asked, truth)
        for group, row in by_group(report.rows, asked).items() if report else ():
            right = truth[group]
            assert (row["calls"], row["errors"]) == (right["calls"], right["errors"]), (asked, group)
            for name in PERCENTILES:
                assert is_near(row[name], right[name]), (asked, group, name, row[name], right[name])


def check_margin(made):
    costs = []
    routes = [route for (route,) in rows("SELECT DISTINCT route FROM truth ORDER BY 1")]
    for route in made.chance.sample(routes, len(routes) * 2 // 3):
        for days in (50, 20):
            prices = {
                unit: Fraction(made.chance.randint(1, 9999), 1000)
                for unit in ("tokens_in", "images", "calls")
            }
            since = (made.now - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
            costs.append((route, since, prices))
            terms = tuple(Price(unit, int(price * 1000), 1000) for unit, price in prices.items())
            assert publish_route_cost(route, since, terms)
    for by in groupings(made):
        asked = made.asked(by)
        truth = made.truth.margins(asked, costs)
        report = ask("margin", asked, truth)
        for group, row in by_group(report.rows, asked).items() if report else ():
            right = truth[group]
            cost = round(Fraction(right["upstream_cost"]))
            assert (row["calls"], row["revenue"], row["uncosted"]) == (
                right["calls"],
                right["revenue"],
                right["uncosted"],
            ), (asked, group)
            assert (row["upstream_cost"], row["margin"]) == (cost, right["revenue"] - cost), (asked, group)


def check_refusals(made):
    for by in ((), ("code",), ("endpoint",), ("account",), ("key",), ("plan",), ("code", "plan")):
        asked = replace(made.asked(by), filters={})
        columns = {"code": "r.code", "endpoint": "nullif(r.endpoint, '')", "plan": "p.plan"}
        names = [columns.get(name, f"r.{name}_id") for name in by]
        found: dict[Any, int] = {}
        until = asked.until or made.now + timedelta(days=1)
        for minute, calls, *values in rows(
            f"SELECT r.minute, r.calls, {', '.join([*names, '1'])} FROM usage_refusal r LEFT JOIN usage_plan_period p"
            " ON p.account_id = r.account_id AND r.minute >= p.since AND r.minute < p.until"
            " WHERE r.minute >= date_trunc('minute', %s) AND r.minute < %s",
            asked.since,
            until,
        ):
            group = (
                start_of(minute, asked),
                *(made.truth.name(*one) for one in zip(by, values, strict=False)),
            )
            found[group] = found.get(group, 0) + calls
        report = ask("refusals", asked, found)
        assert report is not None
        for group, row in by_group(report.rows, asked).items():
            assert row["calls"] == found[group], (asked, group)
        assert report.totals["calls"] == sum(found.values())


def check_top_accounts(made):
    for _ in range(3):
        asked = replace(made.asked(("account",)), interval="none", filters={})
        truth = made.truth.sums(asked)
        report = REPORTS["top_accounts"].make(question(asked))
        days = (asked.until or report.as_of) - asked.since
        for row in report.rows:
            right = truth.get((None, row["account"]), {"calls": 0, "errors": 0, "gross": 0, "refunded": 0})
            assert (row["calls"], row["errors"]) == (right["calls"], right["errors"]), (asked, row)
            assert row["cost"] == right["gross"] - right["refunded"], (asked, row)
            assert row["change"] == row["cost"] - row["cost_before"]
        assert {row["account"] for row in report.rows} >= {name for _, name in truth}
        if asked.since.astimezone(ZoneInfo(asked.zone)).hour != 0 and asked.until is not None:
            before = made.truth.sums(replace(asked, since=asked.since - days, until=asked.since))
            right = sum(one["gross"] - one["refunded"] for one in before.values())
            assert report.totals["cost_before"] == right, asked


def check_standing(made):
    """What is of this moment: unspent credits and their age, open holds, the books' agreement, who stayed."""
    liability = REPORTS["liability"].make(ReportQuery(limit=1000))
    owned = dict(
        rows("SELECT account_id, sum(amount_microcredits)::bigint FROM usage_ledger_entry GROUP BY 1")
    )
    right = {
        made.truth.accounts[account_id]: left_by_age(account_id, amount)
        for account_id, amount in owned.items()
    }
    ages = ("unspent", "days_30", "days_90", "days_365", "older", "refunds")
    assert {row["account"]: [row[age] for age in ages] for row in liability.rows} == {
        name: left for name, left in right.items() if left[0]
    }
    held = sorted(
        rows(
            "SELECT request_id, amount_microcredits FROM usage_hold WHERE held_at < now() - interval '301 s'"
        )
    )
    shown = REPORTS["holds"].make(ReportQuery(limit=1000)).rows
    assert sorted((row["request"], row["held"]) for row in shown) == [
        (f"req_{one.hex}", cost) for one, cost in held
    ]
    assert {row["disagreements"] for row in REPORTS["reconciliation"].make(ReportQuery()).rows} == {0}
    check_conversion(made)


def left_by_age(account_id: int, owned: int) -> list[int]:
    """Newer grants are spent last; what is left beyond all of them was refunded."""
    left, ages = owned, [0, 0, 0, 0]
    for amount, days in rows(
        "SELECT amount_microcredits, extract(epoch FROM now() - created_at) / 86400 FROM usage_grant"
        " WHERE account_id = %s ORDER BY entry DESC",
        account_id,
    ):
        ages[sum(days >= limit for limit in (30, 90, 365))] += min(amount, left)
        left -= min(amount, left)
    return [owned, *ages, left]


def check_conversion(made):
    report = REPORTS["conversion"].make(ReportQuery(limit=1000))
    called = set(rows("SELECT DISTINCT account, (started_at AT TIME ZONE 'UTC')::date FROM truth"))
    plans = rows("SELECT account_id, plan FROM usage_plan_period ORDER BY account_id, since")
    weeks: dict[Any, list[int]] = {}
    for account in Account.objects.filter(created_at__gte=report.period.since):
        opened = account.created_at.astimezone(UTC)
        monday = (opened - timedelta(days=opened.weekday())).date()
        own = [plan for account_id, plan in plans if account_id == account.pk]
        came = {(day - opened.date()).days // 7 for account_id, day in called if account_id == account.pk}
        one = weeks.setdefault(monday, [0, 0, 0, 0, 0])
        on_trial = own[0] == "trial"
        is_old = report.as_of - opened >= timedelta(weeks=3)
        for place, value in enumerate(
            (1, on_trial, on_trial and len(set(own)) > 1, is_old, is_old and 2 in came)
        ):
            one[place] += value
    assert {
        row["week"].date(): [row["accounts"], row["on_trial"], row["converted"], row["week_2"]]
        for row in report.rows
    } == {week: [*one[:3], one[4] / one[3] if one[3] else None] for week, one in weeks.items()}


def check_member(made, account_id):
    for dimension in (None, *DIMENSIONS):
        by = () if dimension is None else (dimension,)
        asked = made.asked(by)
        asked = replace(asked, filters=asked.filters | {"account": account_id})
        grouping = Grouping(by, asked.interval, ZoneInfo(asked.zone), asked.zone)
        which = call_filter(asked)
        sums, exact = made.truth.sums(asked), made.truth.latencies(asked)
        with snapshot() as books:
            summary = summarise(books, which, grouping)
            drawn_over_time = time_series(books, which, grouping, "latencies")
            whole = total(books, which)
        assert len(summary) == len(drawn_over_time) == len(sums), asked
        for row in summary:
            bucket = datetime.fromisoformat(row["bucket"]) if "bucket" in row else None
            group = (bucket, *(member_name(name, row[name]) for name in by))
            assert row["cost_microcredits"] == sums[group]["gross"] - sums[group]["refunded"], (asked, group)
            same = ("calls", "errors", "tokens_in", "tokens_out")
            assert [row[name] for name in same] == [sums[group][name] for name in same], (asked, group)
            for name in ("p50", "p95", "p99"):
                assert is_near(row["latency_ms"][name], exact[group][name]), (asked, group, name)
            for name in ("p50", "p95"):
                assert is_near(row["first_byte_ms"][name], exact[group][f"first_byte_{name}"]), (asked, group)
        for name in ("calls", "gross_microcredits"):
            right = sum(one[name.removesuffix("_microcredits")] for one in sums.values())
            assert sum(row[name] for row in drawn_over_time) == whole[name] == right, asked
    check_lists(made, account_id)


def check_lists(made, account_id):
    """A first and a deep page of the account's calls, and of those that failed."""
    deep = UUID(f"{int((made.now - timedelta(days=40)).timestamp() * 1000):012x}7fff8fffffffffffffff")
    for filters in ({}, {"outcome": "failed"}, {"outcome": "expired"}):
        where = " AND ".join(["account = %s", *(f"{name} = %s" for name in filters)])
        for after in (None, deep):
            call = after and call_of(cursor_after_call(after))
            found = event_page(CallFilter(account_id, **filters), limit=50, after=call).events
            right = rows(
                f"SELECT request_id, gross - refunded FROM truth WHERE {where}"
                " AND (%s::uuid IS NULL OR request_id < %s) ORDER BY request_id DESC LIMIT 50",
                account_id,
                *filters.values(),
                after,
                after,
            )
            assert [(event["request_id"], event["cost_microcredits"]) for event in found] == [
                (f"req_{request_id.hex}", cost) for request_id, cost in right
            ]


def member_name(dimension: str, value: Any) -> Any:
    if dimension == "key":
        return "session" if value is None else value["prefix"]
    if dimension == "member":
        return value and value["email"]
    return value


def call_filter(asked: Asked) -> CallFilter:
    ids = {"account": "account_id", "key": "key_id", "member": "member_id"}
    filters = {ids.get(name, name): value for name, value in asked.filters.items()}
    return CallFilter(**{"account_id": None, **filters}, since=asked.since, until=asked.until)


def question(asked: Asked, **more: Any) -> ReportQuery:
    zone = ZoneInfo(asked.zone)
    return ReportQuery(call_filter(asked), asked.by, asked.interval, zone, asked.zone, limit=1000, **more)


def ask(name: str, asked: Asked, truth: dict[Any, Any], **more: Any) -> Report | None:
    """The report, with a row for each group of the truth; None where it rightly says that there are too many."""
    if len(truth) > MAX_ROWS:
        with pytest.raises(InvalidRequest) as refusal:
            REPORTS[name].make(question(asked, **more))
        assert refusal.value.param == "group_by", asked
        return None
    report = REPORTS[name].make(question(asked, **more))
    groups = by_group(report.rows, asked).keys()
    assert groups >= truth.keys() or (report.is_cut and len(groups) == 1000), asked
    return report


def by_group(found: list[dict[str, Any]], asked: Asked) -> dict[tuple[Any, ...], dict[str, Any]]:
    groups = {(row.get("bucket"), *(row[name] for name in asked.by)): row for row in found}
    assert len(groups) == len(found), asked
    return groups


def is_near(found: int | None, exact: int | None) -> bool:
    """Within 2 %, and equal where latencies are short."""
    if found is None or exact is None or exact <= EXACT_UP_TO_MS:
        return found == exact
    return abs(found - exact) <= 0.02 * exact
