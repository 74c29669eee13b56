"""The client leaves: the sandbox notices at once, wherever it is in the call, and journals the truth."""

import socket
import time

import pytest

from gateway.sandbox.wire import Json

CHAT = "/v1/chat/completions"
# What is left here would go on for half a minute at least.
AT_ONCE_S = 15.0


def left_after(sandbox, text: str, wait_for=lambda entry: entry["phase"] != "reading", **body: Json):
    """Send a chat call and leave once `wait_for` is true of its entry: the entry, and when that was."""
    request = sandbox.client.build_request(
        "POST", CHAT, json={"model": "m", "messages": [{"role": "user", "content": text}], **body}
    )
    host, port = sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(request.content)}\r\n"
        head += "content-type: application/json\r\n\r\n"
        connection.sendall(head.encode() + request.content)
        sandbox.wait_for_entry(text, wait_for)
        left = time.monotonic()
    return sandbox.wait_for_entry(text, lambda entry: entry["finished_monotonic"]), left


def assert_noticed_at_once(entry, left):
    assert entry["aborted_by"] == "client"
    assert entry["completed"] is False
    assert 0 <= entry["aborted_monotonic"] - left < AT_ONCE_S
    assert entry["finished_monotonic"] >= entry["aborted_monotonic"]


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("[[sbx:hang]]", "hanging"),
        ("[[sbx:delay_ms=60000]]", "sleeping"),
        ("[[sbx:first_token_ms=60000]]", "sleeping"),
    ],
)
def test_leaving_a_call_that_waits_is_noticed(sandbox, text, phase):
    entry, left = left_after(sandbox, text, lambda entry: entry["phase"] == phase)
    assert_noticed_at_once(entry, left)
    assert (entry["aborted_during"], entry["status"], entry["bytes_sent"]) == (phase, None, 0)


def test_leaving_the_hanging_model_is_noticed(sandbox):
    entry, left = left_after(
        sandbox, "unique-hang", lambda entry: entry["phase"] == "hanging", model="sbx-timeout"
    )
    assert_noticed_at_once(entry, left)


def test_leaving_before_the_first_event_is_noticed(sandbox):
    text = "[[sbx:first_token_ms=60000]]"
    entry, left = left_after(sandbox, text, lambda entry: entry["phase"] == "waiting", stream=True)
    assert_noticed_at_once(entry, left)
    assert (entry["status"], entry["bytes_sent"], entry["delivered_tokens"]) == (200, 0, 0)


def test_leaving_a_stream_is_noticed_between_two_events(sandbox):
    text = "[[sbx:chunks=100;gap_ms=30000;first_token_ms=1]]"
    entry, left = left_after(sandbox, text, lambda entry: entry["bytes_sent"], stream=True)
    assert_noticed_at_once(entry, left)
    assert entry["aborted_during"] == "streaming"
    assert len(entry["events"]) == 1


def test_leaving_a_stalled_stream_keeps_what_was_delivered(sandbox):
    text = "[[sbx:hang_after=3;text=one two three four]]"
    entry, left = left_after(sandbox, text, lambda entry: entry["phase"] == "hanging", stream=True)
    assert_noticed_at_once(entry, left)
    assert entry["delivered"]["content"] == "one two "
    assert entry["delivered_tokens"] == 2
    assert len(entry["events"]) == 3


def test_leaving_a_stream_nobody_reads_is_noticed(sandbox):
    text = "[[sbx:tokens=3000000;chunks=200]]"
    entry, left = left_after(sandbox, text, lambda entry: entry["bytes_sent"] > 100_000, stream=True)
    assert_noticed_at_once(entry, left)
    assert entry["bytes_sent"] < 12_000_000


def test_leaving_in_the_middle_of_the_upload_is_noticed(sandbox):
    host, port = sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            b"POST /v1/chat/completions?half=1 HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{}"
        )
        sandbox.wait_for_entry("half=1", lambda entry: entry["phase"] == "reading")
    entry = sandbox.wait_for_entry("half=1", lambda entry: entry["finished_monotonic"])
    assert (entry["aborted_by"], entry["aborted_during"]) == ("client", "reading")


def test_a_completed_call_is_never_marked_aborted(sandbox):
    sandbox.stream("unique-complete")
    entry = sandbox.wait_for_entry("unique-complete", lambda entry: entry["finished_monotonic"])
    assert (entry["completed"], entry["aborted_at"], entry["phase"]) == (True, None, "done")
