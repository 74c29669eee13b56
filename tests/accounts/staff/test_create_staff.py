"""`create_staff` lets a newcomer in, and makes nobody more than was asked."""

import io
import json
import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client

from accounts import actions
from accounts.errors import AddressNotProven
from accounts.keys import lifecycle
from accounts.models import Account, User
from aio_platform.credits import MAX_MICROCREDITS

PASSWORD = "correct-horse-battery"


def create(*arguments: str, password: str = PASSWORD, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
    call_command("create_staff", *arguments, "--json", stdout=out)
    return dict(json.loads(out.getvalue()))


def sign_in(email: str, password: str) -> bool:
    return Client().post("/auth/login/", {"login": email, "password": password}).status_code == 302


@pytest.mark.django_db
def test_a_newcomer_signs_in_where_members_do_and_is_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    made = create("New@Staff.test", "--superuser", monkeypatch=monkeypatch)
    assert (made["email"], made["made"], made["superuser"], made["ended"]) == (
        "new@staff.test",
        True,
        True,
        None,
    )
    client = Client()
    answer = client.post("/auth/login/?next=/staff/", {"login": "new@staff.test", "password": PASSWORD})
    assert answer["Location"] == "/staff/"
    assert client.get("/staff/").status_code == 200


@pytest.mark.django_db
def test_a_member_with_a_proven_address_becomes_staff_with_the_password_they_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = User.objects.create_user("member@lab.test", "an-older-password")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    Group.objects.create(name="support")
    made = create("member@lab.test", "--group", "support", password="", monkeypatch=monkeypatch)
    assert (made["made"], made["proven"], made["superuser"], made["ended"]) == (False, True, False, None)
    user.refresh_from_db()
    assert user.is_staff
    assert not user.is_superuser
    assert user.check_password("an-older-password")
    assert [group.name for group in user.groups.all()] == ["support"]


@pytest.mark.django_db
def test_whoever_signed_up_with_the_address_before_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger prepares the person: password, live session, passkey, key, and an address to reset to."""
    stranger = Client()
    stranger.post("/auth/signup/", {"email": "boss@company.test", "password1": "the-strangers-own"})
    assert stranger.get("/usage").status_code == 200
    user = User.objects.get()
    account = user.accounts.get()
    key, _ = lifecycle.issue_key(account, "theirs", created_by=user)
    Authenticator.objects.create(user=user, type="totp", data={})
    EmailAddress.objects.create(user=user, email="stranger@elsewhere.test", verified=True)

    made = create("boss@company.test", monkeypatch=monkeypatch)
    assert made["ended"] == {"sessions": 1, "authenticators": 1, "keys": 1}
    assert made["accounts"] == [account.public_id]
    assert stranger.get("/staff/").status_code == 302, "their session is over"
    assert not sign_in("boss@company.test", "the-strangers-own")
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert not Authenticator.objects.exists()
    assert [one.email for one in EmailAddress.objects.filter(user=user)] == ["boss@company.test"]
    assert sign_in("boss@company.test", PASSWORD)


@pytest.mark.django_db
def test_the_new_password_of_a_prepared_person_is_judged_before_anything_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    User.objects.create_user("boss@company.test", "the-strangers-own")
    with pytest.raises(CommandError, match="too short"):
        create("boss@company.test", password="123", monkeypatch=monkeypatch)
    user = User.objects.get()
    assert not user.is_staff
    assert user.check_password("the-strangers-own")


@pytest.mark.django_db
def test_the_staff_site_makes_nobody_staff_who_may_be_anybody() -> None:
    superuser = User.objects.create_superuser("root@company.test", PASSWORD)
    prepared = User.objects.create_user("boss@company.test", "the-strangers-own")
    client = Client()
    client.force_login(superuser, "allauth.account.auth_backends.AuthenticationBackend")
    form = {"is_active": "on", "is_staff": "on"}
    address = f"/staff/accounts/user/{prepared.pk}/change/"
    assert client.post(address, form).status_code == 200
    prepared.refresh_from_db()
    assert not prepared.is_staff
    EmailAddress.objects.create(user=prepared, email=prepared.email, verified=True, primary=True)
    assert client.post(address, form).status_code == 302
    prepared.refresh_from_db()
    assert prepared.is_staff


@pytest.mark.django_db
def test_an_account_is_not_given_to_whoever_signed_up_as_its_owner_before() -> None:
    user = User.objects.create_user("boss@company.test", "the-strangers-own")
    with pytest.raises(AddressNotProven):
        actions.create_account("Company", "standard", "boss@company.test")
    assert not Account.objects.exists()
    actions.create_account("Company", "standard", "boss@company.test", take_over=True)
    user.refresh_from_db()
    assert not user.has_usable_password()
    assert user.accounts.get().name == "Company"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "password", "message"),
    [
        (["nobody"], PASSWORD, "not an e-mail address"),
        (["new@staff.test"], "12345", "too short"),
        (["new@staff.test", "--group", "nothing"], PASSWORD, "There is no group 'nothing'"),
    ],
)
def test_a_mistake_makes_nobody(
    arguments: list[str], password: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandError, match=message):
        create(*arguments, password=password, monkeypatch=monkeypatch)
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_password_reset_leaves_nothing_of_whoever_signed_up_before() -> None:
    stranger = Client()
    stranger.post("/auth/signup/", {"email": "boss@company.test", "password1": "the-strangers-own"})
    user = User.objects.get()
    Authenticator.objects.create(user=user, type="totp", data={})
    mail.outbox.clear()
    boss = Client()
    boss.post("/auth/password/reset/", {"email": "boss@company.test"})
    [link] = re.findall(r"http://\S+(/auth/password/reset/key/\S+)", str(mail.outbox[0].body))
    page = boss.get(link, follow=True)
    boss.post(page.request["PATH_INFO"], {"password1": PASSWORD, "password2": PASSWORD})
    assert stranger.get("/usage").status_code == 302
    assert not Authenticator.objects.exists()
    assert sign_in("boss@company.test", PASSWORD)


@pytest.mark.django_db
def test_the_staff_site_takes_no_bonus_that_cannot_be_granted() -> None:
    """Everybody's sign-up would fail for it."""
    client = Client()
    client.force_login(
        User.objects.create_superuser("root@company.test", PASSWORD),
        "allauth.account.auth_backends.AuthenticationBackend",
    )
    form = {"signup_bonus_microcredits": str(MAX_MICROCREDITS + 1)}
    assert client.post("/staff/accounts/plan/trial/change/", form).status_code == 200
    form = {"signup_bonus_microcredits": str(MAX_MICROCREDITS)}
    assert client.post("/staff/accounts/plan/trial/change/", form).status_code == 302
