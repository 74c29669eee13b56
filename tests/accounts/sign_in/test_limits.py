"""Guessing somebody's password is slowed down, and locks nobody out who signed in before."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import User

PASSWORD = "correct-horse-battery"
EMAIL = "ada@lab.test"
LIMIT_ELSEWHERE = 50


@pytest.fixture
def ada(db: None) -> User:
    user = User.objects.create_user(EMAIL, PASSWORD)
    EmailAddress.objects.create(user=user, email=EMAIL, verified=True, primary=True)
    return user


def try_password(password: str, address: str, client: Client | None = None) -> Any:
    return (client or Client()).post(
        "/auth/login/", {"login": EMAIL, "password": password}, REMOTE_ADDR=address
    )


def guess_from_everywhere(times: int) -> list[Any]:
    return [try_password("guess", f"198.51.{number // 250}.{number % 250}") for number in range(times)]


def is_in(answer: Any) -> bool:
    return bool(answer.status_code == 302)


def said(answer: Any) -> str:
    return " ".join(answer.context["form"].non_field_errors())


def test_five_wrong_passwords_from_changing_addresses_lock_nobody_out(ada: User) -> None:
    guess_from_everywhere(5)
    assert is_in(try_password(PASSWORD, "203.0.113.9"))


def test_one_address_has_five_guesses_in_five_minutes(ada: User) -> None:
    for _ in range(5):
        assert "not correct" in said(try_password("guess", "198.51.100.1"))
    refused = try_password(PASSWORD, "198.51.100.1")
    assert not is_in(refused)
    assert "Too many" in said(refused)
    assert is_in(try_password(PASSWORD, "203.0.113.9"))


def test_an_ipv6_guesser_is_one_network(ada: User) -> None:
    for number in range(5):
        try_password("guess", f"2001:db8::{number + 1:x}")
    assert not is_in(try_password(PASSWORD, "2001:db8::ffff"))
    assert is_in(try_password(PASSWORD, "2001:db8:1::1"))


def test_a_guesser_with_many_addresses_is_slowed_down(ada: User) -> None:
    assert all("not correct" in said(answer) for answer in guess_from_everywhere(LIMIT_ELSEWHERE))
    refused = try_password(PASSWORD, "203.0.113.9")
    assert "Too many" in said(refused), "a stranger finds the right one only within the limit"


def test_the_person_signs_in_from_where_they_signed_in_before(ada: User) -> None:
    assert is_in(try_password(PASSWORD, "203.0.113.9"))
    guess_from_everywhere(LIMIT_ELSEWHERE)
    assert is_in(try_password(PASSWORD, "203.0.113.9"))


def test_the_person_signs_in_with_a_browser_that_they_signed_in_with_before(ada: User) -> None:
    browser = Client()
    assert is_in(try_password(PASSWORD, "203.0.113.9", browser))
    browser.post("/auth/logout/")
    guess_from_everywhere(LIMIT_ELSEWHERE)
    # Elsewhere, behind the very address that somebody guesses from.
    for _ in range(5):
        try_password("guess", "198.51.100.1")
    assert is_in(try_password(PASSWORD, "198.51.100.1", browser))


def test_a_known_browser_has_a_limit_of_its_own(ada: User) -> None:
    browser = Client()
    assert is_in(try_password(PASSWORD, "203.0.113.9", browser))
    browser.post("/auth/logout/")
    for number in range(10):
        try_password("guess", f"203.0.113.{number}", browser)
    assert not is_in(try_password(PASSWORD, "203.0.113.9", browser))


def test_a_browser_is_known_for_those_alone_who_signed_in_with_it(ada: User) -> None:
    stranger = User.objects.create_user("eve@lab.test", PASSWORD)
    EmailAddress.objects.create(user=stranger, email=stranger.email, verified=True, primary=True)
    browser = Client()
    browser.post("/auth/login/", {"login": "eve@lab.test", "password": PASSWORD}, REMOTE_ADDR="192.0.2.7")
    browser.post("/auth/logout/")
    guess_from_everywhere(LIMIT_ELSEWHERE)
    assert not is_in(try_password(PASSWORD, "192.0.2.7", browser))
    browser.cookies["aio_known_browser"] = browser.cookies["aio_known_browser"].value[:-1] + "x"
    assert not is_in(try_password(PASSWORD, "192.0.2.7", browser))


def test_passwords_that_were_right_count_for_nothing(ada: User) -> None:
    for _ in range(8):
        assert is_in(try_password(PASSWORD, "203.0.113.9"))


def test_an_address_that_is_nobodys_is_counted_the_same_way(db: None) -> None:
    for _ in range(5):
        assert "not correct" in said(try_password("guess", "198.51.100.1"))
    assert "Too many" in said(try_password("guess", "198.51.100.1"))
