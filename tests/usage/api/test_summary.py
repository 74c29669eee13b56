"""`/api/v1/usage/summary` and `/refusals`: sums and percentiles by group and bucket, days as the zone has them."""

from datetime import UTC, datetime, timedelta

import pytest

from aio_platform.http.request_ids import new_request_uuid
from usage.ledger import grants

CREDIT = 1_000_000


def at(text):
    moment = datetime.fromisoformat(text)
    return f"{int(moment.timestamp() * 1000):012x}" + new_request_uuid()[12:]


@pytest.fixture
def tenant(books):
    return books.tenant(plan="unlimited", credit=1000 * CREDIT)


@pytest.fixture
def summary(get):
    def ask(tenant, **query):
        response = get(tenant, "/api/v1/usage/summary", **query)
        assert response.status_code == 200, response.content
        return response.json()

    return ask


def test_without_groups_there_is_one_row_which_is_the_total(books, tenant, summary):
    books.call(tenant, 100, tokens_in=7, tokens_out=3)
    books.call(tenant, outcome="failed")
    answer = summary(tenant)
    [row] = answer["data"]
    assert row == answer["total"]
    assert (row["calls"], row["errors"], row["cost_microcredits"]) == (2, 1, 100)
    assert (row["tokens_in"], row["tokens_out"]) == (7, 3)
    assert answer["group_by"] == []
    assert answer["until"] is None


def test_an_empty_account_has_an_empty_summary(tenant, summary):
    answer = summary(tenant, group_by="model", interval="day")
    assert answer["data"] == []
    assert answer["total"]["calls"] == 0
    assert answer["total"]["latency_ms"] == {"p50": None, "p95": None, "p99": None}
    assert answer["total"]["first_byte_ms"] == {"p50": None, "p95": None}


def test_cost_is_net_of_refunds_and_gross_is_not(books, tenant, summary):
    request_id = books.call(tenant, 100)
    grants.refund(tenant.id, request_id, 40, reason="sorry", actor="test", idempotency_key="k")
    total = summary(tenant)["total"]
    assert [total[f"{name}_microcredits"] for name in ("cost", "gross", "refunded")] == [60, 100, 40]
    assert total["cost"] == "0.00006"


def test_groups_multiply_and_the_dearest_comes_first(books, tenant, summary):
    books.call(tenant, 1, model="small", endpoint="chat")
    books.call(tenant, 5, model="large", endpoint="chat")
    books.call(tenant, 2, model="large", endpoint="speech")
    books.call(tenant, 2, model="large", endpoint="speech")
    rows = summary(tenant, group_by="model,endpoint")["data"]
    assert [(row["model"], row["endpoint"], row["calls"], row["cost_microcredits"]) for row in rows] == [
        ("large", "chat", 1, 5),
        ("large", "speech", 2, 4),
        ("small", "chat", 1, 1),
    ]


def test_keys_are_named_and_outcomes_counted(books, tenant, summary):
    books.call(tenant, 1)
    books.call(tenant, outcome="cancelled")
    rows = summary(tenant, group_by="key,outcome")["data"]
    assert [(row["key"]["prefix"], row["outcome"], row["calls"], row["errors"]) for row in rows] == [
        (tenant.key.prefix, "succeeded", 1, 0),
        (tenant.key.prefix, "cancelled", 1, 0),
    ]


@pytest.mark.parametrize("outcome", ["rejected", "failed", "timed_out", "expired"])
def test_errors_are_what_went_wrong(books, tenant, summary, outcome):
    books.call(tenant, outcome=outcome)
    assert summary(tenant)["total"]["errors"] == 1


def test_percentiles_are_latencies_that_were_measured(books, tenant, summary):
    for latency_ms in range(1, 101):
        books.call(tenant, 1, latency_ms=latency_ms)
    books.call(tenant, outcome="expired", latency_ms=10**6)
    assert summary(tenant)["total"]["latency_ms"] == {"p50": 50, "p95": 95, "p99": 99}


def test_the_first_byte_has_percentiles_of_the_calls_that_had_one(books, tenant, summary):
    for first_byte_ms in range(1, 21):
        books.call(tenant, 1, first_byte_ms=first_byte_ms)
    books.call(tenant, outcome="failed", first_byte_ms=None)
    assert summary(tenant)["total"]["first_byte_ms"] == {"p50": 10, "p95": 19}


