"""Omakase's endpoints when the upstream is broken, or the caller leaves: a 502, and what was held is given back."""

import json
import socket
from typing import Any

import httpx
import media_files as made
import pytest
from running_platform import RunningPlatform, Tenant
from scenarios.asking import START, Books, eventually, marked, told

PRICE_OF_A_CHARACTER = 15_000
# Each address with a body that carries a text to the upstream.
BODIES: dict[str, str] = {
    "/api/embedding": "input",
    "/api/tts": "text",
    "/api/t2i": "prompt",
    "/api/t2m": "prompt",
}
FORMS: dict[str, tuple[str, bytes, str]] = {
    "/api/voice-clone": ("ref_audio", made.wav(100), "text"),
    "/api/image2text": ("image", made.png(8, 8), "prompt"),
}
EVERY_ADDRESS = [*BODIES, "/api/rerank", *FORMS, "/api/stt"]


def ask(client: httpx.Client, path: str, text: str) -> httpx.Response:
    """Call an address so that `text` reaches its upstream."""
    if path in BODIES:
        return client.post(path, json={BODIES[path]: text})
    if path == "/api/rerank":
        return client.post(path, json={"query": text, "input": ["a"]})
    if path == "/api/stt":
        sound = f"\0\0\0\x18ftypM4A \0\0\0\0M4A isom{text}".encode()
        return client.post(path, files={"file": ("a.m4a", sound)})
    name, file, field = FORMS[path]
    return client.post(path, files={name: ("a", file)}, data={field: text})


@pytest.fixture
def sturdy(client: httpx.Client) -> httpx.Client:
    """A client whose worker has just seen the upstream well, so that no breaker opens between tests."""
    assert client.get("/api/tts").status_code == 200
    return client


@pytest.mark.parametrize("magic", ["status=500", "reset", "empty", "wrong_type", "malformed"])
@pytest.mark.parametrize("path", EVERY_ADDRESS)
def test_an_upstream_that_fails_is_a_502_and_costs_nothing(
    path: str, magic: str, sturdy: httpx.Client, books: Books
) -> None:
    answer = ask(sturdy, path, f"[[sbx:{magic}]] hello")

    assert answer.status_code == 502, answer.text
    assert told(answer)["type"] == "server_error"
    assert "sbx" not in answer.text
    assert books.receipt(answer)["outcome"] == "failed"
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("path", EVERY_ADDRESS)
def test_an_upstream_that_finds_fault_is_a_400(path: str, sturdy: httpx.Client, books: Books) -> None:
    answer = ask(sturdy, path, "[[sbx:status=422]] hello")

    assert answer.status_code == 400, answer.text
    assert books.receipt(answer)["outcome"] == "rejected"
    books.assert_nothing_held_or_spent()


def test_an_upstream_at_its_limit_is_a_429_that_says_when(sturdy: httpx.Client, books: Books) -> None:
    answer = ask(sturdy, "/api/tts", "[[sbx:status=429;retry_after=7]] hello")

    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "7"
    books.assert_nothing_held_or_spent()


def test_a_sound_that_breaks_off_is_paid_for_by_its_share(sturdy: httpx.Client, books: Books) -> None:
    text = "[[sbx:reset_after=3000;dribble]]" + "many words, " * 20
    with pytest.raises(httpx.RemoteProtocolError):
        ask(sturdy, "/api/tts", text)

    (call,) = eventually(lambda: [call for call in books.calls() if call["outcome"] == "partial"])
    assert call["estimated"] is True
    assert 0 < call["capture_microcredits"] < len(text) * PRICE_OF_A_CHARACTER
    assert books.spent() == call["capture_microcredits"]
    assert books.held() == 0


def test_a_caller_who_leaves_early_pays_nothing_and_stops_the_upstream(
    platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    text, mark = marked("[[sbx:hang]]")

    with speaking(platform, tenant, text):
        eventually(lambda: platform.journal(mark))

    entry = eventually(lambda: next((e for e in platform.journal(mark) if e["aborted_by"]), None))
    assert entry["aborted_by"] == "client"
    assert books.only_call()["outcome"] == "cancelled"
    books.assert_nothing_held_or_spent()


def test_a_caller_who_leaves_in_mid_sound_pays_for_a_share(
    platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    text, mark = marked("[[sbx:dribble=2]]")

    with speaking(platform, tenant, text) as connection:
        received = b""
        while len(received) < 2000:
            received += connection.recv(4096)

    entry = eventually(lambda: next((e for e in platform.journal(mark) if e["aborted_by"]), None))
    assert entry["aborted_by"] == "client"
    call = books.only_call()
    assert (call["outcome"], call["estimated"]) == ("partial", True)
    assert 0 < books.spent() < len(text) * PRICE_OF_A_CHARACTER
    assert books.available() + books.spent() == START


def speaking(platform: RunningPlatform, tenant: Tenant, text: str) -> socket.socket:
    """A connection of its own that has sent a call to /api/tts; leaving the block hangs up."""
    body: Any = json.dumps({"text": text}).encode()
    connection = socket.create_connection(("127.0.0.1", platform.port), timeout=60)
    head = f"POST /api/tts HTTP/1.1\r\nHost: aio\r\nAuthorization: Bearer {tenant.key}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection
