"""Anthropic's Messages: the same answers as the chat's, in that dialect's form and event grammar."""

import json
from typing import Any

import httpx
import pytest

VERSION = {"anthropic-version": "2023-06-01"}
TOOL = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def ask(sandbox: Any, content: Any = "hello", **body: Any) -> httpx.Response:
    messages = [{"role": "user", "content": content}]
    asked = {"model": "m", "max_tokens": 500, "messages": messages, **body}
    answer: httpx.Response = sandbox.post("/v1/messages", json=asked, headers=VERSION)
    return answer


def events_of(answer: httpx.Response) -> list[dict[str, Any]]:
    found = []
    for block in answer.text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


def test_it_says_and_counts_what_the_chat_does(sandbox: Any) -> None:
    chat = sandbox.chat("tell me", model="m").json()
    message = ask(sandbox, "tell me").json()
    assert message["content"] == [{"type": "text", "text": chat["choices"][0]["message"]["content"]}]
    assert message["usage"] == {
        "input_tokens": chat["usage"]["prompt_tokens"],
        "output_tokens": chat["usage"]["completion_tokens"],
    }
    assert (message["type"], message["role"], message["stop_reason"]) == ("message", "assistant", "end_turn")


@pytest.mark.parametrize(
    "body",
    [{}, {"thinking": {"type": "adaptive"}}, {"tools": [TOOL], "tool_choice": {"type": "any"}}],
    ids=["text", "thinking", "tool"],
)
def test_the_streamed_blocks_are_those_of_the_whole_answer(sandbox: Any, body: dict[str, Any]) -> None:
    whole = ask(sandbox, **body).json()
    events = events_of(ask(sandbox, stream=True, **body))
    blocks: list[dict[str, Any]] = []
    arguments = ""
    for event in events:
        if event["type"] == "content_block_start":
            blocks.append(dict(event["content_block"]))
            arguments = ""
        delta = event.get("delta", {})
        if delta.get("type") == "input_json_delta":
            arguments += delta["partial_json"]
            if event["index"] == len(blocks) - 1:
                blocks[-1]["input"] = arguments
            continue
        for name in ("text", "thinking", "signature"):
            if event["type"] == "content_block_delta" and name in delta:
                blocks[-1][name] += delta[name]
    for block in blocks:
        if block["type"] == "tool_use":
            block["input"] = json.loads(block["input"])
    assert blocks == whole["content"]
    kinds = [event["type"] for event in events]
    assert (kinds[0], kinds[-2], kinds[-1]) == ("message_start", "message_delta", "message_stop")
    assert events[-2]["delta"]["stop_reason"] == whole["stop_reason"]
    assert events[-2]["usage"]["output_tokens"] == whole["usage"]["output_tokens"]


def test_the_answer_is_cut_at_the_limit(sandbox: Any) -> None:
    message = ask(sandbox, "[[sbx:tokens=50]]", max_tokens=3).json()
    assert (message["stop_reason"], message["usage"]["output_tokens"]) == ("max_tokens", 3)


def test_the_prompt_is_counted_without_an_answer(sandbox: Any) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "12345678"}]}
    assert sandbox.post("/v1/messages/count_tokens", json=body).json() == {"input_tokens": 2}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "role"),
        ({"messages": [{"role": "user", "content": [{"type": "sound"}]}]}, "sound"),
        ({"messages": []}, "messages"),
    ],
)
def test_what_anthropic_refuses_is_refused_in_its_words(
    sandbox: Any, body: dict[str, Any], said: str
) -> None:
    answer = ask(sandbox, **body)
    assert answer.status_code == 400
    assert answer.json()["type"] == "error"
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert said in answer.json()["error"]["message"]


def test_a_request_without_the_version_is_refused(sandbox: Any) -> None:
    body = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}
    assert sandbox.post("/v1/messages", json=body).status_code == 400
