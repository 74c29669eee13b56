"""U+0000, which PostgreSQL refuses in every text, is the caller's mistake wherever it stands: never a 500."""

import json
from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform, Tenant

NUL = "\0"
PATHS = [
    "/staff/accounts/acct_%00/",
    "/staff/calls/req_%00/",
    "/staff/auth/user/%00/change/",
    "/staff/accounts/apikey/1%00/",
    "/staff/%00",
    "/auth/%00",
    "/auth/password/reset/key/1-%00/",
    "/invitations/%00",
    "/docs/%00",
    "/keys/key_%00/change",
    "/team/members/1%00/role",
    "/usage/calls/req_%00",
    "/tasks/task_%00",
    "/%00",
    "/static/%00",
    "/api/v1/keys/key_%00",
    "/api/v1/usage/req_%00",
    "/api/v1/tasks/%00",
    "/api/v1/tasks/x%00/cancel",
    "/webhooks/upstreams/%00",
    "/v1/%00",
    "/v1/models/%00",
]
QUERIES = [
    "/api/v1/usage?model=%00",
    "/api/v1/usage?after=%00",
    "/api/v1/usage/summary?group_by=%00",
    "/api/v1/usage/export.csv?key=%00",
    "/api/v1/keys?after=key_%00",
    "/api/v1/tasks?after=%00",
    "/api/v1/tasks?status=%00",
    "/auth/login/?next=%00",
    "/docs/search?q=%00",
    "/usage?model=%00",
    "/?%00=1",
]
# Bodies in which a text has the character; what only passes through to a model may have it.
BODIES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/api/v1/keys", {"name": NUL}),
    ("POST", "/api/v1/keys", {"name": "a", "scopes": {"models": [f"m{NUL}"]}}),
    ("POST", "/api/v1/keys", {"name": "a", NUL: 1}),
    ("PATCH", "/api/v1/keys/key_x", {"name": NUL}),
    ("PUT", "/api/v1/callbacks", {"url": f"https://example.com/{NUL}"}),
    (
        "POST",
        "/v1/chat/completions",
        {"model": f"gemini{NUL}", "messages": [{"role": "user", "content": "x"}]},
    ),
    ("POST", "/v1/embeddings", {"model": f"m{NUL}", "input": "x"}),
    ("POST", "/v1/images/generations", {"model": f"m{NUL}", "prompt": "x"}),
    ("POST", "/api/v1/images/generations", {"model": "z-image", "prompt": NUL}),
    ("POST", "/api/v1/images/generations", {"model": NUL, "prompt": "x"}),
    ("POST", "/api/v1/audio/music", {"model": "suno", "prompt": "x", "callback_url": f"https://e.com/{NUL}"}),
    ("POST", "/api/tts", {"input": NUL, "speaker": NUL}),
]


@pytest.mark.parametrize("path", PATHS)
def test_an_address_with_it_leads_nowhere(platform: RunningPlatform, client: httpx.Client, path: str) -> None:
    for headers in ({}, dict(client.headers)):
        answer = httpx.get(platform.base_url + path, headers=headers)
        assert answer.status_code == 404, (path, answer.text[:300])


@pytest.mark.parametrize("path", QUERIES)
def test_a_query_with_it_is_malformed(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 400, path


@pytest.mark.parametrize(("method", "path", "body"), BODIES)
def test_a_body_with_it_is_the_callers_mistake(
    client: httpx.Client, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = client.request(
        method, path, content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert 400 <= answer.status_code < 500, (path, answer.status_code, answer.text[:300])


def test_a_prompt_may_have_it(client: httpx.Client) -> None:
    """Nothing of it is kept, so whether the model understands it is the model's business."""
    body = {"model": "gemini", "messages": [{"role": "user", "content": f"a{NUL}b"}], "user": NUL}
    assert client.post("/v1/chat/completions", json=body).status_code == 200


def test_headers_and_cookies_with_it(platform: RunningPlatform, tenant: Tenant) -> None:
    """A quoted cookie may have any character."""
    for name in ("sessionid", "csrftoken", "django_language", "aio_time_zone", "messages"):
        for path in ("/", "/usage", "/auth/login/", "/staff/", "/api/v1/keys", "/api/chat"):
            cookie = {"Cookie": f'{name}="aaaaaaaa\\000bbbb"'}
            answer = httpx.get(platform.base_url + path, headers=cookie)
            assert answer.status_code < 500, (name, path)
    answer = httpx.post(
        platform.base_url + "/api/chat",
        headers={"Cookie": 'sessionid="aaaaaaaa\\000bbbb"'},
        json={"input": "x"},
    )
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/auth/login/", {"login": f"a{NUL}@b.test", "password": "x"}),
        ("/auth/signup/", {"email": f"a{NUL}@b.test", "password1": "correct-horse-battery"}),
        ("/auth/signup/", {"email": "nul@b.test", "password1": f"correct-horse{NUL}-battery"}),
        ("/auth/password/reset/", {"email": f"a{NUL}@b.test"}),
        ("/i18n/setlang/", {"language": NUL, "next": NUL}),
    ],
)
def test_a_form_with_it_is_malformed(platform: RunningPlatform, path: str, form: dict[str, str]) -> None:
    with httpx.Client(base_url=platform.base_url) as browser:
        browser.get("/auth/login/")
        token = browser.cookies["csrftoken"]
        answer = browser.post(path, data={**form, "csrfmiddlewaretoken": token})
        assert answer.status_code == 400, answer.text[:300]


def test_no_cache_keeps_an_answer(platform: RunningPlatform, client: httpx.Client) -> None:
    """Of the gateway and of Django, errors and redirects among them."""
    for path in (
        "/", "/usage", "/keys", "/auth/login/", "/staff/", "/nothing", "/api/v1/keys", "/api/v1/credits",
        "/api/v1/usage", "/api/v1/tasks", "/v1/models", "/api/v1/models", "/api/v1/tasks/none", "/v1/nothing",
    ):  # fmt: skip
        for headers in ({}, dict(client.headers)):
            answer = httpx.get(platform.base_url + path, headers=headers)
            assert "no-store" in answer.headers.get("cache-control", ""), (path, answer.status_code)
    said = client.post("/v1/chat/completions", json={})
    assert (said.status_code, said.headers["cache-control"]) == (400, "private, no-store")
