"""The chat answer as server-sent events."""

import json

import pytest

from gateway.sandbox.chat.stream import pieces


def test_first_chunk_has_the_role_and_the_last_the_reason(sandbox):
    chunks = sandbox.stream("hello")
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-1]["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    assert all("usage" not in chunk for chunk in chunks)


def test_usage_comes_last_and_only_when_asked_for(sandbox):
    chunks = sandbox.stream("hello", stream_options={"include_usage": True})
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == sandbox.chat("hello").json()["usage"]
    assert all(chunk["usage"] is None for chunk in chunks[:-1])


def test_no_usage_means_none_even_when_asked_for(sandbox):
    chunks = sandbox.stream("hello [[sbx:no_usage]]", stream_options={"include_usage": True})
    assert all("usage" not in chunk for chunk in chunks)


@pytest.mark.parametrize("wanted", [1, 3, 50])
def test_chunks_magic_gives_exactly_that_many_deltas(sandbox, wanted):
    chunks = sandbox.stream(f"[[sbx:tokens=30;chunks={wanted}]]")
    assert sum(1 for chunk in chunks if chunk["choices"][0]["delta"].get("content")) == wanted


def test_tool_arguments_come_in_fragments_that_join_into_json(sandbox):
    tool = {
        "type": "function",
        "function": {"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "string"}}}},
    }
    chunks = sandbox.stream("[[sbx:tool]]", tools=[tool])
    deltas = [delta for chunk in chunks for delta in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert deltas[0]["function"] == {"name": "f", "arguments": ""}
    assert deltas[0]["id"].startswith("call_")
    assert len(deltas) > 2
    assert set(json.loads("".join(delta["function"]["arguments"] for delta in deltas))) == {"x"}
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_reasoning_comes_before_content(sandbox):
    chunks = sandbox.stream("hello", reasoning_effort="high")
    kinds = [
        kind
        for chunk in chunks
        for kind in ("reasoning_content", "content")
        if chunk["choices"][0]["delta"].get(kind)
    ]
    assert kinds == sorted(kinds, reverse=True)
    assert set(kinds) == {"reasoning_content", "content"}


def test_each_choice_is_streamed_under_its_index(sandbox):
    chunks = sandbox.stream("hello", n=2)
    assert {chunk["choices"][0]["index"] for chunk in chunks} == {0, 1}


def test_empty_choices_stream_has_no_text(sandbox):
    chunks = sandbox.stream("[[sbx:empty_choices]]", stream_options={"include_usage": True})
    assert all(chunk["choices"] == [] for chunk in chunks)


@pytest.mark.parametrize("text", ["", "one", " lead", "trail ", "a  b", "두 단어", "x\ny z"])
@pytest.mark.parametrize("wanted", [0, 1, 2, 99])
def test_pieces_always_join_into_the_text(text, wanted):
    assert "".join(pieces(text, wanted)) == text
    assert all(pieces(text, wanted))
