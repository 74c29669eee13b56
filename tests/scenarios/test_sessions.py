"""A signed-in member calls /api/chat from the browser: the session and its CSRF token stand in for a key."""

from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform
from scenarios.asking import (
    API_IN_ONE,
    LLM,
    OPENAI,
    TEXT,
    Books,
    body_for,
    price,
    run_in_shell,
    saying,
    tokens,
    told,
)
from scenarios.task_calls import IMAGES

_MAKE_MEMBERS = """
import json
from uuid import uuid4
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from accounts.keys.lifecycle import issue_key
from accounts.models import Account, Membership, User
from usage.ledger.grants import open_account
made = {}
for name, role in [("owner", "owner"), ("admin", "admin"), ("developer", "developer"), ("viewer", "viewer"),
                   ("stranger", None), ("suspended", "owner"), ("gone", "owner")]:
    account, _ = open_account("members-" + uuid4().hex, "standard", None, 1000 * 10**6)
    user = User.objects.create_user(uuid4().hex + "@example.com", "correct horse battery")
    key = issue_key(account, "see")[1]
    if role:
        Membership.objects.create(account=account, user=user, role=role)
    if name == "suspended":
        Account.objects.filter(pk=account.pk).update(status="suspended")
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.create()
    if name == "gone":
        user.is_active = False
        user.save()
    made[name] = {"session": session.session_key, "account": account.public_id, "key": key}
print(json.dumps(made))
"""
TOKEN = "x" * 32


@pytest.fixture(scope="module")
def members(platform: RunningPlatform) -> dict[str, Any]:
    """Sessions of people with each role, with their account and a key to look at its books."""
    made: dict[str, Any] = run_in_shell(platform, _MAKE_MEMBERS)
    return made


def post(
    platform: RunningPlatform,
    member: dict[str, Any],
    path: str = TEXT,
    *,
    csrf: str | None = TOKEN,
    **headers: str,
) -> httpx.Response:
    with httpx.Client(base_url=platform.base_url, trust_env=False, timeout=60) as browser:
        browser.cookies.set("sessionid", member["session"])
        browser.cookies.set("csrftoken", TOKEN)
        if csrf is not None:
            headers["X-CSRFToken"] = csrf
        return browser.post(path, json=body_for(path, "hello"), headers=headers)


def books_of(platform: RunningPlatform, member: dict[str, Any]) -> Books:
    headers = {"Authorization": f"Bearer {member['key']}"}
    return Books(httpx.Client(base_url=platform.base_url, headers=headers, trust_env=False, timeout=60))


@pytest.mark.parametrize("role", ["owner", "admin", "developer"])
def test_a_member_is_answered_and_the_account_pays(
    role: str, platform: RunningPlatform, members: dict[str, Any]
) -> None:
    answer = post(platform, members[role])

    assert answer.status_code == 200
    books = books_of(platform, members[role])
    assert books.spent() == price(tokens("hello"), tokens(answer.json()["text"]))
    receipt = books.receipt(answer)
    assert receipt["key"] is None
    assert receipt["outcome"] == "succeeded"
    assert answer.headers["x-ratelimit-limit-requests"] == "60"
    books.client.close()


def test_the_llm_address_takes_a_session_too(platform: RunningPlatform, members: dict[str, Any]) -> None:
    assert post(platform, members["owner"], LLM).status_code == 200


@pytest.mark.parametrize(
    ("who", "csrf", "status"),
    [("developer", TOKEN, 200), ("viewer", TOKEN, 403), ("developer", None, 403), ("stranger", TOKEN, 403)],
)
def test_a_member_opens_a_task_with_a_session_and_its_token(
    who: str, csrf: str | None, status: int, platform: RunningPlatform, members: dict[str, Any]
) -> None:
    member = members[who]
    headers = {"Cookie": f"sessionid={member['session']}; csrftoken={TOKEN}"}
    if csrf is not None:
        headers["X-CSRFToken"] = csrf
    body = {"model": "flux-2", "prompt": "a cat [[sbx:task_s=0.1]]"}

    key = {"Authorization": f"Bearer {member['key']}"}
    with httpx.Client(base_url=platform.base_url, trust_env=False, timeout=60) as client:
        before = len(client.get("/api/v1/tasks", headers=key).json()["data"])
        answer = client.post(IMAGES, json=body, headers=headers)
        after = client.get("/api/v1/tasks", headers=key).json()["data"]

    assert answer.status_code == status, answer.text
    assert len(after) - before == (status == 200)


@pytest.mark.parametrize("csrf", [None, "", "y" * 32])
def test_without_the_csrf_token_it_is_403(
    csrf: str | None, platform: RunningPlatform, members: dict[str, Any]
) -> None:
    answer = post(platform, members["developer"], csrf=csrf)

    assert answer.status_code == 403
    assert told(answer)["type"] == "permission_error"


def test_another_sites_origin_is_403(platform: RunningPlatform, members: dict[str, Any]) -> None:
    answer = post(platform, members["owner"], Origin="https://evil.example")

    assert answer.status_code == 403


@pytest.mark.parametrize("who", ["viewer", "stranger", "suspended"])
def test_who_may_not_spend_is_403(who: str, platform: RunningPlatform, members: dict[str, Any]) -> None:
    answer = post(platform, members[who])

    assert answer.status_code == 403
    assert told(answer)["type"] == "permission_error"


def test_an_account_that_is_not_theirs_is_404(platform: RunningPlatform, members: dict[str, Any]) -> None:
    headers = {"X-Account": members["admin"]["account"]}

    assert post(platform, members["owner"], **headers).status_code == 404


def test_a_session_that_is_over_is_401(platform: RunningPlatform, members: dict[str, Any]) -> None:
    for member in ({"session": "nosuchsession"}, members["gone"]):
        answer = post(platform, member)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", [OPENAI, API_IN_ONE])
def test_the_addresses_for_programs_take_no_session(
    path: str, platform: RunningPlatform, members: dict[str, Any]
) -> None:
    assert post(platform, members["owner"], path).status_code == 401


def test_a_key_beside_a_session_is_what_counts(platform: RunningPlatform, members: dict[str, Any]) -> None:
    key = {"Authorization": f"Bearer {members['admin']['key']}"}

    answer = post(platform, members["viewer"], csrf=None, **key)
    wrong = post(platform, members["owner"], Authorization="Bearer nonsense")

    assert (answer.status_code, wrong.status_code) == (200, 401)


def test_a_bad_body_of_a_member_is_400_and_of_a_viewer_403(
    platform: RunningPlatform, members: dict[str, Any]
) -> None:
    statuses = []
    for who in ("owner", "viewer"):
        cookies = f"sessionid={members[who]['session']}; csrftoken={TOKEN}"
        headers = {"Cookie": cookies, "X-CSRFToken": TOKEN}
        answer = httpx.post(
            platform.base_url + TEXT, json=saying("hello"), headers=headers, trust_env=False, timeout=60
        )
        statuses.append(answer.status_code)

    assert statuses == [400, 403]
