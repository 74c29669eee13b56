"""A stream is the same stream however its bytes arrive, and its last chunk waits for its price."""

import itertools
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.chat import openai_stream
from gateway.adapters.chat.openai_stream import ChatStream, UpstreamStreamError
from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.protocol import MalformedAnswer
from gateway.adapters.shared.sse import MAX_EVENT_BYTES
from usage.ledger.units import Units

USAGE = {"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11}
VALUES = {"model": "small", "messages": [{"role": "user", "content": "Hello you"}]}


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "upstream/small",
        "choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}],
        **fields,
    }


def event(value: Any) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


RECORDED = b"".join(
    [
        b": welcome\n\n",
        event(chunk({"role": "assistant", "content": ""}, usage=None)),
        b"retry: 3000\n\n",
        event(chunk({"reasoning_content": "hmm, 음"}, usage=None)),
        b"id: 7\nevent: message\n" + event(chunk({"content": "Hé\n\nllo \r\n 한국어 \\u2028"}, usage=None)),
        event(
            chunk(
                {"tool_calls": [{"index": 0, "function": {"name": "look", "arguments": '{"a":1}'}}]},
                usage=None,
            )
        ),
        b": ping\n\n",
        event(chunk({}, "stop", usage=None)),
        event({**chunk(usage=USAGE), "choices": []}),
        b"data: [DONE]\n\n",
    ]
)


def stream_for(include_usage: bool = False, upstream_model: str = "upstream/small") -> ChatStream:
    return ChatStream(ChatRequest(VALUES, 100, True, include_usage), "small", upstream_model)


def fed(stream: ChatStream, *pieces: bytes) -> bytes:
    return b"".join(stream.feed(piece) for piece in pieces)


def values_of(forwarded: bytes) -> list[Any]:
    """What a strict client reads: every event one data line of JSON, nothing else."""
    events = forwarded.split(b"\n\n")
    assert events.pop() == b""
    for text in events:
        assert text.startswith(b"data: ")
        assert b"\n" not in text
        assert b"\r" not in text
    return [orjson.loads(text[6:]) for text in events]


