"""A stream as a JSON array: whatever pieces come in, what has been sent is valid JSON once the answer has ended."""

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.chat import gemini, json_array, openai_chat
from gateway.adapters.chat.caller_dialect import CallerDialect
from gateway.adapters.chat.dialect_requests import request_in
from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.chat.translated import Translated
from gateway.adapters.protocol import EventAnswer, Received, UncountedAnswer
from gateway.dialects.gemini.dialect import GEMINI
from tests.gateway.adapters.driving import Route, drive

SAID = ["Hi", " there, 안녕", "\n\n[1]"]
GEMINIS = [
    {"candidates": [{"index": 0, "content": {"parts": [{"text": text}]}}], "modelVersion": "theirs"}
    for text in SAID
] + [{"candidates": [{"index": 0, "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 3}}]
OPENAIS = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in SAID] + [
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
]
SERVERS: dict[str, tuple[Any, list[Any]]] = {
    "gemini": (json_array.InArrays(gemini), GEMINIS),
    "openai": (json_array.InArrays(Translated(openai_chat)), OPENAIS),  # type: ignore[arg-type]
}


def asked(*, stream: bool = True) -> ChatRequest:
    values = {"model": "ours", "contents": [{"parts": [{"text": "Hi"}]}]}
    read = GEMINI.read_request({**values, "stream": stream})
    return request_in(CallerDialect(GEMINI, orjson.dumps(values), read, "id", 0))


def begun(server: Any) -> EventAnswer:
    answer, _calls, _waits = drive(server, asked(), Received("text/event-stream", {}, b""))
    assert isinstance(answer, EventAnswer)
    return answer


def texts_of(array: bytes) -> str:
    return "".join(
        part["text"]
        for element in orjson.loads(array)
        for candidate in element.get("candidates", ())
        for part in candidate.get("content", {}).get("parts", ())
    )


@pytest.mark.parametrize("name", SERVERS)
@given(cuts=st.lists(st.integers(0, 500), max_size=6))
def test_an_answer_is_one_array_wherever_its_bytes_were_cut(name: str, cuts: list[int]) -> None:
    server, events = SERVERS[name]
    answer = begun(server)
    wire = b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events)
    edges = [0, *sorted(cut for cut in cuts if cut < len(wire)), len(wire)]
    sent = b""
    for start, end in pairwise(edges):
        sent += answer.heartbeat + answer.events.feed(wire[start:end])
    assert answer.events.finished
    sent += answer.events.closing(1.5)
    assert texts_of(sent) == "".join(SAID)
    assert b"1.5" in sent
    assert b"theirs" not in sent


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("came", [0, 1, 2])
def test_an_error_is_the_last_element(name: str, came: int) -> None:
    server, events = SERVERS[name]
    answer = begun(server)
    sent = b"".join(answer.events.feed(b"data: " + orjson.dumps(event) + b"\n\n") for event in events[:came])
    sent += answer.failed({"error": {"code": 502}})
    *before, last = orjson.loads(sent)
    assert (len(before), last) == (came, {"error": {"code": 502}})


def test_what_is_no_stream_stays_as_it_is() -> None:
    body = orjson.dumps({"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]})
    answer, _calls, _waits = drive(
        SERVERS["gemini"][0], asked(stream=False), Received("application/json", {}, body)
    )
    assert isinstance(answer, UncountedAnswer)


def test_limits_and_what_is_left_out_are_the_adapters_own() -> None:
    for server, adapter in (
        (SERVERS["gemini"][0], gemini),
        (SERVERS["openai"][0], Translated(openai_chat)),  # type: ignore[arg-type]
    ):
        assert server.ceiling(asked(), Route()) == adapter.ceiling(asked(), Route())
        assert server.left_out(asked(), Route()) == adapter.left_out(asked(), Route()) == []
        assert server.SERVES == adapter.SERVES
