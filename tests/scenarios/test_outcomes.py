"""What a call costs by how it ends: each row of the design's table, in the answer, the books and the journal."""

from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform
from scenarios.asking import (
    EVERY_ADDRESS,
    OPENAI,
    TEXT,
    TOKENS_PER_IMAGE,
    Books,
    Stream,
    TenantPool,
    body_for,
    price,
    saying,
    tokens,
    told,
)

FAILS_AS_A_WHOLE = [
    # magic, status, outcome
    ("status=500", 502, "failed"),
    ("status=502", 502, "failed"),
    ("status=401", 502, "failed"),
    ("status=403", 502, "failed"),
    ("status=404", 502, "failed"),
    ("status=503", 503, "failed"),
    ("status=429;retry_after=7", 429, "failed"),
    ("status=400", 400, "rejected"),
    ("status=413", 400, "rejected"),
    ("status=422", 400, "rejected"),
    ("reset", 502, "failed"),
    ("empty", 502, "failed"),
    ("wrong_type", 502, "failed"),
    ("malformed", 502, "failed"),
    ("empty_choices", 502, "failed"),
    ("error_in_200", 502, "failed"),
    ("error_in_200=402", 502, "failed"),
]
ONLY_IN_ONE_PIECE = [("reset_after=100", 502, "failed"), ("reset_after=100;hard", 502, "failed")]
ONLY_BEFORE_THE_FIRST_EVENT = [
    ("malformed_chunk=1", 502, "failed"),
    ("stream_error=0", 502, "failed"),
    ("reset_after=20", 502, "failed"),
]


@pytest.fixture
def sturdy(client: httpx.Client, tenants: TenantPool) -> httpx.Client:
    """A client whose worker has just had an answer for another tenant, so that no route rests between tests."""
    asked = client.post(OPENAI, json=saying("well?"), headers=tenants.take().headers)
    assert asked.status_code == 200
    return client


@pytest.mark.parametrize(
    ("magic", "status", "outcome", "stream"),
    [(*row, False) for row in FAILS_AS_A_WHOLE + ONLY_IN_ONE_PIECE]
    + [(*row, True) for row in FAILS_AS_A_WHOLE + ONLY_BEFORE_THE_FIRST_EVENT],
)
def test_a_call_without_an_answer_costs_nothing(
    magic: str, status: int, outcome: str, stream: bool, sturdy: httpx.Client, books: Books
) -> None:
    answer = sturdy.post(OPENAI, json=saying(f"hello [[sbx:{magic}]]", stream=stream))

    assert answer.status_code == status
    kinds = {400: "invalid_request", 429: "rate_limit"}
    assert told(answer)["type"] == kinds.get(status, "server_error")
    assert "sbx" not in answer.text
    assert "X-Credits-Consumed" not in answer.headers
    books.assert_nothing_held_or_spent()
    receipt = books.receipt(answer)
    assert (receipt["outcome"], receipt["status"]) == (outcome, status)
    assert receipt["capture_microcredits"] == 0
    assert receipt["hold_microcredits"] > 0
    assert receipt["streamed"] is stream
    assert receipt["estimated"] is False
    assert receipt["units"]["tokens_in"] == receipt["units"]["tokens_out"] == 0
    assert receipt["timings"]["latency_ms"] >= receipt["timings"]["upstream_ms"] >= 0


def test_a_busy_upstream_says_when_to_come_back(sturdy: httpx.Client) -> None:
    answer = sturdy.post(OPENAI, json=saying("hello [[sbx:status=429;retry_after=7]]"))

    assert answer.headers["Retry-After"] == "7"


def test_the_text_address_tells_failures_in_its_own_shape(sturdy: httpx.Client) -> None:
    answer = sturdy.post(TEXT, json={"input": "hello [[sbx:status=500]]"})

    assert answer.status_code == 502
    assert set(answer.json()) == {"error", "type", "request_id"}


def test_a_complete_answer_has_its_times_on_the_receipt(client: httpx.Client, books: Books) -> None:
    answer = client.post(OPENAI, json=saying("hello [[sbx:delay_ms=200;text=ok]]"))

    timings = books.receipt(answer)["timings"]
    assert 200 <= timings["upstream_ms"] <= timings["latency_ms"]
    assert timings["platform_ms"] == timings["latency_ms"] - timings["upstream_ms"]
    assert timings["first_byte_ms"] >= 200


