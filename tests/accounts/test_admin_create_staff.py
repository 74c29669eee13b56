"""`create_staff` lets a newcomer in, and makes nobody more than was asked."""

import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User

PASSWORD = "correct-horse-battery"


def create(*arguments: str, password: str = PASSWORD, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
    call_command("create_staff", *arguments, "--json", stdout=out)
    return dict(json.loads(out.getvalue()))


@pytest.mark.django_db
def test_a_newcomer_signs_in_where_members_do_and_is_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    made = create("New@Staff.test", "--superuser", monkeypatch=monkeypatch)
    assert made == {"email": "new@staff.test", "made": True, "superuser": True}
    client = Client()
    answer = client.post("/auth/login/?next=/staff/", {"login": "new@staff.test", "password": PASSWORD})
    assert answer["Location"] == "/staff/"
    assert client.get("/staff/").status_code == 200


@pytest.mark.django_db
def test_a_member_becomes_staff_with_the_password_they_have(monkeypatch: pytest.MonkeyPatch) -> None:
    User.objects.create_user("member@lab.test", "an-older-password")
    Group.objects.create(name="support")
    made = create("member@lab.test", "--group", "support", password="", monkeypatch=monkeypatch)
    assert made == {"email": "member@lab.test", "made": False, "superuser": False}
    user = User.objects.get(email="member@lab.test")
    assert user.is_staff
    assert not user.is_superuser
    assert user.check_password("an-older-password")
    assert [group.name for group in user.groups.all()] == ["support"]


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
