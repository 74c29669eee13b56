"""`/api/staff/reports` and `usage_report REPORT`: the same figures for programs and terminals, and for staff alone."""

import csv
import json
import re
from io import StringIO

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import translation
from left_in_english import HANGUL

from accounts.models import User
from usage.reports import REPORTS

CREDIT = 1_000_000
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d[\d:.+Z]*")


def signed_in(**fields):
    user = User.objects.create_user(f"p{User.objects.count()}@people.test", **fields)
    client = Client()
    client.force_login(user)
    return client, user


@pytest.fixture
def staff(db):
    client, user = signed_in(is_staff=True)
    user.user_permissions.add(
        Permission.objects.get(content_type__app_label="usage", codename="view_usageevent")
    )
    return client


def test_a_report_as_json_and_as_csv(books, tenant, staff):
    books.call(tenant, 5, model="=cmd")
    answer = staff.get(
        "/api/staff/reports/calls", {"group_by": "model", "interval": "none", "compare": "yes"}
    )
    assert answer.status_code == 200, answer.content
    [row] = answer.json()["rows"]
    assert (row["model"], row["cost"], row["cost_microcredits"]) == ("=cmd", "0.000005", 5)
    assert answer.json()["previous"]["rows"] == []
    assert answer["Cache-Control"] == "no-store"
    text = staff.get("/api/staff/reports/calls", {"group_by": "model", "interval": "none", "format": "csv"})
    [line] = csv.DictReader(StringIO(text.content.decode()))
    assert (line["model"], line["calls"]) == ("'=cmd", "1")
    names = [kind["name"] for kind in staff.get("/api/staff/reports").json()["data"]]
    assert {"calls", "margin", "latency", "refusals", "liability", "holds", "conversion"} <= set(names)


@pytest.mark.parametrize(
    "path", ["/api/staff/reports", "/api/staff/reports/calls", "/api/staff/reports/none"]
)
def test_who_is_no_staff_finds_nothing_and_staff_without_the_permission_is_refused(
    books, tenant, member_of, path
):
    member = Client()
    member.force_login(member_of(tenant, "owner").user)
    with_key = Client(headers={"Authorization": f"Bearer {tenant.key_text}"})
    for nobody in (Client(), member, with_key):
        assert nobody.get(path).status_code == 404
    assert signed_in(is_staff=True)[0].get(path).status_code == 403


@pytest.mark.parametrize(
    ("param", "query"),
    [
        ("since", {"since": "x"}),
        ("since", {"since": "2026-02-01", "until": "2026-01-01"}),
        ("since", {"since": "2000-01-01", "interval": "minute"}),
        ("timezone", {"timezone": "Mars/Olympus"}),
        ("group_by", {"group_by": "colour"}),
        ("group_by", {"group_by": "model,model"}),
        ("account", {"account": "nobody"}),
        ("key", {"key": "aio_00000000"}),
        ("plan", {"plan": "gold"}),
        ("outcome", {"outcome": "fine"}),
        ("interval", {"interval": "week"}),
        ("limit", {"limit": "0"}),
        ("limit", {"limit": "1e9"}),
        ("compare", {"compare": "maybe"}),
        ("format", {"format": "xml"}),
        ("color", {"color": "red"}),
    ],
)
def test_a_bad_query_is_400_and_names_the_parameter(staff, param, query):
    answer = staff.get("/api/staff/reports/calls", query)
    assert (answer.status_code, answer.json()["type"]) == (400, "invalid_request")
    assert answer.json()["param"] == param


def test_a_report_there_is_not_is_404(staff):
    assert staff.get("/api/staff/reports/colours").status_code == 404


def run(*arguments):
    out = StringIO()
    call_command("usage_report", *arguments, stdout=out)
    return out.getvalue().rstrip("\n")


def test_the_command_gives_the_same_figures_as_table_csv_and_json(books, tenant, staff):
    books.call(tenant, 5, model="small")
    query = ("--group-by", "model", "--interval", "none", "--account", tenant.account.name)
    table = run("calls", *query).splitlines()
    assert table[0].split()[:2] == ["model", "calls"]
    assert table[1].split()[:2] == ["small", "1"]
    assert table[2].split()[:2] == ["total", "1"]
    [line] = csv.DictReader(StringIO(run("calls", *query, "--format", "csv")))
    assert line["cost"] == "0.000005"
    told = json.loads(run("calls", *query, "--format", "json"))
    asked = staff.get("/api/staff/reports/calls", {"group_by": "model", "interval": "none"}).json()
    assert told["rows"] == asked["rows"]


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("--since", ("calls", "--since", "x")),
        ("no report", ("colours",)),
        ("Name a key", ("calls", "--key", "x")),
        ("needs a REPORT", ("--model", "small")),
        ("group_by", ("calls", "--group-by", "colour")),
    ],
)
def test_the_command_says_what_is_wrong(db, said, arguments):
    with pytest.raises(CommandError, match=said):
        run(*arguments)


@pytest.mark.parametrize("name", ["", *sorted(REPORTS)])
@pytest.mark.parametrize("form", ["json", "csv"])
def test_programs_get_the_same_whatever_language_is_asked_for(books, tenant, staff, name, form):
    books.call(tenant, 5, model="small")
    address = f"/api/staff/reports/{name}?format={form}" if name else "/api/staff/reports"
    english, korean = (
        staff.get(address, headers={"Accept-Language": language}).content.decode()
        for language in ("en", "ko")
    )
    assert TIMESTAMP.sub("", korean) == TIMESTAMP.sub("", english)
    assert not HANGUL.search(korean)


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_the_command_speaks_english(books, tenant, form):
    books.call(tenant, 5, model="small")
    with translation.override("ko"):
        told = run("top_accounts", "--format", form)
    assert not HANGUL.search(told)
    assert "unusual" in told
