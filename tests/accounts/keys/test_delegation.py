from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.errors import BeyondOwnKey
from accounts.keys.delegation import KeyTerms, check_limits_within, check_within

END = datetime(2030, 1, 1, tzinfo=UTC)
HOLDER = KeyTerms(
    endpoints=["chat", "usage"],
    models=["small"],
    networks=["10.0.0.0/8", "2001:db8::/32"],
    expires_at=END,
    cap_day_microcredits=5,
    cap_month_microcredits=50,
    may_manage_keys=True,
)


def test_a_key_may_hand_out_all_it_holds() -> None:
    check_within(HOLDER, HOLDER)


def test_an_unlimited_key_may_hand_out_anything_but_managing_keys() -> None:
    check_within(KeyTerms(), KeyTerms())
    check_within(KeyTerms(), replace(HOLDER, may_manage_keys=False))
    with pytest.raises(BeyondOwnKey):
        check_within(KeyTerms(), HOLDER)


def test_a_key_may_hand_out_less() -> None:
    check_within(
        HOLDER,
        KeyTerms(
            endpoints=["chat"],
            models=["small"],
            networks=["10.1.0.0/16"],
            expires_at=END - timedelta(days=1),
            cap_day_microcredits=0,
            cap_month_microcredits=1,
        ),
    )


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("endpoints", ["chat", "images"], "scopes.endpoints"),
        ("endpoints", None, "scopes.endpoints"),
        ("models", ["large"], "scopes.models"),
        ("models", None, "scopes.models"),
        ("networks", ["10.0.0.0/7"], "scopes.networks"),
        ("networks", ["::/0"], "scopes.networks"),
        ("networks", None, "scopes.networks"),
        ("expires_at", END + timedelta(seconds=1), "expires_at"),
        ("expires_at", None, "expires_at"),
        ("cap_day_microcredits", 6, "cap_day"),
        ("cap_day_microcredits", None, "cap_day"),
        ("cap_month_microcredits", 51, "cap_month"),
        ("cap_month_microcredits", None, "cap_month"),
    ],
)
def test_a_limited_key_never_hands_out_more(field: str, value: Any, param: str) -> None:
    with pytest.raises(BeyondOwnKey) as refusal:
        check_within(HOLDER, replace(HOLDER, **{field: value}))
    assert refusal.value.param == param


def test_only_the_limits_that_change_are_checked() -> None:
    check_limits_within(HOLDER, cap_day=5)
    with pytest.raises(BeyondOwnKey):
        check_limits_within(HOLDER, cap_day=None)
