"""A whole answer of any server is read, and any dialect's is written as chat completions callers know it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from gateway.dialects.conversation import (
    Audio,
    Citation,
    DialectName,
    Image,
    Native,
    Reasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
)
from gateway.dialects.dialect import UnreadableReply
from gateway.dialects.openai_chat.reply import read_reply, write_reply
from gateway.dialects.reply import Choice, Finish, Reply, TokenCounts
from tests.gateway.dialects.conversations import (
    AUDIO_ANSWERED,
    FREEFORM_CALLS,
    IMAGES,
    REFUSALS,
    TEXTS,
    TOOL_CALLS,
    replies,
)
from tests.gateway.dialects.openai_chat.chat_bodies import CORPUS, by_field, context, corpus_answer
from tests.gateway.dialects.openai_chat.wild_json import ANY_JSON, MESSAGES_ANSWERED, NEARLY_ANSWERED, USAGES

MORNING = "Good morning."


def read(message: Any, **choice: Any) -> Choice:
    answer = {"id": "a", "choices": [{"message": message, "finish_reason": "stop", **choice}]}
    (only,) = read_reply(answer).choices
    return only


def parts_of(message: Any) -> list[Any]:
    return read(message).parts


@pytest.mark.parametrize(
    ("file", "parts", "counts"),
    [
        ("azure.json", [Text(MORNING)], TokenCounts(11, out=4)),
        ("deepseek.json", [Reasoning("인사"), Text("좋은 아침")], TokenCounts(0, 64, out=9, reasoning=5)),
        # Thoughts stand in the total alone.
        ("gemini.json", [Text(MORNING, signature="EjQKMgEMOdbH")], TokenCounts(5, out=203)),
        ("groq.json", [Text(MORNING)], TokenCounts(38, out=4)),
        ("llamacpp.json", [Text(MORNING)], TokenCounts(12, out=4)),
        ("mistral.json", [Reasoning("A greeting."), Text(MORNING)], TokenCounts(10, out=9)),
        ("ollama.json", [Text(MORNING)], TokenCounts(26, out=4)),
        ("openrouter.json", [Reasoning("A greeting."), Text(MORNING)], TokenCounts(13, out=9)),
        (
            "openrouter-image.json",
            [Image(Source(base64="iVBORw0KGgoAAAANSUhEUg==", media_type="image/png"))],
            TokenCounts(7, out=1290),
        ),
        ("vllm.json", [Reasoning("A greeting."), Text(MORNING)], TokenCounts(9, out=8)),
        # 10 tokens of text and 690 of reasoning beside them; 4 of the prompt's from the cache.
        ("xai.json", [Reasoning("Thinking... "), Text(MORNING)], TokenCounts(32, 4, out=700, reasoning=690)),
    ],
)
def test_answers_of_servers_in_use_are_read(file: str, parts: list[Any], counts: TokenCounts) -> None:
    reply = read_reply(corpus_answer(file))
    assert [choice.parts for choice in reply.choices] == [parts]
    assert reply.choices[0].finish is Finish.STOP
    assert reply.counts == counts
    assert reply.id
    assert reply.model
    assert reply.created_s


def test_every_answer_of_the_corpus_is_in_that_table() -> None:
    named = {row[0] for row in test_answers_of_servers_in_use_are_read.pytestmark[0].args[1]}  # type: ignore[attr-defined]
    assert named == {path.name for path in CORPUS.glob("*.json")}


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({"content": "a", "refusal": None}, [Text("a")]),
        ({"content": None, "refusal": "no"}, [Refusal("no")]),
        ({"content": {"type": "text", "text": "a"}}, [Text("a")]),
        ({"content": ["a", {"text": "b"}, 5, None]}, [Text("ab")]),
        ({"content": "a", "reasoning": "t", "reasoning_content": "t"}, [Reasoning("t"), Text("a")]),
        (
            {"content": "<thought>t</thought>a", "extra_content": {"google": {"thought": True}}},
            [Reasoning("t"), Text("a")],
        ),
        (
            {"content": None, "function_call": {"name": "f", "arguments": "{}"}},
            [ToolCall("call_a_0_0", "f", "{}")],
        ),
        (
            {
                "tool_calls": [
                    {"id": "", "function": {"name": "f", "arguments": {"a": 1}}},
                    {"id": "c", "name": "g"},
                ]
            },
            [ToolCall("call_a_0_0", "f", '{"a": 1}'), ToolCall("c", "g", "")],
        ),
        ({"content": "", "tool_calls": [{"id": "x", "function": {"arguments": "{}"}}, 5]}, []),
        (
            {"tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "p", "input": "x"}}]},
            [ToolCall("c", "p", "x", freeform=True)],
        ),
        (
            {
                "content": None,
                "audio": {"id": "audio_1", "data": "AAAA", "transcript": "Hi", "expires_at": 5},
            },
            [Audio(Source(base64="AAAA"), transcript="Hi", id="audio_1")],
        ),
        (
            {"content": "a", "images": [{"image_url": {"url": "https://a.test"}}, 5]},
            [Text("a"), Image(Source("https://a.test"))],
        ),
    ],
)
def test_each_thing_that_a_message_may_hold_is_read(message: Any, parts: list[Any]) -> None:
    assert parts_of(message) == parts


def test_a_citation_of_the_web_is_read_and_written() -> None:
    told = {
        "type": "url_citation",
        "url_citation": {"start_index": 0, "end_index": 2, "title": "A", "url": "https://a"},
    }
    (text,) = parts_of({"content": "Hi!", "annotations": [told]})
    assert text == Text("Hi!", [Citation(DialectName.OPENAI_CHAT, told, "https://a", "A", start=0, end=2)])
    choice = Choice(0, [Text("Oh. "), text])
    message = write_reply(Reply("r", "m", [choice]), context())["choices"][0]["message"]
    shifted = {"start_index": 4, "end_index": 6, "title": "A", "url": "https://a"}
    assert (message["content"], message["annotations"]) == (
        "Oh. Hi!",
        [{"type": "url_citation", "url_citation": shifted}],
    )


@pytest.mark.parametrize(
    ("choice", "finish", "sequence"),
    [
        ({"finish_reason": "length"}, Finish.LENGTH, None),
        ({"finish_reason": "content_filter"}, Finish.CONTENT_FILTER, None),
        ({"finish_reason": "function_call"}, Finish.TOOL_CALLS, None),
        ({"finish_reason": "STOP"}, Finish.STOP, None),
        ({"finish_reason": "insufficient_system_resource"}, Finish.OTHER, None),
        ({"finish_reason": None}, Finish.STOP, None),
        ({"finish_reason": 5}, Finish.STOP, None),
        ({"finish_reason": "stop", "stop_reason": "###"}, Finish.STOP_SEQUENCE, "###"),
        ({"finish_reason": "stop", "stop_reason": 151645}, Finish.STOP, None),
    ],
)
def test_each_reason_to_end_is_known(choice: Any, finish: Finish, sequence: str | None) -> None:
    ended = read({"content": "a"}, **choice)
    assert (ended.finish, ended.stop_sequence) == (finish, sequence)


def test_a_stop_after_a_call_is_a_call_for_results() -> None:
    assert read({"tool_calls": [{"id": "c", "function": {"name": "f"}}]}).finish is Finish.TOOL_CALLS


def test_log_probabilities_are_kept() -> None:
    logged = [{"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}]
    choice = read({"content": "a"}, logprobs={"content": logged, "refusal": None})
    assert choice.logprobs == {"content": logged, "refusal": []}
    written = write_reply(Reply("r", "m", [choice]), context())["choices"][0]
    assert written["logprobs"] == {"content": logged, "refusal": None}


def test_choices_without_numbers_are_numbered_in_their_order() -> None:
    choices = [{"message": {"content": text}, "finish_reason": "stop"} for text in "abc"]
    choices[1]["index"] = 0
    assert [choice.index for choice in read_reply({"choices": choices}).choices] == [0, 1, 2]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "x",
        {},
        {"choices": []},
        {"choices": {}},
        {"choices": [5]},
        {"choices": [{"message": None}]},
        {"choices": [{"message": {"content": ""}}]},
        {"error": {"message": "overloaded"}, "choices": [{"message": {"content": "a"}}]},
        {"object": "error", "message": "x"},
        {"detail": "Not Found"},
    ],
)
def test_what_is_no_answer_is_unreadable(answer: Any) -> None:
    with pytest.raises(UnreadableReply):
        read_reply(answer)


def test_an_answer_that_ended_without_a_word_is_one() -> None:
    assert read_reply({"choices": [{"message": {"content": ""}, "finish_reason": "length"}]}).choices == [
        Choice(0, [], Finish.LENGTH)
    ]


def test_an_answer_of_another_dialect_is_written_as_openai_writes_its_own() -> None:
    parts = [
        Reasoning("hm", signature="Es8=", made_by=DialectName.ANTHROPIC_MESSAGES),
        Text("Look: "),
        Native(DialectName.ANTHROPIC_MESSAGES, {"type": "server_tool_use"}),
        Text("done."),
        ToolCall("c", "f", '{"a":1}'),
    ]
    reply = Reply(
        "msg_1",
        "claude",
        [Choice(0, list(parts), Finish.TOOL_CALLS)],
        TokenCounts(100, 50, out=30, reasoning=10),
        None,
        "standard",
    )
    written = write_reply(reply, context())
    assert written == {
        "id": "msg_1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "small",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Look: done.",
                    "refusal": None,
                    "reasoning_content": "hm",
                    "reasoning_details": [
                        {
                            "type": "reasoning.text",
                            "text": "hm",
                            "signature": "Es8=",
                            "index": 0,
                            "format": "anthropic-claude-v1",
                        }
                    ],
                    "tool_calls": [
                        {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
                    ],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            }
        ],
        "service_tier": "standard",
        "usage": {
            "prompt_tokens": 150,
            "completion_tokens": 30,
            "total_tokens": 180,
            "prompt_tokens_details": {"cached_tokens": 50, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 10,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
    }


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        (Finish.STOP, "stop"),
        (Finish.STOP_SEQUENCE, "stop"),
        (Finish.LENGTH, "length"),
        (Finish.TOOL_CALLS, "tool_calls"),
        (Finish.CONTENT_FILTER, "content_filter"),
        (Finish.REFUSAL, "content_filter"),
        (Finish.PAUSED, "stop"),
        (Finish.OTHER, "stop"),
    ],
)
def test_each_end_has_one_of_openais_reasons(finish: Finish, reason: str) -> None:
    written = write_reply(Reply("r", "m", [Choice(0, [Text("a")], finish)]), context())
    assert written["choices"][0]["finish_reason"] == reason


def test_thoughts_are_hidden_from_a_caller_who_does_not_want_them() -> None:
    reply = Reply("r", "m", [Choice(0, [Reasoning("hm"), Text("a")])])
    message = write_reply(reply, context(shown=False))["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "a", "refusal": None}


EVERY_PART = [TEXTS, TOOL_CALLS, FREEFORM_CALLS, REFUSALS, IMAGES]


@given(replies(parts=EVERY_PART, choices=2))
def test_what_is_written_is_a_completion_that_reads_back_the_same(reply: Reply) -> None:
    written = write_reply(reply, context(choices=2))
    ChatCompletion.model_validate(written)
    again = read_reply(written)
    assert (again.id, again.created_s, again.counts) == (reply.id, reply.created_s, reply.counts)
    for choice, other in zip(reply.choices, again.choices, strict=True):
        assert (choice.index, choice.finish) == (other.index, other.finish)
        assert by_field(choice.parts) == by_field(other.parts)


@given(replies(parts=[AUDIO_ANSWERED]))
def test_a_spoken_answer_is_written_whole(reply: Reply) -> None:
    reply.choices[0].parts = reply.choices[0].parts[:1]
    assert read_reply(write_reply(reply, context())).choices == reply.choices


CHOICES = st.lists(
    st.fixed_dictionaries(
        {"message": MESSAGES_ANSWERED | ANY_JSON},
        optional={"index": ANY_JSON, "finish_reason": ANY_JSON, "logprobs": NEARLY_ANSWERED, "usage": USAGES},
    ),
    max_size=3,
)


@settings(max_examples=300)
@given(
    st.fixed_dictionaries(
        {"choices": CHOICES | NEARLY_ANSWERED},
        optional={"id": NEARLY_ANSWERED, "usage": USAGES, "created": NEARLY_ANSWERED},
    )
)
def test_whatever_comes_is_read_and_can_be_written_or_is_unreadable(answer: Any) -> None:
    try:
        reply = read_reply(answer)
    except UnreadableReply:
        return
    ChatCompletion.model_validate(write_reply(reply, context()))


def test_an_annotation_that_names_no_address_is_told_to_nobody() -> None:
    message = {"role": "assistant", "content": "x", "annotations": [{}, {"type": "url_citation"}]}
    reply = read_reply({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    assert "annotations" not in write_reply(reply, context())["choices"][0]["message"]
