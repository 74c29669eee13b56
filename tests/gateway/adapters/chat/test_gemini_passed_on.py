"""Between a caller and a server of Gemini's every byte passes, but for the limit, the model's name and the price."""

import json
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.chat import gemini
from gateway.adapters.chat.caller_dialect import CallerDialect
from gateway.adapters.chat.dialect_requests import request_in
from gateway.adapters.protocol import EventAnswer, Received, UncountedAnswer
from gateway.dialects.gemini.dialect import GEMINI
from tests.gateway.adapters.driving import Route, drive

EXAMPLES, MANY = 150, 10_000
LIMIT = Route().max_output_tokens
ANSWERED = b'{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]}'
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(-9, 9) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(words, anything, max_size=3)
parts = (
    st.fixed_dictionaries({"text": words.filter(bool)}, optional={"thoughtSignature": st.just("c2ln")})
    | st.fixed_dictionaries(
        {"functionCall": st.fixed_dictionaries({"name": st.just("f")}, optional={"args": objects})}
    )
    | st.fixed_dictionaries({"inline_data": st.just({"mime_type": "image/png", "data": "iVBORw0KGgo_-w=="})})
)  # fmt: skip
contents = st.lists(
    st.fixed_dictionaries(
        {"parts": st.lists(parts, min_size=1, max_size=3)},
        optional={"role": st.sampled_from(["user", "model"])},
    ),
    min_size=1,
    max_size=3,
)
config = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2) | st.integers(0, 2),
        "topP": st.none() | st.floats(0, 1),
        "stop_sequences": st.lists(words, max_size=2),
        "seed": st.integers(0, 99),
        "thinkingConfig": st.just({"include_thoughts": True, "thinkingBudget": 5}),
    },
)
limits = st.sampled_from(["maxOutputTokens", "max_output_tokens", None])
asked_limits = st.integers(1, 10**6)
spelled = st.sampled_from(["generationConfig", "generation_config", None])


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A body as a client may write it, and what a server is to be sent."""
    style: dict[str, Any] = {
        "ensure_ascii": draw(st.booleans()),
        "indent": draw(st.sampled_from([None, 1, "\t"])),
        "separators": draw(st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")])),
    }
    fields: dict[str, Any] = {"contents": draw(contents)}
    extra = draw(st.dictionaries(st.sampled_from(["labels", "aNewField", "another_one"]), anything))
    name, limit = draw(spelled), draw(limits)
    if name is None:
        body = json.dumps(fields | extra, **style)
        end = body.rindex("}")
        return body.encode(), f'{body[:end]},"generationConfig":{{"maxOutputTokens":{LIMIT}}}}}'.encode()
    settings_of_answer = draw(config)
    if limit is None:
        body = json.dumps(fields | {name: settings_of_answer | {"topK": "MARK"}} | extra, **style)
        # The limit is added at the object's end, behind the last of its fields.
        before, after = body.split('"MARK"')
        blanks = after[: after.index("}")]
        sent = f'{before}7{blanks},"maxOutputTokens":{LIMIT}{after[len(blanks) :]}'
        return body.replace('"MARK"', "7").encode(), sent.encode()
    asked = draw(asked_limits)
    body = json.dumps(fields | {name: {limit: "MARK"} | settings_of_answer} | extra, **style)
    assert LIMIT is not None
    given_limit = str(min(asked, LIMIT))
    return body.replace('"MARK"', str(asked)).encode(), body.replace('"MARK"', given_limit).encode()


def assert_body_passes(body: bytes, expected: bytes) -> None:
    values = {**orjson.loads(body), "model": "ours", "stream": False}
    request = request_in(CallerDialect(GEMINI, body, GEMINI.read_request(values), "id", 0))
    answer, [call], _waits = drive(gemini, request, Received("application/json", {}, ANSWERED))
    assert isinstance(answer, UncountedAnswer)
    assert call.body == expected


@settings(max_examples=EXAMPLES)
@given(bodies())
def test_a_body_passes_but_for_its_limit(written: tuple[bytes, bytes]) -> None:
    assert_body_passes(*written)


@pytest.mark.prove
@settings(max_examples=MANY)
@given(bodies())
def test_ten_thousand_bodies_pass(written: tuple[bytes, bytes]) -> None:
    assert_body_passes(*written)


cuts = st.lists(st.integers(0, 900), max_size=8)


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    texts = draw(st.lists(words.filter(bool), min_size=1, max_size=5))
    events = [
        {"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}]}
        | draw(st.dictionaries(st.sampled_from(["aNewField", "createTime"]), words))
        for text in texts
    ]
    last = {"candidates": [{"finishReason": "STOP", "index": 0}], "usageMetadata": {"promptTokenCount": 2}}
    ascii_only = draw(st.booleans())
    return [json.dumps(event, ensure_ascii=ascii_only).encode() for event in [*events, last]]


def assert_stream_passes(events: list[bytes], cuts: list[int]) -> None:
    values = {"model": "ours", "contents": [{"parts": [{"text": "Hi"}]}], "stream": True}
    body = orjson.dumps({"contents": values["contents"]})
    request = request_in(CallerDialect(GEMINI, body, GEMINI.read_request(values), "id", 0))
    answer, _calls, _waits = drive(gemini, request, Received("text/event-stream", {}, b""))
    assert isinstance(answer, EventAnswer)
    wire = b"".join(b"data: " + event + b"\n\n" for event in events)
    edges = [0, *sorted(cut for cut in cuts if cut < len(wire)), len(wire)]
    sent = b"".join(answer.events.feed(wire[start:end]) for start, end in pairwise(edges))
    *before, last = events
    assert sent == b"".join(b"data: " + event + b"\n\n" for event in before)
    ending = orjson.loads(answer.events.closing(1.5).removeprefix(b"data: "))
    assert ending["usageMetadata"].pop("credits_consumed") == 1.5
    assert ending == orjson.loads(last)


@settings(max_examples=EXAMPLES)
@given(streams(), cuts)
def test_events_pass_wherever_their_bytes_were_cut(events: list[bytes], cuts: list[int]) -> None:
    assert_stream_passes(events, cuts)


@pytest.mark.prove
@settings(max_examples=MANY)
@given(streams(), cuts)
def test_ten_thousand_streams_pass(events: list[bytes], cuts: list[int]) -> None:
    assert_stream_passes(events, cuts)
