"""A signed-in member uses Omakase's endpoints from the browser: a session and its CSRF token in place of a key."""

from collections.abc import Iterator

import httpx
import media_files as made
import pytest
from running_platform import RunningPlatform
from scenarios.asking import run_in_shell, told

_SIGN_IN = """
import json
from uuid import uuid4
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from accounts.models import Membership, User
from usage.ledger.grants import open_account
account, _ = open_account("browser-" + uuid4().hex, "standard", None, 1000 * 10**6)
user = User.objects.create_user(uuid4().hex + "@example.com", "correct horse battery")
Membership.objects.create(account=account, user=user, role="developer")
session = SessionStore()
session["_auth_user_id"] = str(user.pk)
session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
session["_auth_user_hash"] = user.get_session_auth_hash()
session.create()
print(json.dumps(session.session_key))
"""
TOKEN = "x" * 32


@pytest.fixture(scope="module")
def browser(platform: RunningPlatform) -> Iterator[httpx.Client]:
    """Signed in, with the CSRF cookie; sending the token is each test's business."""
    cookies = {"sessionid": run_in_shell(platform, _SIGN_IN), "csrftoken": TOKEN}
    with httpx.Client(base_url=platform.base_url, trust_env=False, timeout=60, cookies=cookies) as opened:
        yield opened


def test_a_member_calls_without_a_key(browser: httpx.Client) -> None:
    token = {"X-CSRFToken": TOKEN}

    as_json = browser.post("/api/embedding", json={"input": "hello"}, headers=token)
    as_form = browser.post("/api/stt", files={"file": ("a.wav", made.wav())}, headers=token)
    speakers = browser.get("/api/tts")

    assert (as_json.status_code, as_form.status_code, speakers.status_code) == (200, 200, 200)
    assert as_form.headers["X-Credits-Consumed"] == "0.1"


def test_without_the_token_nothing_is_carried(browser: httpx.Client) -> None:
    for answer in (
        browser.post("/api/embedding", json={"input": "hello"}),
        browser.post("/api/stt", files={"file": ("a.wav", made.wav())}),
        browser.post("/api/voice-clone", files={"ref_audio": ("a.wav", made.wav())}, data={"text": "a"}),
    ):
        assert answer.status_code == 403
        assert told(answer)["type"] == "permission_error"


def test_a_session_is_no_key_on_openais_mount(browser: httpx.Client) -> None:
    answer = browser.post(
        "/v1/embeddings", json={"model": "qwen3-embedding", "input": "a"}, headers={"X-CSRFToken": TOKEN}
    )

    assert answer.status_code == 401
