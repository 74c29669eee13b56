"""Every refusal of the books has one error, with the figures and headers that its caller needs."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import usage
from aio_platform.problems import render
from usage import errors
from usage.ledger import verdicts
from usage.ledger.calls import Verdict
from usage.ledger.client import AUTHORIZE_SQL

NOW = datetime(2026, 2, 27, 23, 0, 0, 500_000, tzinfo=UTC)
SQL = Path(usage.__file__).parent / "sql" / "functions"


def verdict(name, **figures):
    return Verdict(**dict.fromkeys(Verdict._fields) | {"name": name} | figures)


def names_in_sql():
    """What the functions can say, read from the text of those that the ledger's client calls."""
    version = re.search(r"usage_(authorize_v\d+)", AUTHORIZE_SQL)[1]
    text = (SQL / f"{version}.sql").read_text() + (SQL / "refusals_v1.sql").read_text()
    return set(re.findall(r"(?:THEN|v :=)\s+'([a-z_]+)'", text)) - {"admitted"}


def test_every_refusal_the_functions_name_has_an_error():
    assert names_in_sql() == set(verdicts._ERRORS)
    for name in names_in_sql():
        error = verdicts.error_for_verdict(verdict(name), 1, NOW)
        assert error.status in (401, 402, 403, 429)
        assert verdicts.error_for_refusal_name(name).status == error.status


def test_tasks_are_authorised_by_the_version_that_calls_are():
    """Directly, or through an older name that does nothing but call it: no rule holds for one of them alone."""
    version = re.search(r"usage_authorize_v\d+", AUTHORIZE_SQL)[0]
    functions = (SQL.parents[2] / "gateway" / "sql" / "functions").glob("*.sql")
    called = {
        name for file in functions for name in re.findall(r"FROM (usage_authorize_v\d+)", file.read_text())
    }
    assert called
    schema = (SQL.parent / "schema.sql").read_text()
    for name in called - {version}:
        body = schema.partition(f"FUNCTION public.{name}(")[2].partition("CREATE OR REPLACE FUNCTION")[0]
        assert re.findall(r"FROM (\w+)", body) == [version], name


@pytest.mark.parametrize(
    ("name", "status", "type_"),
    [
        ("unknown_key", 401, "authentication_error"),
        ("revoked_key", 401, "authentication_error"),
        ("expired_key", 401, "authentication_error"),
        ("not_a_member", 403, "permission_error"),
        ("account_suspended", 403, "permission_error"),
        ("role_not_allowed", 403, "permission_error"),
        ("endpoint_not_allowed", 403, "permission_error"),
        ("model_not_allowed", 403, "permission_error"),
        ("address_not_allowed", 403, "permission_error"),
        ("minute_rate", 429, "rate_limit"),
        ("trial_exhausted", 429, "daily_trial_limit"),
        ("key_day_cap", 402, "insufficient_credits"),
        ("key_month_cap", 402, "insufficient_credits"),
        ("insufficient_credits", 402, "insufficient_credits"),
    ],
)
def test_statuses_and_types_are_the_documented_ones(name, status, type_):
    error = verdicts.error_for_verdict(verdict(name), 1, NOW)
    assert (error.status, error.type) == (status, type_)


def test_admitted_is_no_error():
    with pytest.raises(KeyError):
        verdicts.error_for_verdict(verdict("admitted"), 1, NOW)


def test_a_402_says_needed_available_held_and_which_limit():
    error = verdicts.error_for_verdict(
        verdict("insufficient_credits", allowance=250_000, held=3_000_000), 1_500_000, NOW
    )
    assert error.details == {"needed": "1.5", "available": "0.25", "held": "3", "limit_source": "balance"}


@pytest.mark.parametrize(
    ("name", "resets_at"),
    [("key_day_cap", "2026-02-28T00:00:00Z"), ("key_month_cap", "2026-03-01T00:00:00Z")],
)
def test_a_caps_402_says_what_is_left_of_it_and_when_it_starts_anew(name, resets_at):
    error = verdicts.error_for_verdict(
        verdict(name, available=90_000_000, allowance=250_000, held=0), 1_500_000, NOW
    )
    assert error.details == {
        "needed": "1.5",
        "available": "0.25",
        "held": "0",
        "limit_source": name,
        "resets_at": resets_at,
    }
    assert "retry-after" not in {name.lower() for name in error.headers}


def test_the_month_cap_of_a_month_s_last_day_starts_anew_the_next():
    last = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    error = verdicts.error_for_verdict(verdict("key_month_cap"), 1, last)
    assert error.details["resets_at"] == "2027-01-01T00:00:00Z"


def test_the_minutes_429_says_when_to_come_back():
    figures = {"minute_limit": 60, "minute_remaining": 0, "minute_reset_s": 12}
    response = render(verdicts.error_for_verdict(verdict("minute_rate", **figures), 1, NOW), "/v1/x", "req_x")
    assert response.status_code == 429
    assert response["Retry-After"] == "12"
    assert response["RateLimit"] == '"minute";r=0;t=12'
    assert response["RateLimit-Policy"] == '"minute";q=60;w=60'
    assert response["x-ratelimit-limit-requests"] == "60"
    assert response["x-ratelimit-remaining-requests"] == "0"
    assert response["x-ratelimit-reset-requests"] == "12s"
    assert "x-should-retry" not in response


def test_the_trials_429_names_the_next_day_and_asks_clients_not_to_retry():
    figures = {"minute_limit": 60, "minute_remaining": 9, "minute_reset_s": 12}
    response = render(
        verdicts.error_for_verdict(verdict("trial_exhausted", **figures), 1, NOW), "/v1/x", "req_x"
    )
    assert response["Retry-After"] == "3600"
    assert response["x-should-retry"] == "false"
    assert response["RateLimit"] == '"day";r=0;t=3600'
    assert response["x-ratelimit-remaining-requests"] == "0"
    assert b"2026-02-28T00:00:00Z" in response.content


def test_the_trials_day_is_utc_wherever_now_is_told_from():
    from datetime import timedelta, timezone

    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    error = verdicts.error_for_verdict(verdict("trial_exhausted"), 1, elsewhere)
    assert error.retry_after_s == 3600


def test_an_admitted_call_tells_its_minute_where_the_plan_has_one():
    told = verdicts.rate_headers(verdict("admitted", minute_limit=60, minute_remaining=59, minute_reset_s=60))
    assert told == {
        "RateLimit": '"minute";r=59;t=60',
        "RateLimit-Policy": '"minute";q=60;w=60',
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "60s",
    }
    assert verdicts.rate_headers(verdict("admitted")) == {}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.IdempotencyInFlight(), 409),
        (errors.IdempotencyMismatch(), 422),
        (errors.IdempotencyNotReplayable("req_x"), 409),
    ],
)
def test_idempotency_errors_have_their_type(error, status):
    assert (error.status, error.type) == (status, "idempotency_error")
