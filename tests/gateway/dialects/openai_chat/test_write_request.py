"""What another dialect's caller asks reaches a chat completions upstream; what cannot be said is named."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from gateway.dialects.conversation import (
    Audio,
    Citation,
    Conversation,
    DialectName,
    Document,
    Image,
    Message,
    Native,
    NativeTool,
    OtherField,
    OutputFormat,
    Part,
    Reasoning,
    ReasoningAsked,
    Refusal,
    Role,
    Sampling,
    Source,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    ToolUse,
)
from gateway.dialects.dialect import Loss
from gateway.dialects.openai_chat.request import read_request, write_request
from gateway.dialects.openai_chat.spelling import Spelling
from tests.gateway.dialects.conversations import (
    ALL_SAMPLINGS,
    AUDIO_ASKED,
    DETAILED_IMAGES,
    FREEFORM_CALLS,
    FREEFORM_TOOLS,
    FUNCTIONS,
    PDFS,
    REASONING_ALOUD,
    REFUSALS,
    TEXTS,
    TOOL_CALLS,
    conversations,
)
from tests.gateway.dialects.openai_chat.chat_bodies import joined

PNG = "iVBORw0KGgoAAAANSUhEUg=="
HI = Message(Role.USER, [Text("Hi")])


def said(role: Role, *parts: Part) -> Message:
    return Message(role, list(parts))


def written(*messages: Message, **fields: Any) -> dict[str, Any]:
    body, losses = write_request(Conversation("m", list(messages) or [HI], **fields))
    assert losses == []
    return body


def losses(*messages: Message, **fields: Any) -> list[Loss]:
    return write_request(Conversation("m", list(messages) or [HI], **fields)).losses


def merged(message: Message) -> Message:
    """The message as it reads after this dialect: one string where there are texts alone."""
    if message.role is Role.ASSISTANT:
        refusals = [part for part in message.parts if isinstance(part, Refusal)]
        calls = [part for part in message.parts if isinstance(part, ToolCall)]
        thoughts = [part for part in message.parts if isinstance(part, Reasoning)]
        words = joined(part for part in message.parts if isinstance(part, Text))
        refused: list[Part] = [Refusal("".join(part.text for part in refusals))] if refusals else []
        thought: list[Part] = [Reasoning("\n\n".join(part.text for part in thoughts))] if thoughts else []
        return replace(message, parts=[*thought, *words, *refused, *calls])
    if all(isinstance(part, Text) for part in message.parts):
        return replace(message, parts=joined(message.parts, "\n\n"))
    parts: list[Part] = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            part = replace(part, parts=joined(part.parts, "\n\n"))
        parts.append(part)
    return replace(message, parts=parts)


@given(
    conversations(
        user=[TEXTS, DETAILED_IMAGES, AUDIO_ASKED, PDFS],
        assistant=[TEXTS, TOOL_CALLS, FREEFORM_CALLS, REASONING_ALOUD, REFUSALS],
        tools=[FUNCTIONS, FREEFORM_TOOLS],
        sampling=ALL_SAMPLINGS,
    )
)
def test_what_is_written_reads_back_as_it_was(asked: Conversation) -> None:
    spelling = Spelling(custom_tools=True)
    body, lost = write_request(asked, spelling)
    assert lost == []
    read = read_request(body)
    messages = [merged(message) for message in asked.messages]
    parallel = asked.parallel_tool_calls if asked.tools else None
    assert read == replace(asked, messages=messages, parallel_tool_calls=parallel)
    assert write_request(read, spelling).values == body


def test_results_follow_their_calls_in_the_order_of_the_calls() -> None:
    body = written(
        HI,
        said(Role.ASSISTANT, Reasoning("hm")),
        said(Role.ASSISTANT, ToolCall("a", "f", "{}")),
        said(Role.ASSISTANT, ToolCall("b", "f", "{}")),
        said(Role.USER, Text("Both, please"), ToolResult("b", [Text("2")])),
        said(Role.USER, ToolResult("a", [Text("1")])),
    )
    calls = [{"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id in "ab"]
    assert body["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
        {"role": "user", "content": "Both, please"},
    ]


def test_an_id_that_comes_again_is_answered_turn_by_turn() -> None:
    turn = [said(Role.ASSISTANT, ToolCall("a", "f", "{}")), said(Role.USER, ToolResult("a", [Text("1")]))]
    again = [said(Role.ASSISTANT, ToolCall("a", "f", "{}")), said(Role.USER, ToolResult("a", [Text("2")]))]
    body = written(HI, *turn, *again)
    assert [message["content"] for message in body["messages"]] == ["Hi", None, "1", None, "2"]


def test_what_only_a_user_can_show_of_a_result_follows_all_results() -> None:
    body = written(
        HI,
        said(Role.ASSISTANT, ToolCall("a", "shot", "{}"), ToolCall("b", "f", "{}")),
        said(
            Role.USER,
            ToolResult("a", [Text("Done"), Image(Source(base64=PNG, media_type="image/png"))]),
            ToolResult("b", []),
        ),
    )
    assert body["messages"][2:] == [
        {"role": "tool", "tool_call_id": "a", "content": "Done"},
        {"role": "tool", "tool_call_id": "b", "content": ""},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "From the tool call a:"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            ],
        },
    ]


def test_texts_are_one_string_where_nothing_else_is_among_them() -> None:
    body = written(
        said(Role.SYSTEM, Text("Be brief."), Text("Be kind.")),
        said(Role.USER, Text("One"), Text("Two")),
        said(Role.ASSISTANT, Text("As [1] sa"), Text("ys.")),
        HI,
    )
    contents = [message["content"] for message in body["messages"]]
    assert contents == ["Be brief.\n\nBe kind.", "One\n\nTwo", "As [1] says.", "Hi"]


def test_signed_and_hidden_thoughts_go_back_as_details_that_read_back_equal() -> None:
    thoughts = [
        Reasoning("Let me see.", signature="Es8=", made_by=DialectName.ANTHROPIC_MESSAGES),
        Reasoning(encrypted="Emw=", made_by=DialectName.ANTHROPIC_MESSAGES),
        Reasoning(summary=["A", "B"], encrypted="gA", item_id="rs_1", made_by=DialectName.OPENAI_RESPONSES),
    ]
    body = written(HI, said(Role.ASSISTANT, *thoughts, Text("Yes")), HI)
    assert body["messages"][1] == {
        "role": "assistant",
        "content": "Yes",
        "reasoning_content": "Let me see.\n\nA\n\nB",
        "reasoning_details": [
            {
                "type": "reasoning.text",
                "text": "Let me see.",
                "signature": "Es8=",
                "index": 0,
                "format": "anthropic-claude-v1",
            },
            {"type": "reasoning.encrypted", "data": "Emw=", "index": 1, "format": "anthropic-claude-v1"},
            {
                "type": "reasoning.summary",
                "summary": "A",
                "index": 2,
                "format": "openai-responses-v1",
                "id": "rs_1",
            },
            {
                "type": "reasoning.summary",
                "summary": "B",
                "index": 3,
                "format": "openai-responses-v1",
                "id": "rs_1",
            },
            {
                "type": "reasoning.encrypted",
                "data": "gA",
                "index": 4,
                "format": "openai-responses-v1",
                "id": "rs_1",
            },
        ],
    }
    assert read_request(body).messages[1].parts == [*thoughts, Text("Yes")]


def test_a_thought_of_nobodys_is_kept_beside_a_signed_one() -> None:
    signed = Reasoning("b", signature="s", made_by=DialectName.ANTHROPIC_MESSAGES)
    body = written(HI, said(Role.ASSISTANT, Reasoning("a"), signed, Text("Yes")), HI)
    read = read_request(body).messages[1].parts
    assert [part.text for part in read if isinstance(part, Reasoning)] == ["a", "b"]


def test_a_signature_of_geminis_goes_back_beside_its_call() -> None:
    body = written(
        HI, said(Role.ASSISTANT, Text("Ok", signature="t"), ToolCall("a", "f", "{}", signature="s")), HI
    )
    message = body["messages"][1]
    assert message["extra_content"] == {"google": {"thought_signature": "t"}}
    assert message["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "s"}}
    assert read_request(body).messages[1].parts == [
        Text("Ok", signature="t"),
        ToolCall("a", "f", "{}", signature="s"),
    ]


def test_options_are_written_in_the_spelling_that_most_servers_know() -> None:
    body = written(
        max_output_tokens=100,
        stop=("x",),
        choices=2,
        top_logprobs=0,
        stream=True,
        user="kim",
        verbosity="low",
        service_tier="auto",
        sampling=Sampling(temperature=0.5, seed=0, logit_bias={"5": -100}),
        output_format=OutputFormat({"type": "object"}, strict=True),
        reasoning=ReasoningAsked(effort="low", summary="auto", encrypted=True),
    )
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 100,
        "temperature": 0.5,
        "seed": 0,
        "logit_bias": {"5": -100},
        "stop": ["x"],
        "n": 2,
        "logprobs": True,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
        },
        "reasoning_effort": "low",
        "verbosity": "low",
        "user": "kim",
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(
    ("asked", "effort", "lost"),
    [
        (ReasoningAsked(enabled=False), "none", []),
        (ReasoningAsked(enabled=True), None, []),
        (ReasoningAsked(effort="high", budget_tokens=1), "high", []),
        (ReasoningAsked(budget_tokens=1024, path="thinking"), "low", [Loss("thinking", False)]),
        (ReasoningAsked(budget_tokens=8000, path="thinking"), "medium", [Loss("thinking", False)]),
        (ReasoningAsked(budget_tokens=31_999, path="thinking"), "high", [Loss("thinking", False)]),
    ],
)
def test_a_budget_of_thinking_becomes_an_effort(
    asked: ReasoningAsked, effort: str | None, lost: list[Loss]
) -> None:
    body, losses = write_request(Conversation("m", [HI], reasoning=asked))
    assert (body.get("reasoning_effort"), losses) == (effort, lost)


def test_only_the_tools_that_may_be_called_are_offered() -> None:
    tools = [Tool("f"), Tool("g"), Tool("h", freeform=True)]
    body = written(tools=list(tools), tool_choice=ToolChoice(ToolUse.AUTO, ("f", "h")))
    assert [tool["function"]["name"] for tool in body["tools"]] == ["f", "h"]
    assert body["tool_choice"] == "auto"
    one = written(tools=list(tools), tool_choice=ToolChoice(ToolUse.REQUIRED, ("h",)))
    assert (len(one["tools"]), one["tool_choice"]) == (3, {"type": "function", "function": {"name": "h"}})


def test_a_freeform_tool_is_a_function_of_one_text_where_only_functions_are_known() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: A"}
    asked = Conversation(
        "m",
        [HI, said(Role.ASSISTANT, ToolCall("c", "patch", '*** "x"', freeform=True))],
        tools=[Tool("patch", freeform=True, format=grammar, path="tools.0")],
    )
    body, lost = write_request(asked)
    (tool,) = body["tools"]
    parameters = tool["function"]["parameters"]
    assert (tool["type"], parameters["required"]) == ("function", ["input"])
    assert parameters["properties"]["input"]["description"].endswith("start: A")
    assert body["messages"][1]["tool_calls"] == [
        {
            "id": "c",
            "type": "function",
            "function": {"name": "patch", "arguments": '{"input": "*** \\"x\\""}'},
        }
    ]
    assert lost == [Loss("tools.0", changes_meaning=False)]


def test_a_tool_in_a_namespace_has_one_name_that_tells_both() -> None:
    body = written(
        HI,
        said(Role.ASSISTANT, ToolCall("c", "find", "{}", namespace="mcp")),
        said(Role.USER, ToolResult("c", [Text("x")])),
        tools=[Tool("find", namespace="mcp")],
        tool_choice=ToolChoice(ToolUse.REQUIRED, ("find",)),
    )
    assert body["tools"][0]["function"]["name"] == "mcp__find"
    assert body["tool_choice"]["function"]["name"] == "mcp__find"
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == "mcp__find"


def test_a_grammar_goes_a_level_deeper() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: A"}
    asked = Conversation("m", [HI], tools=[Tool("p", freeform=True, format=grammar)])
    body, _ = write_request(asked, Spelling(custom_tools=True))
    told = body["tools"][0]["custom"]["format"]
    assert told == {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: A"}}
    assert read_request(body).tools == [Tool("p", freeform=True, format=grammar)]


def test_a_text_with_a_title_is_told_as_a_text() -> None:
    body = written(said(Role.USER, Document(text="Once.", file_name="Tale", context="Old"), Text("Sum up")))
    assert body["messages"][0]["content"] == "Tale\n\nOld\n\nOnce.\n\nSum up"


def test_marks_are_written_where_the_upstream_takes_them() -> None:
    asked = Conversation("m", [said(Role.SYSTEM, Text("Long", cache_ttl="1h", path="system.0")), HI])
    plain, marked = write_request(asked), write_request(asked, Spelling(cache_marks=True))
    assert plain.values["messages"][0]["content"] == "Long"
    assert plain.losses == [Loss("system.0", changes_meaning=False)]
    text = {"type": "text", "text": "Long", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert (marked.values["messages"][0]["content"], marked.losses) == ([text], [])


def test_thoughts_are_left_out_where_the_upstream_takes_none() -> None:
    asked = Conversation("m", [HI, said(Role.ASSISTANT, Reasoning("hm", path="p"), Text("Yes")), HI])
    body, lost = write_request(asked, Spelling(thoughts=False))
    assert body["messages"][1] == {"role": "assistant", "content": "Yes"}
    assert lost == [Loss("p", changes_meaning=False)]


CITED = Citation(DialectName.ANTHROPIC_MESSAGES, {"type": "char_location"})


@pytest.mark.parametrize(
    ("role", "part", "changes_meaning"),
    [
        (Role.USER, Native(DialectName.GEMINI, {}, path="p"), True),
        (Role.ASSISTANT, Native(DialectName.ANTHROPIC_MESSAGES, {}, path="p"), True),
        (Role.USER, Image(Source(file_id="x"), path="p"), True),
        (Role.USER, Audio(Source(url="https://a.test"), path="p"), True),
        (Role.USER, Document(Source(url="https://a.test"), path="p"), True),
        (Role.USER, Document(Source(file_id="file_011"), path="p"), True),
        (Role.USER, Document(text="x", cites=True, path="p"), False),
        (Role.USER, ToolResult("c", [Text("x")], is_error=True, path="p"), False),
        (Role.ASSISTANT, Text("x", citations=[CITED], path="p"), False),
        (Role.ASSISTANT, Audio(Source(base64=PNG), transcript="hi", path="p"), False),
    ],
)
def test_what_a_part_cannot_say_here_is_a_loss(role: Role, part: Part, changes_meaning: bool) -> None:
    assert losses(HI, said(role, part), HI) == [Loss("p", changes_meaning)]


@pytest.mark.parametrize(
    ("fields", "path", "changes_meaning"),
    [
        ({"tools": [NativeTool(DialectName.GEMINI, "googleSearch", {}, path="p")]}, "p", True),
        ({"tools": [Tool("f", cache_ttl="5m", path="p")]}, "p", False),
        ({"sampling": Sampling(top_k=5)}, "top_k", False),
        ({"metadata": {"a": "b"}}, "metadata", False),
        ({"service_tier": "batch"}, "service_tier", False),
        ({"other": [OtherField("container", "c")]}, "container", True),
        ({"other": [OtherField("store", False, is_harmless=True)]}, "store", False),
    ],
)
def test_what_a_field_cannot_say_here_is_a_loss(
    fields: dict[str, Any], path: str, changes_meaning: bool
) -> None:
    assert losses(**fields) == [Loss(path, changes_meaning)]


def test_what_this_dialect_wrote_itself_goes_back_as_it_was() -> None:
    video = {"type": "video_url", "video_url": {"url": "https://a.test"}}
    search = {"type": "web_search_preview"}
    body = written(
        said(Role.USER, Native(DialectName.OPENAI_CHAT, video)),
        tools=[NativeTool(DialectName.OPENAI_CHAT, "web_search_preview", search)],
    )
    assert (body["messages"][0]["content"], body["tools"]) == ([video], [search])
