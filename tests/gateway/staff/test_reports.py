"""Every report on the staff site: its page, the period before and CSV, with calls and without any."""

import csv
import io
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from tests.gateway.staff.staff_world import World, make_world, some_calls
from usage.ledger import route_costs
from usage.ledger.rates import Price
from usage.reports import REPORTS

OVER_TIME = ("calls", "margin", "latency", "refusals")


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("root@staff.test", is_staff=True, is_superuser=True))
    return client


@pytest.mark.parametrize("name", sorted(REPORTS))
@pytest.mark.parametrize("calls", [0, 3])
def test_every_report_has_a_page_and_a_csv(world: World, staff: Client, name: str, calls: int) -> None:
    some_calls(world, calls)
    page = staff.get(f"/staff/reports/{name}/")
    assert page.status_code == 200, page.content[:600]
    assert REPORTS[name].title in page.content.decode().replace("&#x27;", "'")
    table = staff.get(f"/staff/reports/{name}.csv")
    assert table["Content-Type"] == "text/csv; charset=utf-8"
    assert len(list(csv.reader(io.StringIO(table.content.decode())))) >= 1


@pytest.mark.parametrize("name", OVER_TIME)
@pytest.mark.parametrize("interval", ["minute", "hour", "day", "month"])
def test_reports_over_time_draw_every_interval_beside_the_period_before(
    world: World, staff: Client, name: str, interval: str
) -> None:
    some_calls(world)
    page = staff.get(
        f"/staff/reports/{name}/", {"interval": interval, "compare": "yes", "timezone": "Asia/Kolkata"}
    )
    assert page.status_code == 200, page.content[:600]
    text = page.content.decode()
    assert 'data-chart="chart-0"' in text
    assert ", before" in text


def test_the_same_figures_stand_on_the_page_and_in_the_csv(world: World, staff: Client) -> None:
    some_calls(world)
    asked = {"group_by": "account", "interval": "none", "account": world.account.public_id}
    [row] = list(csv.DictReader(io.StringIO(staff.get("/staff/reports/calls.csv", asked).content.decode())))
    assert (row["calls"], row["cost"]) == ("3", "0.75")
    page = staff.get("/staff/reports/calls/", asked).content.decode()
    assert ">0.75<" in page
    assert f"/staff/accounts/{world.account.public_id}/" in page


def test_the_margin_knows_what_staff_published_as_costs(world: World, staff: Client) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    form = {"route": "spare", "since": f"{hour:%Y-%m-%dT%H:%M}", "tokens_in": "0.01", "tokens_in_per": "12"}
    staff.post("/staff/costs/publish", form)
    some_calls(world)
    asked = {"route": "spare", "group_by": "route", "interval": "none"}
    text = staff.get("/staff/reports/margin.csv", asked).content.decode()
    [row] = list(csv.DictReader(io.StringIO(text)))
    assert (row["revenue"], row["upstream_cost"], row["margin"]) == ("0.75", "0.03", "0.72")


@pytest.mark.parametrize(
    "form",
    [
        {"route": "nowhere"},
        {"since": "12:30"},
        {"since": "2026-01-31T12:30"},
        {"tokens_in": "-1"},
        {"tokens_in": ""},
        {"tokens_in_per": "x"},
    ],
)
def test_a_bad_cost_publishes_nothing(world: World, staff: Client, form: dict[str, str]) -> None:
    assert staff.post("/staff/costs/publish", world.form("cost-publish") | form).status_code == 302
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM usage_route_cost")
        assert cursor.fetchone() == (0,)


def test_another_cost_for_the_same_hour_is_refused_in_words(world: World, staff: Client) -> None:
    hour = datetime(2026, 1, 31, 12, tzinfo=UTC)
    route_costs.publish_route_cost("spare", hour, (Price("tokens_in", 7, 1),))
    answer = staff.post("/staff/costs/publish", world.form("cost-publish"))
    assert "Another cost is published for that hour." in staff.get(answer["Location"]).content.decode()


def test_the_home_page_says_how_the_day_went_and_what_stands_still(world: World, staff: Client) -> None:
    some_calls(world)
    page = staff.get("/staff/").content.decode()
    for text in (
        "Calls, 24 hours",
        "Spent, net, 24 hours",
        "Error rate, 24 hours",
        "Unspent credits",
        "agree",
    ):
        assert text in page
    assert ">3<" in page
    assert "9.25" in page  # 10 opening credits less three calls


def test_staff_who_may_not_see_reports_see_no_figures_at_home(world: World) -> None:
    client = Client()
    client.force_login(User.objects.create_user("new@staff.test", is_staff=True))
    page = client.get("/staff/")
    assert page.status_code == 200
    assert "24 hours" not in page.content.decode()


def test_a_name_that_a_spreadsheet_would_run_is_text(world: World, staff: Client) -> None:
    world.account.name = "=HYPERLINK(1)"
    world.account.save()
    some_calls(world)
    text = staff.get("/staff/reports/calls.csv", {"group_by": "account", "interval": "none"}).content.decode()
    assert "'=HYPERLINK(1)" in text


def test_absurd_ranges_are_refused_in_words(world: World, staff: Client) -> None:
    soon = (datetime.now(UTC) + timedelta(days=400)).strftime("%Y-%m-%d")
    for asked in (
        {"since": "2000-01-01", "interval": "minute"},
        {"since": soon},
        {"until": "1999-01-01"},
        {"group_by": "account,account"},
        {"key": uuid4().hex},
    ):
        answer = staff.get("/staff/reports/calls/", asked)
        assert answer.status_code in (400, 404), asked
