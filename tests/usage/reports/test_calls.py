"""The report of calls and credits, in the shape that all staff reports have."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from aio_platform.errors import InvalidRequest
from aio_platform.http.request_ids import new_request_uuid
from usage.queries.filters import CallFilter
from usage.reports import REPORTS
from usage.reports.rendering import as_csv, as_json, as_table
from usage.reports.report_query import ReportQuery

CREDIT = 1_000_000


def at(text):
    moment = datetime.fromisoformat(text)
    return f"{int(moment.timestamp() * 1000):012x}" + new_request_uuid()[12:]


@pytest.fixture
def tenant(books):
    return books.tenant(plan="unlimited", credit=1000 * CREDIT)


def ask(since, until, **fields):
    which = CallFilter(
        None, since=datetime.fromisoformat(since), until=datetime.fromisoformat(until) if until else None
    )
    return REPORTS["calls"].make(ReportQuery(which, **fields))


def test_days_stand_beside_the_days_of_the_period_before(books, tenant):
    for text, cost in [("2026-05-01T09:00", 1), ("2026-05-02T09:00", 2), ("2026-05-03T09:00", 5)]:
        books.call(tenant, cost * CREDIT, request_id=at(f"{text}+00:00"))
    report = ask("2026-05-03T00:00+00:00", "2026-05-05T00:00+00:00", compare=True)
    [(row, before)] = report.rows_with_previous()
    assert (row["bucket"], row["cost"], before["cost"]) == (
        datetime(2026, 5, 3, tzinfo=UTC),
        5 * CREDIT,
        CREDIT,
    )
    assert (report.totals["calls"], report.previous.totals["calls"]) == (1, 2)


def test_a_day_of_25_hours_does_not_shift_the_days_it_is_compared_with(books, tenant):
    berlin = ZoneInfo("Europe/Berlin")
    for text in ("2026-10-24T00:30+02:00", "2026-10-25T00:30+02:00"):
        books.call(tenant, CREDIT, request_id=at(text))
    report = ask(
        "2026-10-25T00:00+02:00",
        "2026-10-26T00:00+01:00",
        compare=True,
        zone=berlin,
        zone_name="Europe/Berlin",
    )
    [(_row, before)] = report.rows_with_previous()
    assert before is not None
    assert report.previous.period.since == datetime(2026, 10, 23, 22, tzinfo=UTC)


def test_a_cell_that_starts_like_a_formula_is_text_in_the_csv(books, tenant):
    books.call(tenant, CREDIT, model="=1+1")
    report = REPORTS["calls"].make(ReportQuery(group_by=("model",), interval="none"))
    assert "\r\n'=1+1,1,0,0.0,1,1,0,,0,0,0,0,0\r\n" in as_csv(report)
    assert as_json(report)["rows"][0]["model"] == "=1+1"
    assert as_json(report)["rows"][0]["cost_microcredits"] == CREDIT
    assert as_table(report).splitlines()[-1].startswith("total")


def test_an_unknown_grouping_is_refused_by_name(db):
    with pytest.raises(InvalidRequest) as refusal:
        REPORTS["calls"].make(ReportQuery(group_by=("colour",)))
    assert refusal.value.param == "group_by"


@pytest.mark.parametrize("name", ["calls", "refusals"])
def test_a_day_whose_midnight_comes_twice_is_one_row(books, tenant, make_call, name):
    azores = ZoneInfo("Atlantic/Azores")
    books.call(tenant, CREDIT, request_id=at("2025-10-26T00:30+00:00"))
    books.sql("UPDATE usage_grant SET created_at = '2025-10-26 01:30Z'")
    books.authorize(make_call(tenant.digest, 10_000 * CREDIT))
    books.sql("UPDATE usage_refusal SET minute = '2025-10-26 01:30Z'")
    which = CallFilter(
        None, since=datetime(2025, 10, 25, tzinfo=UTC), until=datetime(2025, 10, 28, tzinfo=UTC)
    )
    query = ReportQuery(which, interval="day", zone=azores, zone_name="Atlantic/Azores")
    [row] = REPORTS[name].make(query).rows
    # Ambiguous times of two zones are never equal.
    assert row["bucket"].astimezone(UTC) == datetime(2025, 10, 26, tzinfo=UTC)
    assert row["calls"] == 1
    assert row.get("granted") in (None, 1000 * CREDIT)
