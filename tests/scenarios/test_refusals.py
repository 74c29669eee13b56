"""Refusals: which comes first, what each says in both shapes, and that a refused call costs nothing at all."""

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform, Tenant
from scenarios.asking import (
    EVERY_ADDRESS,
    OPENAI,
    TEXT,
    Books,
    body_for,
    ceiling,
    microcredits,
    run_in_shell,
    saying,
    told,
)

FREE = {"model": "free-chat"}
_MAKE_KEYS = """
import json
from datetime import timedelta
from uuid import uuid4
from django.utils import timezone
from accounts.keys.lifecycle import issue_key, revoke_key
from accounts.models import Account, ApiKey
from usage.ledger.grants import open_account
def opened(plan="unlimited", extra=1000 * 10**6):
    return open_account("refusals-" + uuid4().hex, plan, None, extra)[0]
account, suspended, poor = opened(), opened(), opened(extra=10**6)
made = {}
def issue(name, account=account, **limits):
    key, made[name] = issue_key(account, name, **limits)
    return key
issue("good")
revoke_key(issue("revoked"))
expired = issue("expired", expires_at=timezone.now() + timedelta(days=1))
ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
issue("suspended", suspended)
Account.objects.filter(pk=suspended.pk).update(status="suspended")
issue("other endpoint", endpoints=["embeddings"])
issue("other model", models=["sbx-chat"])
issue("other address", networks=["203.0.113.0/24"])
issue("this address", networks=["127.0.0.0/8"])
issue("poor", poor)
issue("capped", cap_day_microcredits=1_000_000)
issue("month-capped", cap_month_microcredits=1_000_000)
issue("standard", opened("standard"))
issue("standard-failing", opened("standard"))
issue("trial", opened("trial"))
print(json.dumps(made))
"""
UNAUTHENTICATED = {
    "no header": ({}, "The API key is missing"),
    "empty": ({"Authorization": ""}, "missing"),
    "no key": ({"Authorization": "Bearer"}, "missing"),
    "other scheme": ({"Authorization": "Basic YWlvOg=="}, "missing"),
    "two words": ({"Authorization": "Bearer aio_x aio_y"}, "invalid"),
    "malformed": ({"Authorization": "Bearer sk-something"}, "invalid"),
    "bad checksum": ({"Authorization": "Bearer aio_" + "a" * 38}, "invalid"),
}


@pytest.fixture(scope="module")
def keys(platform: RunningPlatform) -> dict[str, str]:
    """Key texts by what is the matter with them."""
    made: dict[str, str] = run_in_shell(platform, _MAKE_KEYS)
    return made


@pytest.fixture
def anyone(platform: RunningPlatform) -> Iterator[httpx.Client]:
    with platform.client() as opened:
        yield opened


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def unknown_key() -> str:
    """The right form and checksum, but never issued."""
    from accounts.keys.format import new_key

    return new_key()


