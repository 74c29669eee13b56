"""Archived months: their files hold every call, nothing else changes, and whatever could go wrong is refused."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from pyarrow import parquet as pq

import usage
from aio_platform.credits import format_credits
from aio_platform.errors import InvalidRequest
from aio_platform.http.request_ids import new_request_uuid, public_request_id
from usage import rollups
from usage.archive import months, refusals
from usage.archive.months import archive, changes, latest_before
from usage.demo.writing import make_partitions
from usage.errors import CallArchived, EventsArchived, RefundOfArchivedCall
from usage.ledger import grants
from usage.queries.account_status import calling_since
from usage.queries.filters import CallFilter
from usage.queries.receipts import find_receipt
from usage.reports import REPORTS
from usage.reports.report_query import ReportQuery
from usage.request_times import parse_call
from usage.snapshot import snapshot

CREDIT = 1_000_000
NOW = datetime.now(UTC)


def month_ago(number):
    """The first moment of the month so many months ago."""
    first = months._months_on(NOW.date(), -number)
    return datetime(first.year, first.month, 1, tzinfo=UTC)


OLD, OLDER, KEPT = month_ago(5), month_ago(6), month_ago(2)
BEFORE = month_ago(4).date()


def at(moment):
    """A request id of that moment."""
    return f"{int(moment.timestamp() * 1000):012x}" + new_request_uuid()[12:]


def sum_up(books):
    """Have everything that is settled by now in the sums, also within a test's transaction."""
    books.sql("INSERT INTO usage_rollup_state DEFAULT VALUES ON CONFLICT DO NOTHING")
    books.sql("""
        DO $$ DECLARE state usage_rollup_state; moment timestamptz := clock_timestamp(); BEGIN
            SELECT * INTO state FROM usage_rollup_state;
            PERFORM usage_add_to_rollups_v3(state.rolled_up_to, moment, state);
            PERFORM usage_add_refunds_to_rollups_v2(moment, state);
            UPDATE usage_rollup_state SET rolled_up_to = moment;
        END $$
    """)


def all_sums(books):
    levels = ("minute", "hour", "day", "account_day")
    return [books.sql(f"SELECT r::text FROM usage_rollup_{level} r ORDER BY 1") for level in levels]


class History:
    """Two accounts with calls of all kinds in two old months, at their edges too, and in one that is kept."""

    def __init__(self, books):
        self.books = books
        self.one, self.two = (books.tenant(plan="unlimited", credit=1000 * CREDIT) for _ in range(2))
        self.charged = {}
        for number, month in enumerate((OLDER, OLD, KEPT)):
            until = month_ago({OLDER: 5, OLD: 4, KEPT: 1}[month])
            moments = [month, until - timedelta(milliseconds=1)]
            moments += [month + timedelta(days=day, hours=5 * day, seconds=7 * day) for day in (1, 8, 9, 20)]
            for place, moment in enumerate(moments):
                tenant = (self.one, self.two)[place % 2]
                request_id = self.call(tenant, moment, cost=1_000_003 * (number + 1) + place)
                self.charged[month, place] = (tenant, request_id, moment)
            self.call(self.one, month + timedelta(days=3), cost=0)
            tenant, request_id, _ = self.charged[month, 2]
            self.refund(tenant, request_id, 300_001, f"old {month}")
        books.sql("SELECT usage_make_partitions_v2(3)")
        sum_up(books)

    def call(self, tenant, moment, cost, **fields):
        fields = {"model": "large", "tokens_in": 17, "latency_ms": 123 + cost % 1000} | fields
        outcome = {} if cost else {"outcome": "failed"}
        return self.books.call(tenant, cost, ceiling=5 * CREDIT, request_id=at(moment), **outcome, **fields)

    def refund(self, tenant, request_id, amount, key):
        return grants.refund(tenant.id, request_id, amount, reason="r", actor="a", idempotency_key=key)

    def old_call(self):
        return self.charged[OLD, 3]


@pytest.fixture
def history(books):
    return History(books)


@pytest.fixture
def committed_history(committed_books):
    """For what several connections see."""
    return History(committed_books)


def archive_all(directory, before=BEFORE):
    return list(archive(before, directory))


def body_of(response):
    """What a response streams, however it does."""
    if not response.is_async:
        return response.getvalue()

    async def read():
        return b"".join([part async for part in response])

    return async_to_sync(read)()


