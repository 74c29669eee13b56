"""The faults and the timing, seen by a real client over a real socket."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from gateway.sandbox.delivery import DRIBBLE_BYTES

BROKEN = (httpx.RemoteProtocolError, httpx.ReadError)


def events_of(response):
    return [event.removeprefix("data: ") for event in response.text.split("\n\n") if event]


def test_status_magic_answers_with_it_in_the_protocols_words(sandbox):
    response = sandbox.chat("[[sbx:status=429;retry_after=2]]")
    assert response.status_code == 429
    assert response.headers["retry-after"] == "2"
    assert response.json()["error"]["type"] == "rate_limit_error"


@pytest.mark.parametrize("status", [400, 401, 404, 500, 502, 503, 529])
def test_any_status_can_be_had(sandbox, status):
    response = sandbox.chat(f"[[sbx:status={status}]]", stream=True)
    assert response.status_code == status
    assert response.json()["error"]["code"] == status


def test_times_limits_a_fault_to_the_first_calls(sandbox):
    statuses = [sandbox.chat("[[sbx:status=503;times=2]]").status_code for _ in range(4)]
    assert statuses == [503, 503, 200, 200]


def test_failing_model_answers_500(sandbox):
    assert sandbox.chat("hello", model="sbx-fail").status_code == 500
    assert sandbox.chat("hello", model="vendor/sbx-fail").status_code == 500
    assert sandbox.chat("tell me about sbx-fail and sbx-timeout").status_code == 200


def test_unknown_magic_is_refused_by_name(sandbox):
    response = sandbox.chat("[[sbx:explode]]")
    assert response.status_code == 400
    assert "explode" in response.json()["error"]["message"]
    assert sandbox.chat("[[sbx:delay_ms=soon]]").status_code == 400


def test_delay_holds_back_the_first_byte(sandbox):
    before = time.monotonic()
    assert sandbox.chat("[[sbx:delay_ms=80]]").status_code == 200
    assert time.monotonic() - before >= 0.08


def test_an_answer_waits_at_its_gate_until_that_is_opened(sandbox):
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(sandbox.chat, "[[sbx:until=later]]")
        while not sandbox.client.get("/__sandbox/journal?contains=until=later").json()["entries"]:
            assert not answer.done()
        assert sandbox.client.post("/__sandbox/release", json={"name": "another"}).status_code == 200
        assert not answer.done()
        assert sandbox.client.post("/__sandbox/release", json={"name": "later"}).status_code == 200
        assert answer.result().status_code == 200
    assert sandbox.client.post("/__sandbox/release", json={}).status_code == 400


def streamed(sandbox, text):
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": text}]}
    return sandbox.client.stream("POST", "/v1/chat/completions", json=body)


def test_first_token_waits(sandbox):
    before = time.monotonic()
    with streamed(sandbox, "[[sbx:first_token_ms=120]]") as response:
        next(response.iter_raw())
    assert time.monotonic() - before >= 0.12


def test_headers_do_not_wait_for_the_first_token(sandbox):
    """An hour away: a client that had to wait for it would have given up."""
    with streamed(sandbox, "[[sbx:first_token_ms=3600000]]") as response:
        assert response.status_code == 200


def test_gap_spaces_the_events(sandbox):
    before = time.monotonic()
    sandbox.stream("[[sbx:tokens=5;chunks=5;gap_ms=20]]")
    assert time.monotonic() - before >= 0.02 * 6


def test_reset_breaks_the_connection_before_any_byte(sandbox):
    with pytest.raises(BROKEN):
        sandbox.chat("[[sbx:reset]]")
    entry = sandbox.entry("sbx:reset")
    assert (entry["status"], entry["bytes_sent"], entry["aborted_by"]) == (None, 0, "sandbox")


@pytest.mark.parametrize("hard", ["", ";hard"])
@pytest.mark.parametrize("stream", [False, True])
def test_reset_after_delivers_exactly_that_many_bytes(sandbox, stream, hard):
    text = f"[[sbx:reset_after=150{hard}]] {stream}"
    body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": text}]}
    received = b""
    with (
        pytest.raises(BROKEN),
        sandbox.client.stream("POST", "/v1/chat/completions", json=body) as response,
    ):
        for part in response.iter_raw():
            received += part
    assert len(received) == 150
    entry = sandbox.entry("reset_after")
    assert (entry["bytes_sent"], entry["completed"], entry["aborted_by"]) == (150, False, "sandbox")


def test_stream_broken_after_its_last_event_never_ends_cleanly(sandbox):
    with pytest.raises(BROKEN):
        sandbox.chat("[[sbx:reset_after=100000]]", stream=True)
    assert sandbox.entry("reset_after")["events"][-1] == "[DONE]"


@pytest.mark.parametrize(("stream", "kind"), [(False, "application/json"), (True, "text/event-stream")])
def test_empty_is_200_without_a_byte(sandbox, stream, kind):
    response = sandbox.chat("[[sbx:empty]]", stream=stream)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"].startswith(kind)


def test_error_in_200(sandbox):
    response = sandbox.chat("[[sbx:error_in_200=402]]")
    assert response.status_code == 200
    assert response.json()["error"]["code"] == 402


def test_wrong_type_is_a_web_page(sandbox):
    response = sandbox.chat("[[sbx:wrong_type]]", stream=True)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")


def test_malformed_is_broken_json(sandbox):
    response = sandbox.chat("[[sbx:malformed]]")
    assert response.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        response.json()


def test_empty_choices(sandbox):
    answer = sandbox.chat("[[sbx:empty_choices]]").json()
    assert answer["choices"] == []
    assert answer["usage"]["completion_tokens"] == 0


def test_malformed_chunk_breaks_one_event_only(sandbox):
    events = events_of(sandbox.chat("[[sbx:malformed_chunk=3]]", stream=True))
    broken = []
    for number, event in enumerate(events[:-1], start=1):
        try:
            json.loads(event)
        except json.JSONDecodeError:
            broken.append(number)
    assert broken == [3]
    assert events[-1] == "[DONE]"


def test_malformed_event_is_not_counted_as_delivered(sandbox):
    sandbox.chat("[[sbx:text=one two three;malformed_chunk=3]]")
    sandbox.chat("[[sbx:malformed_chunk=3;text=one two three]]", stream=True)
    assert sandbox.entry("malformed_chunk")["delivered"]["content"] == "one three"


def test_stream_error_ends_without_done(sandbox):
    events = events_of(sandbox.chat("[[sbx:stream_error=3]]", stream=True))
    assert len(events) == 4
    assert "error" in json.loads(events[-1])


def test_no_done_ends_cleanly_without_it(sandbox):
    events = events_of(sandbox.chat("[[sbx:no_done]]", stream=True))
    assert json.loads(events[-1])["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("stream", [False, True])
def test_dribble_comes_a_few_bytes_at_a_time(sandbox, stream):
    before = time.monotonic()
    response = sandbox.chat("[[sbx:dribble=1;text=hi]]", stream=stream)
    taken_s = time.monotonic() - before
    pieces = len(response.content) / DRIBBLE_BYTES
    assert taken_s > pieces * 0.0005
    assert sandbox.entry("dribble")["bytes_sent"] == len(response.content)
    assert sandbox.entry("dribble")["delivered"]["content"] == "hi"


def test_answer_after_a_fault_uses_the_same_connection(sandbox):
    for text in ("[[sbx:status=500]]", "[[sbx:malformed]]", "hello"):
        sandbox.chat(text)
    assert sandbox.chat("fine").status_code == 200
