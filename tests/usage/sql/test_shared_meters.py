"""A limit is counted where the limited key cannot begin anew: rotating a key or issuing keys makes no room."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.errors import BeyondOwnKey, KeyNotLive
from accounts.keys import lifecycle
from accounts.keys.format import digest_of
from usage.queries.key_usage import usage_by_key

CREDIT = 1_000_000


@pytest.fixture
def rotated():
    """Rotate a key, and return its successor with the digest of that."""

    def rotate(key, overlap_s=3600, by=None):
        successor, text = lifecycle.rotate_key(key, overlap_s, by=by)
        return successor, digest_of(text)

    return rotate


def child_of(tenant_or_key, account, **terms):
    child, text = lifecycle.issue_key(account, "child", issued_by=tenant_or_key, **terms)
    return child, digest_of(text)


def verdicts(books, *calls):
    return [verdict.verdict for verdict in books.authorize(*calls)]


@pytest.mark.parametrize("period", ["day", "month"])
def test_a_rotated_key_takes_over_what_was_spent_of_its_cap(books, make_call, rotated, period):
    tenant = books.tenant(credit=100 * CREDIT, **{f"cap_{period}_microcredits": 10 * CREDIT})
    books.call(tenant, 8 * CREDIT)
    _, digest = rotated(tenant.key)
    assert verdicts(books, make_call(digest, 3 * CREDIT), make_call(digest, 2 * CREDIT)) == [
        f"key_{period}_cap",
        "admitted",
    ]


def test_both_keys_of_an_overlap_share_one_cap_and_holds_in_flight_count(books, make_call, make_end, rotated):
    tenant = books.tenant(credit=100 * CREDIT, cap_day_microcredits=10 * CREDIT)
    in_flight = books.hold(tenant, 6 * CREDIT)
    _, digest = rotated(tenant.key)
    found = books.authorize(
        make_call(tenant.digest, 3 * CREDIT), make_call(digest, 3 * CREDIT), make_call(digest, 1 * CREDIT)
    )
    assert [one.verdict for one in found] == ["admitted", "key_day_cap", "admitted"]
    assert found[1].allowance == 1 * CREDIT
    # What the old key's call did not cost is there for the new one.
    books.settle(make_end(tenant, in_flight, 1 * CREDIT))
    assert verdicts(books, make_call(digest, 6 * CREDIT), make_call(digest, 5 * CREDIT)) == [
        "key_day_cap",
        "admitted",
    ]


def test_a_successors_release_goes_back_to_the_shared_cap(books, make_call, make_end, rotated):
    tenant = books.tenant(credit=100 * CREDIT, cap_day_microcredits=10 * CREDIT)
    _, digest = rotated(tenant.key)
    call = make_call(digest, 10 * CREDIT)
    assert verdicts(books, call, make_call(tenant.digest, 1)) == ["admitted", "key_day_cap"]
    books.settle(make_end(tenant, call, None))
    assert verdicts(books, make_call(tenant.digest, 10 * CREDIT)) == ["admitted"]


def test_rotating_again_and_again_makes_no_room(books, make_call, rotated):
    tenant = books.tenant(credit=100 * CREDIT, cap_day_microcredits=3 * CREDIT)
    key, digest = tenant.key, tenant.digest
    for _ in range(3):
        assert verdicts(books, make_call(digest, 1 * CREDIT)) == ["admitted"]
        key, digest = rotated(key, overlap_s=0)
    assert verdicts(books, make_call(digest, 1)) == ["key_day_cap"]


def test_rotation_begins_no_new_minute(books, make_call, rotated):
    tenant = books.tenant(credit=CREDIT)
    books.authorize(*[make_call(tenant.digest, 1) for _ in range(59)])
    _, digest = rotated(tenant.key)
    assert verdicts(books, make_call(digest, 1), make_call(tenant.digest, 1)) == ["admitted", "minute_rate"]


def test_caps_of_a_line_are_changed_together(books, make_call, rotated):
    tenant = books.tenant(credit=100 * CREDIT, cap_day_microcredits=10 * CREDIT)
    successor, _ = rotated(tenant.key)
    lifecycle.change_limits(successor, cap_day_microcredits=2 * CREDIT)
    assert verdicts(books, make_call(tenant.digest, 3 * CREDIT)) == ["key_day_cap"]


def test_children_and_grandchildren_count_against_every_cap_above_them(books, make_call):
    tenant = books.tenant(credit=100 * CREDIT, cap_day_microcredits=10 * CREDIT, may_manage_keys=True)
    child, digest = child_of(
        tenant.key, tenant.account, cap_day_microcredits=8 * CREDIT, may_manage_keys=True
    )
    _, grandchild = child_of(child, tenant.account, cap_day_microcredits=8 * CREDIT)
    assert (
        verdicts(books, make_call(grandchild, 5 * CREDIT), make_call(digest, 3 * CREDIT)) == ["admitted"] * 2
    )
    assert verdicts(books, make_call(grandchild, 1), make_call(digest, 1)) == ["key_day_cap"] * 2
    [found] = books.authorize(make_call(tenant.digest, 3 * CREDIT))
    assert (found.verdict, found.allowance) == ("key_day_cap", 2 * CREDIT)
    assert verdicts(books, make_call(tenant.digest, 2 * CREDIT)) == ["admitted"]


def test_children_of_one_batch_are_counted_one_after_the_other(books, make_call):
    tenant = books.tenant(credit=100 * CREDIT, cap_day_microcredits=10 * CREDIT, may_manage_keys=True)
    digests = [child_of(tenant.key, tenant.account, cap_day_microcredits=4 * CREDIT)[1] for _ in range(4)]
    found = books.authorize(
        make_call(tenant.digest, 1 * CREDIT), *[make_call(digest, 4 * CREDIT) for digest in digests]
    )
    assert [one.verdict for one in found] == [
        "admitted",
        "admitted",
        "admitted",
        "key_day_cap",
        "key_day_cap",
    ]
    assert found[3].allowance == 1 * CREDIT
    assert meter(books, tenant.key) == 9 * CREDIT


def test_what_a_childs_call_did_not_cost_goes_back_to_its_parent(books, make_call, make_end):
    tenant = books.tenant(credit=100 * CREDIT, cap_day_microcredits=10 * CREDIT, may_manage_keys=True)
    _, digest = child_of(tenant.key, tenant.account, cap_day_microcredits=10 * CREDIT)
    call = make_call(digest, 10 * CREDIT)
    assert verdicts(books, call, make_call(digest, 1)) == ["admitted", "key_day_cap"]
    assert verdicts(books, make_call(tenant.digest, 1)) == ["key_day_cap"]
    books.settle(make_end(tenant, call, 4 * CREDIT))
    assert meter(books, tenant.key) == 4 * CREDIT
    assert verdicts(books, make_call(tenant.digest, 6 * CREDIT)) == ["admitted"]


def test_a_parents_rotation_frees_no_child(books, make_call, rotated):
    tenant = books.tenant(credit=100 * CREDIT, cap_day_microcredits=10 * CREDIT, may_manage_keys=True)
    _, digest = child_of(tenant.key, tenant.account, cap_day_microcredits=10 * CREDIT)
    books.authorize(make_call(digest, 9 * CREDIT))
    successor, parent = rotated(tenant.key, overlap_s=0)
    assert (
        verdicts(books, make_call(digest, 2 * CREDIT), make_call(parent, 2 * CREDIT)) == ["key_day_cap"] * 2
    )
    _, second = child_of(successor, tenant.account, cap_day_microcredits=10 * CREDIT)
    assert verdicts(books, make_call(second, 2 * CREDIT), make_call(second, 1 * CREDIT)) == [
        "key_day_cap",
        "admitted",
    ]
    # A cap that is changed afterwards holds for the children there are.
    lifecycle.change_limits(successor, cap_day_microcredits=12 * CREDIT)
    assert verdicts(books, make_call(digest, 1 * CREDIT), make_call(digest, 2 * CREDIT)) == [
        "admitted",
        "key_day_cap",
    ]


def test_a_revoked_parents_cap_still_holds_for_the_keys_it_issued(books, make_call):
    tenant = books.tenant(credit=100 * CREDIT, cap_day_microcredits=10 * CREDIT, may_manage_keys=True)
    _, digest = child_of(tenant.key, tenant.account, cap_day_microcredits=10 * CREDIT)
    books.authorize(make_call(tenant.digest, 9 * CREDIT))
    lifecycle.revoke_key(tenant.key)
    assert verdicts(books, make_call(digest, 2 * CREDIT), make_call(digest, 1 * CREDIT)) == [
        "key_day_cap",
        "admitted",
    ]


def test_a_key_that_rotates_another_one_is_charged_for_the_key_it_got(books, make_call, rotated):
    tenant = books.tenant(credit=100 * CREDIT, cap_day_microcredits=10 * CREDIT, may_manage_keys=True)
    others = [
        lifecycle.issue_key(tenant.account, "other", cap_day_microcredits=10 * CREDIT) for _ in range(3)
    ]
    digests = [rotated(key, by=tenant.key)[1] for key, _ in others]
    assert verdicts(books, *[make_call(digest, 4 * CREDIT) for digest in digests]) == [
        "admitted",
        "admitted",
        "key_day_cap",
    ]
    assert verdicts(books, make_call(tenant.digest, 3 * CREDIT)) == ["key_day_cap"]


def test_a_key_that_gives_another_one_more_is_charged_for_it(books, make_call):
    tenant = books.tenant(credit=100 * CREDIT, cap_day_microcredits=10 * CREDIT, may_manage_keys=True)
    other, text = lifecycle.issue_key(tenant.account, "other", cap_day_microcredits=1 * CREDIT)
    lifecycle.change_limits(other, cap_day_microcredits=0, by=tenant.key)
    other.refresh_from_db()
    assert other.issuer_roots is None, "taking away is not handing out"
    lifecycle.change_limits(other, cap_day_microcredits=10 * CREDIT, by=tenant.key)
    assert verdicts(books, make_call(tenant.digest, 4 * CREDIT), make_call(digest_of(text), 7 * CREDIT)) == [
        "admitted",
        "key_day_cap",
    ]


def test_a_key_never_raises_its_own_cap_nor_its_lines(books, rotated):
    tenant = books.tenant(cap_day_microcredits=10 * CREDIT, may_manage_keys=True)
    successor, _ = rotated(tenant.key)
    lifecycle.change_limits(successor, cap_day_microcredits=5 * CREDIT)
    for key in (tenant.key, successor):
        for by in (tenant.key, successor):
            with pytest.raises(BeyondOwnKey):
                lifecycle.change_limits(key, cap_day_microcredits=6 * CREDIT, by=by)


def test_keys_hand_on_keys_only_so_deep(books, make_call):
    tenant = books.tenant(credit=CREDIT, may_manage_keys=True)
    key = tenant.key
    for _ in range(8):
        key, digest = child_of(key, tenant.account, may_manage_keys=True)
    with pytest.raises(BeyondOwnKey):
        child_of(key, tenant.account)
    assert verdicts(books, make_call(digest, 1)) == ["admitted"]
    assert books.value("SELECT count(*) FROM usage_key_meter WHERE day_microcredits = 1") == 9


def test_a_key_that_was_revoked_meanwhile_issues_nothing(books):
    tenant = books.tenant(may_manage_keys=True)
    lifecycle.revoke_key(tenant.key)
    with pytest.raises(KeyNotLive):
        child_of(tenant.key, tenant.account)


def test_a_keys_last_use_and_a_parents_minute_are_its_own(books, make_call, rotated):
    tenant = books.tenant(credit=CREDIT, may_manage_keys=True)
    successor, digest = rotated(tenant.key)
    _, child = child_of(successor, tenant.account)
    assert verdicts(books, make_call(child, 1)) == ["admitted"]
    usage_of = usage_by_key(tenant.account)
    assert usage_of[tenant.key.pk].last_used_at is None
    assert usage_of[successor.pk].last_used_at is None
    assert usage_of[successor.pk].day_microcredits == 1
    books.authorize(make_call(digest, 1))
    usage_of = usage_by_key(tenant.account)
    assert usage_of[tenant.key.pk].last_used_at is None
    assert usage_of[successor.pk].last_used_at > timezone.now() - timedelta(minutes=1)
    assert usage_of[successor.pk].day_microcredits == 2
    assert books.value("SELECT window_calls FROM usage_key_meter WHERE key_id = %s", tenant.key.pk) == 1


def test_keys_that_descend_from_none_are_counted_on_one_row_as_ever(books, make_call):
    tenant = books.tenant(credit=CREDIT)
    books.authorize(make_call(tenant.digest, 1))
    assert books.sql("SELECT key_id FROM usage_key_meter") == [(tenant.key.pk,)]
    assert books.sql("SELECT meters FROM usage_hold") == [(None,)]


def test_rotating_a_key_in_many_threads_makes_one_successor(committed_books):
    tenant = committed_books.tenant(cap_day_microcredits=CREDIT)

    def rotate(_):
        try:
            return lifecycle.rotate_key(tenant.key, 60)
        except Exception as error:
            return type(error).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(rotate, range(4)))
    assert sorted(type(one).__name__ if isinstance(one, tuple) else one for one in done) == [
        "KeyAlreadyReplaced",
        "KeyAlreadyReplaced",
        "KeyAlreadyReplaced",
        "tuple",
    ]


def meter(books, key):
    return books.value("SELECT day_microcredits FROM usage_key_meter WHERE key_id = %s", key.pk)