def test_calls_are_summed_by_the_member_who_made_them_and_those_of_keys_apart(
    books, tenant, member_of, make_call, make_end, summary, get
):
    member = member_of(tenant, "developer")
    books.call(tenant, 3)
    called = make_call(None, 5, account_id=tenant.id, member_id=member.user_id)
    [verdict] = books.authorize(called)
    assert verdict.verdict == "admitted"
    books.settle(make_end(tenant, called, 5))
    rows = summary(tenant, group_by="member")["data"]
    assert [(row["member"], row["cost_microcredits"]) for row in rows] == [
        ({"email": member.user.email}, 5),
        (None, 3),
    ]
    assert summary(tenant, member=member.user.email)["total"]["cost_microcredits"] == 5
    stranger = member_of(books.tenant(), "owner")
    refused = get(tenant, "/api/v1/usage/summary", member=stranger.user.email)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "member")


def buckets(answer):
    return [(row["bucket"], row["calls"]) for row in answer["data"]]


def test_minutes_hours_and_days_are_cut_in_utc(books, tenant, summary):
    for text in ("2026-05-01T10:00:59+00:00", "2026-05-01T10:01:00+00:00", "2026-05-02T00:00:00+00:00"):
        books.call(tenant, 1, request_id=at(text))
    period = {"since": "2026-05-01", "until": "2026-05-03"}
    assert buckets(summary(tenant, interval="minute", **period)) == [
        ("2026-05-01T10:00:00Z", 1),
        ("2026-05-01T10:01:00Z", 1),
        ("2026-05-02T00:00:00Z", 1),
    ]
    assert buckets(summary(tenant, interval="hour", **period)) == [
        ("2026-05-01T10:00:00Z", 2),
        ("2026-05-02T00:00:00Z", 1),
    ]
    assert buckets(summary(tenant, interval="day", **period)) == [
        ("2026-05-01T00:00:00Z", 2),
        ("2026-05-02T00:00:00Z", 1),
    ]


def test_months_are_cut_in_the_zone_asked_for(books, get):
    tenant = books.tenant(plan="unlimited", credit=1_000_000)
    for text in ("2026-01-31T14:59:00+00:00", "2026-01-31T15:00:00+00:00", "2026-03-01T00:00:00+00:00"):
        books.call(tenant, 1, request_id=at(text))
    query = {"interval": "month", "timezone": "Asia/Seoul", "since": "2026-01-01", "until": "2026-04-01"}
    answer = get(tenant, "/api/v1/usage/summary", **query).json()
    assert buckets(answer) == [
        ("2026-01-01T00:00:00+09:00", 1),
        ("2026-02-01T00:00:00+09:00", 1),
        ("2026-03-01T00:00:00+09:00", 1),
    ]


def test_hours_of_a_half_hour_zone_start_at_its_half_hours(books, tenant, summary):
    books.call(tenant, 1, request_id=at("2026-05-01T10:29:00+00:00"))
    books.call(tenant, 1, request_id=at("2026-05-01T10:31:00+00:00"))
    answer = summary(tenant, interval="hour", timezone="Asia/Kolkata", since="2026-05-01", until="2026-05-02")
    assert buckets(answer) == [("2026-05-01T15:00:00+05:30", 1), ("2026-05-01T16:00:00+05:30", 1)]
    assert answer["since"] == "2026-04-30T18:30:00.000000Z"


def test_a_day_on_which_clocks_change_is_one_day_and_its_repeated_hour_two(books, tenant, summary):
    for text in ("2026-10-24T22:00:00+00:00", "2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00",
                 "2026-10-25T22:59:00+00:00", "2026-10-25T23:00:00+00:00"):  # fmt: skip
        books.call(tenant, 1, request_id=at(text))
    zone = {"timezone": "Europe/Berlin", "since": "2026-10-25", "until": "2026-10-27"}
    assert buckets(summary(tenant, interval="day", **zone)) == [
        ("2026-10-25T00:00:00+02:00", 4),
        ("2026-10-26T00:00:00+01:00", 1),
    ]
    assert buckets(summary(tenant, interval="hour", **zone))[1:3] == [
        ("2026-10-25T02:00:00+02:00", 1),
        ("2026-10-25T02:00:00+01:00", 1),
    ]


def test_a_day_whose_midnight_comes_twice_starts_with_the_first(books, tenant, summary):
    # Clocks of the Azores go back from 1:00 to 0:00.
    for text in ("2026-10-24T23:59:00+00:00", "2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00",
                 "2026-10-26T00:59:00+00:00", "2026-10-26T01:00:00+00:00"):  # fmt: skip
        books.call(tenant, 1, request_id=at(text))
    zone = {"timezone": "Atlantic/Azores", "since": "2026-10-24", "until": "2026-10-27"}
    assert buckets(summary(tenant, interval="day", **zone)) == [
        ("2026-10-24T00:00:00+00:00", 1),
        ("2026-10-25T00:00:00+00:00", 3),
        ("2026-10-26T00:00:00-01:00", 1),
    ]


