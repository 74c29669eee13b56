"""Requests of many small parts are read, and written in every dialect, in a time that grows with their size alone."""

import base64
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aio_platform.errors import InvalidRequest
from gateway.dialects.anthropic_messages.dialect import ANTHROPIC_MESSAGES
from gateway.dialects.dialect import Dialect
from gateway.dialects.gemini.dialect import GEMINI
from gateway.dialects.openai_chat.dialect import OPENAI_CHAT
from gateway.dialects.openai_responses.dialect import OPENAI_RESPONSES

USER = {"role": "user", "content": "Hi"}
# Of what takes the square of its size, these take minutes.
MANY = 20_000
MOST_S = 6.0


def messages(*said: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 9, "messages": [USER, *said]}


def call(call_id: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "f", "input": {}}


def same_ids() -> dict[str, Any]:
    result = {"type": "tool_result", "tool_use_id": "a", "content": "x"}
    return messages(
        {"role": "assistant", "content": [call("a")] * MANY}, {"role": "user", "content": [result] * MANY}
    )


def a_call_a_message() -> dict[str, Any]:
    return messages(*({"role": "assistant", "content": [call(str(number))]} for number in range(MANY)))


def results_without_calls() -> dict[str, Any]:
    result = {"type": "tool_result", "tool_use_id": "a", "content": "x"}
    return messages({"role": "user", "content": [result] * MANY})


def signatures_of_nothing() -> dict[str, Any]:
    sealed = "aio." + base64.urlsafe_b64encode(b'{"call_id":"of none"}').decode()
    thought = {"type": "reasoning", "summary": [], "encrypted_content": sealed}
    made = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
    return {"model": "m", "input": [made] * 5000 + [thought] * 5000}


def names_of_many_tools() -> dict[str, Any]:
    spaces = [
        {"type": "namespace", "name": f"n{space}", "tools": [
            {"type": "function", "name": f"f{space}x{number}"} for number in range(100)]}
        for space in range(1000)
    ]  # fmt: skip
    allowed = [{"type": "function", "name": "f999x99"}] * 1000
    choice = {"type": "allowed_tools", "mode": "auto", "tools": allowed}
    return {"model": "m", "input": "Hi", "tools": spaces, "tool_choice": choice}


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        (ANTHROPIC_MESSAGES, same_ids),
        (ANTHROPIC_MESSAGES, a_call_a_message),
        (ANTHROPIC_MESSAGES, results_without_calls),
        (OPENAI_RESPONSES, signatures_of_nothing),
        (OPENAI_RESPONSES, names_of_many_tools),
    ],
)
def test_time_grows_with_size_alone(dialect: Dialect, body: Callable[[], dict[str, Any]]) -> None:
    values = body()
    began = time.process_time()
    asked = replace(dialect.read_request(values), max_output_tokens=9)
    for server in (ANTHROPIC_MESSAGES, OPENAI_RESPONSES, OPENAI_CHAT, GEMINI):
        server.write_request(asked)
    assert time.process_time() - began < MOST_S


def test_the_head_of_a_data_url_is_read_in_little_room() -> None:
    url = "data:image/png" + ";" * 1_000_000 + ",aaaa"
    image = {"type": "input_image", "image_url": url}
    tracemalloc.start()
    with pytest.raises(InvalidRequest):
        OPENAI_RESPONSES.read_request({"model": "m", "input": [{"role": "user", "content": [image]}]})
    most_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most_bytes < 10_000_000