def partitions(books):
    return {
        name
        for (name,) in books.sql(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'usage_event'::regclass"
        )
    }


def partition_of(month):
    return f"usage_event_{month:%Y_%m}"


def elsewhere():
    """A connection of its own, as the owner."""
    parameters = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port")
    return psycopg.connect(
        **{name: parameters[name] for name in names if parameters.get(name)}, autocommit=True
    )


def nothing_happened(history, *, calls=21):
    """Every call is in the database, and no month is booked."""
    assert history.books.value("SELECT count(*) FROM usage_event") == calls
    assert history.books.value("SELECT count(*) FROM usage_archive") == 0
    assert history.books.value("SELECT count(*) FROM usage_rollup_state WHERE events_from > '-infinity'") == 0


# What is kept, and what is not


def test_a_file_has_every_call_of_its_month_as_it_was(history, tmp_path):
    rows = history.books.sql(
        "SELECT to_jsonb(e) FROM usage_event e WHERE started_at >= %s AND started_at < %s", OLD, month_ago(4)
    )
    archived = archive_all(tmp_path)
    assert [one.month for one in archived] == [OLDER.date(), OLD.date()]
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{partition_of(OLDER)}.parquet",
        f"{partition_of(OLD)}.parquet",
    }
    found = pq.read_table(archived[1].path).to_pylist()
    stored = [json.loads(row) if isinstance(row, str) else row for (row,) in rows]
    assert len(found) == len(stored) == archived[1].calls == 7
    by_id = {row["request_id"]: row for row in found}
    for row in stored:
        written = by_id[row["request_id"]]
        for name, value in row.items():
            if name in ("started_at", "settled_at"):
                value = datetime.fromisoformat(value)
            assert written[name] == value, name


def test_archived_calls_leave_the_database_and_the_ledger_stays(history, tmp_path):
    ledger = "SELECT md5(string_agg(l::text, ',' ORDER BY account_id, entry)) FROM usage_ledger_entry l"
    before = history.books.value(ledger), history.books.balance(history.one), all_sums(history.books)
    archive_all(tmp_path)
    assert partition_of(OLD) not in partitions(history.books)
    assert partition_of(KEPT) in partitions(history.books)
    assert history.books.value("SELECT min(started_at) FROM usage_event") == KEPT
    assert before == (
        history.books.value(ledger),
        history.books.balance(history.one),
        all_sums(history.books),
    )
    assert history.books.problems() == []


def test_archiving_again_finds_nothing_to_do(history, tmp_path):
    assert len(archive_all(tmp_path)) == 2
    assert archive_all(tmp_path) == []


def test_a_month_without_calls_is_archived_as_an_empty_file(history, tmp_path):
    history.books.sql(
        f"CREATE TABLE {partition_of(month_ago(7))} PARTITION OF usage_event FOR VALUES FROM (%s) TO (%s)",
        month_ago(7),
        OLDER,
    )
    archived = archive_all(tmp_path)
    assert [one.calls for one in archived] == [0, 7, 7]
    assert pq.read_table(archived[0].path).num_rows == 0


def summaries_of(history, get):
    """What members and staff are shown of the archived time, in whole hours, days and months."""
    shown = []
    period = {
        "since": (OLDER - timedelta(days=1)).isoformat(),
        "until": NOW.replace(microsecond=0).isoformat(),
    }
    for asked in (
        {"interval": "day"},
        {"interval": "month", "group_by": "model,key"},
        {"interval": "day", "timezone": "Asia/Seoul"},
        {"interval": "none", "group_by": "outcome,endpoint"},
        {"interval": "hour", "since": OLD.isoformat(), "until": (OLD + timedelta(days=9)).isoformat()},
    ):
        for tenant in (history.one, history.two):
            answer = get(tenant, "/api/v1/usage/summary", **(period | asked))
            assert answer.status_code == 200, answer.content
            body = answer.json()
            shown.append((asked, body["data"], body["total"]))
    which = CallFilter(None, since=OLD)
    for name in ("calls", "latency", "margin", "top_accounts"):
        report = REPORTS[name].make(ReportQuery(which, compare=True))
        shown.append((name, report.rows, report.totals, report.previous and report.previous.rows))
    shown.append(get(history.one, "/api/v1/credits/ledger").json()["data"])
    return shown


