"""Idempotency-Key: the same call sent twice is carried once and charged once."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest
from running_platform import RunningPlatform, Tenant
from scenarios.asking import (
    API_IN_ONE,
    LLM,
    OPENAI,
    TEXT,
    Books,
    Stream,
    TenantPool,
    eventually,
    marked,
    saying,
    told,
)


def with_key(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


@pytest.mark.parametrize("path", [OPENAI, TEXT])
def test_a_repeated_call_is_answered_with_the_same_bytes_and_charged_once(
    path: str, platform: RunningPlatform, client: httpx.Client, books: Books
) -> None:
    text, mark = marked()
    body = {"input": text} if path == TEXT else saying(text)

    first = client.post(path, json=body, headers=with_key(mark))
    spent = books.spent()
    again = client.post(path, json=body, headers=with_key(mark))

    assert first.status_code == again.status_code == 200
    assert again.content == first.content
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["X-Original-Request-Id"] == first.headers["X-Request-Id"]
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert again.headers["X-Credits-Consumed"] == first.headers["X-Credits-Consumed"]
    assert books.spent() == spent > 0
    assert len(books.calls()) == 1
    assert len(platform.journal(mark)) == 1


def test_another_body_or_address_under_the_same_key_is_422(client: httpx.Client, books: Books) -> None:
    text, mark = marked()
    client.post(OPENAI, json=saying(text), headers=with_key(mark))
    spent = books.spent()

    other_body = client.post(OPENAI, json=saying(text, n=2), headers=with_key(mark))
    other_address = client.post(API_IN_ONE, json=saying(text), headers=with_key(mark))
    other_shape = client.post(TEXT, json={"input": text}, headers=with_key(mark))
    # The very same body, which this address would answer with the very same bytes.
    other_address_alone = client.post(LLM, json=saying(text), headers=with_key(mark))

    for answer in (other_body, other_address, other_shape, other_address_alone):
        assert answer.status_code == 422
        assert told(answer)["type"] == "idempotency_error"
        assert told(answer)["param"] == "Idempotency-Key"
    assert books.spent() == spent


@pytest.mark.parametrize("first_form", ["application/json", "text/event-stream"])
def test_a_replay_never_has_another_form_than_its_accept_header_asks_for(
    first_form: str, client: httpx.Client, books: Books
) -> None:
    """Where a body leaves `stream` out, Accept decides: the same body with another Accept is another call."""
    text, mark = marked()
    body = saying(text)
    body.pop("stream", None)
    other_form = {"application/json": "text/event-stream", "text/event-stream": "application/json"}[
        first_form
    ]
    first = client.post(API_IN_ONE, json=body, headers={**with_key(mark), "Accept": first_form})
    assert first.headers["Content-Type"].startswith(first_form)
    spent = books.spent()
    again = client.post(API_IN_ONE, json=body, headers={**with_key(mark), "Accept": other_form})
    assert again.status_code == 422
    assert told(again)["param"] == "Idempotency-Key"
    same = client.post(API_IN_ONE, json=body, headers={**with_key(mark), "Accept": first_form})
    assert same.status_code == (200 if first_form == "application/json" else 409)
    assert books.spent() == spent


def test_the_same_key_of_another_account_is_another_key(
    platform: RunningPlatform, client: httpx.Client, tenants: TenantPool
) -> None:
    text, mark = marked()
    stranger: Tenant = tenants.take()
    client.post(OPENAI, json=saying(text), headers=with_key(mark))

    with platform.client(stranger) as other:
        answer = other.post(OPENAI, json=saying(text), headers=with_key(mark))

    assert answer.status_code == 200
    assert "Idempotent-Replayed" not in answer.headers
    assert len(platform.journal(mark)) == 2


def test_a_repeat_while_the_first_is_under_way_is_409(
    platform: RunningPlatform, tenant: Tenant, client: httpx.Client, books: Books
) -> None:
    gate = f"gate-{uuid4().hex}"
    text, mark = marked(f"[[sbx:until={gate}]]")
    with ThreadPoolExecutor(1) as pool, platform.client(tenant) as other:
        first = pool.submit(other.post, OPENAI, json=saying(text), headers=with_key(mark))
        try:
            eventually(lambda: platform.journal(mark))
            early = client.post(OPENAI, json=saying(text), headers=with_key(mark))
        finally:
            platform.release(gate)
        answered = first.result()

    assert early.status_code == 409
    assert told(early)["type"] == "idempotency_error"
    assert int(early.headers["Retry-After"]) >= 1
    assert answered.status_code == 200
    assert len(books.calls()) == 1
    late = client.post(OPENAI, json=saying(text), headers=with_key(mark))
    assert late.content == answered.content


def test_many_at_once_under_one_key_are_carried_once(
    platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    text, mark = marked("[[sbx:delay_ms=100]]")
    with platform.client(tenant) as many, ThreadPoolExecutor(8) as pool:
        send = [pool.submit(many.post, OPENAI, json=saying(text), headers=with_key(mark)) for _ in range(16)]
        statuses = [call.result().status_code for call in send]

    assert set(statuses) <= {200, 409}
    assert 200 in statuses
    assert len(platform.journal(mark)) == 1
    assert len(books.calls()) == 1


@pytest.mark.parametrize("magic", ["status=500", "status=400", "empty_choices"])
def test_a_failed_call_may_be_sent_again_under_its_key(
    magic: str, platform: RunningPlatform, client: httpx.Client, books: Books
) -> None:
    text, mark = marked(f"[[sbx:{magic};times=1]]")

    failed = client.post(OPENAI, json=saying(text), headers=with_key(mark))
    again = eventually(lambda: _unless_in_flight(client, text, mark))

    assert failed.status_code in (400, 502)
    assert again.status_code == 200
    assert "Idempotent-Replayed" not in again.headers
    assert len(platform.journal(mark)) == 2
    assert sorted(call["outcome"] for call in books.calls())[-1] == "succeeded"


def _unless_in_flight(client: httpx.Client, text: str, key: str) -> httpx.Response | None:
    """The key is given up in the background, so the very next call may still meet it."""
    answer = client.post(OPENAI, json=saying(text), headers=with_key(key))
    return None if answer.status_code == 409 else answer


def test_a_refused_call_does_not_take_its_key(client: httpx.Client) -> None:
    text, mark = marked()

    bad = client.post(OPENAI, json=saying(text, n=99), headers=with_key(mark))
    good = client.post(OPENAI, json=saying(text), headers=with_key(mark))

    assert (bad.status_code, good.status_code) == (400, 200)


def test_a_streamed_call_is_carried_once_and_its_repeat_names_it(
    platform: RunningPlatform, client: httpx.Client, books: Books
) -> None:
    text, mark = marked()

    first = client.post(OPENAI, json=saying(text, stream=True), headers=with_key(mark))
    again = client.post(OPENAI, json=saying(text, stream=True), headers=with_key(mark))

    assert Stream.of(first.text).done
    assert again.status_code == 409
    assert again.headers["x-should-retry"] == "false"
    assert first.headers["X-Request-Id"] in told(again)["message"]
    assert len(platform.journal(mark)) == len(books.calls()) == 1


def test_a_revoked_key_is_not_answered_from_memory(
    platform: RunningPlatform, tenant: Tenant, client: httpx.Client
) -> None:
    text, mark = marked()
    client.post(OPENAI, json=saying(text), headers=with_key(mark))
    platform.manage("revoke_key", tenant.key_id)

    repeated = client.post(OPENAI, json=saying(text), headers=with_key(mark))
    changed = client.post(OPENAI, json=saying(text, n=2), headers=with_key(mark))

    assert (repeated.status_code, changed.status_code) == (401, 401)


def test_a_key_out_of_scope_is_not_answered_from_anothers_call(
    platform: RunningPlatform, tenant: Tenant, client: httpx.Client
) -> None:
    text, mark = marked()
    client.post(OPENAI, json=saying(text), headers=with_key(mark))
    narrow = platform.manage_json("issue_key", tenant.name, "--scope=model:sbx-chat")

    headers = {"Authorization": f"Bearer {narrow['key']}", **with_key(mark)}
    answer = client.post(OPENAI, json=saying(text), headers=headers)

    assert answer.status_code == 403


@pytest.mark.parametrize("key", ["a" * 256, "a\tb", "a\xa0b"])
def test_a_key_that_cannot_be_kept_is_400(key: str, client: httpx.Client, books: Books) -> None:
    answer = client.post(OPENAI, json=saying("hello"), headers={"Idempotency-Key": key.encode("latin-1")})

    assert answer.status_code == 400
    assert told(answer)["param"] == "Idempotency-Key"
    books.assert_nothing_held_or_spent()


def test_the_longest_key_is_kept(client: httpx.Client) -> None:
    text, mark = marked()
    key = mark + "é" * (255 - len(mark))

    for replayed in (None, "true"):
        headers = {"Idempotency-Key": key.encode("latin-1")}
        answer = client.post(OPENAI, json=saying(text), headers=headers)
        assert answer.status_code == 200
        assert answer.headers.get("Idempotent-Replayed") == replayed
