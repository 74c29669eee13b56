"""`/credits`: the ledger with its causes, its sum, its history; to the micro-credit the same as usage."""

import csv
import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from asgiref.sync import async_to_sync

from usage.ledger import grants
from usage.queries.balance_history import balances_at
from usage.snapshot import snapshot

CREDIT = 1_000_000


def body(response):
    async def all_of_it():
        return b"".join([part async for part in response]).decode()

    return async_to_sync(all_of_it)()


def text_of(response):
    return re.sub(
        r"\s+", " ", re.sub(r"<script.*?</script>|<[^>]+>", " ", response.content.decode(), flags=re.DOTALL)
    )


@pytest.fixture
def lively(books):
    """An account with every kind of entry."""
    tenant = books.tenant(plan="unlimited", credit=10 * CREDIT)
    request_id = books.call(tenant, 1_234_567, model="large")
    grants.refund(tenant.id, request_id, 234_567, reason="sorry", actor="test", idempotency_key="k")
    soon = datetime.now(UTC) + timedelta(hours=1)
    grants.grant(tenant.id, 2 * CREDIT, reason="a gift", actor="test", expires_at=soon)
    books.sql(
        "UPDATE usage_grant SET expires_at = now() WHERE account_id = %s AND reason = 'a gift'", tenant.id
    )
    books.sql("UPDATE usage_balance SET next_grant_expiry_at = now() WHERE account_id = %s", tenant.id)
    grants.expire_grants(tenant.id)
    return tenant


def test_every_entry_is_shown_with_its_cause(lively, visit):
    shown = text_of(visit(lively, "/credits"))
    for cause in ("opening credits", "chat · large", "sorry", "a gift", "grant of entry 4 expired"):
        assert cause in shown
    assert "−1.234567" in shown.replace("-1.2", "−1.2")


def test_the_sum_of_a_lifetime_is_what_there_is(lively, visit):
    lifetime = visit(lively, "/credits").context["credit"]["lifetime"]
    sums = [lifetime[f"{name}_microcredits"] for name in ("granted", "captured", "refunded", "expired")]
    assert sums == [12 * CREDIT, 1_234_567, 234_567, 2 * CREDIT]


def test_captures_less_refunds_are_the_usage_to_the_microcredit(lively, visit, books):
    for cost in (1, 333_333, 7):
        books.call(lively, cost)
    lifetime = visit(lively, "/credits").context["credit"]["lifetime"]
    usage = visit(lively, "/usage", {"period": "7d"}).context["total"]
    assert usage["cost_microcredits"] == (
        lifetime["captured_microcredits"] - lifetime["refunded_microcredits"]
    )
    assert usage["gross_microcredits"] == lifetime["captured_microcredits"]


def test_the_csv_is_the_apis_ledger(lively, client_of, get):
    rows = list(csv.DictReader(StringIO(body(client_of(lively).get("/credits/ledger.csv")))))
    api = get(lively, "/api/v1/credits/ledger").json()["data"]
    columns = ("entry", "kind", "amount", "balance", "request_id", "cause_entry", "reason")
    assert [[row[name] for name in columns] for row in rows] == [
        ["" if entry[name] is None else str(entry[name]) for name in columns] for entry in api
    ]


def test_the_csv_goes_on_beyond_one_batch(books, client_of, monkeypatch):
    monkeypatch.setattr("usage.pages.credits.ROWS_AT_ONCE", 2)
    tenant = books.tenant(plan="unlimited", credit=CREDIT)
    for _ in range(4):
        books.call(tenant, 1)
    rows = list(csv.DictReader(StringIO(body(client_of(tenant).get("/credits/ledger.csv")))))
    assert [int(row["entry"]) for row in rows] == [5, 4, 3, 2, 1]


def test_a_reason_that_looks_like_a_formula_is_no_formula(books, client_of):
    tenant = books.tenant(plan="unlimited")
    grants.grant(tenant.id, 1, reason="=HYPERLINK(1)", actor="test")
    assert "'=HYPERLINK(1)" in body(client_of(tenant).get("/credits/ledger.csv"))


def test_pages_of_the_ledger_follow_each_other(books, client_of):
    tenant = books.tenant(plan="unlimited", credit=CREDIT)
    for _ in range(54):
        books.call(tenant, 1)
    browser = client_of(tenant)
    first = browser.get("/credits")
    older = re.search(r'href="([^"]+)">Older', first.content.decode()).group(1)
    second = browser.get("/credits" + older.replace("&amp;", "&").partition("#")[0])
    numbers = [entry["entry"] for page in (first, second) for entry in page.context["entries"]]
    assert numbers == list(range(55, 0, -1))


def test_the_balance_of_the_past_is_that_of_the_last_entry_before(books):
    tenant = books.tenant(plan="unlimited", credit=100)
    for _ in range(9):
        books.call(tenant, 1)
    books.sql("ALTER TABLE usage_ledger_entry DISABLE TRIGGER usage_ledger_entry_append_only")
    books.sql(
        "UPDATE usage_ledger_entry SET created_at = timestamptz '2026-05-01 00:00Z' + entry * interval '1 hour'"
        " WHERE account_id = %s",
        tenant.id,
    )
    start = datetime(2026, 5, 1, tzinfo=UTC)
    moments = [start + timedelta(hours=hours) for hours in (0, 1, 1.5, 4, 10, 11)]
    with snapshot() as look:
        assert balances_at(look, tenant.id, moments) == [0, 100, 100, 97, 91, 91]


def test_an_account_without_entries_shows_that(books, visit):
    response = visit(books.tenant(), "/credits")
    assert response.status_code == 200
    assert "Nothing has been granted yet." in text_of(response)


@pytest.mark.parametrize(
    ("field", "query"),
    [
        ("period", {"period": "1y"}),
        ("after", {"after": "x"}),
        ("after", {"after": "AAAAAAAAAAAAAAAAAAAAAA"}),
        ("colour", {"colour": "red"}),
    ],
)
def test_what_cannot_be_shown_is_named(tenant, visit, field, query):
    response = visit(tenant, "/credits", query)
    assert response.status_code == 400
    assert f"<code>{field}</code>" in response.content.decode()


def test_other_accounts_entries_are_never_shown(lively, books, client_of):
    stranger = client_of(books.tenant())
    assert "a gift" not in stranger.get("/credits").content.decode()
    assert len(body(stranger.get("/credits/ledger.csv")).splitlines()) == 1