def test_the_usual_period_starts_with_a_whole_interval(tenant, summary):
    answer = summary(tenant, interval="day", timezone="Asia/Kolkata")
    assert answer["since"].endswith("T18:30:00.000000Z")
    answer = summary(tenant, interval="hour")
    assert answer["since"].endswith(":00:00.000000Z")
    answer = summary(tenant, interval="month")
    assert answer["since"].endswith("-01T00:00:00.000000Z")


def test_a_call_that_starts_after_the_look_by_its_own_clock_is_counted(books, tenant, summary):
    books.call(tenant, 1, request_id=at((datetime.now(UTC) + timedelta(seconds=30)).isoformat()))
    assert summary(tenant)["total"]["calls"] == 1


def test_filters_apply_to_rows_and_total(books, tenant, summary):
    books.call(tenant, 1, model="small")
    books.call(tenant, 1, model="large")
    answer = summary(tenant, model="small", group_by="model", key=tenant.key.public_id)
    assert [row["model"] for row in answer["data"]] == ["small"]
    assert answer["total"]["calls"] == 1


def test_other_tenants_are_not_summed(books, tenant, summary):
    books.call(tenant, 1)
    assert summary(books.tenant())["total"]["calls"] == 0


BAD_QUERIES = {
    "group_by": ["", "account", "key,key", "key,", "model;endpoint", "day"],
    "interval": ["", "second", "Hour", "week"],
    "timezone": ["", "Mars", "Europe", "../../etc/passwd", "\x00", "posix/../UTC"],
    "limit": ["5"],
    "since": ["2000-01-01", "x"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, many in BAD_QUERIES.items() for value in many]
)
def test_a_bad_query_is_400_and_names_the_parameter(tenant, get, name, value):
    response = get(tenant, "/api/v1/usage/summary", **{"interval": "minute", name: value})
    assert (response.status_code, response.json()["error"]["param"]) == (400, name)


def test_a_zone_that_only_python_knows_is_400(tenant, get):
    response = get(tenant, "/api/v1/usage/summary", interval="day", timezone="Factory")
    assert response.status_code in (200, 400)


def test_more_buckets_than_sane_are_400(tenant, get):
    query = {"interval": "minute", "since": "2026-01-01", "until": "2026-01-08"}
    response = get(tenant, "/api/v1/usage/summary", **query)
    assert (response.status_code, response.json()["error"]["param"]) == (400, "since")
    assert "10,000 minutes" in response.json()["error"]["message"]


def test_more_rows_than_sane_are_400(books, tenant, get, monkeypatch):
    from usage.queries.aggregates import summaries

    monkeypatch.setattr(summaries, "MAX_ROWS", 1)
    books.call(tenant, 1, model="a")
    books.call(tenant, 1, model="b")
    response = get(tenant, "/api/v1/usage/summary", group_by="model")
    assert (response.status_code, response.json()["error"]["param"]) == (400, "group_by")


def refuse(books, tenant, code, endpoint="chat", calls=1):
    for _ in range(calls):
        books.sql(
            "SELECT usage_count_refusals_v1(ARRAY[%s]::bigint[], ARRAY[%s]::bigint[], ARRAY[%s], ARRAY[%s])",
            tenant.id,
            tenant.key.pk,
            endpoint,
            code,
        )


def test_refusals_are_counted_by_code_and_endpoint(books, tenant, get):
    refuse(books, tenant, "minute_rate", calls=3)
    refuse(books, tenant, "invalid_request", "speech")
    answer = get(tenant, "/api/v1/usage/refusals").json()
    assert answer["data"] == [
        {"code": "minute_rate", "endpoint": "chat", "calls": 3},
        {"code": "invalid_request", "endpoint": "speech", "calls": 1},
    ]
    assert answer["as_of"]
    by_key = get(tenant, "/api/v1/usage/refusals", group_by="key", interval="day").json()["data"]
    assert [(row["key"]["prefix"], row["calls"]) for row in by_key] == [(tenant.key.prefix, 4)]
    assert by_key[0]["bucket"].endswith("T00:00:00Z")


def test_refusals_of_others_and_of_other_endpoints_are_left_out(books, tenant, get):
    refuse(books, tenant, "minute_rate")
    assert get(books.tenant(), "/api/v1/usage/refusals").json()["data"] == []
    assert get(tenant, "/api/v1/usage/refusals", endpoint="speech").json()["data"] == []


def test_refusals_have_no_model(tenant, get):
    response = get(tenant, "/api/v1/usage/refusals", model="small")
    assert (response.status_code, response.json()["error"]["param"]) == (400, "model")
