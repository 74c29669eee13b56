"""usage_grant_v1, usage_expire_grants_v1 and usage_refund_v2: what is given, taken back and given again."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import Error, transaction

CREDIT = 1_000_000
SOON = datetime(2100, 1, 1, tzinfo=UTC)
LATER = SOON + timedelta(days=1)


def grant(books, tenant, amount, expires_at=None, key=None):
    [row] = books.sql(
        "SELECT entry, available, repeated FROM usage_grant_v1(%s, %s, 'reason', 'actor', %s, %s)",
        tenant.id,
        amount,
        expires_at,
        key,
    )
    return row


def pass_expiry(books, expires_at=SOON):
    """Move every grant that expires then into the past, and its holds with it."""
    books.sql(
        "UPDATE usage_grant SET expires_at = clock_timestamp() - interval '1 hour' WHERE expires_at = %s",
        expires_at,
    )
    books.sql("UPDATE usage_balance SET next_grant_expiry_at = clock_timestamp() - interval '1 hour'")
    books.sql("UPDATE usage_hold SET held_at = held_at - interval '2 hours'")


def remaining(books, tenant):
    return [
        row[0]
        for row in books.sql(
            "SELECT remaining_microcredits FROM usage_grant WHERE account_id = %s ORDER BY entry", tenant.id
        )
    ]


def refused(books, text, *parameters):
    """The rule that the database says a statement breaks."""
    with pytest.raises(Error) as caught, transaction.atomic():
        books.sql(text, *parameters)
    return caught.value.__cause__.diag.constraint_name


def test_a_grant_is_available_at_once_and_in_the_ledger(books):
    tenant = books.tenant()
    assert grant(books, tenant, 5) == (1, 5, False)
    assert grant(books, tenant, 7) == (2, 12, False)
    assert books.balance(tenant) == (12, 0)
    assert books.entries(tenant) == [("grant", 5), ("grant", 7)]
    assert books.problems() == []


def test_a_grant_repeated_under_its_key_gives_nothing(books):
    tenant = books.tenant()
    assert grant(books, tenant, 5, key="k") == (1, 5, False)
    assert grant(books, tenant, 5, key="k") == (1, 5, True)
    assert books.entries(tenant) == [("grant", 5)]


def test_a_key_stands_for_one_grant_of_its_account(books):
    one, two = books.tenant(), books.tenant()
    grant(books, one, 5, key="k")
    grant(books, two, 6, key="k")
    sql = "SELECT usage_grant_v1(%s, %s, 'reason', 'actor', %s, 'k')"
    assert refused(books, sql, one.id, 6, None) == "usage_grant_key_once"
    assert refused(books, sql, one.id, 5, SOON) == "usage_grant_key_once"


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_but_a_positive_amount_can_be_granted(books, tenant, amount):
    before = books.balance(tenant)
    assert refused(books, "SELECT usage_grant_v1(%s, %s, 'r', 'a', NULL, NULL)", tenant.id, amount)
    assert books.balance(tenant) == before


def test_an_unknown_account_gets_no_balance(books):
    assert refused(books, "SELECT usage_grant_v1(-1, 5, 'r', 'a', NULL, NULL)") == "usage_account_known"
    assert refused(books, "SELECT usage_open_balance_v1(-1)") == "usage_account_known"


def test_a_grant_that_is_over_cannot_be_made(books, tenant):
    past = datetime(2020, 1, 1, tzinfo=UTC)
    rule = refused(books, "SELECT usage_grant_v1(%s, 5, 'r', 'a', %s, NULL)", tenant.id, past)
    assert rule == "usage_grant_expires_later"


def test_captures_come_off_the_grant_that_expires_first(books):
    tenant = books.tenant()
    grant(books, tenant, 10)
    grant(books, tenant, 10, LATER)
    grant(books, tenant, 10, SOON)
    books.call(tenant, 14)
    books.sql("SELECT usage_settle_lots_v1(%s)", tenant.id)
    assert remaining(books, tenant) == [10, 6, 0]


def test_a_grant_made_after_a_capture_does_not_pay_for_it(books):
    tenant = books.tenant()
    grant(books, tenant, 10)
    books.call(tenant, 4)
    grant(books, tenant, 10, SOON)
    books.call(tenant, 1)
    books.sql("SELECT usage_settle_lots_v1(%s)", tenant.id)
    assert remaining(books, tenant) == [10, 9]


def test_what_is_left_of_an_expired_grant_is_taken_back(books):
    tenant = books.tenant()
    grant(books, tenant, 10)
    grant(books, tenant, 10, SOON)
    books.call(tenant, 3)
    pass_expiry(books)
    assert books.value("SELECT usage_expire_grants_v1(NULL)") == 1
    assert books.balance(tenant) == (10, 0)
    assert books.entries(tenant)[-1] == ("expiry", -7)
    assert books.value("SELECT cause_entry FROM usage_ledger_entry WHERE kind = 'expiry'") == 2
    assert books.value("SELECT usage_expire_grants_v1(NULL)") == 0
    assert books.problems() == []


def test_a_grant_not_yet_over_stays(books):
    tenant = books.tenant()
    grant(books, tenant, 10, LATER)
    grant(books, tenant, 10, SOON)
    pass_expiry(books)
    books.sql("SELECT usage_expire_grants_v1(ARRAY[%s]::bigint[])", tenant.id)
    assert books.balance(tenant) == (10, 0)
    assert (
        books.value("SELECT next_grant_expiry_at FROM usage_balance WHERE account_id = %s", tenant.id)
        == LATER
    )


def test_held_credits_survive_the_expiry_until_a_release(books, make_end):
    tenant = books.tenant()
    grant(books, tenant, 10, SOON)
    call = books.hold(tenant, 4)
    pass_expiry(books)
    books.sql("SELECT usage_expire_grants_v1(NULL)")
    assert books.balance(tenant) == (0, 4)
    books.settle(make_end(tenant, call, None))
    books.sql("SELECT usage_expire_grants_v1(NULL)")
    assert books.balance(tenant) == (0, 0)
    assert [amount for kind, amount in books.entries(tenant) if kind == "expiry"] == [-6, -4]
    assert books.problems() == []


def test_held_credits_survive_the_expiry_until_a_capture(books, make_end):
    tenant = books.tenant()
    grant(books, tenant, 10, SOON)
    call = books.hold(tenant, 4)
    pass_expiry(books)
    books.sql("SELECT usage_expire_grants_v1(NULL)")
    books.settle(make_end(tenant, call, 3))
    books.sql("SELECT usage_expire_grants_v1(NULL)")
    assert books.balance(tenant) == (0, 0)
    assert books.entries(tenant)[1:] == [("expiry", -6), ("capture", -3), ("expiry", -1)]
    assert books.problems() == []


def test_a_hold_taken_before_the_expiry_is_paid_from_the_expired_grant_not_from_lasting_ones(books, make_end):
    tenant = books.tenant()
    grant(books, tenant, 100)
    grant(books, tenant, 10, SOON)
    call = books.hold(tenant, 4)
    pass_expiry(books)
    books.sql("SELECT usage_expire_grants_v1(NULL)")
    assert books.balance(tenant) == (100, 4)
    books.settle(make_end(tenant, call, 4))
    books.sql("SELECT usage_expire_grants_v1(NULL)")
    assert books.balance(tenant) == (100, 0)
    assert books.problems() == []


def test_a_hold_taken_after_the_expiry_keeps_nothing_of_the_expired_grant(books):
    tenant = books.tenant()
    grant(books, tenant, 100)
    grant(books, tenant, 10, SOON)
    pass_expiry(books)
    books.hold(tenant, 50)
    assert books.balance(tenant) == (50, 50)
    assert books.problems() == []


def test_a_hold_taken_after_the_expiry_does_not_step_into_an_older_ones_place(books, make_end):
    tenant = books.tenant()
    grant(books, tenant, 100)
    grant(books, tenant, 10, SOON)
    older = books.hold(tenant, 4)
    pass_expiry(books)
    books.hold(tenant, 50)
    assert books.balance(tenant) == (50, 54)
    books.settle(make_end(tenant, older, None))
    books.sql("SELECT usage_expire_grants_v1(NULL)")
    assert books.balance(tenant) == (50, 50)
    assert books.problems() == []


def test_two_expired_grants_keep_together_what_is_held(books):
    tenant = books.tenant()
    grant(books, tenant, 10, SOON)
    grant(books, tenant, 10, SOON)
    grant(books, tenant, 10)
    books.hold(tenant, 13)
    pass_expiry(books)
    books.sql("SELECT usage_expire_grants_v1(NULL)")
    assert remaining(books, tenant)[:2] == [10, 3]
    assert books.balance(tenant) == (10, 13)
    assert books.problems() == []


def refund(books, tenant, request_id, amount, key):
    [row] = books.sql(
        "SELECT entry, available, repeated FROM usage_refund_v2(%s, (SELECT started_at FROM usage_event"
        " WHERE request_id = %s), %s, %s, 'reason', 'actor', %s)",
        tenant.id,
        request_id,
        request_id,
        amount,
        key,
    )
    return row


REFUND = "SELECT usage_refund_v2(%s, (SELECT started_at FROM usage_event WHERE request_id = %s), %s, %s, 'r', 'a', %s)"


def test_a_refund_gives_back_and_points_at_its_capture(books, tenant):
    request_id = books.call(tenant, 5)
    assert refund(books, tenant, request_id, 2, "one") == (3, 10 * CREDIT - 3, False)
    assert refund(books, tenant, request_id, 3, "two") == (4, 10 * CREDIT, False)
    assert books.value("SELECT refunded_microcredits FROM usage_event") == 5
    assert books.sql("SELECT DISTINCT cause_entry FROM usage_ledger_entry WHERE kind = 'refund'") == [(2,)]
    assert books.problems() == []


def test_refunds_never_exceed_their_capture(books, tenant):
    request_id = books.call(tenant, 5)
    assert refused(books, REFUND, tenant.id, request_id, request_id, 6, "k") == "usage_refund_within_capture"
    refund(books, tenant, request_id, 4, "one")
    assert refused(books, REFUND, tenant.id, request_id, request_id, 2, "k") == "usage_refund_within_capture"
    assert books.balance(tenant).available == 10 * CREDIT - 1


def test_a_refund_repeated_under_its_key_gives_nothing(books, tenant):
    request_id, other = books.call(tenant, 5), books.call(tenant, 5)
    first = refund(books, tenant, request_id, 5, "k")
    assert refund(books, tenant, request_id, 5, "k") == (first[0], first[1], True)
    assert refused(books, REFUND, tenant.id, request_id, request_id, 4, "k") == "usage_refund_key_once"
    assert refused(books, REFUND, tenant.id, other, other, 5, "k") == "usage_refund_key_once"


def test_what_was_not_charged_cannot_be_refunded(books, tenant):
    released = books.call(tenant)
    stranger = books.tenant()
    charged = books.call(tenant, 5)
    assert refused(books, REFUND, tenant.id, released, released, 1, "k") == "usage_refund_has_capture"
    assert refused(books, REFUND, stranger.id, charged, charged, 1, "k") == "usage_refund_has_capture"


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_but_a_positive_amount_can_be_refunded(books, tenant, amount):
    request_id = books.call(tenant, 5)
    assert refused(books, REFUND, tenant.id, request_id, request_id, amount, "k")
    assert books.balance(tenant).available == 10 * CREDIT - 5


def test_refunded_credits_do_not_expire_with_the_grant_they_came_from(books):
    tenant = books.tenant()
    grant(books, tenant, 10, SOON)
    request_id = books.call(tenant, 4)
    refund(books, tenant, request_id, 4, "k")
    pass_expiry(books)
    books.sql("SELECT usage_expire_grants_v1(NULL)")
    assert books.balance(tenant) == (4, 0)
    assert books.problems() == []