def test_summaries_and_reports_of_archived_time_stay_what_they_were(history, tmp_path, get):
    before = summaries_of(history, get)
    archive_all(tmp_path)
    assert summaries_of(history, get) == before


def test_the_members_overview_knows_since_when_there_are_calls(history, tmp_path, visit):
    with snapshot() as books:
        assert calling_since(books, history.one.id) == OLDER
    archive_all(tmp_path)
    with snapshot() as books:
        assert calling_since(books, history.one.id) == OLDER
    assert visit(history.one, "/overview").status_code == 200


def test_sums_finer_than_are_left_are_refused_by_name(history, tmp_path, get):
    archive_all(tmp_path)
    history.books.sql("SELECT usage_forget_rollups_v2(%s, '-infinity', 100000)", NOW)
    answer = get(
        history.one,
        "/api/v1/usage/summary",
        interval="minute",
        since=OLD.isoformat(),
        until=(OLD + timedelta(hours=2)).isoformat(),
    )
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "since")
    assert "whole hours" in answer.json()["error"]["message"]


def test_where_hours_are_forgotten_too_whole_days_are_asked_for(history, tmp_path, get):
    archive_all(tmp_path)
    history.books.sql("SELECT usage_forget_rollups_v2(%s, %s, 100000)", NOW, month_ago(4))
    query = {"since": (OLD + timedelta(hours=3)).isoformat(), "until": (OLD + timedelta(days=3)).isoformat()}
    answer = get(history.one, "/api/v1/usage/summary", **query)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "since")
    assert "whole days" in answer.json()["error"]["message"]


# Single calls of archived time


def test_the_receipt_of_an_archived_call_is_410_whoever_asks(history, tmp_path, get, visit):
    tenant, request_id, _ = history.old_call()
    address = f"/api/v1/usage/{public_request_id(request_id)}"
    assert get(tenant, address).status_code == 200
    archive_all(tmp_path)
    for asking in (history.one, history.two):
        answer = get(asking, address)
        error = answer.json()["error"]
        assert (answer.status_code, error["type"], error["param"]) == (410, "archived", "request_id")
        assert error["kept_from"] == f"{month_ago(4):%Y-%m-%dT%H:%M:%SZ}"
    page = visit(tenant, f"/usage/calls/{public_request_id(request_id)}")
    assert page.status_code == 410
    assert "archived" in page.content.decode()
    with pytest.raises(CallArchived):
        find_receipt(tenant.id, parse_call(public_request_id(at(OLDER))))


def test_a_call_of_kept_time_that_is_not_there_stays_404(history, tmp_path, get):
    archive_all(tmp_path)
    assert get(history.one, f"/api/v1/usage/{public_request_id(at(KEPT))}").status_code == 404
    assert get(history.one, f"/api/v1/usage/{public_request_id(new_request_uuid())}").status_code == 404


def test_a_list_says_from_when_on_calls_are_kept(history, tmp_path, get, visit):
    assert get(history.one, "/api/v1/usage").json()["kept_from"] is None
    archive_all(tmp_path)
    body = get(history.one, "/api/v1/usage", model="large", limit=200).json()
    assert datetime.fromisoformat(body["kept_from"]) == month_ago(4)
    assert [call["started_at"] >= body["kept_from"] for call in body["data"]] == [True] * 4
    assert body["has_more"] is False
    page = visit(history.one, "/usage/calls", {"period": "12mo"}).content.decode()
    assert "are archived" in page
    assert "are archived" not in visit(history.one, "/usage/calls", {"period": "30d"}).content.decode()


def test_a_file_of_calls_never_leaves_archived_ones_out_silently(committed_history, tmp_path, get, client_of):
    browser = client_of(committed_history.one)
    ask = {
        "API": lambda **query: get(committed_history.one, "/api/v1/usage/export.csv", **query),
        "page": lambda **query: browser.get("/usage/calls.csv", query),
    }
    assert [one(since=OLD.isoformat()).status_code for one in ask.values()] == [200, 200]
    archive_all(tmp_path)
    assert [one(since=OLD.isoformat()).status_code for one in ask.values()] == [400, 400]
    for one in ask.values():
        kept = one(since=month_ago(4).isoformat())
        assert kept.status_code == 200
        assert len(body_of(kept).splitlines()) == 1 + 4


