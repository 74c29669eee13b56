"""`/api/v1/usage` and its receipts: every ended call once, newest first, and why it cost what it cost."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.keys import lifecycle
from aio_platform.http.request_ids import new_request_uuid
from usage.ledger import grants

CREDIT = 1_000_000


def at(moment):
    """A request uuid of a call that started then."""
    return f"{int(moment.timestamp() * 1000):012x}" + new_request_uuid()[12:]


def ids(answer):
    return [event["request_id"].removeprefix("req_") for event in answer["data"]]


def test_a_call_is_shown_as_soon_as_it_is_settled(books, tenant, get):
    request_id = books.call(
        tenant, 10_500, ceiling=CREDIT, tokens_in=20, tokens_out=1, latency_ms=120, upstream_latency_ms=100
    )
    answer = get(tenant, "/api/v1/usage").json()
    [event] = answer["data"]
    assert event["request_id"] == f"req_{request_id}"
    assert (event["cost"], event["cost_microcredits"]) == ("0.0105", 10_500)
    assert event["key"] == {
        "id": tenant.key.public_id,
        "name": tenant.key.name,
        "prefix": tenant.key_text[:12],
    }
    assert event["units"]["tokens_in"] == 20
    assert event["timings"] == {"latency_ms": 120, "platform_ms": 20, "upstream_ms": 100, "first_byte_ms": 9}
    assert answer["as_of"] >= event["settled_at"]


def test_pages_go_through_every_call_once_newest_first(books, get):
    tenant = books.tenant(plan="unlimited", credit=CREDIT)
    same_moment = datetime.now(UTC)
    made = [books.call(tenant, 1, request_id=at(same_moment)) for _ in range(3)]
    made += [books.call(tenant, 1, request_id=at(same_moment - timedelta(days=days))) for days in range(1, 5)]
    seen, after = [], {}
    while True:
        page = get(tenant, "/api/v1/usage", limit=2, **after).json()
        seen += ids(page)
        if not page["has_more"]:
            break
        after = {"after": page["next"]}
    assert page["next"] is None
    assert seen == sorted(made, reverse=True)


def test_a_call_settled_between_two_pages_is_not_shown_twice(books, tenant, get):
    books.call(tenant, 1)
    books.call(tenant, 1)
    first = get(tenant, "/api/v1/usage", limit=1).json()
    books.call(tenant, 1)
    second = get(tenant, "/api/v1/usage", limit=5, after=first["next"]).json()
    assert len(second["data"]) == 1
    assert set(ids(first)).isdisjoint(ids(second))


def test_filters_narrow_by_key_endpoint_model_outcome_and_time(books, get, member_of):
    tenant = books.tenant(credit=CREDIT)
    other_key, _ = lifecycle.issue_key(tenant.account, "other")
    now = datetime.now(UTC)
    plain = books.call(tenant, 1)
    speech = books.call(tenant, 1, endpoint="speech", model="loud")
    failed = books.call(tenant, outcome="failed")
    old = books.call(tenant, 1, request_id=at(now - timedelta(hours=2)))
    by_other = books.call(tenant._replace(digest=bytes(other_key.digest)), 1)
    member = member_of(tenant, "owner")
    session = books.call(tenant._replace(digest=None), 1, account_id=tenant.id, member_id=member.user_id)

    def found(**query):
        return set(ids(get(tenant, "/api/v1/usage", **query).json()))

    assert found() == {plain, speech, failed, old, by_other, session}
    assert found(key=other_key.public_id) == {by_other}
    assert found(key="session") == {session}
    assert found(endpoint="speech") == {speech}
    assert found(model="loud") == {speech}
    assert found(outcome="failed") == {failed}
    hour_ago = (now - timedelta(hours=1)).isoformat()
    assert found(until=hour_ago) == {old}
    assert old not in found(since=hour_ago)
    assert found(since=hour_ago, model="loud", outcome="failed") == set()


def test_since_is_included_and_until_is_not(books, tenant, get):
    moment = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    request_id = books.call(tenant, 1, request_id=at(moment))
    text = moment.isoformat()
    assert ids(get(tenant, "/api/v1/usage", since=text).json()) == [request_id]
    assert ids(get(tenant, "/api/v1/usage", until=text).json()) == []


def test_other_tenants_calls_are_not_shown(books, tenant, get):
    books.call(tenant, 1)
    assert get(books.tenant(), "/api/v1/usage").json()["data"] == []


def test_a_signed_in_members_call_has_no_key(books, tenant, get, member_of):
    member = member_of(tenant, "developer")
    books.call(tenant._replace(digest=None), 1, account_id=tenant.id, member_id=member.user_id)
    assert get(tenant, "/api/v1/usage").json()["data"][0]["key"] is None


def receipt(get, tenant, request_id):
    return get(tenant, f"/api/v1/usage/req_{request_id}")


def test_a_receipt_derives_the_price(books, tenant, get):
    request_id = books.call(tenant, 11_500, ceiling=CREDIT, tokens_in=21)
    found = receipt(get, tenant, request_id).json()
    assert found["rate"] == {
        "name": "test",
        "version": 1,
        "lines": [
            {"unit": "calls", "quantity": 1, "price_microcredits": 1000, "per": 1, "microcredits": "1000"},
            {
                "unit": "tokens_in",
                "quantity": 21,
                "price_microcredits": 500000,
                "per": 1000,
                "microcredits": "10500",
            },
        ],
    }
    assert (found["hold"], found["capture"], found["refunded"], found["cost"]) == (
        "1",
        "0.0115",
        "0",
        "0.0115",
    )
    assert found["balance_after"] == "9.9885"
    assert found["attempts"] == []
    assert found["outcome"] == "succeeded"
    assert found["as_of"]


def test_a_receipt_is_net_of_refunds(books, tenant, get):
    request_id = books.call(tenant, 500)
    grants.refund(tenant.id, request_id, 200, reason="sorry", actor="test", idempotency_key="k")
    found = receipt(get, tenant, request_id).json()
    assert [found[f"{name}_microcredits"] for name in ("capture", "refunded", "cost")] == [500, 200, 300]


def test_a_released_call_has_a_receipt_that_charges_nothing(books, tenant, get):
    request_id = books.call(tenant, outcome="timed_out", status=504, upstream_latency_ms=None)
    found = receipt(get, tenant, request_id).json()
    assert (found["outcome"], found["status"], found["cost"], found["balance_after"]) == (
        "timed_out",
        504,
        "0",
        None,
    )
    assert found["rate"]["lines"] == []
    assert found["timings"]["platform_ms"] is None


def test_a_call_under_way_is_in_flight(books, tenant, get):
    call = books.hold(tenant, 2 * CREDIT)
    found = receipt(get, tenant, call.request_id).json()
    assert (found["outcome"], found["hold"], found["cost"], found["settled_at"]) == (
        "in_flight",
        "2",
        None,
        None,
    )
    assert found["rate"]["name"] == "test"


def test_attempts_name_upstreams_and_leak_nothing_else(books, tenant, get):
    stored = (
        '[{"upstream": "primary", "status": 502, "latency_ms": 40, "url": "http://10.0.0.1/v1"},'
        ' {"upstream": "http://10.0.0.1:8000/v1", "status": "secret", "latency_ms": null}]'
    )
    request_id = books.call(tenant, 1, attempts=stored)
    response = receipt(get, tenant, request_id)
    assert response.json()["attempts"] == [
        {"upstream": "primary", "status": 502, "latency_ms": 40},
        {"upstream": None, "status": None, "latency_ms": None},
    ]
    assert b"10.0.0.1" not in response.content


def test_another_tenants_receipt_is_not_found(books, tenant, get):
    stranger = books.tenant()
    ended, open_call = books.call(tenant, 1), books.hold(tenant)
    for request_id in (ended, open_call.request_id):
        response = receipt(get, stranger, request_id)
        assert response.status_code == 404
        assert response.json()["error"]["type"] == "not_found"


@pytest.mark.parametrize(
    "request_id",
    ["x", "req_", "req_" + "0" * 32, "req_ffffffffffff7fff8fffffffffffffff", "req_018f%00", "summary%00",
     "req_018f2b2c-0000-7000-8000-000000000000"],
)  # fmt: skip
def test_what_is_no_request_id_is_not_found(tenant, get, request_id):
    assert get(tenant, f"/api/v1/usage/{request_id}").status_code == 404


BAD_QUERIES = {
    "limit": ["0", "201", "-1", "1.5", "x", "", "٣", "9" * 30],
    "after": ["x", "", "AAAA", "A" * 22, "=" * 22, "\x00", "é" * 22, "A" * 200],
    "key": ["x", "key_", "key_" + "a" * 16, "key_\x00", "'; DROP TABLE x"],
    "endpoint": ["", "\x00", "a\nb", "x" * 201],
    "model": ["", "\x00", "x" * 201],
    "outcome": ["", "in_flight", "SUCCEEDED", "\x00"],
    "since": ["", "x", "0001-01-01", "9999-12-31", "2026-13-01", "\x00", "now"],
    "until": ["", "x", "1e400"],
    "colour": ["blue"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, many in BAD_QUERIES.items() for value in many]
)
def test_a_bad_query_is_400_and_names_the_parameter(tenant, get, name, value):
    response = get(tenant, "/api/v1/usage", **{name: value})
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request", name)


def test_since_after_until_is_400(tenant, get):
    response = get(tenant, "/api/v1/usage", since="2026-02-01", until="2026-01-01")
    assert (response.status_code, response.json()["error"]["param"]) == (400, "since")


def test_a_parameter_given_twice_is_400(tenant, client):
    response = client.get(
        "/api/v1/usage?limit=1&limit=2", headers={"Authorization": f"Bearer {tenant.key_text}"}
    )
    assert (response.status_code, response.json()["error"]["param"]) == (400, "limit")


def test_more_parameters_than_anybody_needs_are_400(tenant, client):
    query = "&".join(f"p{number}=1" for number in range(2000))
    response = client.get(f"/api/v1/usage?{query}", headers={"Authorization": f"Bearer {tenant.key_text}"})
    assert response.status_code == 400


def test_a_ledger_cursor_is_no_usage_cursor(books, tenant, get):
    books.call(tenant, 1)
    cursor = get(tenant, "/api/v1/credits/ledger", limit=1).json()["next"]
    assert cursor is not None
    assert get(tenant, "/api/v1/usage", after=cursor).status_code == 400


def test_no_cache_keeps_an_answer(tenant, get):
    assert get(tenant, "/api/v1/usage")["Cache-Control"] == "no-store"
    assert get(tenant, "/api/v1/usage", limit=0)["Cache-Control"] == "no-store"


@pytest.mark.parametrize("accept", ["text/csv", "text/html", "application/xml", "*/*", "nonsense"])
def test_the_answer_is_json_whatever_is_accepted(tenant, client, accept):
    response = client.get(
        "/api/v1/usage", headers={"Authorization": f"Bearer {tenant.key_text}", "Accept": accept}
    )
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")


def test_a_page_is_one_look_without_counting(books, tenant, get, django_assert_max_num_queries):
    for _ in range(5):
        books.call(tenant, 1)
    with django_assert_max_num_queries(12) as seen:
        get(tenant, "/api/v1/usage", limit=2)
    statements = " ".join(query["sql"] for query in seen.captured_queries).lower()
    assert "count(" not in statements
    assert "offset" not in statements
