from typing import Any

import pytest
from django.core.cache import cache

from accounts.errors import ExpiredKey, MalformedKey, MissingKey, RevokedKey, TooManyKeyGuesses, UnknownKey
from accounts.keys.guessing import note_failed_key, refusal_for_failed_key


@pytest.fixture(autouse=True)
def three_guesses(settings: Any) -> None:
    settings.KEY_GUESSES_PER_ADDRESS = "3/h"


def too_many_guesses(address: str) -> bool:
    """Whether one guess more from that address is answered with 429."""
    return isinstance(refusal_for_failed_key(address, UnknownKey()), TooManyKeyGuesses)


def test_guesses_beyond_the_limit_are_answered_with_429_and_when_to_come_back() -> None:
    refusals = [refusal_for_failed_key("192.0.2.1", UnknownKey()) for _ in range(4)]
    assert [type(refusal) for refusal in refusals] == [UnknownKey] * 3 + [TooManyKeyGuesses]
    assert refusals[-1].status == 429
    assert 1 <= (refusals[-1].retry_after_s or 0) <= 3600
    assert too_many_guesses("192.0.2.1")
    assert not too_many_guesses("192.0.2.2")


@pytest.mark.parametrize("refusal", [RevokedKey(), ExpiredKey(), MissingKey()])
def test_a_key_that_once_was_good_is_no_guess(refusal: RevokedKey) -> None:
    for _ in range(10):
        assert refusal_for_failed_key("192.0.2.1", refusal) is refusal
    assert not too_many_guesses("192.0.2.1")


def test_malformed_keys_count_too() -> None:
    for _ in range(3):
        refusal_for_failed_key("192.0.2.1", MalformedKey())
    assert isinstance(refusal_for_failed_key("192.0.2.1", MalformedKey()), TooManyKeyGuesses)


def test_an_ipv6_customer_is_one_guesser() -> None:
    for host in range(4):
        note_failed_key(f"2001:db8::{host:x}")
    assert too_many_guesses("2001:db8::ffff")
    assert not too_many_guesses("2001:db8:0:1::1")


def test_an_ipv4_address_is_the_same_within_ipv6() -> None:
    for _ in range(4):
        note_failed_key("::ffff:192.0.2.1")
    assert too_many_guesses("192.0.2.1")
    assert not too_many_guesses("::ffff:192.0.2.2")


@pytest.mark.parametrize("address", ["", "unix:", "fe80::1%eth0"])
def test_any_address_can_be_counted(address: str) -> None:
    for _ in range(4):
        note_failed_key(address)
    assert too_many_guesses(address)


def test_the_refusal_stands_when_nothing_can_be_counted(settings: Any) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",  # nothing listens there
        }
    }
    refusal = UnknownKey()
    assert refusal_for_failed_key("192.0.2.1", refusal) is refusal
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()