@pytest.mark.parametrize("why", UNAUTHENTICATED)
def test_a_key_that_is_none_is_401(why: str, anyone: httpx.Client) -> None:
    headers, message = UNAUTHENTICATED[why]

    for path in (OPENAI, TEXT):
        answer = anyone.post(path, json=body_for(path, "hello"), headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert told(answer)["type"] == "authentication_error"
        assert message in told(answer)["message"]


@pytest.mark.parametrize(
    ("which", "message"), [("revoked", "revoked"), ("expired", "expired"), ("", "invalid")]
)
@pytest.mark.parametrize("path", EVERY_ADDRESS)
def test_a_key_that_is_no_longer_or_never_was_is_401(
    path: str, which: str, message: str, anyone: httpx.Client, keys: dict[str, str]
) -> None:
    headers = bearer(keys[which] if which else unknown_key())

    answer = anyone.post(path, json=body_for(path, "hello"), headers=headers)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert told(answer)["message"] == f"The API key is {message}."


@pytest.mark.parametrize(
    ("which", "body"),
    [
        ("revoked", b"{"),
        ("expired", b'{"model":"no-such","messages":[{"role":"user","content":"x"}]}'),
        ("revoked", b" " * 20_000_001),
        ("other endpoint", b"{"),
        ("other address", b"{"),
        ("suspended", b"{"),
    ],
)
def test_who_calls_is_told_before_what_they_sent(
    which: str, body: bytes, anyone: httpx.Client, keys: dict[str, str]
) -> None:
    headers = {**bearer(keys[which]), "Content-Type": "application/json"}

    answer = anyone.post(OPENAI, content=body, headers=headers)

    assert answer.status_code == (401 if which in ("revoked", "expired") else 403)


@pytest.mark.parametrize(
    ("which", "word"),
    [
        ("suspended", "suspended"),
        ("other endpoint", "endpoint"),
        ("other model", "model"),
        ("other address", "address"),
    ],
)
@pytest.mark.parametrize("path", EVERY_ADDRESS)
def test_a_call_out_of_scope_is_403_and_says_of_which(
    path: str, which: str, word: str, anyone: httpx.Client, keys: dict[str, str]
) -> None:
    answer = anyone.post(path, json=body_for(path, "hello"), headers=bearer(keys[which]))

    assert answer.status_code == 403
    assert told(answer)["type"] == "permission_error"
    assert word in told(answer)["message"]


def test_a_key_within_its_scope_is_let_in(anyone: httpx.Client, keys: dict[str, str]) -> None:
    fits = anyone.post(
        OPENAI, json=saying("hello") | {"model": "sbx-chat"}, headers=bearer(keys["other model"])
    )
    here = anyone.post(OPENAI, json=saying("hello"), headers=bearer(keys["this address"]))

    assert (fits.status_code, here.status_code) == (200, 200)


@pytest.mark.parametrize("path", EVERY_ADDRESS)
def test_a_model_that_is_not_there_is_404(path: str, client: httpx.Client, books: Books) -> None:
    answer = client.post(path, json=body_for(path, "hello") | {"model": "no-such"})

    assert answer.status_code == 404
    assert told(answer)["type"] == "not_found"
    assert told(answer)["param"] == "model"
    assert books.refusals() == {"unknown_model": 1}
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "path",
    ["/v1/completions/", "/v1/chat/completions/", "/api/v1/chat/completions/", "/api/chat/", "/api/none"],
)
def test_an_address_that_is_not_there_is_404_and_not_a_redirect(
    path: str, method: str, client: httpx.Client
) -> None:
    answer = client.request(method, path, json=saying("hello"))

    assert answer.status_code == 404
    assert told(answer)["type"] == "not_found"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE"])
@pytest.mark.parametrize("path", [OPENAI, TEXT])
def test_another_method_is_405_and_says_which_one_is_right(
    path: str, method: str, client: httpx.Client
) -> None:
    answer = client.request(method, path)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert told(answer)["type"] == "invalid_request"


