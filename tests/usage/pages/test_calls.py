"""`/usage/calls`: every ended call once, new ones within a look, the same as CSV."""

import csv
import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from asgiref.sync import async_to_sync

from aio_platform.http.request_ids import new_request_uuid
from usage.ledger import grants

CREDIT = 1_000_000


def at(moment):
    return f"{int(moment.timestamp() * 1000):012x}" + new_request_uuid()[12:]


def ids(response):
    return re.findall(r'<tr id="req_([0-9a-f]{32})"', response.content.decode())


def seen(response):
    return re.search(r'(?:name="seen" value|data-seen)="([0-9.]+)"', response.content.decode()).group(1)


def body(response):
    async def all_of_it():
        return b"".join([part async for part in response]).decode()

    return async_to_sync(all_of_it)()


def test_pages_go_through_every_call_once_newest_first(books, client_of):
    tenant = books.tenant(plan="unlimited", credit=CREDIT)
    made = [books.call(tenant, 1) for _ in range(53)]
    browser = client_of(tenant)
    first = browser.get("/usage/calls")
    older = re.search(r'href="([^"]+)">Older', first.content.decode()).group(1)
    second = browser.get("/usage/calls" + older.replace("&amp;", "&"))
    assert ids(first) + ids(second) == sorted(made, reverse=True)
    assert "Older" not in second.content.decode()
    assert "data-live" not in second.content.decode()


def test_a_look_tells_of_what_ended_since_and_gives_the_next_mark(books, client_of, make_end):
    tenant = books.tenant(credit=CREDIT)
    books.call(tenant, 1, request_id=at(datetime.now(UTC) - timedelta(minutes=5)))
    long_call = books.hold(tenant, 10)
    browser = client_of(tenant)
    mark = seen(browser.get("/usage/calls"))
    early = browser.get("/usage/calls/new", {"seen": mark})
    assert ids(early) == []
    assert "1 call is under way" in early.content.decode()
    books.settle(make_end(tenant, long_call, 5))
    quick = books.call(tenant, 2)
    told = browser.get("/usage/calls/new", {"seen": seen(early)})
    assert set(ids(told)) == {long_call.request_id, quick}


def test_a_look_keeps_to_the_filters(books, client_of):
    tenant = books.tenant(credit=CREDIT)
    browser = client_of(tenant)
    mark = seen(browser.get("/usage/calls"))
    cheap, dear = books.call(tenant, 1, model="a"), books.call(tenant, 500_001, model="b")
    assert ids(browser.get("/usage/calls/new", {"seen": mark, "cost_over": "0.5"})) == [dear]
    assert ids(browser.get("/usage/calls/new", {"seen": mark, "model": "a"})) == [cheap]


def test_calls_are_narrowed_by_cost_and_time_taken(books, client_of):
    tenant = books.tenant(credit=CREDIT)
    cheap = books.call(tenant, 100, latency_ms=1501)
    dear = books.call(tenant, 500_000, latency_ms=1500)
    browser = client_of(tenant)
    assert ids(browser.get("/usage/calls", {"cost_over": "0.0001"})) == [dear]
    assert ids(browser.get("/usage/calls", {"slower_than": "1.5"})) == [cheap]
    grants.refund(tenant.id, dear, 499_950, reason="sorry", actor="test", idempotency_key="k")
    assert ids(browser.get("/usage/calls", {"cost_over": "0.0001"})) == []


def test_the_csv_has_the_lists_calls_and_the_apis_figures(books, client_of, get):
    tenant = books.tenant(plan="unlimited", credit=CREDIT)
    for number in range(3):
        books.call(tenant, 1000 + number, model=f"m{number}", tokens_in=number)
    rows = list(
        csv.DictReader(StringIO(body(client_of(tenant).get("/usage/calls.csv", {"cost_over": "0.001"}))))
    )
    api = [
        event for event in get(tenant, "/api/v1/usage").json()["data"] if event["cost_microcredits"] > 1000
    ]
    assert [(row["request_id"], row["cost"], row["model"]) for row in rows] == [
        (event["request_id"], event["cost"], event["model"]) for event in api
    ]


def test_the_csv_goes_on_beyond_one_batch(books, client_of, monkeypatch):
    monkeypatch.setattr("usage.queries.call_lists.ROWS_AT_ONCE", 2)
    tenant = books.tenant(plan="unlimited", credit=CREDIT)
    made = [books.call(tenant, 1) for _ in range(5)]
    rows = list(csv.DictReader(StringIO(body(client_of(tenant).get("/usage/calls.csv")))))
    assert [row["request_id"] for row in rows] == [f"req_{one}" for one in sorted(made, reverse=True)]


BAD = [
    ("after", {"after": "x"}),
    ("after", {"after": "AAAAAAAAAAAAAAAAAAAAAA"}),
    ("cost_over", {"cost_over": "cheap"}),
    ("cost_over", {"cost_over": "-1"}),
    ("cost_over", {"cost_over": "NaN"}),
    ("slower_than", {"slower_than": "-1"}),
    ("slower_than", {"slower_than": "nan"}),
    ("slower_than", {"slower_than": "1e9"}),
    ("period", {"period": "ever"}),
    ("key", {"key": "key_x"}),
    ("outcome", {"outcome": "won"}),
    ("since", {"since": "2026-05-02", "until": "2026-05-01"}),
    ("colour", {"colour": "red"}),
]


@pytest.mark.parametrize(("field", "query"), BAD)
def test_what_cannot_be_shown_is_named(tenant, visit, field, query):
    response = visit(tenant, "/usage/calls", query)
    assert response.status_code == 400
    assert f"<code>{field}</code>" in response.content.decode()


@pytest.mark.parametrize("mark", ["", "x", "1", "1.2.3", "1.x", f"{10**30}.1", "-1.99999999999999999999999"])
def test_a_mark_that_is_not_ours_is_refused(tenant, visit, mark):
    response = visit(tenant, "/usage/calls/new", {"seen": mark}, headers={"HX-Request": "true"})
    assert response.status_code == 400
    assert b"seen" in response.content


def test_other_accounts_calls_are_never_shown(books, tenant, client_of):
    books.call(tenant, 1)
    stranger = client_of(books.tenant())
    assert ids(stranger.get("/usage/calls")) == []
    mark = seen(stranger.get("/usage/calls"))
    books.call(tenant, 1)
    assert ids(stranger.get("/usage/calls/new", {"seen": mark})) == []
    assert len(body(stranger.get("/usage/calls.csv")).splitlines()) == 1
