"""`generate_usage`: made-up months go through the tables of the books, which agree afterwards."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import Account
from gateway.endpoints import ENDPOINT_NAMES
from usage import rollups
from usage.reports import REPORTS, ReportQuery


def generate(*arguments):
    out = StringIO()
    call_command("generate_usage", "--json", "--quiet", *arguments, stdout=out, stderr=StringIO())
    return json.loads(out.getvalue())


@pytest.mark.django_db(transaction=True)
def test_its_books_agree_and_its_sums_are_those_of_its_events(committed_books):
    made = generate("--accounts", "8", "--days", "40", "--events", "2000", "--seed", "7")
    assert made["accounts"] == 8
    assert 1500 < made["events"] <= 2000
    assert committed_books.problems() == []
    assert committed_books.value("SELECT count(*) FROM usage_event") == made["events"]
    assert (
        committed_books.value(
            "SELECT sum(calls) FROM usage_rollup_day WHERE account_id = 0 AND day_start = 0"
        )
        == (made["events"])
    )
    # Soon after midnight (UTC) nobody may have called on that day yet.
    assert committed_books.value("SELECT count(DISTINCT started_at::date) FROM usage_event") in (39, 40)
    assert committed_books.value("SELECT count(*) FROM usage_event_default") == 0
    outcomes = {outcome for (outcome,) in committed_books.sql("SELECT DISTINCT outcome FROM usage_event")}
    assert {"succeeded", "failed", "rejected"} <= outcomes
    heaviest = committed_books.value(
        "SELECT max(n) FROM (SELECT count(*) AS n FROM usage_event GROUP BY account_id) c"
    )
    assert heaviest > made["events"] / 4
    grown = committed_books.value("SELECT count(*) FROM usage_rollup_hour")
    rollups.rebuild()
    assert committed_books.value("SELECT count(*) FROM usage_rollup_hour") == grown
    for kind in REPORTS.values():
        kind.make(ReportQuery())


@pytest.mark.django_db(transaction=True)
def test_every_endpoint_has_made_up_calls(committed_books):
    generate("--accounts", "8", "--days", "20", "--events", "4000", "--seed", "7")
    called = {endpoint for (endpoint,) in committed_books.sql("SELECT DISTINCT endpoint FROM usage_event")}
    assert called == set(ENDPOINT_NAMES)
    charged = committed_books.sql(
        "SELECT DISTINCT endpoint FROM usage_event WHERE outcome = 'succeeded' AND cost_microcredits > 0"
    )
    # Who can speak is told for nothing.
    assert {endpoint for (endpoint,) in charged} == set(ENDPOINT_NAMES) - {"voices"}
    streamed = committed_books.sql("SELECT DISTINCT endpoint FROM usage_event WHERE streamed")
    assert {endpoint for (endpoint,) in streamed} == {"chat"}


@pytest.mark.django_db(transaction=True)
def test_the_same_seed_draws_the_same_accounts(committed_books):
    generate("--accounts", "5", "--days", "3", "--events", "50", "--seed", "3", "--prefix", "A")
    generate("--accounts", "5", "--days", "3", "--events", "50", "--seed", "3", "--prefix", "B")
    plans = [
        list(Account.objects.filter(name__startswith=prefix).order_by("name").values_list("plan", flat=True))
        for prefix in "AB"
    ]
    assert plans[0] == plans[1]
    with pytest.raises(CommandError, match="already"):
        generate("--accounts", "5", "--days", "3", "--events", "50", "--seed", "3", "--prefix", "A")
    assert committed_books.problems() == []


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("--accounts", ("--accounts", "0")),
        ("--days", ("--days", "100000")),
        ("--events", ("--events", "-1")),
        ("--prefix", ("--prefix", " ")),
        ("--prefix", ("--prefix", "acct_x")),
    ],
)
def test_what_it_cannot_make_up_it_says(db, said, arguments):
    with pytest.raises(CommandError, match=said):
        generate(*arguments)


def test_only_the_owner_of_the_database_may(db):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE aio_app")
    with pytest.raises(CommandError, match="owner"):
        generate()