def test_a_stream_has_its_first_byte_on_the_receipt(client: httpx.Client, books: Books) -> None:
    # The words take more than a second, so that a gateway that is late to see the first still has most of it left.
    magic = "[[sbx:first_token_ms=100;chunks=5;gap_ms=300;tokens=10]]"

    answer = client.post(OPENAI, json=saying(magic, stream=True))

    receipt = books.receipt(answer)
    assert receipt["streamed"] is True
    timings = receipt["timings"]
    assert 100 <= timings["first_byte_ms"] <= timings["latency_ms"] - 150
    assert timings["upstream_ms"] >= 250


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_without_usage_is_counted_by_us_and_says_so(
    stream: bool, client: httpx.Client, books: Books
) -> None:
    text = "hello there [[sbx:no_usage;tokens=50]]"

    answer = client.post(OPENAI, json=saying(text, stream=stream))

    assert answer.status_code == 200
    receipt = books.receipt(answer)
    assert (receipt["outcome"], receipt["estimated"]) == ("succeeded", True)
    assert receipt["capture_microcredits"] == books.spent() == price(tokens(text), 50)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("beside", [{"text": None}, {"text": 5}, {"text": ["a"]}, {"refusal": None}])
def test_what_an_image_part_holds_beside_its_image_makes_no_answer_free(
    beside: dict[str, Any], stream: bool, client: httpx.Client, books: Books
) -> None:
    text = "[[sbx:no_usage;text=read]]"
    image = {"type": "image_url", "image_url": {"url": "https://images.test/a.png"}, **beside}
    body = saying(text, stream=stream)
    body["messages"] = [{"role": "user", "content": [{"type": "text", "text": text}, image]}]

    answer = client.post(OPENAI, json=body)

    assert answer.status_code == 200
    receipt = books.receipt(answer)
    assert (receipt["outcome"], receipt["estimated"]) == ("succeeded", True)
    assert receipt["capture_microcredits"] == books.spent() == price(tokens(text) + TOKENS_PER_IMAGE, 1)
    assert books.held() == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("reported", ["0,0", "1,0", "0,2", "1,2"])
def test_counts_that_cannot_be_so_make_no_answer_free(
    reported: str, stream: bool, client: httpx.Client, books: Books
) -> None:
    text = f"{'hello ' * 50}[[sbx:usage={reported};tokens=500]]"

    answer = client.post(OPENAI, json=saying(text, stream=stream))

    receipt = books.receipt(answer)
    assert (receipt["outcome"], receipt["estimated"]) == ("succeeded", True)
    assert receipt["capture_microcredits"] == books.spent() == price(tokens(text), 500)


@pytest.mark.parametrize("path", EVERY_ADDRESS)
def test_an_answer_that_cannot_be_written_again_is_free(
    path: str, sturdy: httpx.Client, books: Books
) -> None:
    answer = sturdy.post(path, json=body_for(path, "hello [[sbx:nested=300]]", stream=False))

    assert answer.status_code == 502
    books.assert_nothing_held_or_spent()
    assert books.receipt(answer)["outcome"] == "failed"


def test_a_stream_with_an_event_that_cannot_be_written_again_is_broken_off(
    sturdy: httpx.Client, books: Books
) -> None:
    answer = sturdy.post(OPENAI, json=saying("hello [[sbx:nested=300]]", stream=True))

    assert answer.status_code == 502
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("stream", [False, True])
def test_an_empty_answer_that_has_ended_costs_its_prompt(
    stream: bool, client: httpx.Client, books: Books
) -> None:
    text = "hello [[sbx:text=]]"

    answer = client.post(OPENAI, json=saying(text, stream=stream))

    assert answer.status_code == 200
    receipt = books.receipt(answer)
    assert receipt["outcome"] == "succeeded"
    assert receipt["capture_microcredits"] == books.spent() == price(tokens(text), 0)


