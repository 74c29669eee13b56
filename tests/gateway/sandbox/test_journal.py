"""The journal as evidence: what was received, what was handed to the socket."""

import hashlib

from gateway.sandbox.journal import Journal


def test_entry_has_every_header_received(sandbox):
    sandbox.post(
        "/v1/chat/completions",
        json={"model": "m", "messages": [{"role": "user", "content": "unique-headers"}]},
        headers={"Authorization": "Bearer upstream-secret", "X-Odd": "1"},
    )
    headers = sandbox.entry("unique-headers")["headers"]
    assert headers["authorization"] == "Bearer upstream-secret"
    assert headers["x-odd"] == "1"
    assert "host" in headers


def test_entry_of_a_reply_counts_bytes_both_ways(sandbox):
    response = sandbox.chat("unique-bytes")
    entry = sandbox.entry("unique-bytes")
    assert entry["request_bytes"] == len(response.request.content)
    assert entry["body"].encode() == response.request.content
    assert entry["bytes_sent"] == len(response.content)
    assert (entry["status"], entry["completed"]) == (200, True)
    assert entry["delivered"]["content"] == response.json()["choices"][0]["message"]["content"]


def test_entry_of_a_stream_has_its_events_and_its_text(sandbox):
    chunks = sandbox.stream("unique-stream", reasoning_effort="low")
    entry = sandbox.entry("unique-stream")
    assert len(entry["events"]) == len(chunks) + 1
    assert entry["events"][-1] == "[DONE]"
    for kind, name in (("content", "content"), ("reasoning", "reasoning_content")):
        sent = "".join(chunk["choices"][0]["delta"].get(name, "") for chunk in chunks)
        assert entry["delivered"][kind] == sent
    usage = sandbox.chat("unique-stream", reasoning_effort="low").json()["usage"]
    assert entry["delivered_tokens"] == usage["completion_tokens"]


def test_times_are_in_order(sandbox):
    sandbox.chat("unique-times [[sbx:delay_ms=5]]")
    entry = sandbox.entry("unique-times")
    assert entry["started_monotonic"] < entry["first_byte_monotonic"] < entry["finished_monotonic"]
    assert entry["finished_at"] - entry["started_at"] >= 0.005


def test_large_body_is_kept_by_its_digest(sandbox):
    text = "x" * 100_000
    response = sandbox.chat(text)
    entry = sandbox.journal()[-1]
    assert entry["body"] is None
    assert entry["body_sha256"] == hashlib.sha256(response.request.content).hexdigest()
    assert entry["request_bytes"] == len(response.request.content)


def test_filters_narrow_the_answer(sandbox):
    sandbox.chat("first-mark")
    sandbox.get("/v1/models?x=second-mark")
    last = sandbox.get("/__sandbox/journal").json()["last_id"]
    sandbox.chat("third-mark")
    assert len(sandbox.journal()) == 3
    assert [entry["path"] for entry in sandbox.journal(path="/v1/models")] == ["/v1/models"]
    assert [entry["method"] for entry in sandbox.journal(contains="second-mark")] == ["GET"]
    assert ["third-mark" in entry["body"] for entry in sandbox.journal(since=last)] == [True]
    assert ["third-mark" in entry["body"] for entry in sandbox.journal(limit=1)] == [True]


def test_control_calls_leave_no_entry(sandbox):
    sandbox.get("/__sandbox/scenarios")
    assert sandbox.journal() == []


def test_unknown_path_is_journaled_and_404(sandbox):
    assert sandbox.post("/v1/edits", json={}).status_code == 404
    assert sandbox.get("/v1/chat/completions").status_code == 405
    assert [entry["status"] for entry in sandbox.journal()] == [404, 405]


def test_journal_is_bounded_and_its_ids_go_on():
    journal = Journal(3)
    for _ in range(5):
        journal.open("GET", "/", b"", [])
    assert [entry.id for entry in journal.search("", "", 0, 10)] == [3, 4, 5]
    journal.clear()
    assert journal.open("GET", "/", b"", []).id == 6


def test_journal_of_size_zero_keeps_nothing():
    journal = Journal(0)
    journal.open("GET", "/", b"", [])
    assert journal.search("", "", 0, 10) == []