def test_a_body_over_the_limit_is_413_before_it_is_all_sent(
    platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    head = f"POST {OPENAI} HTTP/1.1\r\nHost: aio\r\nAuthorization: Bearer {tenant.key}\r\n"
    announced = head.encode() + b"Content-Length: 20000001\r\n\r\n"
    megabyte = b"100000\r\n" + b" " * 2**20 + b"\r\n"
    chunked = head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + megabyte * 20

    for request in (announced, chunked):
        with socket.create_connection(("127.0.0.1", platform.port), timeout=60) as connection:
            connection.sendall(request)
            received = connection.recv(65536)
            while b"}}" not in received:
                received += connection.recv(65536)
        assert received.startswith(b"HTTP/1.1 413 ")
        assert b'"code":"request_too_large"' in received
    assert books.refusals() == {"body_too_large": 2}
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", EVERY_ADDRESS)
def test_too_few_credits_are_402_and_say_how_many(
    path: str, stream: bool, anyone: httpx.Client, keys: dict[str, str]
) -> None:
    body = json.dumps(
        body_for(path, "hello", max_tokens=1000, **({} if path == TEXT else {"stream": stream}))
    )
    headers = {**bearer(keys["poor"]), "Content-Type": "application/json"}

    answer = anyone.post(path, content=body, headers=headers)

    assert answer.status_code == 402
    described = told(answer)
    assert described["type"] == "insufficient_credits"
    assert microcredits(described["needed"]) == ceiling(body.encode(), 1000)
    assert (described["available"], described["held"]) == ("1", "0")
    assert described["limit_source"] == "balance"
    poor = Books(httpx.Client(base_url=anyone.base_url, headers=headers, trust_env=False, timeout=60))
    assert poor.held() == 0
    assert poor.available() == 1_000_000
    poor.client.close()


@pytest.mark.parametrize(("which", "source"), [("capped", "key_day_cap"), ("month-capped", "key_month_cap")])
def test_a_keys_own_cap_is_402_and_names_itself(
    which: str, source: str, anyone: httpx.Client, keys: dict[str, str]
) -> None:
    answer = anyone.post(OPENAI, json=saying("hello", max_tokens=1000), headers=bearer(keys[which]))

    assert answer.status_code == 402
    described = told(answer)
    assert (described["available"], described["limit_source"]) == ("1", source)
    assert datetime.fromisoformat(described["resets_at"]) > datetime.now(UTC)


def test_a_call_that_fails_at_the_model_keeps_its_place_in_the_minute_and_a_refused_one_takes_none(
    anyone: httpx.Client, keys: dict[str, str]
) -> None:
    headers = bearer(keys["standard-failing"])

    failed = anyone.post(OPENAI, json=saying("[[sbx:status=500]]") | FREE, headers=headers)
    refused = anyone.post(OPENAI, json=saying("hello") | {"model": "no-such-model"}, headers=headers)
    answered = anyone.post(OPENAI, json=saying("hello") | FREE, headers=headers)

    assert (failed.status_code, refused.status_code) == (502, 404)
    assert answered.headers["x-ratelimit-remaining-requests"] == "58"


def test_the_sixty_first_call_of_a_minute_is_429_and_bad_calls_do_not_count(
    anyone: httpx.Client, keys: dict[str, str]
) -> None:
    headers = bearer(keys["standard"])
    for _ in range(5):
        assert anyone.post(OPENAI, content=b"{", headers=headers).status_code == 400
    answers = [anyone.post(OPENAI, json=saying("hello") | FREE, headers=headers) for _ in range(60)]

    refused = anyone.post(OPENAI, json=saying("hello") | FREE, headers=headers)
    in_text = anyone.post(TEXT, json={"input": "hello", **FREE}, headers=headers)

    assert {answer.status_code for answer in answers} == {200}
    assert [int(a.headers["x-ratelimit-remaining-requests"]) for a in answers] == list(range(59, -1, -1))
    assert answers[0].headers["x-ratelimit-limit-requests"] == "60"
    assert answers[0].headers["RateLimit-Policy"] == '"minute";q=60;w=60'
    assert (refused.status_code, in_text.status_code) == (429, 429)
    assert told(refused)["type"] == told(in_text)["type"] == "rate_limit"
    wait_s = int(refused.headers["Retry-After"])
    assert 1 <= wait_s <= 60
    assert refused.headers["RateLimit"] == f'"minute";r=0;t={wait_s}'
    assert refused.headers["x-ratelimit-reset-requests"] == f"{wait_s}s"
    books = Books(httpx.Client(base_url=anyone.base_url, headers=headers, trust_env=False, timeout=60))
    assert books.refusals() == {"invalid_request": 5, "minute_rate": 2}
    assert books.held() == 0
    books.client.close()


def test_the_fifty_first_call_of_a_trial_day_is_429_until_the_reset(
    anyone: httpx.Client, keys: dict[str, str]
) -> None:
    headers = bearer(keys["trial"])
    for body in (b"{", b'{"model":"no-such","messages":[{"role":"user","content":"x"}]}'):
        assert anyone.post(OPENAI, content=body, headers=headers).status_code in (400, 404)
    statuses = [
        anyone.post(OPENAI, json=saying("hello") | FREE, headers=headers).status_code for _ in range(50)
    ]

    refused = anyone.post(OPENAI, json=saying("hello") | FREE, headers=headers)

    assert set(statuses) == {200}
    assert refused.status_code == 429
    described = told(refused)
    assert described["type"] == "daily_trial_limit"
    assert refused.headers["x-should-retry"] == "false"
    now = datetime.now(UTC)
    left_s = (datetime.fromisoformat(described["resets_at"]) - now).total_seconds()
    assert 0 < left_s <= 24 * 3600
    assert abs(int(refused.headers["Retry-After"]) - left_s) <= 2
    assert '"day"' in refused.headers["RateLimit"]


@pytest.mark.parametrize("which", ["poor", "other model"])
def test_refused_calls_are_counted_under_their_code(
    which: str, anyone: httpx.Client, keys: dict[str, str]
) -> None:
    code = {"poor": "insufficient_credits", "other model": "model_not_allowed"}[which]
    headers = bearer(keys[which])
    before = counted(anyone, headers, code)

    for _ in range(3):
        anyone.post(OPENAI, json=saying("hello", max_tokens=1000), headers=headers)

    assert counted(anyone, headers, code) == before + 3


def counted(client: httpx.Client, headers: dict[str, str], code: str) -> int:
    found: dict[str, Any] = client.get("/api/v1/usage/refusals", headers=headers).json()
    return sum(row["calls"] for row in found["data"] if row["code"] == code)


def test_a_refused_call_reaches_no_upstream(
    platform: RunningPlatform, anyone: httpx.Client, keys: dict[str, str]
) -> None:
    mark = "never-" + keys["poor"][4:12]
    for which in ("poor", "revoked", "suspended", "other model", "other address"):
        anyone.post(OPENAI, json=saying(mark, max_tokens=1000), headers=bearer(keys[which]))

    assert platform.journal(mark) == []