def test_staff_are_told_the_file_of_an_archived_call(history, tmp_path, admin_client):
    tenant, request_id, _ = history.old_call()
    archive_all(tmp_path)
    for query in ({}, {"account": tenant.account.public_id}):
        page = admin_client.get("/staff/calls/", {"request": public_request_id(request_id)} | query)
        assert page.status_code == 200
        assert f"{partition_of(OLD)}.parquet" in page.content.decode()


def test_a_refund_of_an_archived_call_is_refused_and_a_grant_suggested(history, tmp_path):
    tenant, request_id, _ = history.old_call()
    archive_all(tmp_path)
    with pytest.raises(RefundOfArchivedCall, match="Grant"):
        history.refund(tenant, request_id, 1, "late")
    with pytest.raises(CommandError, match="Grant"):
        call_command(
            "refund_call", public_request_id(request_id), "0.5", "--reason", "r", "--idempotency-key", "k"
        )
    assert history.books.problems() == []


# What comes late


def test_a_call_that_ends_after_its_month_was_archived_is_charged_and_counted(
    history, tmp_path, get, make_end
):
    archive_all(tmp_path)
    asked = {"since": OLDER.isoformat(), "until": month_ago(4).isoformat()}
    before = get(history.one, "/api/v1/usage/summary", **asked).json()["total"]
    held = history.books.hold(history.one, CREDIT, request_id=at(OLD + timedelta(days=2)))
    [settled] = history.books.settle(make_end(history.one, held, 77))
    assert settled.charged == 77
    assert history.books.value("SELECT usage_make_partitions_v2(3)") == 0
    assert partition_of(OLD) not in partitions(history.books)
    assert history.books.problems() == []
    for _ in range(2):
        after = get(history.one, "/api/v1/usage/summary", **asked).json()["total"]
        assert after["cost_microcredits"] == before["cost_microcredits"] + 77
        assert after["calls"] == before["calls"] + 1
        sum_up(history.books)
    assert get(history.one, f"/api/v1/usage/{public_request_id(held.request_id)}").status_code == 200
    history.refund(history.one, held.request_id, 7, "late")
    assert history.books.problems() == []


def test_made_up_calls_are_not_added_beside_archived_ones(history, tmp_path):
    archive_all(tmp_path)
    with pytest.raises(EventsArchived):
        make_partitions(OLDER)
    with pytest.raises(EventsArchived):
        rollups.rebuild()


@pytest.mark.parametrize("written", ["nothing", "everything"])
def test_a_refund_while_its_month_is_written_is_in_the_file(history, tmp_path, written):
    tenant, request_id, _ = history.old_call()
    done = []

    def refund_once(month, calls, of):
        if month == f"{OLD:%Y-%m}" and calls == (of if written == "everything" else 0) and not done:
            done.append(history.refund(tenant, request_id, 5, "meanwhile"))
            sum_up(history.books)

    archived = list(archive(BEFORE, tmp_path, refund_once))
    assert done
    found = {row["request_id"].replace("-", ""): row for row in pq.read_table(archived[1].path).to_pylist()}
    assert found[request_id]["refunded_microcredits"] == 5
    assert history.books.problems() == []


# Refusals


def test_months_that_are_to_be_kept_are_not_archived(history, tmp_path, settings):
    settings.CALLS_KEEP_MONTHS = 5
    assert latest_before(NOW.date()) == OLD.date()
    # Months are told from the clock, which may be in the month after NOW's.
    settings.CALLS_KEEP_MONTHS = 6
    latest = latest_before(datetime.now(UTC).date())
    with pytest.raises(refusals.MonthTooYoung, match=f"{latest:%Y-%m}") as caught:
        archive_all(tmp_path)
    assert caught.value.param == "before"
    nothing_happened(history)


def test_the_running_month_is_refused_by_the_database_itself(history):
    month = datetime.now(UTC).date().replace(day=1)
    with pytest.raises(Exception, match="not over"):
        months._rows(months._BOOK_SQL, [month, "f", 1, "0" * 64, [], [], [], [], []])


def booking(history, month, **changed):
    """What the database is asked to book of a month; `changed` are sums that the file does not have."""
    sums = months._sums_of(partition_of(month))
    columns = [[one._replace(**changed)[place] for one in sums.values()] for place in range(4)]
    return [month.date(), "f.parquet", 1, "0" * 64, list(sums), *columns]