def test_comments_without_end_before_the_first_word_are_given_up(sturdy: httpx.Client, books: Books) -> None:
    answer = sturdy.post(OPENAI, json=saying("hello [[sbx:comments=3000000]]", stream=True))

    assert answer.status_code == 502
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("reported", ["9,90000", "9,9999999999999999", "9,9223372036854775807"])
def test_usage_beyond_the_hold_costs_the_hold_and_no_more(
    reported: str, stream: bool, client: httpx.Client, books: Books
) -> None:
    answer = client.post(
        OPENAI, json=saying(f"hello [[sbx:usage={reported}]]", stream=stream, max_tokens=100)
    )

    assert answer.status_code == 200
    receipt = books.receipt(answer)
    assert receipt["outcome"] == "succeeded"
    assert receipt["capture_microcredits"] == receipt["hold_microcredits"] == books.spent()


def test_usage_that_makes_no_sense_is_not_believed(client: httpx.Client, books: Books) -> None:
    text = "hello [[sbx:usage=-1,-5;tokens=50]]"

    answer = client.post(OPENAI, json=saying(text))

    receipt = books.receipt(answer)
    assert receipt["estimated"] is True
    assert books.spent() == price(tokens(text), 50)


@pytest.mark.parametrize(
    "magic", ["stream_error=5", "malformed_chunk=5", "reset_after=1500", "reset_after=1500;hard"]
)
def test_a_stream_that_breaks_costs_what_came_and_ends_without_done(
    magic: str, sturdy: httpx.Client, books: Books
) -> None:
    text = f"hello [[sbx:{magic};gap_ms=10]]"

    answer = sturdy.post(OPENAI, json=saying(text, stream=True))

    assert answer.status_code == 200
    stream = Stream.of(answer.text)
    assert not stream.done
    assert stream.error is not None
    assert stream.error["type"] == "server_error"
    assert stream.error["request_id"] == answer.headers["X-Request-Id"]
    assert stream.joined()
    receipt = books.receipt(answer)
    assert receipt["outcome"] == "partial"
    assert receipt["estimated"] is True
    assert receipt["capture_microcredits"] == books.spent() == price(tokens(text), tokens(stream.joined()))
    assert books.held() == 0


@pytest.mark.parametrize("magic", ["no_done", "chunks=2;hang_after=5", "chunks=2;hang_after=4"])
def test_a_finished_stream_needs_no_end_mark(magic: str, client: httpx.Client, books: Books) -> None:
    text = f"hello [[sbx:{magic};text=one two]]"

    answer = client.post(OPENAI, json=saying(text, stream=True))

    stream = Stream.of(answer.text)
    assert (stream.joined(), stream.done, stream.error) == ("one two", True, None)
    receipt = books.receipt(answer)
    assert receipt["outcome"] == "succeeded"
    # Cut before its usage came, it is counted by us: at the same price, by the sandbox's own rule.
    assert receipt["estimated"] is magic.endswith("hang_after=4")
    assert receipt["capture_microcredits"] == books.spent() == price(tokens(text), tokens("one two"))


def test_events_that_came_together_with_a_broken_one_are_delivered_if_they_are_charged(
    sturdy: httpx.Client, books: Books
) -> None:
    text = "hello [[sbx:malformed_chunk=6]]"

    answer = sturdy.post(OPENAI, json=saying(text, stream=True))

    assert books.receipt(answer)["outcome"] == "partial"
    assert books.spent() == price(tokens(text), tokens(Stream.of(answer.text).joined()))


def test_a_trial_call_that_failed_is_given_back_and_one_that_was_rejected_is_not(
    platform: RunningPlatform,
) -> None:
    tenant = platform.new_tenant(plan="trial", credits="0")
    with platform.client(tenant) as client:
        for magic in ("status=500", "text=ok", "status=400"):
            client.post(OPENAI, json=saying(f"[[sbx:{magic}]]"))
        trial: dict[str, Any] = client.get("/api/v1/credits").json()["trial"]

    assert trial["used_today"] == 2


def test_ends_are_told_alike_on_every_address(sturdy: httpx.Client, books: Books) -> None:
    for path in ("/llm/v1/chat/completions", "/api/v1/chat/completions", TEXT):
        answer = sturdy.post(path, json=body_for(path, "[[sbx:empty_choices]]", stream=False))
        assert answer.status_code == 502
        assert told(answer)["type"] == "server_error"
        assert books.receipt(answer)["outcome"] == "failed"
        sturdy.post(OPENAI, json=saying("well?") | {"model": "free-chat"})
