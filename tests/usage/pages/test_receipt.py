"""`/usage/calls/<request id>`: how the price came about, to the micro-credit, for every way a call can end."""

import re

import pytest

from aio_platform.http.request_ids import new_request_uuid
from usage.ledger import grants
from usage.ledger.outcomes import Outcome

CREDIT = 1_000_000


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def show(visit, tenant, request_id, **options):
    return visit(tenant, f"/usage/calls/req_{request_id}", **options)


def test_the_price_is_derived_line_by_line(books, tenant, visit):
    request_id = books.call(tenant, 11_500, ceiling=CREDIT, tokens_in=21)
    shown = text_of(show(visit, tenant, request_id))
    assert "21 input tokens × 0.5 per 1,000 0.0105" in shown
    assert "1 call × 0.001 0.001" in shown
    assert "Charged 0.0115" in shown
    assert "1 credits held" in shown
    assert "0.9885 credits came back" in shown
    assert "Balance after: 9.9885 credits" in shown
    assert "Rounded up" not in shown


def test_rounding_is_shown_where_there_was_some(books, visit):
    tenant = books.tenant(credit=CREDIT)
    books.rate_id = books.sql(
        """SELECT id FROM usage_publish_rate_v1('thirds', '{"tokens_in": {"microcredits": 1, "per": 3}}')"""
    )[0][0]
    request_id = books.call(tenant, 2, ceiling=10, tokens_in=4)
    response = show(visit, tenant, request_id)
    assert response.context["price"].rounded_microcredits == 2
    assert "Rounded up once, to the millionth of a credit 0.000002" in text_of(response)


def test_a_price_above_the_hold_is_cut_off_there(books, tenant, visit):
    request_id = books.call(tenant, 1000, ceiling=1000, tokens_in=21)
    assert "Never more than was held 0.001" in text_of(show(visit, tenant, request_id))


def test_refunds_are_listed_and_taken_off(books, tenant, visit):
    request_id = books.call(tenant, 500)
    grants.refund(tenant.id, request_id, 200, reason="slow answer", actor="test", idempotency_key="k")
    shown = text_of(show(visit, tenant, request_id))
    assert "slow answer" in shown
    assert "Cost 0.0003" in shown
    assert "Part of it was refunded later." in shown


@pytest.mark.parametrize("outcome", [one.value for one in Outcome])
def test_every_outcome_is_explained(books, tenant, visit, outcome):
    charge = 5 if outcome in ("succeeded", "partial") else None
    request_id = books.call(tenant, charge or 0, outcome=outcome)
    response = show(visit, tenant, request_id)
    assert response.status_code == 200
    assert len(response.context["sentences"][0]) > 40


def test_the_time_is_split_without_rest(books, tenant, visit):
    attempts = '[{"upstream": "primary", "status": 502, "latency_ms": 40}]'
    request_id = books.call(
        tenant,
        1,
        attempts=attempts,
        latency_ms=200,
        upstream_latency_ms=100,
        first_byte_ms=180,
        upstream="spare",
    )
    response = show(visit, tenant, request_id)
    split = response.context["split"]
    assert (split.platform_ms, split.failed_ms, split.upstream_ms) == (60, 40, 100)
    shown = text_of(response)
    assert "1 failed primary 502 40 ms" in shown
    assert "2 spare 200 100 ms" in shown
    assert "First byte after 180 ms" in shown


def test_a_call_under_way_shows_its_hold_and_asks_again_until_it_ends(books, tenant, client_of, make_end):
    call = books.hold(tenant, 2 * CREDIT)
    browser = client_of(tenant)
    response = browser.get(f"/usage/calls/req_{call.request_id}")
    assert "2 credits held" in text_of(response)
    assert 'hx-trigger="every 1s"' in response.content.decode()
    books.settle(make_end(tenant, call, 5))
    ended = browser.get(f"/usage/calls/req_{call.request_id}").content.decode()
    assert "every 1s" not in ended


def test_a_signed_in_members_call_says_so(books, tenant, visit, member_of):
    member = member_of(tenant, "developer")
    request_id = books.call(tenant._replace(digest=None), 1, account_id=tenant.id, member_id=member.user_id)
    assert "a member's session" in show(visit, tenant, request_id).content.decode().replace("&#x27;", "'")


def test_every_role_may_look(books, tenant, visit):
    request_id = books.call(tenant, 5)
    for role in ("owner", "admin", "developer", "viewer"):
        assert show(visit, tenant, request_id, role=role).status_code == 200


def test_another_accounts_receipt_is_not_there(books, tenant, visit):
    ended, under_way = books.call(tenant, 5, model="secret-model"), books.hold(tenant)
    stranger = books.tenant()
    for request_id in (ended, under_way.request_id):
        response = show(visit, stranger, request_id)
        assert response.status_code == 404
        assert "secret-model" not in response.content.decode()


def test_a_refused_call_has_no_receipt_but_its_minutes_refusals(books, tenant, visit, make_call):
    call = make_call(tenant.digest, 50 * CREDIT)
    books.authorize(call)
    response = show(visit, tenant, call.request_id)
    assert response.status_code == 404
    assert "not enough credits" in text_of(response)
    assert "not enough credits" not in text_of(show(visit, books.tenant(), call.request_id))


@pytest.mark.parametrize(
    "request_id",
    ["x", "req_", "req_" + "0" * 32, "req_" + "f" * 32, "req_ffffffffffff7fff8fffffffffffffff", "%00"],
)
def test_what_is_no_request_id_is_not_found(tenant, visit, request_id):
    assert visit(tenant, f"/usage/calls/{request_id}").status_code == 404


def test_an_id_of_no_call_is_not_found(tenant, visit):
    assert show(visit, tenant, new_request_uuid()).status_code == 404
