"""usage_refuse_v1 and usage_count_refusals_v1: who was refused, why, and how often, by the minute."""

from django.utils import timezone

from accounts import actions
from accounts.models import ApiKey


def refuse(books, tenant, code="invalid_request", **fields):
    call = {"digest": tenant.digest, "account_id": None, "member_id": None, "address": "192.0.2.1"} | fields
    return books.value(
        "SELECT usage_refuse_v1(%s, %s, %s, %s::inet, 'chat', NULL, %s)",
        call["digest"],
        call["account_id"],
        call["member_id"],
        call["address"],
        code,
    )


def counted(books):
    return books.sql("SELECT account_id, key_id, endpoint, code, calls FROM usage_refusal ORDER BY code")


def test_a_callers_own_mistake_is_counted_as_what_it_is(books, tenant):
    assert refuse(books, tenant) is None
    assert refuse(books, tenant) is None
    assert counted(books) == [(tenant.id, tenant.key.pk, "chat", "invalid_request", 2)]


def test_who_the_caller_is_comes_before_the_mistake(books, make_call):
    tenant = books.tenant(endpoints=["chat"], networks=["198.51.100.0/24"])
    key = ApiKey.objects.filter(pk=tenant.key.pk)
    assert refuse(books, tenant) == "address_not_allowed"
    key.update(allowed_endpoints=["speech"])
    assert refuse(books, tenant) == "endpoint_not_allowed"
    actions.suspend_account(tenant.account)
    assert refuse(books, tenant) == "account_suspended"
    key.update(expires_at=timezone.now())
    assert refuse(books, tenant) == "expired_key"
    key.update(revoked_at=timezone.now())
    assert refuse(books, tenant) == "revoked_key"
    assert {code for _, _, _, code, _ in counted(books)} == {
        "address_not_allowed",
        "endpoint_not_allowed",
        "account_suspended",
        "expired_key",
        "revoked_key",
    }


def test_an_unknown_key_is_refused_and_counted_nowhere(books, tenant):
    assert refuse(books, tenant, digest=b"x" * 32) == "unknown_key"
    assert refuse(books, tenant, digest=None) == "unknown_key"
    assert counted(books) == []


def test_members_are_counted_under_key_zero(books, tenant, member_of):
    developer, viewer = member_of(tenant, "developer"), member_of(tenant, "viewer")
    stranger = member_of(books.tenant(), "owner")
    seen = [
        refuse(books, tenant, digest=None, account_id=tenant.id, member_id=member.user_id)
        for member in (developer, viewer, stranger)
    ]
    assert seen == [None, "role_not_allowed", "not_a_member"]
    assert {key_id for _, key_id, _, _, _ in counted(books)} == {0}


def test_each_minute_counts_for_itself(books, tenant):
    refuse(books, tenant)
    books.sql("UPDATE usage_refusal SET minute = minute - interval '1 minute'")
    refuse(books, tenant)
    assert [calls for *_, calls in counted(books)] == [1, 1]
