"""The chat answers: what they depend on, what they cost, what they refuse."""

import base64
import json
import math

import pytest

from gateway.sandbox.files import png

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        },
    },
}


def tokens_of(*texts):
    return math.ceil(sum(len(text.encode()) for text in texts) / 4)


def test_same_body_gives_same_answer(sandbox):
    assert sandbox.chat("tell me").json() == sandbox.chat("tell me").json()
    assert sandbox.chat("tell me").json() != sandbox.chat("tell her").json()


def test_streamed_text_equals_the_text_not_streamed(sandbox):
    whole = sandbox.chat("a longer question, with 한국어").json()["choices"][0]["message"]["content"]
    chunks = sandbox.stream("a longer question, with 한국어")
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == whole


@pytest.mark.parametrize("text", ["", "a", "abcd", "abcde", "안녕하세요", "🙂 mixed"])
def test_usage_is_a_quarter_of_the_bytes_rounded_up_once(sandbox, text):
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": text}]},
    ]
    answer = sandbox.post("/v1/chat/completions", json={"model": "m", "messages": messages}).json()
    content = answer["choices"][0]["message"]["content"]
    usage = answer["usage"]
    assert usage["prompt_tokens"] == tokens_of("be brief", "one", text)
    assert usage["completion_tokens"] == tokens_of(content)
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_tokens_magic_gives_exactly_that_many(sandbox):
    answer = sandbox.chat("[[sbx:tokens=500]]").json()
    assert answer["usage"]["completion_tokens"] == 500
    assert len(answer["choices"][0]["message"]["content"].encode()) == 2000


def test_text_magic_is_the_exact_answer(sandbox):
    answer = sandbox.chat("hi [[sbx:delay_ms=1;text=a; b=c ;]]").json()
    assert answer["choices"][0]["message"]["content"] == "a; b=c ;"


def test_usage_magic_is_reported_whatever_was_sent(sandbox):
    usage = sandbox.chat("[[sbx:usage=7,9000]]").json()["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (7, 9000)


@pytest.mark.parametrize("limit_name", ["max_tokens", "max_completion_tokens"])
def test_limit_is_never_passed_and_is_named_as_the_reason(sandbox, limit_name):
    body = {limit_name: 3, "reasoning_effort": None}
    answer = sandbox.chat("한국어로 길게 대답해 주세요", **body).json()
    assert answer["choices"][0]["finish_reason"] == "length"
    assert 0 < answer["usage"]["completion_tokens"] <= 3


def test_limit_holds_for_each_choice_with_reasoning(sandbox):
    answer = sandbox.chat("think", max_tokens=5, n=3, reasoning_effort="high").json()
    assert [choice["finish_reason"] for choice in answer["choices"]] == ["length"] * 3
    assert answer["usage"]["completion_tokens"] <= 15


def test_answer_within_the_limit_stops_by_itself(sandbox):
    answer = sandbox.chat("[[sbx:tokens=10]]", max_tokens=10).json()
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_n_gives_different_choices_and_bills_them_all(sandbox):
    answer = sandbox.chat("vary", n=3).json()
    contents = [choice["message"]["content"] for choice in answer["choices"]]
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    assert len(set(contents)) == 3
    assert answer["usage"]["completion_tokens"] == tokens_of(*contents)


def test_reasoning_is_sent_and_counted(sandbox):
    answer = sandbox.chat("why", reasoning_effort="low").json()
    message = answer["choices"][0]["message"]
    usage = answer["usage"]
    assert usage["completion_tokens"] == tokens_of(message["content"], message["reasoning_content"])
    assert usage["completion_tokens_details"]["reasoning_tokens"] == tokens_of(message["reasoning_content"])


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, False),
        ({"include_thoughts": True}, True),
        ({"include_thoughts": False, "reasoning_effort": "high"}, False),
        ({"reasoning_effort": "none"}, False),
    ],
)
def test_thoughts_are_shown_only_when_wanted(sandbox, options, shown):
    message = sandbox.chat("why", **options).json()["choices"][0]["message"]
    assert ("reasoning_content" in message) is shown


