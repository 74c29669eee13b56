"""`/api/v1/credits` and its ledger: what an account has, as its next call would find it."""

from datetime import UTC, datetime, timedelta

import pytest

from usage.ledger import grants

CREDIT = 1_000_000


def give(tenant, amount, expires_in=None):
    expires_at = None if expires_in is None else datetime.now(UTC) + expires_in
    return grants.grant(tenant.id, amount, reason=f"gift {amount}", actor="test", expires_at=expires_at)


def test_a_new_trial_account_sees_its_bonus_and_its_calls(books, get):
    tenant = books.tenant(plan="trial")
    books.hold(tenant, 2_500_000)
    answer = get(tenant, "/api/v1/credits").json()
    assert answer["as_of"].endswith("Z")
    assert (answer["available"], answer["available_microcredits"]) == ("97.5", 97_500_000)
    assert (answer["held"], answer["held_microcredits"]) == ("2.5", 2_500_000)
    assert (answer["plan"], answer["calls_per_minute"]) == ("trial", 60)
    assert answer["trial"]["used_today"] == 1
    assert answer["trial"]["left_today"] == 49
    assert answer["trial"]["resets_at"] > answer["as_of"]
    [bonus] = answer["grants"]
    assert (bonus["reason"], bonus["amount"], bonus["remaining"]) == ("sign-up bonus", "100", "100")
    assert answer["next_expiry"] is None


def test_a_plan_that_is_no_trial_has_no_trial(tenant, get):
    assert get(tenant, "/api/v1/credits").json()["trial"] is None


def test_captures_are_shown_on_the_grant_that_expires_first_as_soon_as_they_are_made(books, get):
    tenant = books.tenant()
    give(tenant, 100)
    give(tenant, 50, timedelta(days=2))
    give(tenant, 20, timedelta(days=1))
    books.call(tenant, 30)
    answer = get(tenant, "/api/v1/credits").json()
    assert [(grant["reason"], grant["remaining_microcredits"]) for grant in answer["grants"]] == [
        ("gift 50", 40),
        ("gift 100", 100),
    ]
    assert answer["next_expiry"]["amount_microcredits"] == 40


def test_what_is_left_of_lasting_grants_is_what_was_given_last(books, get):
    tenant = books.tenant()
    give(tenant, 100)
    give(tenant, 10)
    books.call(tenant, 30)
    shown = get(tenant, "/api/v1/credits").json()["grants"]
    assert [(grant["reason"], grant["remaining_microcredits"]) for grant in shown] == [
        ("gift 100", 70),
        ("gift 10", 10),
    ]


def test_what_is_left_of_all_grants_is_available_plus_held(books, get):
    tenant = books.tenant()
    for amount, days in ((100, None), (50, 3), (70, 1), (30, None)):
        give(tenant, amount, days and timedelta(days=days))
    books.call(tenant, 60)
    give(tenant, 5, timedelta(days=2))
    books.call(tenant, 40)
    books.hold(tenant, 20)
    answer = get(tenant, "/api/v1/credits").json()
    left = sum(grant["remaining_microcredits"] for grant in answer["grants"])
    assert left == answer["available_microcredits"] + answer["held_microcredits"] == 155


def test_what_is_past_its_expiry_is_not_shown_as_available(books, get):
    tenant = books.tenant()
    give(tenant, 50, timedelta(days=1))
    books.sql("UPDATE usage_grant SET expires_at = clock_timestamp()")
    books.sql("UPDATE usage_balance SET next_grant_expiry_at = clock_timestamp()")
    answer = get(tenant, "/api/v1/credits").json()
    assert (answer["available"], answer["grants"]) == ("0", [])
    assert answer["lifetime"]["expired_microcredits"] == 50


def test_the_lifetime_adds_up(books, get):
    tenant = books.tenant()
    give(tenant, 100)
    request_id = books.call(tenant, 30)
    grants.refund(tenant.id, request_id, 10, reason="sorry", actor="test", idempotency_key="k")
    lifetime = get(tenant, "/api/v1/credits").json()["lifetime"]
    assert {name: value for name, value in lifetime.items() if name.endswith("_microcredits")} == {
        "granted_microcredits": 100,
        "captured_microcredits": 30,
        "refunded_microcredits": 10,
        "expired_microcredits": 0,
    }


def test_the_ledger_is_paged_newest_first_with_reasons(books, get):
    tenant = books.tenant(credit=CREDIT)
    request_id = books.call(tenant, 30)
    grants.refund(tenant.id, request_id, 10, reason="sorry", actor="test", idempotency_key="k")
    first = get(tenant, "/api/v1/credits/ledger", limit=2).json()
    assert (first["object"], first["has_more"]) == ("list", True)
    assert [
        (entry["entry"], entry["kind"], entry["amount_microcredits"], entry["reason"])
        for entry in first["data"]
    ] == [(3, "refund", 10, "sorry"), (2, "capture", -30, None)]
    assert first["data"][0]["cause_entry"] == 2
    assert first["data"][0]["request_id"] == f"req_{request_id}"
    assert first["data"][1]["amount"] == "-0.00003"
    rest = get(tenant, "/api/v1/credits/ledger", limit=2, after=first["next"]).json()
    assert [entry["entry"] for entry in rest["data"]] == [1]
    assert (rest["has_more"], rest["next"]) == (False, None)


def test_the_ledger_is_the_callers_alone(books, tenant, get):
    stranger = books.tenant()
    assert get(stranger, "/api/v1/credits/ledger").json()["data"] == []


@pytest.mark.parametrize("path", ["/api/v1/credits", "/api/v1/credits/ledger", "/api/v1/usage"])
def test_nobody_sees_nothing(db, get, path):
    response = get(None, path)
    assert response.status_code == 401
    assert response.json()["error"]["type"] == "authentication_error"


def test_a_key_out_of_scope_is_refused(books, get):
    tenant = books.tenant(endpoints=["chat"])
    assert get(tenant, "/api/v1/credits").status_code == 403
    assert get(books.tenant(endpoints=["usage"]), "/api/v1/credits").status_code == 200


def test_a_revoked_key_sees_nothing(books, get):
    tenant = books.tenant()
    books.sql("UPDATE accounts_apikey SET revoked_at = now() WHERE id = %s", tenant.key.pk)
    assert get(tenant, "/api/v1/credits").status_code == 401


def test_members_see_their_account(books, client, member_of):
    tenant = books.tenant(credit=CREDIT)
    client.force_login(member_of(tenant, "viewer").user)
    assert client.get("/api/v1/credits").json()["available"] == "1"


def test_other_methods_are_refused(tenant, client):
    response = client.post("/api/v1/credits", headers={"Authorization": f"Bearer {tenant.key_text}"})
    assert response.status_code == 405


def test_a_suspended_account_is_told_so(books, get):
    tenant = books.tenant()
    books.sql("UPDATE accounts_account SET status = 'suspended' WHERE id = %s", tenant.id)
    assert get(tenant, "/api/v1/credits").status_code == 403
