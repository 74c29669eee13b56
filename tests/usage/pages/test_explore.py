"""`/usage`: any measure by any dimension, with the API's figures, and a clear word to what cannot be shown."""

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from asgiref.sync import async_to_sync

from aio_platform.http.request_ids import new_request_uuid

CREDIT = 1_000_000


def at(moment):
    return f"{int(moment.timestamp() * 1000):012x}" + new_request_uuid()[12:]


@pytest.fixture
def busy(books):
    """An account with calls of eight models over two days."""
    tenant = books.tenant(plan="unlimited", credit=1000 * CREDIT)
    now = datetime.now(UTC)
    for number in range(1, 9):
        for hours in (1, 30):
            moment = now - timedelta(hours=hours)
            books.call(
                tenant, number * 1001, request_id=at(moment), model=f"m{number}", tokens_in=number, latency_ms=number
            )  # fmt: skip
    books.call(tenant, outcome="failed", model="m1", endpoint="speech")
    return tenant


def test_the_chart_and_the_table_come_to_the_total(busy, visit):
    context = visit(busy, "/usage", {"period": "7d", "group_by": "model"}).context
    in_chart = sum(sum(one.values) for one in context["chart"].series)
    in_table = sum(row["cost_microcredits"] for _group, row in context["table"])
    assert in_chart == in_table == context["total"]["cost_microcredits"] == 36 * 2 * 1001


def test_beyond_the_leading_groups_the_rest_is_one(busy, visit):
    chart = visit(busy, "/usage", {"group_by": "model"}).context["chart"]
    assert [one.label for one in chart.series] == ["m8", "m7", "m6", "m5", "m4", "m3", "Other"]


def test_percentiles_have_no_rest(busy, visit):
    response = visit(busy, "/usage", {"group_by": "model", "measure": "p95"})
    assert "Other" not in [one.label for one in response.context["chart"].series]
    assert b"2 more groups are in the table only" in response.content


def test_the_leading_percentiles_are_drawn(busy, visit):
    chart = visit(busy, "/usage", {"group_by": "model", "measure": "p95"}).context["chart"]
    drawn = {one.label: {value for value in one.values if value is not None} for one in chart.series}
    # m1's other latency is that of the failed call.
    assert drawn == {"m1": {1, 10}, **{f"m{number}": {number} for number in range(4, 9)}}


@pytest.mark.parametrize("measure", ["cost", "calls", "tokens", "errors", "p50", "p95", "p99", "first_token"])
def test_every_measure_is_shown_by_every_dimension(busy, client_of, measure):
    browser = client_of(busy)
    for group_by in ("key", "model", "endpoint", "outcome", "member", "none"):
        response = browser.get("/usage", {"measure": measure, "group_by": group_by})
        assert response.status_code == 200, group_by
        assert not response.context["chart"].is_empty, group_by


@pytest.mark.parametrize(
    ("interval", "hours"), [("minute", 6), ("hour", 24 * 14), ("day", 24 * 365), ("month", 24 * 3650)]
)
def test_intervals_reach_from_the_minute_to_the_month(busy, visit, interval, hours):
    since = datetime.now(UTC) - timedelta(hours=hours)
    response = visit(busy, "/usage", {"interval": interval, "since": since.isoformat()})
    assert response.status_code == 200
    assert response.context["view"].interval == interval
    assert response.context["total"]["calls"] >= 9


def test_intervals_without_calls_are_drawn_as_nothing(books, visit):
    tenant = books.tenant(credit=CREDIT)
    books.call(tenant, 5)
    chart = visit(tenant, "/usage", {"period": "24h", "interval": "hour"}).context["chart"]
    assert len(chart.moments) in (25, 26)
    assert sum(chart.series[0].values) == 5


def test_days_begin_at_the_visitors_midnight(books, visit):
    tenant = books.tenant(credit=CREDIT)
    books.call(tenant, 5)
    chart = visit(tenant, "/usage", {"period": "7d", "interval": "day"}).context["chart"]
    assert {moment.astimezone(UTC).hour for moment in chart.moments} == {15}


def test_a_day_whose_midnight_comes_twice_is_drawn_once(books, client_of, make_call):
    tenant = books.tenant(plan="unlimited", credit=CREDIT)
    # Clocks of the Azores go back from 1:00 to 0:00, which is UTC's 1:00.
    books.call(tenant, 5, request_id=at(datetime(2025, 10, 26, 0, 30, tzinfo=UTC)))
    books.authorize(make_call(tenant.digest, 50 * CREDIT))
    books.sql("UPDATE usage_refusal SET minute = '2025-10-26 01:30Z'")
    browser = client_of(tenant)
    browser.cookies["aio_time_zone"] = "Atlantic/Azores"
    query = {"period": "custom", "since": "2025-10-25", "until": "2025-10-28", "interval": "day"}
    context = browser.get("/usage", query).context
    days = [datetime(2025, 10, day, hour, tzinfo=UTC) for day, hour in ((25, 0), (26, 0), (27, 1))]
    for name, values in (("chart", [0, 5, 0]), ("refusals", [0, 1, 0])):
        assert context[name].moments == days
        assert [list(one.values) for one in context[name].series] == [values]


