"""Each staff report says what the raw rows say, to the micro-credit; what it cannot be asked, it refuses by name."""

import random
import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from accounts import actions
from aio_platform.errors import InvalidRequest
from aio_platform.http.request_ids import new_request_uuid
from usage.ledger import grants, rate_card
from usage.ledger.rates import Price, Tier
from usage.ledger.route_costs import publish_route_cost
from usage.queries.filters import CallFilter
from usage.reports import REPORTS, ReportQuery
from usage.reports.rendering import as_csv, as_json, as_table

CREDIT = 1_000_000
NOW = datetime.now(UTC)
HOUR = (NOW - timedelta(days=3)).replace(minute=0, second=0, microsecond=0)


def at(moment):
    return f"{int(moment.timestamp() * 1000):012x}" + new_request_uuid()[12:]


@pytest.fixture
def calls(books):
    """Three accounts with seeded calls over six days; every event as a dictionary."""
    chance = random.Random(7)
    tenants = [books.tenant(plan="unlimited", credit=10**6 * CREDIT) for _ in range(3)]
    for number in range(150):
        tenant = chance.choice(tenants)
        outcome = chance.choices(["succeeded", "failed", "partial", "timed_out", "expired"], [6, 1, 1, 1, 1])[
            0
        ]
        cost = chance.randint(1, 9 * CREDIT) if outcome in ("succeeded", "partial") else 0
        model = chance.choice(["small", "large"])
        request_id = books.call(
            tenant,
            cost,
            request_id=at(NOW - timedelta(seconds=chance.randint(60, 6 * 86_400))),
            model=model,
            upstream=chance.choice(["one", "two"]),
            outcome=outcome,
            tokens_in=chance.randint(400, 999),
            tokens_out=chance.randint(0, 999),
            **(
                {"cache_read_tokens": chance.randint(1, 300), "cache_write_1h_tokens": 50}
                if number % 2
                else {}
            ),
            latency_ms=chance.randint(1, 90),
            upstream_latency_ms=chance.randint(1, 80),
            first_byte_ms=chance.randint(1, 70),
        )
        if cost > 1 and number % 10 == 0:
            grants.refund(tenant.id, request_id, cost // 2, reason="r", actor="a", idempotency_key=request_id)
    return tenants


def events():
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM usage_event")
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def ask(name, *, group_by=None, interval=None, zone="UTC", compare=False, limit=200, **filters):
    which = CallFilter(filters.pop("account_id", None), **filters)
    return REPORTS[name].make(ReportQuery(which, group_by, interval, ZoneInfo(zone), zone, compare, limit))


def disc(values, part):
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * part // 100) - 1, 0)] if ordered else None


ERRORS = ("rejected", "failed", "timed_out", "expired")


def net(event):
    return event["cost_microcredits"] - event["refunded_microcredits"]


def test_calls_by_day_of_a_half_hour_zone(books, calls):
    kolkata = ZoneInfo("Asia/Kolkata")
    report = ask("calls", zone="Asia/Kolkata", since=NOW - timedelta(days=7))
    expected = {}
    for event in events():
        one = expected.setdefault(event["started_at"].astimezone(kolkata).date(), [0] * 5)
        for place, value in enumerate((1, event["outcome"] in ERRORS, net(event), event["tokens_in"])):
            one[place] += value
    for amount, moment in books.sql("SELECT amount_microcredits, created_at FROM usage_grant"):
        # The grants are made now, on a day that the last call may not have reached.
        expected.setdefault(moment.astimezone(kolkata).date(), [0] * 5)[4] += amount
    found = {
        row["bucket"].date(): [row["calls"], row["errors"], row["cost"], row["tokens_in"], row["granted"]]
        for row in report.rows
    }
    assert found == expected
    assert report.totals["cost"] == sum(map(net, events()))
    assert report.totals["granted"] == 3 * 10**6 * CREDIT


def test_what_was_granted_stands_in_its_bucket_also_without_calls(books):
    tenant = books.tenant(credit=5 * CREDIT)
    [row] = ask("calls", group_by=("account",), interval="day").rows
    assert (row["account"], row["calls"], row["granted"]) == (tenant.account.name, 0, 5 * CREDIT)
    assert ask("calls", group_by=("model",)).totals["granted"] == 5 * CREDIT
    assert ask("calls", model="small").totals["granted"] is None


def test_latency_by_upstream_and_route(calls):
    report = ask("latency", since=NOW - timedelta(days=7))
    for row in report.rows:
        mine = [e for e in events() if (e["upstream"], e["route"]) == (row["upstream"], row["route"])]
        latencies = [e["latency_ms"] for e in mine if e["outcome"] != "expired"]
        assert [row["p50"], row["p95"], row["p99"]] == [disc(latencies, part) for part in (50, 95, 99)]
        assert row["first_byte_p95"] == disc([e["first_byte_ms"] for e in mine], 95)
        assert row["upstream_p50"] == disc([e["upstream_latency_ms"] for e in mine], 50)
        assert row["error_rate"] == sum(e["outcome"] in ERRORS for e in mine) / len(mine)
    assert len(report.rows) == 4
    assert report.totals["calls"] == len(events())


def test_margin_takes_off_what_each_call_cost_at_its_own_time(calls):
    cheap = (Price("tokens_in", 333, 1000), Price("tokens_out", 777, 1000))
    dear = (Price("tokens_in", 1001, 1000), Price("calls", 5, 1))
    publish_route_cost("chat/small", HOUR - timedelta(days=1), cheap)
    publish_route_cost("chat/small", HOUR, dear)
    report = ask("margin", group_by=("model",), interval="day", since=NOW - timedelta(days=7))
    expected, uncosted = {}, 0
    for event in events():
        key = (event["model"], event["started_at"].date())
        one = expected.setdefault(key, [0, Fraction(0)])
        one[0] += net(event)
        if event["outcome"] not in ("succeeded", "partial"):
            continue
        if event["route"] != "chat/small" or event["started_at"] < HOUR - timedelta(days=1):
            uncosted += 1
        elif event["started_at"] < HOUR:
            one[1] += Fraction(event["tokens_in"] * 333 + event["tokens_out"] * 777, 1000)
        else:
            one[1] += Fraction(event["tokens_in"] * 1001, 1000) + 5
    found = {
        (row["model"], row["bucket"].date()): (row["revenue"], row["upstream_cost"], row["margin"])
        for row in report.rows
    }
    assert found == {key: (paid, round(cost), paid - round(cost)) for key, (paid, cost) in expected.items()}
    assert report.totals["uncosted"] == uncosted
    assert report.totals["upstream_cost"] == round(sum(cost for _, cost in expected.values()))


def test_margin_takes_cached_tokens_off_at_their_own_cost(calls):
    prices = (
        Price("tokens_in", 1000, 3),
        Price("cache_read_tokens", 100, 3),
        Price("cache_write_1h_tokens", 2000, 3),
    )
    publish_route_cost("chat/small", HOUR - timedelta(days=30), prices)
    report = ask("margin", group_by=("route",), since=NOW - timedelta(days=7))
    exact = Fraction(0)
    for event in events():
        if event["route"] == "chat/small" and event["outcome"] in ("succeeded", "partial"):
            read, written = event["cache_read_tokens"] or 0, event["cache_write_1h_tokens"] or 0
            uncached = event["tokens_in"] - read - written
            exact += Fraction(uncached * 1000 + read * 100 + written * 2000, 3)
    [row] = [row for row in report.rows if row["route"] == "chat/small"]
    assert row["upstream_cost"] == round(exact)


def test_a_cost_is_published_once_an_hour_and_never_changed(books):
    prices = (Price("calls", 5, 1),)
    with pytest.raises(InvalidRequest, match="any length"):
        publish_route_cost("r", HOUR, (Price("tokens_in", 5, 1, (Tier(100, 6, 1),)),))
    assert publish_route_cost("r", HOUR, prices) is True
    assert publish_route_cost("r", HOUR, prices) is False
    for since, other in ((HOUR, (Price("calls", 6, 1),)), (HOUR + timedelta(minutes=30), prices)):
        with pytest.raises(InvalidRequest) as refusal:
            publish_route_cost("r", since, other)
        assert refusal.value.param == "since"


def test_refusals_by_reason(books, calls):
    for tenant, code, count in (
        (calls[0], "minute_rate", 3),
        (calls[1], "minute_rate", 1),
        (calls[1], "x", 2),
    ):
        for _ in range(count):
            books.sql(
                "SELECT usage_count_refusals_v1(ARRAY[%s]::bigint[], ARRAY[0]::bigint[], ARRAY['chat'], ARRAY[%s])",
                tenant.id,
                code,
            )
    assert [(row["code"], row["calls"]) for row in ask("refusals").rows] == [("minute_rate", 4), ("x", 2)]
    by_account = ask("refusals", group_by=("account",), interval="hour", plan="unlimited")
    assert {row["account"]: row["calls"] for row in by_account.rows} == {
        calls[0].account.name: 3,
        calls[1].account.name: 3,
    }
    assert by_account.totals["calls"] == 6
    with pytest.raises(InvalidRequest) as refusal:
        ask("refusals", model="small")
    assert refusal.value.param == "model"


def test_top_accounts_stand_beside_what_they_spent_before(books):
    tenants = [books.tenant(plan="unlimited", credit=10**4 * CREDIT) for _ in range(4)]
    grown, stopped, new, failing = tenants
    day = NOW - timedelta(days=1)
    before = NOW - timedelta(days=9)
    for tenant, moment, cost in ((grown, day, 9), (grown, before, 3), (stopped, before, 5), (new, day, 4)):
        books.call(tenant, cost * CREDIT, request_id=at(moment))
    for number in range(20):
        books.call(
            failing,
            2 if number < 10 else 0,
            request_id=at(day),
            **({} if number < 10 else {"outcome": "failed"}),
        )
    report = ask("top_accounts", since=NOW - timedelta(days=5))
    found = {row["account"]: (row["cost"], row["cost_before"], row["unusual"]) for row in report.rows}
    assert found == {
        grown.account.name: (9 * CREDIT, 3 * CREDIT, "doubled"),
        stopped.account.name: (0, 5 * CREDIT, "stopped"),
        new.account.name: (4 * CREDIT, 0, "new"),
        failing.account.name: (20, 0, "failing"),
    }
    assert report.rows[0]["account"] == grown.account.name
    cut = ask("top_accounts", since=NOW - timedelta(days=5), limit=1)
    assert cut.is_cut
    assert cut.totals == report.totals


def test_unspent_credits_are_those_of_the_balances_by_the_age_of_their_grants(books):
    tenant = books.tenant(credit=100 * CREDIT)
    other = books.tenant()
    grants.grant(tenant.id, 40 * CREDIT, reason="r", actor="a")
    grants.grant(tenant.id, 7 * CREDIT, reason="r", actor="a", expires_at=NOW + timedelta(days=2))
    books.sql(
        "UPDATE usage_grant SET created_at = now() - interval '100 days' WHERE account_id = %s AND entry = 1",
        tenant.id,
    )
    request_id = books.call(tenant, 30 * CREDIT)
    grants.refund(tenant.id, request_id, 2 * CREDIT, reason="r", actor="a", idempotency_key="k")
    books.hold(tenant, 11 * CREDIT)
    report = ask("liability", account_id=tenant.id)
    [row] = report.rows
    # 7 that expire went first, then 23 of the oldest hundred; two came back.
    assert (row["unspent"], row["held"], row["expiring"]) == (119 * CREDIT, 11 * CREDIT, 0)
    left = [row[name] for name in ("days_30", "days_90", "days_365", "older", "refunds")]
    assert sum(left) == 119 * CREDIT
    balances = books.value("SELECT sum(available_microcredits + held_microcredits) FROM usage_balance")
    assert ask("liability").totals["unspent"] == balances
    assert other.account.name not in {one["account"] for one in ask("liability").rows}


def test_holds_open_for_long_are_listed_with_their_age(books, tenant):
    young, old = books.hold(tenant, 3), books.hold(tenant, 5)
    books.sql(
        "UPDATE usage_hold SET held_at = now() - interval '2 hours' WHERE request_id = %s", old.request_id
    )
    report = ask("holds")
    assert [row["request"] for row in report.rows] == [f"req_{old.request_id}"]
    assert 7_199 <= report.rows[0]["open_s"] <= 7_260
    assert report.totals["held"] == 5
    assert young.request_id not in str(report.rows)


def test_conversion_and_retention_by_week(books):
    opened = NOW - timedelta(days=30)
    stays, leaves = books.tenant(plan="trial"), books.tenant(plan="trial")
    for tenant in (stays, leaves):
        books.sql("UPDATE accounts_account SET created_at = %s WHERE id = %s", opened, tenant.id)
        books.call(tenant, 1, request_id=at(opened + timedelta(hours=1)))
    books.call(stays, 1, request_id=at(opened + timedelta(days=8)))
    actions.set_plan(stays.account, "standard")
    report = ask("conversion")
    [row] = [row for row in report.rows if row["accounts"] == 2]
    assert (row["on_trial"], row["converted"], row["conversion"]) == (2, 1, 0.5)
    assert (row["week_1"], row["week_2"], row["week_8"]) == (0.5, 0.0, None)
    assert row["days_to_convert"] in (29, 30)
    assert report.totals["converted"] == 1


def test_reconciliation_shows_runs_and_this_moment(books, tenant):
    assert grants.reconcile() == []
    report = ask("reconciliation")
    assert [(row["scope"], row["disagreements"]) for row in report.rows] == [
        ("balances, just now", 0),
        ("everything", 0),
    ]
    books.sql("UPDATE usage_balance SET available_microcredits = available_microcredits + 1")
    assert ask("reconciliation").rows[0]["disagreements"] == 1
    assert ask("reconciliation").rows[0]["first"] == tenant.account.public_id
    grants.reconcile()
    assert ask("reconciliation").rows[1]["disagreements"] == 1


def test_a_filter_by_plan_means_the_plan_at_the_time_of_the_call(books):
    tenant = books.tenant(plan="unlimited", credit=CREDIT)
    books.call(tenant, 1)
    actions.set_plan(tenant.account, "standard")
    books.call(tenant, 10, request_id=at(datetime.now(UTC) + timedelta(seconds=1)))
    found = {row["plan"]: row["cost"] for row in ask("calls", group_by=("plan",), interval="none").rows}
    assert found == {"unlimited": 1, "standard": 10}
    assert ask("calls", plan="standard").totals["cost"] == 10


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_every_report_of_nothing_is_empty_and_renders(db, name):
    report = REPORTS[name].make(ReportQuery(compare=True))
    assert report.rows == [] or name == "reconciliation"
    assert as_table(report)
    assert as_csv(report).splitlines()[0].startswith(report.columns[0].name)
    assert as_json(report)["report"] == name
    for row in report.rows:
        assert {column.name for column in report.columns} <= set(row)


@pytest.mark.parametrize("name", sorted(REPORTS))
@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("since", {"since": datetime(2000, 1, 1, tzinfo=UTC), "interval": "minute"}),
        ("group_by", {"group_by": ("colour",)}),
        ("group_by", {"group_by": ("account", "account")}),
        ("limit", {"limit": 0}),
        ("limit", {"limit": 10**9}),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(db, name, field, asked):
    with pytest.raises(InvalidRequest) as refusal:
        ask(name, **asked)
    assert refusal.value.param in (field, "interval")


def test_an_account_without_events_and_the_hours_of_a_change_of_clocks(books):
    tenant = books.tenant()
    for name, zone in (("calls", "Australia/Lord_Howe"), ("latency", "America/New_York")):
        report = ask(
            name,
            account_id=tenant.id,
            zone=zone,
            interval="hour",
            since=datetime(2026, 3, 7, tzinfo=UTC),
            until=datetime(2026, 4, 7, tzinfo=UTC),
            compare=True,
        )
        assert report.rows == []
        assert report.totals["calls"] == 0


def price_at(books, request_id, *prices):
    """Have a call priced by a rate of its own."""
    rate = rate_card.publish(f"rate-{request_id}", tuple(prices))
    books.sql("UPDATE usage_event SET rate_id = %s WHERE request_id = %s", rate.id, request_id)


def test_calls_that_cost_more_than_their_hold_are_listed_with_what_was_lost(books):
    tenant = books.tenant(plan="unlimited", credit=CREDIT)
    second = Price("audio_ms", 1, 10)
    lied = books.call(tenant, 10, audio_ms=1_250_000, endpoint="transcription")
    exact = books.call(tenant, 10, audio_ms=100)
    below = books.call(tenant, 10, ceiling=20, audio_ms=100)
    third = books.call(tenant, 1, audio_ms=3)
    failed = books.call(tenant, 0, ceiling=0, outcome="failed")
    old = books.call(tenant, 10, audio_ms=1_000, request_id=at(NOW - timedelta(days=2)))
    for request_id in (lied, exact, below, failed, old):
        price_at(books, request_id, second)
    price_at(books, third, Price("audio_ms", 1, 3))

    report = ask("overruns")

    [row] = report.rows
    assert (row["request"], row["account"]) == (f"req_{lied}", tenant.account.name)
    assert (row["price"], row["charged"], row["lost"]) == (125_000, 10, 124_990)
    assert row["ids"] == {"request": f"req_{lied}", "account": tenant.account.public_id}
    assert report.totals == {"price": 125_000, "charged": 10, "lost": 124_990}
    assert [row["request"] for row in ask("overruns", since=NOW - timedelta(days=3)).rows] == [
        f"req_{lied}",
        f"req_{old}",
    ]
    assert ask("overruns", endpoint="chat").rows == []


def test_a_long_prompt_is_priced_again_at_the_price_of_its_tier(books):
    tenant = books.tenant(plan="unlimited", credit=CREDIT)
    price = Price("tokens_in", 1, 1, (Tier(100, 2, 1), Tier(200, 3, 1)))
    calls = {
        count: books.call(tenant, cost, tokens_in=count)
        for count, cost in ((100, 100), (101, 202), (201, 602))
    }
    for request_id in calls.values():
        price_at(books, request_id, price)
    [row] = ask("overruns").rows
    assert (row["request"], row["price"], row["lost"]) == (f"req_{calls[201]}", 603, 1)


def test_cached_tokens_are_priced_again_at_their_own_price(books):
    tenant = books.tenant(plan="unlimited", credit=CREDIT)
    prices = (Price("tokens_in", 10, 3), Price("cache_read_tokens", 1, 3))
    # 100 uncached and 900 cached tokens cost 1,000 + 900 thirds: 634.
    charged_right = books.call(tenant, 634, tokens_in=1000, cache_read_tokens=900)
    held_too_little = books.call(tenant, 633, tokens_in=1000, cache_read_tokens=900)
    for request_id in (charged_right, held_too_little):
        price_at(books, request_id, *prices)
    [row] = ask("overruns").rows
    assert (row["request"], row["price"], row["lost"]) == (f"req_{held_too_little}", 634, 1)


def test_a_price_beyond_all_bounds_is_shown_as_the_largest_there_is(books):
    tenant = books.tenant(plan="unlimited", credit=CREDIT)
    for _ in range(3):
        price_at(books, books.call(tenant, 10, tokens_in=10**12), Price("tokens_in", 10**12, 1))
    report = ask("overruns")
    assert [row["price"] for row in report.rows] == [10**15] * 3
    assert report.totals["lost"] == 3 * 10**15 - 30


def test_calls_above_their_hold_are_found_by_an_index_and_not_by_reading_all_calls(books):
    books.sql("SET LOCAL enable_seqscan = off")
    plan = books.sql(
        "EXPLAIN SELECT * FROM usage_event WHERE cost_microcredits = hold_microcredits"
        " AND outcome IN ('succeeded', 'partial') AND started_at >= now() - interval '1 day'"
    )
    used = set(re.findall(r"Index Scan using (\w+)", str(plan)))
    parts = books.sql(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'usage_event_at_its_hold'::regclass"
    )
    assert used
    assert used <= {name for (name,) in parts}