def test_tool_is_called_when_the_user_text_asks(sandbox):
    answer = sandbox.chat("weather? [[sbx:tool]]", tools=[TOOL]).json()
    choice = answer["choices"][0]
    called = choice["message"]["tool_calls"][0]["function"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert set(json.loads(called["arguments"])) == {"city", "days"}
    assert answer["usage"]["completion_tokens"] == tokens_of("get_weather", called["arguments"])


@pytest.mark.parametrize(
    "tool_choice", ["required", {"type": "function", "function": {"name": "get_weather"}}], ids=str
)
def test_tool_is_called_when_forced(sandbox, tool_choice):
    answer = sandbox.chat("weather?", tools=[TOOL], tool_choice=tool_choice).json()
    assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "get_weather"


def test_model_speaks_after_a_tool_result(sandbox):
    messages = [
        {"role": "user", "content": "weather? [[sbx:tool]]"},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "tool_call_id": "x", "content": "sunny"},
    ]
    body = {"model": "m", "messages": messages, "tools": [TOOL]}
    answer = sandbox.post("/v1/chat/completions", json=body).json()
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_json_object_format_gives_json(sandbox):
    answer = sandbox.chat("facts", response_format={"type": "json_object"}).json()
    assert isinstance(json.loads(answer["choices"][0]["message"]["content"]), dict)


def test_json_schema_format_fits_the_schema(sandbox):
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
            "inner": {"type": "object", "properties": {"ok": {"type": "boolean"}}},
        },
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    value = json.loads(
        sandbox.chat("facts", response_format=wanted).json()["choices"][0]["message"]["content"]
    )
    assert isinstance(value["name"], str)
    assert isinstance(value["age"], int)
    assert value["tags"][0] in ("a", "b")
    assert isinstance(value["inner"]["ok"], bool)


def test_image_is_described_by_the_prompt_it_carries_and_costs_85(sandbox):
    url = "data:image/png;base64," + base64.b64encode(png.draw(8, 4, "a red fox 여우")).decode()
    content = [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": url}}]
    body = {"model": "m", "messages": [{"role": "user", "content": content}]}
    answer = sandbox.post("/v1/chat/completions", json=body).json()
    assert answer["choices"][0]["message"]["content"] == "The image shows: a red fox 여우 (8x4)"
    assert answer["usage"]["prompt_tokens"] == tokens_of("what?") + 85


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m"},
        {"model": "m", "messages": []},
        {"model": "m", "messages": ["hi"]},
        {"model": "m", "messages": [{"role": "user", "content": 7}]},
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "video"}]}]},
        {"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": 0},
        {"model": "m", "messages": [{"role": "user", "content": "x"}], "n": "many"},
        {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream_options": 7},
        {
            "model": "m",
            "messages": [{"role": "user", "content": "x"}],
            "stream_options": {"include_usage": True},
        },
        {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": "all"},
        {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function"}]},
    ],
    ids=str,
)
def test_bad_body_is_refused_in_openai_words(sandbox, body):
    response = sandbox.post("/v1/chat/completions", json=body)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_body_that_is_not_json_is_refused(sandbox):
    response = sandbox.post("/v1/chat/completions", content=b"{nope")
    assert response.status_code == 400


def test_models_are_listed_as_openai_lists_them(sandbox):
    listed = sandbox.get("/v1/models").json()
    assert listed["object"] == "list"
    assert {"id", "object", "created", "owned_by"} <= set(listed["data"][0])
    assert {"sbx-timeout", "sbx-fail"} <= {model["id"] for model in listed["data"]}


def test_an_echo_never_repeats_a_directive(sandbox):
    answer = sandbox.chat("hello [[sbx:delay_ms=1]] there").json()["choices"][0]["message"]["content"]
    assert "sbx" not in answer
    assert "hello" in answer