def test_months_are_taken_out_in_their_order_and_each_once(history, tmp_path):
    with pytest.raises(Exception, match="in their order"):
        months._rows(months._BOOK_SQL, booking(history, OLD))
    nothing_happened(history)
    again = booking(history, OLDER)
    archive_all(tmp_path)
    with pytest.raises(Exception, match="in their order"):
        months._rows(months._BOOK_SQL, again)


@pytest.mark.parametrize(
    "changed", [{"calls": 9}, {"captured_microcredits": 9_000_000}, {"refunded_microcredits": 1}]
)
def test_the_database_takes_no_month_out_for_a_file_with_other_sums(history, changed):
    with pytest.raises(months._Changed):
        months._rows(months._BOOK_SQL, booking(history, OLDER, **changed))
    nothing_happened(history)


def test_a_month_with_an_open_hold_stays_and_so_do_those_after_it(history, tmp_path):
    history.books.hold(history.one, CREDIT, request_id=at(OLDER + timedelta(days=2)), ttl_s=86_400)
    with pytest.raises(refusals.MonthHasOpenCalls, match=f"{OLDER:%Y-%m}"):
        archive_all(tmp_path)
    nothing_happened(history)


def test_a_hold_of_a_later_month_holds_up_only_that(history, tmp_path):
    history.books.hold(history.one, CREDIT, request_id=at(OLD + timedelta(days=2)), ttl_s=86_400)
    done = []
    with pytest.raises(refusals.MonthHasOpenCalls):
        done.extend(one.month for one in archive(BEFORE, tmp_path))
    assert done == [OLDER.date()]
    assert partition_of(OLD) in partitions(history.books)


def test_a_month_whose_calls_are_not_all_in_the_sums_stays(history, tmp_path):
    history.call(history.one, OLDER + timedelta(days=2), cost=9)
    with pytest.raises(refusals.MonthNotSummed, match=f"{OLDER:%Y-%m}"):
        archive_all(tmp_path)
    nothing_happened(history, calls=22)
    sum_up(history.books)
    assert len(archive_all(tmp_path)) == 2


def test_a_month_with_a_refund_that_is_not_in_the_sums_stays(history, tmp_path):
    tenant, request_id, _ = history.charged[OLDER, 3]
    history.refund(tenant, request_id, 5, "fresh")
    with pytest.raises(refusals.MonthNotSummed):
        archive_all(tmp_path)
    nothing_happened(history)


@pytest.mark.parametrize(
    ("level", "condition"),
    [
        ("hour", "account_id > 0"),
        ("hour", "account_id = 0"),
        ("day", "account_id > 0 AND day_start = 0"),
        ("day", "account_id > 0 AND day_start = 900"),
        ("day", "account_id = -1 AND day_start = 900"),
        ("account_day", "day_start = 0"),
        ("account_day", "day_start = 900"),
    ],
)
def test_a_month_whose_sums_are_wrong_stays(history, tmp_path, level, condition):
    history.books.sql(
        f"UPDATE usage_rollup_{level} SET gross_microcredits = gross_microcredits + 1 WHERE (tableoid, ctid) ="
        f" (SELECT tableoid, ctid FROM usage_rollup_{level} WHERE bucket > %s AND bucket < %s AND {condition} LIMIT 1)",
        OLDER + timedelta(days=2),
        OLD - timedelta(days=2),
    )
    with pytest.raises(refusals.SumsDisagree, match="rebuild_rollups"):
        archive_all(tmp_path)
    nothing_happened(history)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE usage_event SET ledger_entry = ledger_entry + 1000 WHERE request_id = %s",
        "UPDATE usage_event SET request_id = gen_random_uuid() WHERE request_id = %s",
        "UPDATE usage_event SET refunded_microcredits = 7 WHERE request_id = %s",
    ],
)
def test_a_month_whose_calls_the_ledger_contradicts_stays(history, tmp_path, statement):
    history.books.sql(statement, history.charged[OLDER, 3][1])
    with pytest.raises(refusals.BooksDisagree, match=f"{OLDER:%Y-%m}"):
        archive_all(tmp_path)
    nothing_happened(history)


