"""A client that leaves: nothing to pay before the first byte, what was delivered after it, and the upstream stops."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform, Tenant
from scenarios.asking import (
    API_IN_ONE,
    EVERY_ADDRESS,
    LLM,
    OPENAI,
    Books,
    Stream,
    body_for,
    eventually,
    marked,
    price,
    saying,
    tokens,
)

# Two tokens every tenth of a second, for longer than any machine takes to hang up.
SLOW_WORDS = "[[sbx:chunks=1500;gap_ms=100;tokens=3000]]"


@contextmanager
def asking(
    platform: RunningPlatform, tenant: Tenant, path: str, body: dict[str, Any], **headers: str
) -> Iterator[socket.socket]:
    """A connection of its own that has sent the call; leaving the block hangs up."""
    content = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: aio", f"Authorization: Bearer {tenant.key}"]
    lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    with socket.create_connection(("127.0.0.1", platform.port), timeout=60) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + content)
        yield connection


def read_events(connection: socket.socket, number: int) -> bytes:
    received = b""
    while received.count(b"data: ") < number:
        part = connection.recv(4096)
        assert part, received
        received += part
    return received


def upstream_call(platform: RunningPlatform, mark: str) -> dict[str, Any]:
    return eventually(lambda: next(iter(platform.journal(mark)), None))


def aborted_call(platform: RunningPlatform, mark: str) -> dict[str, Any]:
    return eventually(lambda: next((e for e in platform.journal(mark) if e["aborted_by"]), None))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", EVERY_ADDRESS)
def test_leaving_before_the_first_byte_costs_nothing_and_stops_the_upstream(
    path: str, stream: bool, platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    text, mark = marked("[[sbx:hang]]")
    body = body_for(path, text) if path == "/api/chat" else body_for(path, text, stream=stream)

    with asking(platform, tenant, path, body):
        assert upstream_call(platform, mark)["aborted_by"] is None

    entry = aborted_call(platform, mark)
    assert entry["aborted_by"] == "client"
    call = books.only_call()
    assert call["outcome"] == "cancelled"
    assert call["capture_microcredits"] == 0
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("path", [OPENAI, API_IN_ONE, LLM])
def test_leaving_in_mid_stream_costs_exactly_what_the_upstream_delivered(
    path: str, platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    text, mark = marked(SLOW_WORDS)

    with asking(platform, tenant, path, body_for(path, text, stream=True)) as connection:
        read_events(connection, 5)

    entry = aborted_call(platform, mark)
    assert 0 < entry["delivered_tokens"] < 3000
    call = books.only_call()
    assert (call["outcome"], call["estimated"], call["streamed"]) == ("partial", True, True)
    assert call["units"]["tokens_out"] == entry["delivered_tokens"]
    assert call["units"]["tokens_in"] == tokens(text)
    assert books.spent() == price(tokens(text), entry["delivered_tokens"])
    assert books.held() == 0


def test_leaving_after_the_role_alone_costs_the_prompt(
    platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    text, mark = marked("[[sbx:hang_after=2;tokens=100;chunks=10]]")

    with asking(platform, tenant, OPENAI, saying(text, stream=True)) as connection:
        read_events(connection, 1)

    entry = aborted_call(platform, mark)
    call = books.only_call()
    assert call["outcome"] == "partial"
    assert books.spent() == price(tokens(text), entry["delivered_tokens"])


@pytest.mark.parametrize("kept", [False, True])
def test_leaving_at_any_moment_leaves_no_hold_and_no_upstream_call(
    kept: bool, platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    """Before, in and after authorisation, the first byte, and (with an Idempotency-Key) its being kept."""
    text, mark = marked(SLOW_WORDS)
    for number in range(200):
        headers = {"Idempotency_Key": f"{mark}-{number}"} if kept else {}
        with asking(platform, tenant, OPENAI, saying(text, stream=True), **headers):
            time.sleep(0.001 + 0.0001 * number)

    eventually(lambda: all(entry["aborted_by"] for entry in platform.journal(mark)))
    eventually(lambda: books.held() == 0)


def test_leaving_before_the_body_is_sent_leaves_no_trace(
    platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    with socket.create_connection(("127.0.0.1", platform.port)) as connection:
        head = f"POST {OPENAI} HTTP/1.1\r\nHost: aio\r\nAuthorization: Bearer {tenant.key}\r\n"
        connection.sendall(head.encode() + b'Content-Length: 1000\r\n\r\n{"model":')

    time.sleep(0.2)
    assert books.calls() == []
    assert books.refusals() == {}
    books.assert_nothing_held_or_spent()


def test_a_stream_that_is_read_to_its_end_is_whole_even_when_the_client_leaves_at_once(
    platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    text, _ = marked("[[sbx:tokens=20;chunks=4]]")

    with asking(platform, tenant, OPENAI, saying(text, stream=True)) as connection:
        received = b""
        while b"[DONE]" not in received:
            received += connection.recv(4096)

    call = books.only_call()
    assert (call["outcome"], call["estimated"]) == ("succeeded", False)
    assert books.spent() == price(tokens(text), 20)


def test_a_reader_that_does_not_read_holds_the_upstream_back(
    platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    # About 25 MB of events: more than all buffers between the two ends together.
    text, mark = marked("[[sbx:tokens=16384;chunks=16384]]")
    body = saying(text, stream=True, n=8)

    with asking(platform, tenant, OPENAI, body) as connection:
        read_events(connection, 1)
        sent = [0]

        def has_stalled() -> bool:
            sent.append(upstream_call(platform, mark)["bytes_sent"])
            time.sleep(0.3)
            return sent[-1] == sent[-2] > 0

        eventually(has_stalled)
        assert not upstream_call(platform, mark)["completed"]

    entry = aborted_call(platform, mark)
    assert entry["delivered_tokens"] < 8 * 4096
    assert books.only_call()["outcome"] == "partial"
    assert books.held() == 0


@pytest.mark.slow
def test_a_stop_lets_streams_end(tmp_path_factory: pytest.TempPathFactory) -> None:
    running = RunningPlatform(tmp_path_factory.mktemp("stopping"), workers=1).start()
    assert running.process is not None
    headers = {"Authorization": f"Bearer {running.demo_key()}"}
    body = saying("[[sbx:chunks=20;gap_ms=100;tokens=40]]", stream=True)
    with httpx.Client(base_url=running.base_url, headers=headers, timeout=60, trust_env=False) as client:
        with client.stream("POST", OPENAI, json=body) as answer:
            lines = answer.iter_lines()
            received = [next(lines)]
            running.process.send_signal(signal.SIGTERM)
            received += list(lines)
        stream = Stream.of("\n".join(received))

    assert stream.done
    assert tokens(stream.joined()) == 40
    assert running.process.wait(timeout=120) == 0
    again = RunningPlatform(running.data_dir, workers=1, port=running.port).start()
    with httpx.Client(base_url=again.base_url, headers=headers, timeout=60, trust_env=False) as client:
        assert Books(client).calls()[0]["outcome"] == "succeeded"
        assert Books(client).held() == 0
    again.assert_books_agree()
    assert again.stop() == 0
    assert Path(running.data_dir).exists()