def said(values: list[Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for value in values for choice in value["choices"])


splits = st.lists(st.integers(0, len(RECORDED)), max_size=30).map(sorted)


@given(splits, st.booleans(), st.booleans())
def test_however_the_bytes_arrive_the_same_is_forwarded_and_counted(
    places: list[int], include_usage: bool, crlf: bool
) -> None:
    recorded = RECORDED.replace(b"\n", b"\r\n") if crlf else RECORDED
    whole, pieces = stream_for(include_usage), stream_for(include_usage)
    edges = [0, *places, len(recorded)]
    forwarded = fed(pieces, *[recorded[a:b] for a, b in itertools.pairwise(edges)])
    assert forwarded == fed(stream_for(include_usage), RECORDED)
    assert forwarded == fed(whole, recorded)
    assert pieces.units() == whole.units() == (Units(tokens_in=7, tokens_out=4), False)
    assert pieces.closing(1.5) == whole.closing(1.5)
    assert pieces.done


def test_byte_by_byte_is_no_different() -> None:
    stream = stream_for()
    forwarded = fed(stream, *[RECORDED[place : place + 1] for place in range(len(RECORDED))])
    assert forwarded == fed(stream_for(), RECORDED)


@pytest.mark.parametrize("include_usage", [True, False])
def test_comments_ids_and_retries_are_dropped_and_what_was_said_is_kept(include_usage: bool) -> None:
    forwarded = fed(stream_for(include_usage), RECORDED)
    values = values_of(forwarded)
    assert said(values) == "Hé\n\nllo \r\n 한국어 \\u2028"
    assert {value["model"] for value in values} == {"small"}
    for word in (b"ping", b"welcome", b"retry", b"id: 7", b"upstream/small", b"[DONE]"):
        assert word not in forwarded


def test_usage_is_stripped_unless_it_was_asked_for() -> None:
    stream = stream_for(include_usage=False)
    values = values_of(fed(stream, RECORDED) + stream.closing(2).removesuffix(openai_stream.DONE))
    assert all("usage" not in value for value in values)
    assert all(value["choices"] for value in values)


def test_usage_comes_last_and_is_null_before_where_it_was_asked_for() -> None:
    stream = stream_for(include_usage=True)
    *earlier, last = values_of(fed(stream, RECORDED) + stream.closing(2).removesuffix(openai_stream.DONE))
    assert [value["usage"] for value in earlier] == [None] * len(earlier)
    assert (last["choices"], last["usage"], last["credits_consumed"]) == ([], USAGE, 2)


def test_the_finishing_chunk_is_held_back_and_carries_the_price() -> None:
    stream = stream_for()
    values = values_of(fed(stream, RECORDED))
    assert all(choice["finish_reason"] is None for value in values for choice in value["choices"])
    closing = stream.closing(0.25)
    assert closing.endswith(b"data: [DONE]\n\n")
    [last] = values_of(closing.removesuffix(openai_stream.DONE))
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["credits_consumed"] == 0.25
    assert last["model"] == "small"


def test_a_stream_that_never_finished_a_choice_still_shows_its_price_last() -> None:
    stream = stream_for()
    fed(stream, event(chunk({"content": "Hi"})), openai_stream.DONE)
    [last] = values_of(stream.closing(1).removesuffix(openai_stream.DONE))
    assert (last["choices"], last["credits_consumed"]) == ([], 1)


@pytest.mark.parametrize(
    "kinds",
    [
        ["usage", "plain", "plain", "finish"],
        ["plain", "usage", "plain", "usage", "plain", "finish"],
        ["usage", "usage", "finish", "plain"],
        ["plain", "finish", "plain", "finish", "plain"],
    ],
)
def test_the_order_is_the_upstreams_whichever_chunks_carry_usage(kinds: list[str]) -> None:
    chunks = {
        "plain": lambda text: chunk({"content": text}),
        "usage": lambda text: chunk({"content": text}, usage=USAGE),
        "finish": lambda text: chunk({"content": text}, "stop"),
    }
    stream = stream_for()
    forwarded = fed(stream, *[event(chunks[kind](str(place))) for place, kind in enumerate(kinds)])
    forwarded += stream.closing(1).removesuffix(openai_stream.DONE)
    values = values_of(forwarded)
    assert said(values) == "".join(str(place) for place in range(len(kinds)))
    assert ["credits_consumed" in value for value in values] == [False] * (len(values) - 1) + [True]
    assert all("usage" not in value for value in values)


def test_every_choice_of_several_finishes() -> None:
    stream = stream_for()
    events = [chunk({"content": "a"}), chunk({}, "stop"), chunk({"content": "b"}), chunk({}, "length")]
    for index, value in ((0, events[0]), (0, events[1]), (1, events[2]), (1, events[3])):
        value["choices"][0]["index"] = index
    forwarded = fed(stream, *map(event, events)) + stream.closing(1).removesuffix(openai_stream.DONE)
    finishes = [choice["finish_reason"] for value in values_of(forwarded) for choice in value["choices"]]
    assert finishes == [None, "stop", None, "length"]


@pytest.mark.parametrize("model", ["upstream/small", "upstream/small-2026-01-31", "small"])
@pytest.mark.parametrize("dumped", ["compact", "spaced"])
def test_the_upstreams_own_name_is_never_shown(model: str, dumped: str) -> None:
    content = orjson.dumps(chunk({"content": "Hi"}, model=model, usage=None))
    if dumped == "spaced":
        content = content.replace(b'":', b'": ').replace(b',"', b', "')
    stream = stream_for()
    [value] = values_of(fed(stream, b"data: " + content + b"\n\n"))
    assert value == {**chunk({"content": "Hi"}), "model": "small"}


def test_a_text_that_looks_like_a_field_is_left_alone() -> None:
    text = '"model":"upstream/small","usage":null'
    stream = stream_for()
    [value] = values_of(fed(stream, event(chunk({"content": text}, usage=None))))
    assert said([value]) == text


def test_a_stream_of_our_own_name_is_forwarded_byte_for_byte() -> None:
    content = event({**chunk({"content": "Hi"}), "model": "small", "extra_content": {"a": 1.50}})
    assert fed(stream_for(upstream_model="small"), content) == content


def test_data_over_several_lines_is_forwarded_as_one() -> None:
    content = orjson.dumps(chunk({"content": "Hi"}), option=orjson.OPT_INDENT_2)
    spread = b"\n".join(b"data: " + line for line in content.split(b"\n")) + b"\n\n"
    assert said(values_of(fed(stream_for(), spread))) == "Hi"


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"Internal Server Error",
        b"5",
        b"null",
        b"[]",
        b'{"choices": {}}',
        b'{"choices": [null]}',
        b'{"choices": [{"delta": "Hi"}]}',
        b'{"choices": [{"delta": [1]}]}',
        b'{"choices": [], "x": "\xff"}',
    ],
)
def test_an_event_that_is_no_chunk_is_malformed(payload: bytes) -> None:
    stream = stream_for()
    assert stream.feed(b"data: " + payload + b"\n\n") == b""
    assert isinstance(stream.failure, MalformedAnswer)