def test_somebody_elses_file_is_not_replaced(history, tmp_path):
    path = tmp_path / f"{partition_of(OLDER)}.parquet"
    path.write_bytes(b"precious")
    with pytest.raises(refusals.FileTaken):
        archive_all(tmp_path)
    assert path.read_bytes() == b"precious"
    nothing_happened(history)


def test_another_platforms_month_is_not_replaced(history, tmp_path):
    archived = archive_all(tmp_path)
    content = archived[0].path.read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    (other / f"{partition_of(KEPT)}.parquet").write_bytes(content)
    with pytest.raises(refusals.FileTaken):
        months._put(
            partition_of(KEPT),
            other / f"{partition_of(KEPT)}.parquet",
            months._sums_of(partition_of(KEPT)),
            print,
        )
    assert (other / f"{partition_of(KEPT)}.parquet").read_bytes() == content


def test_a_file_of_a_killed_attempt_is_taken_or_replaced(history, tmp_path):
    """The attempt wrote its file and was killed; a refund came, or did not, before the next."""
    for month in (OLDER, OLD):
        table = partition_of(month)
        months._put(table, tmp_path / f"{table}.parquet", months._sums_of(table), lambda calls: None)
    untouched = (tmp_path / f"{partition_of(OLDER)}.parquet").stat().st_ino
    tenant, request_id, _ = history.old_call()
    history.refund(tenant, request_id, 5, "between")
    sum_up(history.books)
    archived = archive_all(tmp_path)
    assert archived[0].path.stat().st_ino == untouched
    refunded = {
        row["request_id"].replace("-", ""): row["refunded_microcredits"]
        for row in pq.read_table(archived[1].path).to_pylist()
    }
    assert refunded[request_id] == 5
    assert changes(tmp_path) == []
    assert history.books.problems() == []


def test_a_directory_that_is_not_there_is_refused(history, tmp_path):
    with pytest.raises(refusals.DirectoryUnusable) as caught:
        archive_all(tmp_path / "nowhere")
    assert caught.value.param == "to"
    nothing_happened(history)


def test_two_at_once_one_works_and_the_other_says_so(committed_history, tmp_path):
    told = []

    def second():
        try:
            archive_all(tmp_path)
        except refusals.ArchiveUnderWay as error:
            told.append(error)
        finally:
            connection.close()

    working = archive(BEFORE, tmp_path)
    next(working)
    other = threading.Thread(target=second)
    other.start()
    other.join()
    assert told
    assert [one.month for one in working] == [OLD.date()]
    assert archive_all(tmp_path) == []


def test_a_long_reader_is_waited_for_and_holds_up_nobody_but_the_archive(
    committed_history, tmp_path, monkeypatch
):
    monkeypatch.setattr(months, "PATIENCE_S", 0.5)
    monkeypatch.setattr(months, "PAUSE_S", 0.1)
    with elsewhere() as reader:
        reader.execute("BEGIN; SELECT count(*) FROM usage_event")
        with pytest.raises(refusals.TablesBusy):
            archive_all(tmp_path)
        nothing_happened(committed_history)
        committed_history.call(committed_history.one, NOW, cost=5)
        reader.execute("COMMIT")
    assert len(archive_all(tmp_path)) == 2


def test_who_looks_at_the_books_finds_either_the_calls_or_that_they_are_archived(
    committed_history, tmp_path, monkeypatch
):
    monkeypatch.setattr(months, "PATIENCE_S", 0.3)
    monkeypatch.setattr(months, "PAUSE_S", 0.1)
    with elsewhere() as looking:
        # As `snapshot` begins: its lock comes before its first look.
        looking.execute(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE usage_rollup_state IN ACCESS SHARE MODE"
        )
        looking.execute("SELECT 1 FROM usage_balance")
        with pytest.raises(refusals.TablesBusy):
            archive_all(tmp_path)
        [count] = looking.execute("SELECT count(*) FROM usage_event").fetchone()
        assert count == 21