def test_an_own_range_is_read_in_the_visitors_time(books, visit):
    tenant = books.tenant(plan="unlimited", credit=CREDIT)
    books.call(tenant, 5, request_id=at(datetime(2026, 5, 1, 15, 0, tzinfo=UTC)))
    inside = {"period": "custom", "since": "2026-05-02T00:00", "until": "2026-05-02T00:01"}
    assert visit(tenant, "/usage", inside).context["total"]["calls"] == 1
    outside = {"period": "custom", "since": "2026-05-02T00:01", "until": "2026-05-03T00:01"}
    assert visit(tenant, "/usage", outside).context["total"]["calls"] == 0


def test_filters_narrow_and_stay_chosen(busy, visit):
    query = {"model": "m3", "key": busy.key.public_id, "outcome": "succeeded", "endpoint": "chat"}
    response = visit(busy, "/usage", query)
    assert response.context["total"]["calls"] == 2
    page = response.content.decode()
    for value in query.values():
        assert f'<option value="{value}" selected>' in page


def test_refusals_are_charted_by_reason(books, visit, make_call):
    tenant = books.tenant(credit=CREDIT)
    books.authorize(*[make_call(tenant.digest, 50 * CREDIT) for _ in range(3)])
    chart = visit(tenant, "/usage").context["refusals"]
    assert [(one.label, sum(one.values)) for one in chart.series] == [("not enough credits", 3)]


@pytest.mark.parametrize("group_by", ["key", "model", "endpoint", "outcome", "member", "none"])
def test_the_csv_has_the_apis_figures(busy, client_of, get, group_by):
    query = {
        "period": "custom",
        "since": (datetime.now(UTC) - timedelta(days=3)).isoformat(),
        "interval": "day",
    }
    answer = client_of(busy).get("/usage/summary.csv", query | {"group_by": group_by})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(StringIO(body(answer))))
    asked = {"since": query["since"], "interval": "day", "timezone": "Asia/Seoul"}
    if group_by != "none":
        asked["group_by"] = group_by
    api = get(busy, "/api/v1/usage/summary", **asked).json()["data"]
    assert [(row["bucket"], row["cost"], row["calls"], row["latency_p95_ms"]) for row in rows] == [
        (row["bucket"], row["cost"], str(row["calls"]), str(row["latency_ms"]["p95"])) for row in api
    ]
    if group_by == "model":
        assert [row["model"] for row in rows] == [row["model"] for row in api]


def body(response):
    async def all_of_it():
        return b"".join([part async for part in response]).decode()

    return async_to_sync(all_of_it)()


BAD = [
    ("period", {"period": "1y"}),
    ("interval", {"interval": "second"}),
    ("interval", {"interval": "minute", "period": "30d"}),
    ("group_by", {"group_by": "account"}),
    ("group_by", {"group_by": "model,key"}),
    ("measure", {"measure": "profit"}),
    ("since", {"period": "custom"}),
    ("since", {"since": "yesterday"}),
    ("since", {"since": "0001-01-01"}),
    ("since", {"since": "2026-05-02", "until": "2026-05-01"}),
    ("until", {"since": "2026-05-02", "until": "9999-01-01"}),
    ("key", {"key": "nonsense"}),
    ("outcome", {"outcome": "in_flight"}),
    ("member", {"member": "nobody@people.test"}),
    ("colour", {"colour": "red"}),
]


@pytest.mark.parametrize(("field", "query"), BAD)
@pytest.mark.parametrize("path", ["/usage", "/usage/summary.csv"])
def test_what_cannot_be_shown_is_named(tenant, visit, path, field, query):
    response = visit(tenant, path, query)
    assert response.status_code == 400
    assert f"<code>{field}</code>" in response.content.decode()


def test_htmx_is_told_in_the_place_of_the_view(tenant, client_of):
    response = client_of(tenant).get("/usage", {"group_by": "x"}, headers={"HX-Request": "true"})
    assert (response.status_code, response["HX-Retarget"]) == (400, "#view")
    assert response.content.decode().lstrip().startswith('<div id="view">')


def test_another_accounts_key_is_none_there_is(books, tenant, visit):
    stranger = books.tenant()
    response = visit(tenant, "/usage", {"key": stranger.key.public_id})
    assert response.status_code == 400
    assert stranger.key.name not in response.content.decode()
    assert stranger.key.name not in visit(tenant, "/usage").content.decode()


def test_names_are_shown_as_text(books, visit):
    tenant = books.tenant(credit=CREDIT)
    books.call(tenant, 5, model="<script>alert(1)</script>")
    page = visit(tenant, "/usage").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
