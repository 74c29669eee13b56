"""usage_authorize_v2: one verdict a call, in the documented order; a refused call uses up nothing."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import actions
from accounts.keys import lifecycle
from accounts.models import ApiKey

CREDIT = 1_000_000


def test_an_admitted_call_holds_its_ceiling_under_its_own_id(books, tenant, make_call):
    call = make_call(tenant.digest, 3 * CREDIT)
    [verdict] = books.authorize(call)
    assert verdict[:5] == ("admitted", tenant.id, tenant.key.pk, 7 * CREDIT, 3 * CREDIT)
    assert books.balance(tenant) == (7 * CREDIT, 3 * CREDIT)
    [row] = books.sql(
        "SELECT key_id, endpoint, model, route, rate_id, amount_microcredits, expires_at - held_at"
        " FROM usage_hold WHERE account_id = %s AND request_id = %s",
        tenant.id,
        call.request_id,
    )
    assert row == (
        tenant.key.pk, "chat", "small", "chat/small", books.rate_id, 3 * CREDIT, timedelta(seconds=60)
    )  # fmt: skip


def test_verdicts_come_in_the_order_of_the_calls(books, make_call):
    one, two = books.tenant(credit=CREDIT), books.tenant(credit=CREDIT)
    verdicts = books.authorize(
        make_call(two.digest), make_call(b"x" * 32), make_call(one.digest), make_call(two.digest)
    )
    assert [(verdict.verdict, verdict.account_id) for verdict in verdicts] == [
        ("admitted", two.id),
        ("unknown_key", None),
        ("admitted", one.id),
        ("insufficient_credits", two.id),
    ]


def test_a_call_without_a_key_or_an_account_is_an_unknown_key(books, make_call):
    assert books.authorize(make_call(None))[0].verdict == "unknown_key"


def break_everything(books, tenant, member=None):
    """Make every refusal apply at once; `mend` takes them away one by one, in the documented order."""
    ApiKey.objects.filter(pk=tenant.key.pk).update(
        revoked_at=timezone.now(),
        expires_at=timezone.now() - timedelta(seconds=1),
        allowed_endpoints=["speech"],
        allowed_models=["large"],
        allowed_networks=["198.51.100.0/24"],
        cap_day_microcredits=1,
        cap_month_microcredits=1,
    )
    actions.suspend_account(tenant.account)
    books.sql(
        "INSERT INTO usage_key_meter VALUES (%s, %s, clock_timestamp(), 60, current_date, 0,"
        " date_trunc('month', current_date), 0, clock_timestamp())",
        tenant.id,
        tenant.key.pk,
    )
    books.sql("INSERT INTO usage_trial_day VALUES (%s, current_date, 50)", tenant.id)


@pytest.mark.django_db
def test_refusals_are_decided_in_the_documented_order(books, make_call):
    tenant = books.tenant(plan="trial")
    call = make_call(tenant.digest, 1000 * CREDIT)
    break_everything(books, tenant)
    key = ApiKey.objects.filter(pk=tenant.key.pk)
    seen = []

    def look():
        seen.append(books.authorize(call)[0].verdict)

    look()
    key.update(revoked_at=None)
    look()
    key.update(expires_at=None)
    look()
    actions.reactivate_account(tenant.account)
    look()
    key.update(allowed_endpoints=None)
    look()
    key.update(allowed_models=None)
    look()
    key.update(allowed_networks=None)
    look()
    books.sql("UPDATE usage_key_meter SET window_calls = 59 WHERE account_id = %s", tenant.id)
    look()
    books.sql("UPDATE usage_trial_day SET calls = 49 WHERE account_id = %s", tenant.id)
    look()
    key.update(cap_day_microcredits=None)
    look()
    key.update(cap_month_microcredits=None)
    look()
    books.sql("SELECT usage_grant_v1(%s, %s, 'r', 'a', NULL, NULL)", tenant.id, 1000 * CREDIT)
    look()
    assert seen == [
        "revoked_key",
        "expired_key",
        "account_suspended",
        "endpoint_not_allowed",
        "model_not_allowed",
        "address_not_allowed",
        "minute_rate",
        "trial_exhausted",
        "key_day_cap",
        "key_month_cap",
        "insufficient_credits",
        "admitted",
    ]


def test_a_refused_call_takes_no_slot_and_no_cap(books, make_call):
    tenant = books.tenant(
        plan="trial", cap_day_microcredits=200 * CREDIT, cap_month_microcredits=200 * CREDIT
    )
    books.hold(tenant, 1)
    before = books.sql("SELECT * FROM usage_key_meter WHERE account_id = %s", tenant.id)
    for ceiling in (150 * CREDIT, 250 * CREDIT):
        assert books.authorize(make_call(tenant.digest, ceiling))[0].verdict != "admitted"
    assert books.sql("SELECT * FROM usage_key_meter WHERE account_id = %s", tenant.id) == before
    assert books.value("SELECT calls FROM usage_trial_day WHERE account_id = %s", tenant.id) == 1
    assert books.balance(tenant).held == 1


def test_a_refused_large_call_does_not_block_small_ones_behind_it(books, tenant, make_call):
    verdicts = books.authorize(
        make_call(tenant.digest, 4 * CREDIT),
        make_call(tenant.digest, 50 * CREDIT),
        make_call(tenant.digest, 6 * CREDIT),
        make_call(tenant.digest, 1),
    )
    assert [verdict.verdict for verdict in verdicts] == [
        "admitted",
        "insufficient_credits",
        "admitted",
        "insufficient_credits",
    ]
    assert (verdicts[1].allowance, verdicts[1].held) == (6 * CREDIT, 4 * CREDIT)
    assert books.balance(tenant) == (0, 10 * CREDIT)


def test_a_call_that_costs_nothing_needs_a_balance_but_no_credits(books, make_call):
    poor = books.tenant()
    assert books.authorize(make_call(poor.digest, 0))[0].verdict == "admitted"
    books.sql("DELETE FROM usage_hold")
    books.sql("DELETE FROM usage_balance WHERE account_id = %s", poor.id)
    assert books.authorize(make_call(poor.digest, 0))[0].verdict == "insufficient_credits"


def test_the_minute_starts_with_its_first_call_and_lasts_sixty_seconds(books, tenant, make_call):
    [first] = books.authorize(make_call(tenant.digest, 1))
    assert (first.minute_limit, first.minute_remaining, first.minute_reset_s) == (60, 59, 60)
    rest = books.authorize(*[make_call(tenant.digest, 1) for _ in range(61)])
    assert [verdict.verdict for verdict in rest] == ["admitted"] * 59 + ["minute_rate"] * 2
    assert rest[58].minute_remaining == 0

    def seconds_ago(seconds):
        books.sql(
            "UPDATE usage_key_meter SET window_started_at = clock_timestamp() - %s * interval '1 second'",
            seconds,
        )

    seconds_ago(59)
    [refused] = books.authorize(make_call(tenant.digest, 1))
    assert (refused.verdict, refused.minute_remaining, refused.minute_reset_s) == ("minute_rate", 0, 1)
    seconds_ago(60)
    [fresh] = books.authorize(make_call(tenant.digest, 1))
    assert (fresh.verdict, fresh.minute_remaining, fresh.minute_reset_s) == ("admitted", 59, 60)


def test_a_call_within_the_minute_does_not_make_it_longer(books, tenant, make_call):
    def pass_seconds(seconds):
        books.sql(
            "UPDATE usage_key_meter SET window_started_at = window_started_at - %s * interval '1 second'",
            seconds,
        )

    books.authorize(make_call(tenant.digest, 1))
    pass_seconds(40)
    [second] = books.authorize(make_call(tenant.digest, 1))
    assert (second.minute_remaining, second.minute_reset_s) == (58, 20)
    pass_seconds(20)
    [fresh] = books.authorize(make_call(tenant.digest, 1))
    assert (fresh.minute_remaining, fresh.minute_reset_s) == (59, 60)


def test_each_key_has_its_own_minute(books, tenant, make_call):
    other, _ = lifecycle.issue_key(tenant.account, "other")
    books.authorize(*[make_call(tenant.digest, 1) for _ in range(60)])
    verdicts = books.authorize(make_call(tenant.digest, 1), make_call(bytes(other.digest), 1))
    assert [verdict.verdict for verdict in verdicts] == ["minute_rate", "admitted"]


def test_the_plan_decides_the_minute(books, make_call):
    scale, free = books.tenant(plan="scale", credit=CREDIT), books.tenant(plan="unlimited", credit=CREDIT)
    [large] = books.authorize(make_call(scale.digest, 1))
    [none] = books.authorize(make_call(free.digest, 1))
    assert large.minute_limit == 6000
    assert (none.minute_limit, none.minute_remaining, none.minute_reset_s) == (None, None, None)


def test_the_fifty_first_trial_call_of_the_day_is_refused_until_the_day_ends(books, make_call):
    tenant = books.tenant(plan="trial")
    verdicts = books.authorize(*[make_call(tenant.digest, 1) for _ in range(51)])
    assert [verdict.verdict for verdict in verdicts] == ["admitted"] * 50 + ["trial_exhausted"]
    books.sql("UPDATE usage_trial_day SET day = day - 1")
    assert books.authorize(make_call(tenant.digest, 1))[0].verdict == "admitted"


def test_keys_of_a_trial_account_share_its_day(books, make_call):
    tenant = books.tenant(plan="trial")
    other, _ = lifecycle.issue_key(tenant.account, "other")
    books.authorize(*[make_call(tenant.digest, 1) for _ in range(50)])
    assert books.authorize(make_call(bytes(other.digest), 1))[0].verdict == "trial_exhausted"


@pytest.mark.parametrize("period", ["day", "month"])
def test_a_cap_counts_what_is_held_and_spent_and_starts_anew(books, make_call, period):
    tenant = books.tenant(credit=100 * CREDIT, **{f"cap_{period}_microcredits": 10 * CREDIT})
    books.call(tenant, 4 * CREDIT, ceiling=9 * CREDIT)
    verdicts = books.authorize(
        make_call(tenant.digest, 5 * CREDIT),
        make_call(tenant.digest, 2 * CREDIT),
        make_call(tenant.digest, 1 * CREDIT),
    )
    assert [verdict.verdict for verdict in verdicts] == ["admitted", f"key_{period}_cap", "admitted"]
    assert verdicts[1].allowance == 1 * CREDIT
    books.sql("UPDATE usage_key_meter SET day = day - 1, month = month - interval '1 month'")
    assert books.authorize(make_call(tenant.digest, 10 * CREDIT))[0].verdict == "admitted"


def test_an_address_is_compared_with_the_keys_networks(books, make_call):
    tenant = books.tenant(credit=CREDIT, networks=["198.51.100.0/24", "2001:db8::/32"])
    calls = [
        make_call(tenant.digest, 1, address=address)
        for address in ("198.51.100.7", "2001:db8::1", "198.51.101.1", None)
    ]
    assert [verdict.verdict for verdict in books.authorize(*calls)] == [
        "admitted",
        "admitted",
        "address_not_allowed",
        "address_not_allowed",
    ]


def test_members_call_without_a_key_according_to_their_role(books, tenant, member_of, make_call):
    developer, viewer = member_of(tenant, "developer"), member_of(tenant, "viewer")
    stranger = member_of(books.tenant(), "owner")
    calls = [
        make_call(None, 1, account_id=tenant.id, member_id=member.user_id)
        for member in (developer, viewer, stranger)
    ]
    verdicts = books.authorize(*calls)
    assert [verdict.verdict for verdict in verdicts] == ["admitted", "role_not_allowed", "not_a_member"]
    assert verdicts[0].key_id == 0
    assert books.sql("SELECT key_id, member_id FROM usage_hold") == [(0, developer.user_id)]


def test_expired_grants_are_taken_back_before_the_balance_is_read(books, make_call):
    tenant = books.tenant()
    books.sql(
        "SELECT usage_grant_v1(%s, %s, 'r', 'a', clock_timestamp() + interval '1 hour', NULL)",
        tenant.id,
        CREDIT,
    )
    books.sql("UPDATE usage_grant SET expires_at = clock_timestamp()")
    books.sql("UPDATE usage_balance SET next_grant_expiry_at = clock_timestamp()")
    assert books.authorize(make_call(tenant.digest, 1))[0].verdict == "insufficient_credits"
    assert books.balance(tenant) == (0, 0)
    assert books.problems() == []


def test_refusals_are_counted_and_unknown_keys_are_not(books, tenant, make_call):
    books.authorize(
        make_call(tenant.digest, 99 * CREDIT),
        make_call(tenant.digest, 99 * CREDIT),
        make_call(tenant.digest, 1),
        make_call(b"x" * 32),
    )
    assert books.sql("SELECT account_id, key_id, endpoint, code, calls FROM usage_refusal") == [
        (tenant.id, tenant.key.pk, "chat", "insufficient_credits", 2)
    ]
