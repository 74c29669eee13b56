"""Several first sign-ins of one person at the same moment open one account, with the trial's credits once."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client

from accounts.models import Account, Membership, User
from usage.models import Balance
from usage.sign_up import open_own_account

PASSWORD = "correct-horse-battery"
BONUS = 100_000_000
AT_ONCE = 4
WAITING = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"


@pytest.fixture
def person(transactional_db: None) -> User:
    """Somebody who has proven an address, and never signed in."""
    cache.clear()
    user = User.objects.create_user("ada@lab.test", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def on_a_connection_of_its_own(action: Callable[[], Any]) -> Any:
    try:
        return action()
    finally:
        connection.close()


def assert_there_is_one_account(person: User) -> None:
    account = Account.objects.get()
    assert Membership.objects.get(user=person).account == account
    assert Balance.objects.get(account_id=account.pk).available_microcredits == BONUS


def test_simultaneous_first_sign_ins_open_one_account(person: User) -> None:
    all_ready = threading.Barrier(AT_ONCE)

    def sign_in() -> int:
        client = Client()
        all_ready.wait(60)
        return client.post("/auth/login/", {"login": person.email, "password": PASSWORD}).status_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = [pool.submit(on_a_connection_of_its_own, sign_in) for _ in range(AT_ONCE)]
    assert [answer.result() for answer in answers] == [302] * AT_ONCE
    assert_there_is_one_account(person)


def test_whoever_waits_for_the_first_finds_its_account(person: User) -> None:
    """All are held back where they take hold of the person, and let go together."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        with transaction.atomic():
            User.objects.select_for_update(no_key=True).get(pk=person.pk)
            opening = [
                pool.submit(on_a_connection_of_its_own, lambda: open_own_account(person))
                for _ in range(AT_ONCE)
            ]
            wait_until_all_are_held_back()
        opened = [each.result() for each in opening]
    assert len([account for account in opened if account is not None]) == 1
    assert_there_is_one_account(person)


def wait_until_all_are_held_back() -> None:
    give_up_at = time.monotonic() + 30
    while True:
        with connection.cursor() as cursor:
            cursor.execute(WAITING)
            [(waiting,)] = cursor.fetchall()
        if waiting == AT_ONCE:
            return
        assert time.monotonic() < give_up_at, f"{waiting} wait"
        time.sleep(0.02)
