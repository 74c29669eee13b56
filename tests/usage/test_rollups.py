"""The sums are those of the events, at every moment: late events, refunds, changed plans, killed workers."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.db import connection

import usage
from accounts import actions
from aio_platform.http.request_ids import new_request_uuid
from usage import rollups
from usage.errors import EventsArchived
from usage.ledger import grants
from usage.ledger.units import NULLABLE_UNITS
from usage.queries.aggregates.histograms import bucket_of, counts
from usage.queries.aggregates.sums import DIMENSIONS, UNIT_SUMS, Wanted, aggregate_calls
from usage.queries.cursors import call_of
from usage.queries.events import event_page
from usage.queries.filters import CallFilter
from usage.snapshot import snapshot

CREDIT = 1_000_000
pytestmark = pytest.mark.django_db(transaction=True)


def at(moment):
    return f"{int(moment.timestamp() * 1000):012x}" + new_request_uuid()[12:]


def take_turns(count):
    for _ in range(count):
        rollups.roll_up(lag_s=0.0)


def take_all():
    """Until everything that is settled by now is in the sums; other databases' transactions hold it up a little."""
    now = datetime.now(UTC)
    while (rollups.rolled_up_to() or now - timedelta(days=1)) < now:
        assert datetime.now(UTC) < now + timedelta(minutes=3), "the sums do not go on"
        take_turns(1)
        time.sleep(0.005)


class Traffic:
    """Seeded calls of a few accounts over some days, with refunds and changes of plan in between."""

    def __init__(self, books, seed, days=4):
        self.books, self.random = books, random.Random(seed)
        self.random_parts = random.Random(seed)
        self.tenants = [books.tenant(plan="unlimited", credit=10**6 * CREDIT) for _ in range(3)]
        self.now = datetime.now(UTC)
        self.days = days
        self.charged = []

    def call(self):
        tenant = self.random.choice(self.tenants)
        started = self.now - timedelta(seconds=self.random.random() ** 2 * self.days * 86_400)
        outcome = self.random.choices(["succeeded", "failed", "rejected", "partial"], [8, 1, 1, 1])[0]
        cost = self.random.randint(1, 5 * CREDIT) if outcome in ("succeeded", "partial") else 0
        request_id = self.books.call(
            tenant,
            cost,
            request_id=at(started),
            model=self.random.choice(["small", "large"]),
            endpoint=self.random.choice(["chat", "speech"]),
            upstream=self.random.choice(["one", "two"]),
            outcome=outcome,
            tokens_in=self.random.randint(0, 1000),
            **self.parts(),
            latency_ms=int(self.random.lognormvariate(6, 1)),
            first_byte_ms=self.random.choice([None, self.random.randint(1, 500)]),
        )
        if cost:
            self.charged.append((tenant, request_id, cost))

    def parts(self):
        """Some of each part of a few calls' tokens."""
        chosen = self.random_parts.sample(NULLABLE_UNITS, self.random_parts.choice([0, 0, 2]))
        return {part: self.random_parts.randint(1, 100) for part in chosen}

    def refund(self):
        if self.charged:
            tenant, request_id, cost = self.charged.pop(self.random.randrange(len(self.charged)))
            amount = self.random.randint(1, cost)
            grants.refund(tenant.id, request_id, amount, reason="r", actor="a", idempotency_key=request_id)

    def step(self):
        roll = self.random.random()
        if roll < 0.85:
            self.call()
        elif roll < 0.97:
            self.refund()
        else:
            tenant = self.random.choice(self.tenants)
            actions.set_plan(tenant.account, self.random.choice(["standard", "scale", "unlimited"]))
            actions.set_plan(tenant.account, "unlimited")


def brute_force(which, wanted):
    """The same figures from the events alone, added up here."""
    conditions, parameters = ["true"], []
    for name in ("account_id", "key_id", "endpoint", "model", "upstream", "outcome"):
        if getattr(which, name) is not None:
            conditions.append(f"e.{name} = %s")
            parameters.append(getattr(which, name))
    for condition, moment in (("e.started_at >= %s", which.since), ("e.started_at < %s", which.until)):
        if moment is not None:
            conditions.append(condition)
            parameters.append(moment)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.*, (SELECT p.plan FROM usage_plan_period p WHERE p.account_id = e.account_id"
            "   AND p.since <= e.started_at AND e.started_at < p.until) AS plan"
            f" FROM usage_event e WHERE {' AND '.join(conditions)}",
            parameters,
        )
        names = [column.name for column in cursor.description]
        events = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    groups = {}
    for event in events:
        if which.plan is not None and event["plan"] != which.plan:
            continue
        bucket = None
        if wanted.interval != "none":
            local = event["started_at"].astimezone(wanted.zone)
            local = local.replace(second=0, microsecond=0)
            if wanted.interval != "minute":
                local = local.replace(minute=0)
            if wanted.interval == "day":
                local = local.replace(hour=0)
            bucket = local.astimezone(UTC)
        columns = {"account": "account_id", "key": "key_id", "member": "member_id"}
        key = (bucket, *(event[columns.get(name, name)] for name in wanted.by))
        sums = groups.setdefault(
            key,
            {
                "calls": 0,
                "errors": 0,
                "gross": 0,
                "refunded": 0,
                "latencies": {},
                **dict.fromkeys(UNIT_SUMS, 0),
            },
        )
        sums["calls"] += 1
        sums["errors"] += event["outcome"] in ("rejected", "failed", "timed_out", "expired")
        sums["gross"] += event["cost_microcredits"]
        sums["refunded"] += event["refunded_microcredits"]
        for unit in UNIT_SUMS:
            sums[unit] += event[unit] or 0
        if event["outcome"] != "expired":
            bucket_number = bucket_of(event["latency_ms"])
            sums["latencies"][bucket_number] = sums["latencies"].get(bucket_number, 0) + 1
    return groups