def test_the_applications_role_cannot_archive(as_app):
    for statement in (
        "SELECT usage_archive_month_v1('2020-01-01', 'f', 1, '', '{}', '{}', '{}', '{}', '{}')",
        "INSERT INTO usage_archive (month, file, bytes, sha256, calls) VALUES ('2020-01-01', 'f', 1, '', 0)",
        "DELETE FROM usage_archived_month",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_app.execute(statement)


# Proof afterwards

TAMPERING = {
    "an archived call more": (
        "UPDATE usage_archived_month SET calls = calls + 1",
        "holds ended are not the usage events",
    ),
    "an archived capture more": (
        "UPDATE usage_archived_month SET captures = captures - 1",
        "an archived month and the ledger disagree",
    ),
    "an archived month dearer": (
        "UPDATE usage_archived_month SET captured_microcredits = captured_microcredits + 1",
        "an archived month and the ledger disagree",
    ),
    "an archived month dearer, in the balance's view": (
        "UPDATE usage_archived_month SET captured_microcredits = captured_microcredits + 1",
        "captured is not the sum of captures and of event costs",
    ),
    "costs moved from one archived month to the other": (
        "UPDATE usage_archived_month SET captured_microcredits = captured_microcredits"
        " + CASE WHEN month = (SELECT min(month) FROM usage_archive) THEN 1 ELSE -1 END",
        "an archived month and the ledger disagree",
    ),
    "an archived month refunded less": (
        "UPDATE usage_archived_month SET refunded_microcredits = 0",
        "an archived month and the ledger disagree",
    ),
    "an account's archived month removed": (
        "DELETE FROM usage_archived_month WHERE account_id = (SELECT max(account_id) FROM usage_archived_month)",
        "an archived month and the ledger disagree",
    ),
    "an archived month of nobody": (
        "UPDATE usage_archived_month SET account_id = -account_id",
        "an account has ledger entries, holds or events but no balance",
    ),
    "an archived capture of the ledger made smaller": (
        "UPDATE usage_ledger_entry SET amount_microcredits = amount_microcredits + 1,"
        " balance_microcredits = balance_microcredits + 1 WHERE kind = 'capture' AND entry = 2",
        "an archived month and the ledger disagree",
    ),
    "an archived capture of the ledger given to a kept month": (
        "UPDATE usage_ledger_entry SET request_id = (SELECT request_id FROM usage_event ORDER BY started_at LIMIT 1)"
        " WHERE kind = 'capture' AND entry = 2",
        "a capture and its usage event disagree",
    ),
    "an archived capture of the ledger given to a time before": (
        "UPDATE usage_ledger_entry SET request_id = '01000000-0000-7000-8000-000000000000'"
        " WHERE kind = 'capture' AND entry = 2",
        "an archived month and the ledger disagree",
    ),
    "a kept call removed": (
        "DELETE FROM usage_event WHERE cost_microcredits > 0",
        "a capture and its usage event disagree",
    ),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_with_what_is_left_of_archived_calls_is_found(history, tmp_path, name):
    statement, problem = TAMPERING[name]
    archive_all(tmp_path)
    assert history.books.problems() == []
    tables = ("usage_archived_month", "usage_ledger_entry")
    for table in tables:
        history.books.sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    history.books.sql(statement)
    for table in tables:
        history.books.sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    assert problem in history.books.problems()


def test_what_was_booked_of_a_month_is_never_changed(history, tmp_path):
    archive_all(tmp_path)
    for statement in ("UPDATE usage_archived_month SET calls = 1", "DELETE FROM usage_archive"):
        with pytest.raises(Exception, match="append-only"), transaction.atomic():
            history.books.sql(statement)


def test_a_file_that_was_changed_or_lost_is_found(history, tmp_path):
    archived = archive_all(tmp_path)
    assert changes(tmp_path) == []
    rows = pq.read_table(archived[0].path)
    pq.write_table(rows.slice(1), archived[0].path)
    archived[1].path.unlink()
    assert [(one.month, one.problem) for one in changes(tmp_path)] == [
        (OLDER.date(), "changed"),
        (OLD.date(), "missing"),
    ]


# Killed at any moment

COMMAND = """
import os, sys
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
django.setup()
from django.core.management import call_command
print("begun", flush=True)
call_command("archive_usage", "--before", sys.argv[1], "--to", sys.argv[2], "--quiet")
"""


def start_command(directory):
    """`archive_usage` as a process of its own, begun; as the application's role, which it has to shed itself."""
    root = Path(usage.__file__).parent.parent
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "aio_platform.settings",
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "platform")]),
        "TEST_DATABASE": connection.settings_dict["NAME"],
    }
    environment.pop("AIO_DATABASE_AS_OWNER", None)
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, f"{BEFORE:%Y-%m}", str(directory)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.slow
def test_killed_at_any_moment_and_run_again_it_comes_to_the_same_end(committed_history, tmp_path):
    books = committed_history.books
    rows = books.sql("SELECT e::text FROM usage_event e ORDER BY 1")
    figures, sums = books.sql("SELECT * FROM usage_balance ORDER BY 1"), all_sums(books)
    dice = random.Random(6)
    for _ in range(6):
        process = start_command(tmp_path)
        time.sleep(dice.uniform(0, 0.8))
        process.kill()
        process.wait()
        process.stdout.close()
        assert books.problems() == []
        assert (books.sql("SELECT * FROM usage_balance ORDER BY 1"), all_sums(books)) == (figures, sums)
        # A month is wholly in the database, or wholly in its file; on a slow machine none is in one yet.
        if books.sql("SELECT month FROM usage_archive"):
            assert changes(tmp_path) == []
        [archived] = books.sql("SELECT coalesce(sum(calls), 0) FROM usage_archive")[0]
        assert books.value("SELECT count(*) FROM usage_event") == len(rows) - archived
    process = start_command(tmp_path)
    process.communicate()
    assert process.returncode == 0
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        f"{partition_of(month)}.parquet" for month in (OLDER, OLD)
    ]
    assert changes(tmp_path) == []
    assert books.problems() == []
    written = sum(pq.read_table(path).num_rows for path in tmp_path.iterdir())
    assert written + books.value("SELECT count(*) FROM usage_event") == len(rows)
    assert archive_all(tmp_path) == []


