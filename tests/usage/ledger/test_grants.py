"""The synchronous ledger API: accounts are opened whole, credits given and given back once, mistakes are typed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from accounts.errors import NameTaken
from accounts.models import Account, Membership
from aio_platform.credits import MAX_MICROCREDITS
from aio_platform.errors import InvalidRequest
from usage import errors
from usage.ledger import grants
from usage.models import Balance, Grant

CREDIT = 1_000_000
GIFT = {"reason": "gift", "actor": "test"}


def test_an_account_opens_with_its_owner_balance_bonus_and_extra_credits(db):
    opened = grants.open_account("Ada", "trial", "ada@people.test", 5 * CREDIT)
    assert opened.available_microcredits == 105 * CREDIT
    assert Balance.objects.get(account_id=opened.account.pk).available_microcredits == 105 * CREDIT
    given = Grant.objects.filter(account_id=opened.account.pk).order_by("entry")
    assert list(given.values_list("reason", "idempotency_key", "amount_microcredits")) == [
        ("sign-up bonus", "signup", 100 * CREDIT),
        ("opening credits", "opening", 5 * CREDIT),
    ]
    assert Membership.objects.get(account=opened.account).role == "owner"


def test_an_account_without_credits_has_a_balance_all_the_same(db):
    opened = grants.open_account("Ada", "standard")
    assert opened.available_microcredits == 0
    assert Balance.objects.filter(account_id=opened.account.pk).exists()


@pytest.mark.parametrize("extra", [-1, MAX_MICROCREDITS + 1])
def test_an_account_that_cannot_get_its_credits_is_not_made(db, extra):
    with pytest.raises(errors.AmountRefused):
        grants.open_account("Ada", "standard", None, extra)
    assert not Account.objects.exists()


def test_a_taken_name_leaves_the_first_account_alone(db):
    first = grants.open_account("Ada", "trial")
    with pytest.raises(NameTaken):
        grants.open_account("Ada", "trial")
    assert Balance.objects.get().account_id == first.account.pk


def test_a_grant_says_its_entry_and_what_is_available(books):
    tenant = books.tenant()
    assert grants.grant(tenant.id, 5, **GIFT) == (1, 5, False)
    assert grants.grant(tenant.id, 5, idempotency_key="k", **GIFT) == (2, 10, False)
    assert grants.grant(tenant.id, 5, idempotency_key="k", **GIFT) == (2, 10, True)


def test_a_refusal_leaves_the_callers_transaction_usable(books):
    tenant = books.tenant()
    with transaction.atomic():
        grants.grant(tenant.id, 5, idempotency_key="k", **GIFT)
        with pytest.raises(errors.GrantConflict):
            grants.grant(tenant.id, 6, idempotency_key="k", **GIFT)
        assert grants.grant(tenant.id, 1, **GIFT).available_microcredits == 6


def test_each_broken_rule_has_its_error(books):
    tenant = books.tenant()
    past = datetime.now(UTC) - timedelta(seconds=1)
    with pytest.raises(errors.GrantExpiryPast):
        grants.grant(tenant.id, 5, expires_at=past, **GIFT)
    with pytest.raises(errors.AccountUnknown):
        grants.grant(-1, 5, **GIFT)
    for amount in (0, -5, MAX_MICROCREDITS + 1):
        with pytest.raises(errors.AmountRefused):
            grants.grant(tenant.id, amount, **GIFT)


def test_a_balance_that_the_books_cannot_count_is_refused(books):
    tenant = books.tenant()
    with pytest.raises(errors.BalanceTooLarge):
        for _ in range(10):
            grants.grant(tenant.id, MAX_MICROCREDITS, **GIFT)
    assert books.problems() == []


@pytest.mark.parametrize("text", ["", "  ", "nul\0", "line\nbreak", "x" * 201])
def test_texts_that_people_cannot_read_are_refused(books, tenant, text):
    with pytest.raises(InvalidRequest) as caught:
        grants.grant(tenant.id, 5, reason=text, actor="test")
    assert caught.value.param == "reason"


@pytest.mark.parametrize("key", ["", "nul\0", "x" * 256])
def test_idempotency_keys_have_1_to_255_printable_characters(tenant, key):
    with pytest.raises(InvalidRequest) as caught:
        grants.grant(tenant.id, 5, idempotency_key=key, **GIFT)
    assert caught.value.param == "idempotency_key"
    grants.grant(tenant.id, 5, idempotency_key="x" * 255, **GIFT)


def test_refunds_are_bounded_and_given_once(books, tenant):
    request_id = books.call(tenant, 5)
    gift = {"reason": "sorry", "actor": "test"}
    first = grants.refund(tenant.id, request_id, 3, idempotency_key="a", **gift)
    assert (first.available_microcredits, first.repeated) == (10 * CREDIT - 2, False)
    assert grants.refund(tenant.id, request_id, 3, idempotency_key="a", **gift).repeated
    with pytest.raises(errors.RefundConflict):
        grants.refund(tenant.id, request_id, 2, idempotency_key="a", **gift)
    with pytest.raises(errors.RefundTooLarge):
        grants.refund(tenant.id, request_id, 3, idempotency_key="b", **gift)
    with pytest.raises(errors.CaptureUnknown):
        grants.refund(books.tenant().id, request_id, 1, idempotency_key="b", **gift)
    with pytest.raises(errors.AmountRefused):
        grants.refund(tenant.id, request_id, 0, idempotency_key="b", **gift)
    assert books.problems() == []


def test_expiring_grants_covers_every_account_or_the_one_named(books):
    tenants = [books.tenant() for _ in range(3)]
    for tenant in tenants:
        grants.grant(tenant.id, 5, expires_at=datetime.now(UTC) + timedelta(hours=1), **GIFT)
    books.sql("UPDATE usage_grant SET expires_at = clock_timestamp()")
    books.sql("UPDATE usage_balance SET next_grant_expiry_at = clock_timestamp()")
    assert grants.expire_grants(tenants[0].id) == 1
    assert grants.expire_grants() == 2
    assert grants.expire_grants() == 0


def test_chores_answer_how_much_they_did(books, tenant):
    books.hold(tenant, 1, ttl_s=-1)
    assert grants.expire_holds() == 1
    grants.make_partitions(3)
    assert grants.make_partitions(4) == 1
    assert grants.forget_answers() == 0


def test_disagreements_are_told_with_their_account(books, tenant):
    assert grants.reconcile() == []
    books.sql("UPDATE usage_balance SET available_microcredits = 1")
    [found] = grants.reconcile()
    assert (found.account_id, found.problem) == (tenant.id, "ledger total is not available plus held")
