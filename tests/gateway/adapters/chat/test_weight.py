"""A guess counts all that a tokenizer is given: tools, earlier calls, names, schemas, and each Korean syllable."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.chat.weight import asked_weight, content_text, said_weight
from gateway.adapters.shared.tokens import estimated_tokens, text_weight, value_weight


def tokens_of(*messages: dict[str, Any], **fields: Any) -> int:
    return estimated_tokens(asked_weight({"messages": list(messages), **fields}))


USER = {"role": "user", "content": "Hello you"}


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("abcd", 1),
        ("abcde", 2),
        ("한국어", 3),
        ("日本語です", 5),
        ("漢字ab", 3),
        ("é" * 4, 2),
        ("😀", 1),
    ],
)
def test_a_character_of_three_bytes_is_a_token(text: str, tokens: int) -> None:
    assert estimated_tokens(text_weight(text)) == tokens


@given(st.text())
def test_no_text_weighs_more_than_four_times_its_bytes(text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    assert size <= text_weight(text) <= size * 4 / 3
    assert estimated_tokens(text_weight(text)) <= max(size, 0)


def test_tools_count_by_their_size() -> None:
    tool = {
        "type": "function",
        "function": {"name": "f", "parameters": {"type": "object", "x": "y" * 25_000}},
    }
    assert tokens_of(USER, tools=[tool]) > 25_000 / 4


@pytest.mark.parametrize(
    "message",
    [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"function": {"name": "f", "arguments": "x" * 400}}],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"function": {"name": "f", "arguments": {"a": "x" * 400}}}],
        },
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "x" * 400}},
        {"role": "assistant", "content": "", "reasoning_content": "x" * 400},
        {"role": "user", "content": "", "name": "x" * 400},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "x" * 400}]},
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "x" * 400}]}],
        },
    ],
)
def test_what_a_message_holds_beside_text_counts(message: dict[str, Any]) -> None:
    assert 100 <= tokens_of(message) <= 110


def test_a_schema_for_the_answer_counts() -> None:
    schema = {"name": "s", "schema": {"type": "object", "description": "x" * 400}}
    assert tokens_of(USER, response_format={"type": "json_schema", "json_schema": schema}) > 100
    assert tokens_of(USER, response_format={"type": "json_object"}) == 3


@pytest.mark.parametrize(
    ("delta", "tokens"),
    [
        ({"content": "abcd"}, 1),
        ({"content": None, "reasoning": "abcd", "reasoning_content": "abcd"}, 1),
        ({"reasoning": "abcd", "reasoning_content": "efgh"}, 2),
        ({"content": [{"type": "text", "text": "abcd"}, "efgh"]}, 2),
        ({"function_call": {"name": "abcd", "arguments": "efgh"}}, 2),
        ({"tool_calls": [{"custom": {"name": "abcd", "input": "efgh"}}]}, 2),
        ({"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]}, 1290),
        ({"audio": {"data": "AAAA", "transcript": "abcd"}}, 1),
        ({"role": "assistant", "content": ""}, 0),
        ({"content": "", "thinking": "abcd"}, 1),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "abcd"}, {"summary": "efgh"}]}, 2),
        ({"reasoning": "abcd", "reasoning_details": [{"text": "abcd"}]}, 1),
        ({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x" * 400}]}, 0),
        ({"content": {"type": "text", "text": "abcd"}}, 1),
        ({"tool_calls": {"index": 0, "function": {"name": "abcd", "arguments": "efgh"}}}, 2),
        ({"tool_calls": [{"name": "abcd", "arguments": "efgh"}]}, 2),
    ],
)
def test_whatever_is_said_counts_once(delta: dict[str, Any], tokens: int) -> None:
    assert estimated_tokens(said_weight(delta)) == tokens


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["content", "text", "type", "thinking", "refusal", "function", "arguments", "name"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
FIELDS = [
    "content",
    "reasoning",
    "reasoning_details",
    "thinking",
    "tool_calls",
    "function_call",
    "images",
    "audio",
    "refusal",
    "name",
    "role",
]
messages = st.dictionaries(st.sampled_from(FIELDS), anything, max_size=5)


def test_a_part_by_itself_is_read_as_a_list_of_one() -> None:
    assert content_text({"type": "text", "text": "abcd"}) == "abcd"


@given(messages)
def test_a_message_of_any_shape_has_a_weight(message: dict[str, Any]) -> None:
    assert said_weight(message) >= 0
    assert isinstance(content_text(message.get("content")), str)


@given(
    st.dictionaries(
        st.sampled_from(["messages", "tools", "response_format", "functions"]), st.lists(messages) | anything
    )
)
def test_a_body_of_any_shape_has_a_weight(body: dict[str, Any]) -> None:
    assert asked_weight(body) >= 0


def test_a_part_whose_type_is_no_name_is_no_image() -> None:
    assert said_weight({"content": [{"type": ["image"]}]}) == said_weight({"content": [{"type": None}]})


def test_what_cannot_be_written_weighs_nothing() -> None:
    deep: Any = []
    for _ in range(2000):
        deep = [deep]
    assert value_weight(deep) == 0