def answered(which, wanted):
    with snapshot() as books:
        rows = aggregate_calls(books, which, wanted)
    return {
        (row["bucket"], *(row[name] for name in wanted.by)): {
            "calls": row["calls"],
            "errors": row["errors"],
            "gross": row["gross_microcredits"],
            "refunded": row["refunded_microcredits"],
            "latencies": {number: n for number, n in enumerate(counts(row["latencies"])) if n},
            **{unit: row[unit] for unit in UNIT_SUMS},
        }
        for row in rows
    }


def questions(traffic):
    """A spread of what can be asked."""
    week = traffic.now - timedelta(days=7)
    one = traffic.tenants[0]
    midday = traffic.now - timedelta(days=2, hours=5, minutes=7, seconds=31)
    for zone_name in ("UTC", "Asia/Seoul", "Asia/Kolkata", "America/St_Johns"):
        zone = ZoneInfo(zone_name)
        for interval in ("none", "minute", "hour", "day"):
            wanted = Wanted(("model",), interval, zone, zone_name)
            yield CallFilter(None, since=week), wanted
            yield CallFilter(one.id, since=midday, until=traffic.now - timedelta(minutes=3)), wanted
    for name in DIMENSIONS:
        yield CallFilter(None, since=week), Wanted((name,))
    yield CallFilter(None, since=week, plan="standard"), Wanted(("outcome",))
    yield CallFilter(None, since=week, upstream="one", outcome="succeeded"), Wanted(("account", "route"))
    yield CallFilter(None, since=week, key_id=one.key.pk), Wanted(("endpoint",), "day")


def check(traffic):
    for which, wanted in questions(traffic):
        assert answered(which, wanted) == brute_force(which, wanted), (which, wanted)
    which = CallFilter(None, since=traffic.now - timedelta(days=7))
    whole = brute_force(which, Wanted(("model", "key"), "hour"))
    found = answered(which, Wanted(("model", "key"), "hour", only=("large",)))
    assert found == {
        group: aggregate_calls for group, aggregate_calls in whole.items() if group[1] == "large"
    }


def check_pages(traffic):
    """Pages of filtered calls, which the sums help to find, against all events looked through."""
    one = traffic.tenants[0]
    for filters in (
        {"outcome": "rejected"},
        {"model": "large", "upstream": "two"},
        {"key_id": one.key.pk, "endpoint": "speech"},
        {"since": traffic.now - timedelta(days=2), "outcome": "failed"},
        {"until": traffic.now - timedelta(days=1), "model": "small"},
    ):
        for account_id in (one.id, None):
            which = CallFilter(account_id, **filters)
            found, after = [], None
            while True:
                page = event_page(which, limit=3, after=after)
                found += [event["request_id"] for event in page.events]
                if page.next is None:
                    break
                after = call_of(page.next)
            conditions = " AND ".join(
                {"since": "started_at >= %s", "until": "started_at < %s"}.get(name, f"{name} = %s")
                for name in filters
            )
            who, whose = ("", []) if account_id is None else ("account_id = %s AND ", [account_id])
            rows = traffic.books.sql(
                f"SELECT request_id FROM usage_event WHERE {who}{conditions}"
                " ORDER BY started_at DESC, request_id DESC",
                *whose,
                *filters.values(),
            )
            assert found == [f"req_{request_id.hex}" for (request_id,) in rows], which


def all_sums():
    """Every row of every level, with kinds by name."""
    found = {}
    with connection.cursor() as cursor:
        for level in ("minute", "hour", "day"):
            cursor.execute(
                f"SELECT to_jsonb(r) - 'kind_id' || to_jsonb(k) - 'id' FROM usage_rollup_{level} r"
                " JOIN usage_call_kind k ON k.id = r.kind_id"
            )
            found[level] = sorted(str(row) for row in cursor.fetchall())
        cursor.execute("SELECT to_jsonb(r) FROM usage_rollup_account_day r")
        found["account day"] = sorted(str(row) for row in cursor.fetchall())
    return found


def test_figures_are_those_of_the_events_however_far_the_sums_are(committed_books):
    traffic = Traffic(committed_books, seed=1)
    for turn in range(4):
        for _ in range(40):
            traffic.step()
        check(traffic)
        check_pages(traffic)
        if turn % 2 == 0:
            take_all()
            check(traffic)
            check_pages(traffic)
    assert rollups.rolled_up_to() is not None


