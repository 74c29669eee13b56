"""Whole answers of the Messages API are read as the official client reads them, and written so that it can."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.anthropic_messages.dialect import ANTHROPIC_MESSAGES
from gateway.dialects.anthropic_messages.usage import read_usage, write_usage
from gateway.dialects.conversation import (
    Audio,
    Citation,
    Conversation,
    DialectName,
    Image,
    Native,
    Part,
    Reasoning,
    ReasoningAsked,
    Refusal,
    Source,
    Text,
    ToolCall,
)
from gateway.dialects.dialect import AnswerContext, UnreadableReply
from gateway.dialects.reply import Choice, Finish, Reply, TokenCounts
from tests.gateway.dialects.conversations import TEXTS, TOOL_CALLS, replies, token_counts

HERE = DialectName.ANTHROPIC_MESSAGES
CONTEXT = AnswerContext("ours", Conversation("ours", []), "msg_ours", 1)
USAGE = {"input_tokens": 10, "output_tokens": 5}


def message(*content: Any, **fields: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-8",
        "content": list(content),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
    } | fields


def read(values: Any) -> Reply:
    return ANTHROPIC_MESSAGES.read_reply(values)


def shown(*parts: Part, finish: Finish = Finish.STOP, context: AnswerContext = CONTEXT) -> dict[str, Any]:
    return ANTHROPIC_MESSAGES.write_reply(Reply("a1", "theirs", [Choice(0, list(parts), finish)]), context)


CITED = {
    "type": "web_search_result_location",
    "url": "https://a.test/",
    "title": "A",
    "encrypted_index": "Eo8B",
    "cited_text": "Born in 1912",
}


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": "Hi"}, Text("Hi")),
        ({"type": "text", "text": "Hi", "citations": None, "brand_new": 1}, Text("Hi")),
        (
            {"type": "text", "text": "Hi", "citations": [CITED]},
            Text("Hi", [Citation(HERE, CITED, url="https://a.test/", title="A", cited_text="Born in 1912")]),
        ),
        (
            {"type": "thinking", "thinking": "Hm", "signature": "EqoB"},
            Reasoning("Hm", signature="EqoB", made_by=HERE),
        ),
        ({"type": "thinking", "thinking": "Hm"}, Reasoning("Hm", made_by=HERE)),
        ({"type": "redacted_thinking", "data": "EmwK"}, Reasoning(encrypted="EmwK", made_by=HERE)),
        (
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": [1, "x"]}},
            ToolCall("toolu_1", "f", '{"a":[1,"x"]}'),
        ),
        ({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}, ToolCall("toolu_1", "f", "{}")),
        (
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            Native(HERE, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}),
        ),
        ({"type": "brand_new", "x": 1}, Native(HERE, {"type": "brand_new", "x": 1})),
    ],
)
def test_a_block_is_read(block: dict[str, Any], part: Part) -> None:
    assert read(message(block)) == Reply(
        "msg_1", "claude-opus-4-8", [Choice(0, [part])], TokenCounts(uncached_in=10, out=5)
    )


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", Finish.STOP),
        ("max_tokens", Finish.LENGTH),
        ("model_context_window_exceeded", Finish.LENGTH),
        ("stop_sequence", Finish.STOP_SEQUENCE),
        ("tool_use", Finish.TOOL_CALLS),
        ("pause_turn", Finish.PAUSED),
        ("compaction", Finish.PAUSED),
        ("refusal", Finish.REFUSAL),
        ("brand_new", Finish.OTHER),
        (None, Finish.OTHER),
        (["end_turn"], Finish.OTHER),
    ],
)
def test_why_it_ended_is_read(reason: Any, finish: Finish) -> None:
    assert read(message(stop_reason=reason)).choices[0].finish is finish


def test_where_it_stopped_is_read() -> None:
    [choice] = read(message(stop_reason="stop_sequence", stop_sequence="END")).choices
    assert (choice.finish, choice.stop_sequence) == (Finish.STOP_SEQUENCE, "END")


def test_the_words_beside_a_refusal_are_read() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "Refused due to policy."}
    [choice] = read(message(stop_reason="refusal", stop_details=details)).choices
    assert choice.parts == [Refusal("Refused due to policy.")]


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (None, None),
        ({}, None),
        ({"input_tokens": None, "output_tokens": None}, None),
        ({"output_tokens": 3}, TokenCounts(out=3)),
        ({"input_tokens": 7.0, "output_tokens": "3"}, TokenCounts(uncached_in=7, out=3)),
        ({"input_tokens": -7, "output_tokens": 3}, TokenCounts(out=3)),
        (
            {
                "input_tokens": 21,
                "cache_creation_input_tokens": 248,
                "cache_read_input_tokens": 1800,
                "output_tokens": 503,
                "cache_creation": {"ephemeral_5m_input_tokens": 148, "ephemeral_1h_input_tokens": 100},
            },
            TokenCounts(21, 1800, 148, 100, 503),
        ),
        (
            {"input_tokens": 1, "cache_creation_input_tokens": 248, "output_tokens": 1},
            TokenCounts(uncached_in=1, cache_write_5m=248, out=1),
        ),
        (
            {
                "input_tokens": 1,
                "cache_creation_input_tokens": 248,
                "cache_creation": {"ephemeral_1h_input_tokens": 200},
                "output_tokens": 1,
            },
            TokenCounts(uncached_in=1, cache_write_5m=48, cache_write_1h=200, out=1),
        ),
        (
            {
                "input_tokens": 1,
                "output_tokens": 50,
                "output_tokens_details": {"thinking_tokens": 40},
                "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
            },
            TokenCounts(uncached_in=1, out=50, reasoning=40, web_searches=2),
        ),
        (
            {
                "input_tokens": 23_000,
                "output_tokens": 1000,
                "iterations": [
                    {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3500},
                    {"type": "message", "input_tokens": 23_000, "output_tokens": 1000},
                ],
            },
            TokenCounts(uncached_in=203_000, out=4500),
        ),
    ],
)
def test_tokens_are_counted_once_each(usage: Any, counts: TokenCounts | None) -> None:
    assert read(message(usage=usage)).counts == counts


@given(token_counts(cache_writes=True))
def test_counts_that_are_written_read_the_same(counts: TokenCounts) -> None:
    assert read_usage(write_usage(counts)) == counts


@pytest.mark.parametrize(
    "values", [None, [], "no", {}, {"type": "error", "error": {}}, {"content": "Hi"}, message(id=3)]
)
def test_what_is_no_message_is_unreadable(values: Any) -> None:
    with pytest.raises(UnreadableReply):
        read(values)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_BLOCK_FIELDS = ("text", "citations", "thinking", "signature", "data", "id", "name", "input")
_BLOCKS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "thinking", "redacted_thinking", "tool_use", "new"]) | _JSON},
    optional=dict.fromkeys(_BLOCK_FIELDS, _JSON),
)
_MESSAGE_FIELDS = ("id", "model", "stop_reason", "stop_sequence", "usage", "stop_details")


@given(
    _JSON
    | st.fixed_dictionaries(
        {"content": st.lists(_BLOCKS | _JSON, max_size=3)}, optional=dict.fromkeys(_MESSAGE_FIELDS, _JSON)
    )
)
def test_any_json_is_read_or_unreadable(values: Any) -> None:
    try:
        reply = read(values)
    except UnreadableReply:
        return
    assert reply.choices


# What is written


def test_an_answer_is_written_with_every_field_that_clients_demand() -> None:
    reply = Reply(
        "a1",
        "theirs",
        [Choice(0, [Text("Hi")]), Choice(1, [Text("Ho")])],
        TokenCounts(
            uncached_in=3,
            cache_read=4,
            cache_write_5m=5,
            cache_write_1h=6,
            out=7,
            reasoning=2,
            web_searches=1,
        ),
        service_tier="default",
    )
    assert ANTHROPIC_MESSAGES.write_reply(reply, CONTEXT) == {
        "id": "a1",
        "type": "message",
        "role": "assistant",
        "model": "ours",
        "content": [{"type": "text", "text": "Hi", "citations": None}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 3,
            "cache_creation_input_tokens": 11,
            "cache_read_input_tokens": 4,
            "cache_creation": {"ephemeral_5m_input_tokens": 5, "ephemeral_1h_input_tokens": 6},
            "output_tokens": 7,
            "output_tokens_details": {"thinking_tokens": 2},
            "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
            "service_tier": "standard",
        },
    }


def test_an_empty_answer_is_still_a_message() -> None:
    written = ANTHROPIC_MESSAGES.write_reply(Reply("", "", []), CONTEXT)
    assert (written["id"], written["content"]) == ("msg_ours", [])
    assert written["usage"]["output_tokens"] == 0


@pytest.mark.parametrize(
    ("parts", "finish", "reason"),
    [
        ([Text("Hi")], Finish.STOP, "end_turn"),
        ([Text("Hi")], Finish.LENGTH, "max_tokens"),
        ([Text("Hi")], Finish.STOP_SEQUENCE, "stop_sequence"),
        ([Text("Hi")], Finish.CONTENT_FILTER, "refusal"),
        ([Text("Hi")], Finish.PAUSED, "pause_turn"),
        ([Text("Hi")], Finish.OTHER, "end_turn"),
        ([ToolCall("c", "f", "{}")], Finish.TOOL_CALLS, "tool_use"),
        ([ToolCall("c", "f", "{}")], Finish.STOP, "tool_use"),
        ([ToolCall("c", "f", "{}")], Finish.LENGTH, "max_tokens"),
        ([Refusal("No")], Finish.STOP, "refusal"),
    ],
)
def test_why_it_ended_is_written(parts: list[Part], finish: Finish, reason: str) -> None:
    assert shown(*parts, finish=finish)["stop_reason"] == reason


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Text(""), None),
        (Refusal("No"), {"type": "text", "text": "No", "citations": None}),
        (Audio(Source(base64="AAAA"), transcript="Hi"), {"type": "text", "text": "Hi", "citations": None}),
        (
            Image(Source(base64="iVBORw0KGgo=", media_type="image/png")),
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
            },
        ),
        (
            ToolCall("c", "f", '{"a": '),
            {"type": "tool_use", "id": "c", "name": "f", "input": {"arguments": '{"a": '}},
        ),
        (Reasoning("Hm"), {"type": "thinking", "thinking": "Hm", "signature": ""}),
        (Reasoning(summary=["A", "B"]), {"type": "thinking", "thinking": "A\n\nB", "signature": ""}),
        (Reasoning(), None),
        (Reasoning(encrypted="EmwK", made_by=HERE), {"type": "redacted_thinking", "data": "EmwK"}),
        (Native(HERE, {"type": "compaction", "content": "x"}), {"type": "compaction", "content": "x"}),
        (Native(DialectName.GEMINI, {"executableCode": {}}), None),
        (
            Text("Hi", [Citation(DialectName.GEMINI, {}, url="https://a.test/", title="A")]),
            {
                "type": "text",
                "text": "Hi",
                "citations": [
                    {
                        "type": "web_search_result_location",
                        "url": "https://a.test/",
                        "title": "A",
                        "cited_text": "",
                        "encrypted_index": "",
                    }
                ],
            },
        ),
        (
            Text("Hi", [Citation(DialectName.GEMINI, {})]),
            {"type": "text", "text": "Hi", "citations": None},
        ),
    ],
)
def test_a_part_is_shown_as_a_block(part: Part, block: dict[str, Any] | None) -> None:
    assert shown(part)["content"] == ([] if block is None else [block])


FOREIGN_THOUGHTS = [
    Reasoning("Hm", signature="sig", made_by=DialectName.GEMINI),
    Reasoning(summary=["A"], encrypted="gAAA", item_id="rs_1", made_by=DialectName.OPENAI_RESPONSES),
    Reasoning(encrypted="gAAA", item_id="rs_1", made_by=DialectName.OPENAI_RESPONSES),
]


@pytest.mark.parametrize("thought", FOREIGN_THOUGHTS)
def test_another_provider_s_thought_comes_back_untouched(thought: Reasoning) -> None:
    [block] = shown(thought)["content"]
    body = {
        "model": "m",
        "max_tokens": 5,
        "messages": [{"role": "assistant", "content": [block]}, {"role": "user", "content": "Go on"}],
    }
    assert ANTHROPIC_MESSAGES.read_request(body).messages[0].parts == [thought]


@pytest.mark.parametrize("signature", ["aio.", "aio.!", "aio.W10=", "aio.e30=", "aio.bm8="])
def test_a_made_up_signature_is_taken_without_trust(signature: str) -> None:
    block = {"type": "thinking", "thinking": "Hm", "signature": signature}
    body = {"model": "m", "max_tokens": 5, "messages": [{"role": "assistant", "content": [block]}]}
    [part] = ANTHROPIC_MESSAGES.read_request(body).messages[0].parts
    assert isinstance(part, Reasoning)
    assert part.text == "Hm"


def test_thoughts_that_were_not_to_be_shown_keep_only_their_proof() -> None:
    asked = Conversation("ours", [], reasoning=ReasoningAsked(enabled=True, shown=False))
    context = AnswerContext("ours", asked, "msg_ours", 1)
    proven, plain = Reasoning("Hm", signature="s", made_by=DialectName.GEMINI), Reasoning("Hm")
    [block] = shown(proven, plain, context=context)["content"]
    assert block["thinking"] == ""
    assert block["signature"]


SIGNED = st.builds(Reasoning, text=st.text(max_size=8), signature=st.just("EqoB"), made_by=st.just(HERE))
REDACTED = st.builds(Reasoning, encrypted=st.text(min_size=1, max_size=8), made_by=st.just(HERE))
NATIVES = st.builds(
    Native, dialect=st.just(HERE), values=st.just({"type": "web_search_tool_result", "content": []})
)


@settings(max_examples=60)
@given(
    replies(
        parts=[TEXTS, TOOL_CALLS, SIGNED, REDACTED, NATIVES],
        counts=st.none() | token_counts(cache_writes=True),
    )
)
def test_an_answer_that_is_written_reads_the_same(reply: Reply) -> None:
    again = read(ANTHROPIC_MESSAGES.write_reply(reply, CONTEXT))
    for choice in reply.choices:
        for part in choice.parts:
            if isinstance(part, ToolCall):
                part.arguments = orjson.dumps(orjson.loads(part.arguments)).decode()
    assert again.choices == reply.choices
    assert again.counts == (reply.counts or TokenCounts())
    assert (again.id, again.model) == (reply.id, "ours")