@pytest.mark.parametrize(
    "tool_calls", [5, "x", {"a": 1}, [None], [{"function": 5}], [{"function": {"name": 5}}]]
)
def test_tool_calls_of_a_strange_shape_break_nothing(tool_calls: Any) -> None:
    stream = stream_for()
    fed(stream, event(chunk({"tool_calls": tool_calls})))


@pytest.mark.parametrize(
    "error",
    [{"message": "overloaded", "code": 529}, "overloaded", {"choices": []}],
    ids=["object", "text", "other"],
)
def test_an_error_within_the_stream_is_told_apart(error: Any) -> None:
    stream = stream_for()
    stream.feed(event(chunk({"content": "Hi"})))
    assert stream.feed(event({"error": error})) == b""
    assert isinstance(stream.failure, UpstreamStreamError)
    assert stream.says_something


@pytest.mark.parametrize(
    "line", [b"data: ", b": ", b"\n: ", b"x"], ids=["data", "comment", "comments", "none"]
)
def test_an_event_without_end_is_given_up(line: bytes) -> None:
    stream = stream_for()
    piece = line + b"x" * 1_000_000
    for _ in range(MAX_EVENT_BYTES // len(piece)):
        assert stream.feed(piece) == b""
    assert stream.failure is None
    assert stream.feed(piece) == b""
    assert isinstance(stream.failure, MalformedAnswer)


def test_without_the_end_mark_a_stream_is_not_done() -> None:
    stream = stream_for()
    fed(stream, RECORDED.removesuffix(b"data: [DONE]\n\n"), b"data: [DONE]")
    assert not stream.done
    assert stream.finished
    fed(stream, b"\n\n")
    assert stream.done


def test_without_usage_the_delivered_bytes_are_counted_and_marked_as_an_estimate() -> None:
    stream = stream_for()
    fed(
        stream,
        event(chunk({"content": "한국"})),
        event(chunk({"reasoning": "abc"})),
        event(chunk({}, "stop")),
    )
    assert stream.units() == (Units(tokens_in=3, tokens_out=3), True)


def test_usage_that_makes_no_sense_does_not_replace_what_does() -> None:
    stream = stream_for()
    fed(stream, event(chunk({"content": "Hi"}, usage=USAGE)), event(chunk({}, usage={"prompt_tokens": -1})))
    assert stream.units() == (Units(tokens_in=7, tokens_out=4), False)


def test_a_stream_without_words_says_nothing_until_it_is_finished() -> None:
    stream = stream_for()
    fed(stream, event(chunk({"role": "assistant", "content": ""})))
    assert not stream.says_something
    fed(stream, event(chunk({}, "stop")), openai_stream.DONE)
    assert stream.done
    assert stream.says_something


@pytest.mark.parametrize("deltas", [[], ["12345678"]])
def test_a_message_in_place_of_deltas_is_counted_once(deltas: list[str]) -> None:
    stream = stream_for()
    fed(stream, *[event(chunk({"content": text})) for text in deltas])
    whole = {"index": 0, "message": {"content": "12345678"}, "finish_reason": "stop"}
    fed(stream, event({"choices": [whole]}), openai_stream.DONE)
    assert stream.units()[0].tokens_out == 2


def test_what_came_before_a_broken_event_in_the_same_read_is_forwarded() -> None:
    stream = stream_for()
    good = event({"choices": [{"index": 0, "delta": {"content": "heard"}}]})
    assert b"heard" in stream.feed(good + b"data: {broken\n\n")
    assert isinstance(stream.failure, MalformedAnswer)
    assert stream.says_something


@pytest.mark.parametrize(
    "payload",
    [
        b'{"type": "ping"}',
        b"{}",
        b'{"choices": null}',
        b'{"object": "chat.completion.chunk", "choices": null, "x": 1}',
        b"",
        b" ",
    ],
)
def test_chunks_without_choices_are_passed_over(payload: bytes) -> None:
    stream = stream_for()
    assert stream.feed(b"data: " + payload + b"\n\n") == b""
    assert stream.failure is None
    assert fed(stream, event(chunk({"content": "Hi"})))


@pytest.mark.parametrize(
    "told",
    [
        b'event: error\ndata: {"message": "overloaded"}',
        b'data: {"type": "error", "message": "overloaded"}',
        b'data: {"object": "error", "message": "overloaded", "code": 500}',
        b'data: {"detail": "overloaded"}',
    ],
)
def test_an_error_without_the_key_error_is_one_too(told: bytes) -> None:
    stream = stream_for()
    assert stream.feed(told + b"\n\n") == b""
    assert isinstance(stream.failure, UpstreamStreamError)


def test_usage_without_choices_is_read() -> None:
    stream = stream_for(include_usage=True)
    fed(stream, event(chunk({"content": "Hi"}, "stop")), event({"choices": None, "usage": USAGE}))
    assert stream.units() == (Units(tokens_in=7, tokens_out=4), False)
    [last] = values_of(stream.closing(1).removesuffix(openai_stream.DONE))
    assert (last["choices"], last["usage"]) == ([], USAGE)


def test_two_halves_of_a_character_in_two_events_are_forwarded_as_they_came() -> None:
    stream = stream_for()
    halves = [
        b'data: {"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"content":"\\ude00"}}]}\n\n',
    ]
    assert fed(stream, *halves) == b"".join(halves)
    assert stream.says_something


def test_log_probabilities_that_are_no_numbers_become_null() -> None:
    stream = stream_for()
    content = event(chunk({"content": "Hi"}, logprobs=5)).replace(b"5", b"NaN")
    [value] = values_of(fed(stream, content))
    assert value["logprobs"] is None
    assert said([value]) == "Hi"


def test_nothing_after_the_end_mark_is_read() -> None:
    stream = stream_for()
    assert fed(stream, openai_stream.DONE + b"data: {broken\n\n") == b""
    assert (stream.done, stream.failure) == (True, None)


@pytest.mark.parametrize("depth", [201, 900])
def test_a_chunk_nested_too_deeply_is_malformed(depth: int) -> None:
    stream = stream_for()
    nested = b'data: {"choices":[],"x":' + b"[" * depth + b"]" * depth + b"}\n\n"
    assert stream.feed(nested) == b""
    assert isinstance(stream.failure, MalformedAnswer)


def test_several_choices_are_finished_when_all_that_were_asked_for_are() -> None:
    stream = ChatStream(ChatRequest({**VALUES, "n": 2}, 100, True, False), "small", "upstream/small")
    first, second = chunk({}, "stop"), chunk({}, "stop")
    second["choices"][0]["index"] = 1
    fed(stream, event(first), event(first))
    assert not stream.finished
    fed(stream, event(second))
    assert stream.finished


@pytest.mark.parametrize("reason", [["stop"], {"a": 1}, 5, True])
def test_a_reason_of_a_strange_shape_breaks_nothing(reason: Any) -> None:
    stream = stream_for()
    fed(stream, event(chunk({"content": "Hi"}, reason)))
    assert stream.failure is None


def test_counts_grow_and_a_last_one_of_zeros_is_no_correction() -> None:
    stream = stream_for()
    early = {"prompt_tokens": 7, "completion_tokens": 0}
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    fed(stream, event(chunk({"content": "Hi"}, usage=early)), event(chunk({}, "stop", usage=USAGE)))
    fed(stream, event(chunk({}, usage=zeros)))
    assert stream.units() == (Units(tokens_in=7, tokens_out=4), False)
    assert stream.units(to_its_end=False) == (Units(tokens_in=7, tokens_out=4), False)


def test_what_is_still_held_back_is_not_charged_as_delivered() -> None:
    stream = stream_for()
    fed(stream, event(chunk({"content": "x" * 8})), event(chunk({"content": "y" * 400}, "stop")))
    assert stream.units(to_its_end=False) == (Units(tokens_in=3, tokens_out=2), True)
    assert stream.units() == (Units(tokens_in=3, tokens_out=102), True)