def test_sums_made_anew_equal_those_that_grew(committed_books):
    traffic = Traffic(committed_books, seed=2)
    for _ in range(6):
        for _ in range(25):
            traffic.step()
        take_all()
    grown = all_sums()
    assert grown["hour"]
    seen = []
    assert rollups.rebuild(seen.append) == sum(
        tenant_events for (tenant_events,) in committed_books.sql("SELECT count(*) FROM usage_event")
    )
    assert all_sums() == grown
    assert seen[-1].events == seen[-1].of_about
    check(traffic)


def test_an_event_under_way_while_the_sums_go_on_is_taken_later(committed_books):
    traffic = Traffic(committed_books, seed=3)
    traffic.step()
    tenant = traffic.tenants[0]
    call = committed_books.hold(tenant, 5)
    keywords = connection.get_connection_params()
    with psycopg.connect(
        **{
            name: keywords[name]
            for name in ("dbname", "user", "host", "port", "password")
            if keywords.get(name)
        }
    ) as other:
        # It has its transaction id and the time on the clock, and commits long after.
        other.execute(
            "SELECT usage_settle_v1(ARRAY[%s]::bigint[], ARRAY[%s]::uuid[], ARRAY['succeeded'], ARRAY[5]::bigint[],"
            " ARRAY[false], ARRAY['one'], ARRAY[200]::smallint[], ARRAY[false], ARRAY[false], ARRAY[1]::bigint[],"
            " ARRAY[1]::bigint[], ARRAY[0]::bigint[], ARRAY[0]::bigint[], ARRAY[0]::bigint[], ARRAY[0]::bigint[],"
            " ARRAY[0]::bigint[], ARRAY[7], ARRAY[6], ARRAY[5], ARRAY[NULL]::jsonb[])",
            [tenant.id, call.request_id],
        )
        time.sleep(0.05)
        traffic.call()
        take_turns(4)
        other.commit()
    check(traffic)
    take_all()
    check(traffic)
    assert committed_books.value("SELECT sum(calls) FROM usage_rollup_hour WHERE account_id = 0") == (
        committed_books.value("SELECT count(*) FROM usage_event")
    )


def test_the_sums_go_on_in_a_database_restored_from_a_dump(committed_books):
    traffic = Traffic(committed_books, seed=6)
    traffic.step()
    take_turns(2)
    # The other server had given out more transaction ids than this one will in years.
    committed_books.sql("UPDATE usage_rollup_state SET candidate_xid = '4000000000000'")
    traffic.step()
    take_all()
    check(traffic)
    assert committed_books.value("SELECT sum(calls) FROM usage_rollup_hour WHERE account_id = 0") == (
        committed_books.value("SELECT count(*) FROM usage_event")
    )


def test_forgotten_minutes_and_hours_are_read_from_the_events(committed_books):
    traffic = Traffic(committed_books, seed=4, days=6)
    for _ in range(60):
        traffic.step()
    take_all()
    forgotten = rollups.forget(traffic.now + timedelta(days=rollups.MINUTES_KEEP_DAYS - 2))
    assert forgotten > 0
    check(traffic)
    committed_books.sql(
        "SELECT usage_forget_rollups_v2(%s, %s, 100000)", traffic.now, traffic.now - timedelta(days=1)
    )
    check(traffic)
    check_pages(traffic)
    for _ in range(30):
        traffic.step()
    take_all()
    check(traffic)


def test_archived_events_are_never_summed_anew(committed_books):
    Traffic(committed_books, seed=5).step()
    take_all()
    committed_books.sql("UPDATE usage_rollup_state SET events_from = now()")
    with pytest.raises(EventsArchived):
        rollups.rebuild()


WORKER = """
import os
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
django.setup()
from usage import rollups
print("ready", flush=True)
while True:
    rollups.roll_up(span_s=3600.0, lag_s=0.0)
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12])
def test_workers_killed_at_random_leave_the_same_sums(committed_books, seed):
    traffic = Traffic(committed_books, seed=seed)
    root = Path(usage.__file__).parent.parent
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "aio_platform.settings",
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "platform"), str(root / "tests")]),
        "TEST_DATABASE": connection.settings_dict["NAME"],
    }
    workers = []

    def start():
        workers.append(
            subprocess.Popen(
                [sys.executable, "-c", WORKER], env=environment, stdout=subprocess.PIPE, text=True
            )
        )

    def kill(worker):
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        worker.stdout.close()

    try:
        for _ in range(2):
            start()
        for worker in workers:
            assert worker.stdout.readline() == "ready\n"
        for _ in range(8):
            for _ in range(25):
                traffic.step()
            kill(workers.pop(0))
            check(traffic)
            start()
    finally:
        for worker in workers:
            kill(worker)
    take_all()
    check(traffic)
    grown = all_sums()
    rollups.rebuild()
    assert all_sums() == grown
