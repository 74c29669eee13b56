"""Messages of a conversation are written as Anthropic takes them."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings

from gateway.dialects.conversation import (
    Audio,
    Citation,
    Conversation,
    DialectName,
    Document,
    Image,
    Message,
    Native,
    Reasoning,
    Refusal,
    Role,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.dialects.dialect import Loss
from tests.gateway.dialects.anthropic_messages.asking import HERE, PNG, asking, assistant, read, user, written
from tests.gateway.dialects.anthropic_messages.bodies import check_legal
from tests.gateway.dialects.conversations import (
    ALL_SAMPLINGS,
    AUDIO_ASKED,
    DETAILED_IMAGES,
    EFFORTS,
    FREEFORM_CALLS,
    FREEFORM_TOOLS,
    FUNCTIONS,
    IMAGES,
    PDFS,
    REASONING_ALOUD,
    REFUSALS,
    TEXT_DOCUMENTS,
    TEXTS,
    TOOL_CALLS,
    conversations,
    maybe,
    with_cache_marks,
)


@settings(max_examples=60)
@given(
    conversations(
        user=[with_cache_marks(TEXTS), IMAGES, DETAILED_IMAGES, PDFS, TEXT_DOCUMENTS, AUDIO_ASKED],
        assistant=[TEXTS, TOOL_CALLS, FREEFORM_CALLS, REASONING_ALOUD, REFUSALS],
        results=[TEXTS, IMAGES],
        tools=[FUNCTIONS, FREEFORM_TOOLS],
        sampling=ALL_SAMPLINGS,
        reasoning=maybe(EFFORTS),
    )
)
def test_any_conversation_is_written_as_anthropic_takes_it(asked: Conversation) -> None:
    asked.max_output_tokens = asked.max_output_tokens or 4096
    if not any(isinstance(part, Text) and part.text.strip() for part in asked.messages[-1].parts):
        asked.messages[-1].parts.append(Text("Well?"))
    values, _losses = written(asked)
    check_legal(values)
    read(values)


def test_the_roles_take_turns_and_instructions_stand_apart() -> None:
    asked = asking(
        Message(Role.SYSTEM, [Text("Be brief")], path="messages.0"),
        Message(Role.SYSTEM, [Text("Be kind")], path="messages.1"),
        user(Text("One")),
        user(Text("Two")),
        Message(Role.SYSTEM, [Text("Be funny")], path="messages.4"),
        assistant(Text("Three")),
        user(Text("Four")),
    )
    values, losses = written(asked)
    assert values["system"] == [
        {"type": "text", "text": "Be brief"},
        {"type": "text", "text": "Be kind"},
        {"type": "text", "text": "Be funny"},
    ]
    assert values["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "One"}, {"type": "text", "text": "Two"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Three"}]},
        {"role": "user", "content": [{"type": "text", "text": "Four"}]},
    ]
    assert losses == [Loss("messages.4", False)]


def test_instructions_alone_are_what_the_user_says() -> None:
    values, losses = written(asking(Message(Role.SYSTEM, [Text("Write a haiku")], path="messages.0")))
    assert values["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Write a haiku"}]}]
    assert "system" not in values
    assert losses == [Loss("messages.0", False)]


def test_results_come_first_in_the_turn_after_their_calls() -> None:
    asked = asking(
        assistant(ToolCall("call.1", "f", '{"a": 1}'), ToolCall("call.2", "f", "")),
        user(Text("Look:")),
        user(ToolResult("call.2", [Text("two")])),
        user(ToolResult("call.1", [], is_error=True)),
    )
    values, losses = written(asked)
    assert values["messages"] == [
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}},
                {"type": "tool_use", "id": "call_2", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "call_2",
                    "content": [{"type": "text", "text": "two"}],
                },
                {"type": "tool_result", "tool_use_id": "call_1", "is_error": True},
                {"type": "text", "text": "Look:"},
            ],
        },
    ]
    assert losses == []


def test_tools_that_were_called_are_defined_where_none_is_offered_any_more() -> None:
    asked = asking(
        user(Text("Go")),
        assistant(ToolCall("c1", "f", "{}"), ToolCall("c2", "g.h", "{}", path="messages.1.tool_calls.1")),
        user(ToolResult("c1", [Text("x")]), ToolResult("c2", [Text("y")])),
    )
    values, losses = written(asked)
    assert values["tools"] == [
        {"name": "f", "input_schema": {"type": "object", "properties": {}}},
        {"name": "g_h", "input_schema": {"type": "object", "properties": {}}},
    ]
    assert values["tool_choice"] == {"type": "none"}
    assert losses == [Loss("messages.1.tool_calls.1.name", False)]


def test_ids_that_are_used_again_are_told_apart() -> None:
    asked = asking(
        *(
            message
            for answer in ("one", "two")
            for message in (
                user(Text("Go")),
                assistant(ToolCall("call 0", "f", "{}"), ToolCall("call_0", "f", "{}")),
                user(ToolResult("call 0", [Text(answer)]), ToolResult("call_0", [Text("-")])),
            )
        )
    )
    values, _losses = written(asked)
    check_legal(values)
    blocks = [block for message in values["messages"] for block in message["content"]]
    calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
    results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    assert calls == results == ["call_0", "call_0_2", "call_0_3", "call_0_4"]


@pytest.mark.parametrize("arguments", ['{"a": ', "[1]", "[" * 100_000])
def test_a_call_that_was_written_wrong_is_told_as_it_was(arguments: str) -> None:
    values, losses = written(asking(assistant(ToolCall("c", "f", arguments, path="messages.0.tool_calls.0"))))
    assert values["messages"][0]["content"][0]["input"] == {"arguments": arguments}
    assert losses == [Loss("messages.0.tool_calls.0", False)]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            Image(Source(url=f"data:image/png;base64,{PNG}")),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        ),
        (
            Image(Source(base64=PNG)),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        ),
        (
            Document(Source(base64="YSxiCjEsMg==", media_type="text/csv"), file_name="t.csv"),
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "a,b\n1,2"},
                "title": "t.csv",
            },
        ),
        (
            Document(Source(url="https://a.test/a.pdf"), cites=True, cache_ttl="1h"),
            {
                "type": "document",
                "source": {"type": "url", "url": "https://a.test/a.pdf"},
                "citations": {"enabled": True},
                "cache_control": {"type": "ephemeral", "ttl": "1h"},
            },
        ),
        (Refusal("I can't"), {"type": "text", "text": "I can't"}),
    ],
)
def test_a_part_is_written_as_a_block(part: Any, block: dict[str, Any]) -> None:
    values, losses = written(asking(user(part)))
    assert values["messages"][0]["content"] == [block]
    assert losses == []


_LOST = "messages.0.content.1"


@pytest.mark.parametrize(
    ("message", "changes_meaning"),
    [
        (lambda part: user(part), True),
        (lambda part: assistant(part), True),
    ],
)
@pytest.mark.parametrize(
    "part",
    [
        Audio(Source(base64="AAAA"), format="wav", path=_LOST),
        Image(Source(file_id="file-1"), path=_LOST),
        Image(Source(base64="Qk0=", media_type="image/bmp"), path=_LOST),
        Document(Source(base64="UEsDBA==", media_type="application/zip"), path=_LOST),
        Document(Source(base64="//8=", media_type="text/plain"), path=_LOST),
        Native(DialectName.GEMINI, {"executableCode": {}}, path=_LOST),
    ],
)
def test_a_part_that_cannot_be_said_is_lost(
    message: Callable[[Any], Message], changes_meaning: bool, part: Any
) -> None:
    values, losses = written(asking(message(part), user(Text("Hi"))))
    assert values["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    assert losses == [Loss(_LOST, changes_meaning)]


@pytest.mark.parametrize(
    "thought",
    [
        Reasoning("Hm", path=_LOST),
        Reasoning("Hm", signature="s", made_by=DialectName.GEMINI, path=_LOST),
        Reasoning(encrypted="gAAA", item_id="rs_1", made_by=DialectName.OPENAI_RESPONSES, path=_LOST),
        Reasoning("Hm", made_by=HERE, path=_LOST),
    ],
)
def test_a_thought_that_anthropic_did_not_prove_is_left_out(thought: Reasoning) -> None:
    values, losses = written(asking(user(Text("Hi")), assistant(thought, Text("Ho")), user(Text("Hi"))))
    assert values["messages"][1]["content"] == [{"type": "text", "text": "Ho"}]
    assert losses == [Loss(_LOST, False)]


def test_only_citations_that_anthropic_made_are_sent_back() -> None:
    own = {"type": "char_location", "cited_text": "Grass"}
    told = {"type": "web_search_result_location", "url": "https://a.test/", "encrypted_index": ""}
    text = Text(
        "Green.", [Citation(HERE, own), Citation(HERE, told), Citation(DialectName.GEMINI, {})], path="p"
    )
    values, losses = written(asking(user(Text("Hi")), assistant(text), user(Text("Hi"))))
    assert values["messages"][1]["content"] == [{"type": "text", "text": "Green.", "citations": [own]}]
    assert losses == [Loss("p", False)]


def test_a_beginning_of_an_answer_has_no_blanks_at_its_end() -> None:
    values, _losses = written(asking(user(Text("Hi")), assistant(Text("The answer is "))))
    assert values["messages"][-1]["content"] == [{"type": "text", "text": "The answer is"}]
