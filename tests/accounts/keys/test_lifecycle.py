from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import actions, errors
from accounts.keys import lifecycle
from accounts.keys.format import digest_of
from accounts.models import Account, ApiKey, User
from aio_platform.errors import InvalidRequest
from tests.accounts.threads import in_threads


def test_a_key_is_kept_as_its_digest_only(account: Account) -> None:
    api_key, key_text = lifecycle.issue_key(account, "server")
    stored = ApiKey.objects.get(pk=api_key.pk)
    assert bytes(stored.digest) == digest_of(key_text)
    assert (stored.prefix, stored.last_four) == (key_text[:12], key_text[-4:])
    row = ApiKey.objects.filter(pk=api_key.pk).values().get()
    assert key_text not in str(row)
    assert stored.is_live(timezone.now())


def test_a_key_keeps_the_terms_it_was_issued_under(account: Account) -> None:
    ends = timezone.now() + timedelta(days=1)
    api_key, _ = lifecycle.issue_key(
        account,
        " server ",
        endpoints=["chat"],
        models=["small"],
        networks=["10.0.0.1"],
        expires_at=ends,
        cap_day_microcredits=1,
        cap_month_microcredits=2,
        may_manage_keys=True,
        created_by=User.objects.get(),
    )
    stored = ApiKey.objects.get(pk=api_key.pk)
    assert stored.name == "server"
    assert stored.allowed_endpoints == ["chat"]
    assert stored.allowed_models == ["small"]
    assert stored.allowed_networks == ["10.0.0.1/32"]
    assert (stored.cap_day_microcredits, stored.cap_month_microcredits) == (1, 2)
    assert stored.expires_at == ends
    assert stored.may_manage_keys
    assert stored.created_by == User.objects.get()


@pytest.mark.parametrize(
    "terms",
    [
        {"endpoints": []},
        {"models": []},
        {"networks": []},
        {"networks": ["nowhere"]},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
        {"cap_day_microcredits": -1},
    ],
)
def test_a_key_under_bad_terms_is_not_issued(account: Account, terms: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        lifecycle.issue_key(account, "server", **terms)
    assert not ApiKey.objects.exists()


def test_a_suspended_account_gets_no_keys_until_it_is_active_again(account: Account) -> None:
    api_key, _ = lifecycle.issue_key(account, "server")
    stale = Account.objects.get(pk=account.pk)
    actions.suspend_account(account)
    with pytest.raises(errors.AccountSuspended):
        lifecycle.issue_key(stale, "another")
    with pytest.raises(errors.AccountSuspended):
        lifecycle.rotate_key(api_key, 0)
    actions.reactivate_account(account)
    lifecycle.issue_key(stale, "another")


def test_a_revoked_key_stays_revoked_at_the_first_moment(account: Account) -> None:
    api_key, _ = lifecycle.issue_key(account, "server")
    first = lifecycle.revoke_key(api_key).revoked_at
    assert first is not None
    assert lifecycle.revoke_key(ApiKey.objects.get(pk=api_key.pk)).revoked_at == first
    assert not ApiKey.objects.get(pk=api_key.pk).is_live(timezone.now())


def test_a_revocation_is_committed_when_it_returns(committing: None) -> None:
    account = actions.create_account("Durable", "standard")
    api_key, _ = lifecycle.issue_key(account, "server")
    with pytest.raises(RuntimeError), transaction.atomic():
        lifecycle.revoke_key(api_key)
    assert api_key.revoked_at is None
    lifecycle.revoke_key(api_key)
    seen = in_threads(1, lambda: ApiKey.objects.get(pk=api_key.pk).revoked_at)
    assert seen == [api_key.revoked_at]


def test_limits_change_alone_and_none_removes_them(account: Account) -> None:
    ends = timezone.now() + timedelta(days=1)
    api_key, _ = lifecycle.issue_key(account, "server", cap_day_microcredits=5, expires_at=ends)
    lifecycle.change_limits(api_key, cap_month_microcredits=7)
    stored = ApiKey.objects.get(pk=api_key.pk)
    assert (stored.cap_day_microcredits, stored.cap_month_microcredits, stored.expires_at) == (5, 7, ends)
    lifecycle.change_limits(api_key, cap_day_microcredits=None, expires_at=None)
    stored.refresh_from_db()
    assert (stored.cap_day_microcredits, stored.cap_month_microcredits, stored.expires_at) == (None, 7, None)


def test_what_has_ended_is_not_brought_back(account: Account) -> None:
    revoked, _ = lifecycle.issue_key(account, "revoked")
    expired, _ = lifecycle.issue_key(account, "expired")
    lifecycle.revoke_key(revoked)
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    for ended in (revoked, expired):
        with pytest.raises(errors.KeyNotLive):
            lifecycle.change_limits(ended, expires_at=None)
        with pytest.raises(errors.KeyNotLive):
            lifecycle.rotate_key(ended, 0)
        assert lifecycle.rename_key(ended, "old one").name == "old one"


def test_rotation_makes_a_successor_under_the_same_terms(account: Account) -> None:
    ends = timezone.now() + timedelta(days=90)
    old, old_text = lifecycle.issue_key(
        account, "server", endpoints=["chat"], models=["m"], networks=["10.0.0.0/8"], expires_at=ends,
        cap_day_microcredits=1, cap_month_microcredits=2, may_manage_keys=True,
    )  # fmt: skip
    before = timezone.now()
    new, new_text = lifecycle.rotate_key(old, 3600)
    assert new_text != old_text
    assert new.replaces == old
    kept = (
        "account_id", "name", "allowed_endpoints", "allowed_models", "allowed_networks", "expires_at",
        "cap_day_microcredits", "cap_month_microcredits", "may_manage_keys",
    )  # fmt: skip
    assert [getattr(new, name) for name in kept] == [getattr(old, name) for name in kept]
    stored = ApiKey.objects.get(pk=old.pk)
    assert stored.revoked_at is None
    assert stored.expires_at is not None
    assert before + timedelta(hours=1) <= stored.expires_at <= timezone.now() + timedelta(hours=1)


def test_rotation_never_lengthens_the_old_keys_life(account: Account) -> None:
    ends = timezone.now() + timedelta(seconds=60)
    old, _ = lifecycle.issue_key(account, "server", expires_at=ends)
    lifecycle.rotate_key(old, 86_400)
    assert ApiKey.objects.get(pk=old.pk).expires_at == ends


def test_rotation_without_overlap_revokes_the_old_key_at_once(account: Account) -> None:
    old, _ = lifecycle.issue_key(account, "server")
    lifecycle.rotate_key(old, 0)
    assert ApiKey.objects.get(pk=old.pk).revoked_at is not None


def test_a_key_is_rotated_once_and_then_its_successor_is(account: Account) -> None:
    old, _ = lifecycle.issue_key(account, "server")
    successor, _ = lifecycle.rotate_key(old, 3600)
    with pytest.raises(errors.KeyAlreadyReplaced, match=successor.public_id):
        lifecycle.rotate_key(old, 3600)
    lifecycle.rotate_key(successor, 0)


def test_simultaneous_rotations_make_one_successor(committing: None) -> None:
    account = actions.create_account("Busy", "standard")
    old, _ = lifecycle.issue_key(account, "server")

    def rotate() -> str:
        try:
            lifecycle.rotate_key(old, 3600)
        except errors.KeyAlreadyReplaced:
            return "refused"
        return "rotated"

    assert sorted(in_threads(4, rotate)) == ["refused", "refused", "refused", "rotated"]
    assert ApiKey.objects.filter(replaces=old).count() == 1
