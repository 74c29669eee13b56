"""What is wrong with a request is named where it stands, whatever JSON it is."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings

from aio_platform.errors import InvalidRequest
from gateway.dialects.openai_chat.request import read_request
from tests.gateway.dialects.openai_chat.wild_json import FIELDS_ASKED, MESSAGES_ASKED, NEARLY_ASKED

USER = {"role": "user", "content": "Hi"}


def error_of(**fields: Any) -> str:
    with pytest.raises(InvalidRequest) as raised:
        read_request({"model": "m", "messages": [USER], **fields})
    return str(raised.value)


IMAGE = {"type": "image_url"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model": None}, "model: this field is required"),
        ({"messages": None}, "messages: this field is required"),
        ({"messages": []}, "messages: must not be empty"),
        ({"messages": {}}, "messages: expected a list"),
        ({"messages": ["x"]}, "messages.0: expected an object"),
        ({"messages": [{}]}, "messages.0.role: this field is required"),
        ({"messages": [{"role": "bot"}]}, "messages.0.role: must be one of system, developer, user"),
        ({"messages": [{"role": "user"}]}, "messages.0.content: this field is required"),
        ({"messages": [{"role": "user", "content": []}]}, "messages.0.content: must not be empty"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content: expected a string or a list"),
        (
            {"messages": [{"role": "user", "content": [{}]}]},
            "messages.0.content.0.type: this field is required",
        ),
        (
            {
                "messages": [
                    {"role": "system", "content": [{**IMAGE, "image_url": {"url": "https://a.test"}}]}
                ]
            },
            "messages.0.content.0.type: must be one of text",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{**IMAGE, "image_url": {"url": "file:///etc/passwd"}}]}
                ]
            },
            "messages.0.content.0.image_url.url: expected an http(s) or data:image/ URL",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{**IMAGE, "image_url": {"url": "data:image/png;base64,?"}}]}
                ]
            },
            "messages.0.content.0.image_url.url: expected base64",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA"}}]}
                ]
            },
            "messages.0.content.0.input_audio.format: this field is required",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]},
            "messages.0.content.0.file.file_data: this field is required",
        ),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.tool_call_id: this field is required"),
        (
            {"messages": [{"role": "function", "name": "f", "content": "x"}]},
            "messages.0.name: must be a function that was called before",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"type": "function", "id": "c"}]}]},
            "messages.0.tool_calls.0.function: this field is required",
        ),
        (
            {
                "messages": [
                    {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}
                ]
            },
            "messages.0.tool_calls.0.id: this field is required",
        ),
        ({"tools": [{"type": "function", "function": {}}]}, "tools.0.function.name: this field is required"),
        ({"tools": [{"function": {"name": "f"}}]}, "tools.0.type: this field is required"),
        ({"tool_choice": "any"}, "tool_choice: must be one of auto, none, required"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function: this field is required"),
        ({"temperature": 2.5}, "temperature: must be from 0 to 2"),
        ({"temperature": True}, "temperature: expected a number"),
        ({"temperature": float("nan")}, "temperature: must be from 0 to 2"),
        ({"n": 0}, "n: must be from 1 to 128"),
        ({"max_tokens": "5"}, "max_tokens: expected a whole number"),
        ({"top_logprobs": 3}, "top_logprobs: needs logprobs to be true"),
        ({"stop": ["a", 5]}, "stop.1: expected a string"),
        ({"logit_bias": {"50256": "x"}}, "logit_bias.50256: expected a number"),
        ({"stream": "yes"}, "stream: expected true or false"),
        ({"reasoning_effort": "huge"}, "reasoning_effort: must be one of none, minimal"),
        ({"metadata": {"a": 5}}, "metadata.a: expected a string"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
            "response_format.json_schema.name: this field is required",
        ),
    ],
)
def test_what_is_wrong_is_named_where_it_stands(fields: dict[str, Any], said: str) -> None:
    assert error_of(**fields).startswith(said)


@settings(max_examples=300)
@given(FIELDS_ASKED, MESSAGES_ASKED | NEARLY_ASKED)
def test_whatever_is_asked_is_read_or_refused_with_a_reason(fields: dict[str, Any], messages: Any) -> None:
    with suppress(InvalidRequest):
        assert read_request({"model": "m", "messages": messages, **fields}).messages
