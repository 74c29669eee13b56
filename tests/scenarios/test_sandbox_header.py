"""Promise: no answer that the sandbox made up reaches a caller without a header that says so."""

import time
from typing import Any

import httpx
import pytest
from scenarios.task_calls import EXAMPLES, MUSIC, TASKS

HEADER = "X-AIO-Sandbox"
HELLO = {"model": "gemini", "messages": [{"role": "user", "content": "Hello!"}]}
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", HELLO),
    "stream": ("/v1/chat/completions", {**HELLO, "stream": True}),
    "priced stream": ("/api/v1/chat/completions", {**HELLO, "stream": True}),
    "text": ("/api/chat", {"input": "Hello!"}),
    "embedding": ("/api/embedding", {"input": "Hello!"}),
    "rerank": ("/api/rerank", {"query": "fruit", "input": ["apple", "stone"]}),
    "streamed speech": ("/api/tts", {"text": "Hello!"}),
    "music": ("/api/t2m", {"prompt": "a calm tune", "audio_duration": 10}),
    "image": ("/api/t2i", {"prompt": "a garden", "width": 64, "height": 64}),
}


@pytest.mark.parametrize("call", CALLS)
def test_every_kind_of_answer_says_that_it_is_made_up(client: httpx.Client, call: str) -> None:
    path, body = CALLS[call]
    with client.stream("POST", path, json=body) as answer:
        answer.read()
    assert answer.status_code == 200, answer.text
    assert answer.headers[HEADER] == "true"


def test_an_answer_that_is_played_back_says_it_too(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": f"made-up-{time.monotonic_ns()}"}
    answers = [client.post("/v1/chat/completions", json=HELLO, headers=headers) for _ in range(2)]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert [answer.headers[HEADER] for answer in answers] == ["true", "true"]


def test_a_task_says_it_when_it_is_opened_polled_listed_and_cancelled(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": f"made-up-{time.monotonic_ns()}"}
    opened = client.post(MUSIC, json=EXAMPLES[MUSIC][0], headers=headers)
    again = client.post(MUSIC, json=EXAMPLES[MUSIC][0], headers=headers)
    task = f"{TASKS}/{opened.json()['id']}"
    answers = [opened, again, client.get(task), client.get(TASKS), client.post(f"{task}/cancel")]
    assert [(answer.status_code, answer.headers.get(HEADER)) for answer in answers] == [(200, "true")] * 5


def test_what_the_platform_says_itself_carries_no_such_header(client: httpx.Client) -> None:
    for path in ("/v1/models", "/api/v1/credits", "/api/v1/usage"):
        answer = client.get(path)
        assert (answer.status_code, HEADER in answer.headers) == (200, False)