def test_servers_do_not_load_what_only_the_archive_needs():
    script = "import django; django.setup(); import aio_platform.asgi, sys; print('pyarrow' in sys.modules)"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "aio_platform.settings"}
    told = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "False"


# The command


def run(*arguments):
    out, err = StringIO(), StringIO()
    call_command("archive_usage", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_command_archives_and_tells_what(committed_history, tmp_path):
    out, _ = run("--before", f"{BEFORE:%Y-%m}", "--to", str(tmp_path), "--json")
    archived = json.loads(out)["archived"]
    assert [one["month"] for one in archived] == [f"{OLDER:%Y-%m}", f"{OLD:%Y-%m}"]
    assert archived[0]["captured"] == format_credits(6 * 1_000_003 + 15)
    out, _ = run("--before", f"{BEFORE:%Y-%m}", "--to", str(tmp_path))
    assert out.strip() == "There was nothing to archive."
    assert run("--check", "--to", str(tmp_path))[0].strip() == "Every file is as it was archived."
    (tmp_path / f"{partition_of(OLD)}.parquet").unlink()
    with pytest.raises(CommandError, match="1 of the files"):
        run("--check", "--to", str(tmp_path))


def test_a_check_of_no_files_does_not_say_that_all_is_well(committed_history, tmp_path):
    with pytest.raises(CommandError, match="No month of this database was ever archived"):
        run("--check", "--to", str(tmp_path))
    with pytest.raises(CommandError, match="nowhere: there is no such directory"):
        run("--check", "--to", str(tmp_path / "nowhere"))
    run("--before", f"{BEFORE:%Y-%m}", "--to", str(tmp_path))
    with pytest.raises(CommandError, match="nowhere: there is no such directory"):
        run("--check", "--to", str(tmp_path / "nowhere"))
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(CommandError, match="2 of the files"):
        run("--check", "--to", str(tmp_path / "elsewhere"))


@pytest.mark.parametrize("before", ["2026", "2026-13", "2026-00", "soon", "2026-1", "0000-01"])
def test_the_command_refuses_what_is_no_month(tmp_path, before):
    with pytest.raises(CommandError, match="--before is a year and a month"):
        run("--before", before, "--to", str(tmp_path))


def test_the_command_says_in_one_line_why_it_refuses(committed_history, tmp_path):
    with pytest.raises(CommandError, match="at the latest"):
        run("--before", f"{NOW:%Y-%m}", "--to", str(tmp_path))
    with pytest.raises(CommandError, match="no such directory"):
        run("--before", f"{BEFORE:%Y-%m}", "--to", str(tmp_path / "nowhere"))
    nothing_happened(committed_history)
    assert issubclass(refusals.ArchiveRefused, InvalidRequest)
