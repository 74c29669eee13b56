"""What is written of a conversation that came in another dialect, and what is lost of it."""

from typing import Any

import pytest

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
from gateway.dialects.dialect import Loss, Written
from gateway.dialects.openai_responses.dialect import OPENAI_RESPONSES

_CLAUDE = DialectName.ANTHROPIC_MESSAGES
_OWN = DialectName.OPENAI_RESPONSES


def write(*messages: Message, **fields: Any) -> Written:
    return OPENAI_RESPONSES.write_request(Conversation("gpt-5", list(messages), **fields))


def said(*parts: Part, role: Role = Role.USER) -> Message:
    return Message(role, list(parts), path="messages.0")


def test_a_request_is_stateless() -> None:
    assert write(said(Text("hi"))).values == {
        "model": "gpt-5",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        "stream": False,
        "store": False,
    }


def test_the_systems_first_text_is_the_instructions() -> None:
    values = write(said(Text("Be brief."), role=Role.SYSTEM), said(Text("hi"))).values
    assert values["instructions"] == "Be brief."
    assert len(values["input"]) == 1


def test_other_words_of_the_system_are_messages() -> None:
    values = write(said(Text("a"), Text("b"), role=Role.SYSTEM), said(Text("c"), role=Role.SYSTEM)).values
    assert "instructions" not in values
    assert [item["role"] for item in values["input"]] == ["system", "system"]


def test_a_loop_of_tools_is_written_in_its_order() -> None:
    values, losses = write(
        said(
            Reasoning("Hm.", signature="sig", made_by=_CLAUDE, path="messages.1.content.0"),
            Text("Looking."),
            ToolCall("toolu_1", "get_weather", '{"a":1}'),
            role=Role.ASSISTANT,
        ),
        said(
            ToolResult("toolu_1", [Text("18"), Image(Source(base64="AAAA", media_type="image/png"))]),
            ToolResult("toolu_2", [Text("no")], is_error=True, path="messages.2.content.1"),
            Text("Go on."),
        ),
    )
    assert values["input"] == [
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Looking.", "annotations": []}],
        },
        {"type": "function_call", "call_id": "toolu_1", "name": "get_weather", "arguments": '{"a":1}'},
        {
            "type": "function_call_output",
            "call_id": "toolu_1",
            "output": [
                {"type": "input_text", "text": "18"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
            ],
        },
        {"type": "function_call_output", "call_id": "toolu_2", "output": "no"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Go on."}]},
    ]
    assert losses == [Loss("messages.1.content.0", False), Loss("messages.2.content.1", False)]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            Document(Source(base64="AAAA", media_type="application/pdf")),
            {
                "type": "input_file",
                "filename": "document.pdf",
                "file_data": "data:application/pdf;base64,AAAA",
            },
        ),
        (
            Document(Source(url="https://a.test/a.pdf")),
            {"type": "input_file", "file_url": "https://a.test/a.pdf"},
        ),
        (
            Document(text="All of it.", file_name="Terms", context="Of 2024."),
            {"type": "input_text", "text": "Terms\n\nOf 2024.\n\nAll of it."},
        ),
        (
            Image(Source(url="https://a.test/a.png"), "high"),
            {"type": "input_image", "image_url": "https://a.test/a.png", "detail": "high"},
        ),
        (
            Audio(Source(base64="AAAA", media_type="audio/wav")),
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        ),
    ],
)
def test_files_are_written(part: Part, expected: dict[str, Any]) -> None:
    values, losses = write(said(part))
    assert values["input"][0]["content"] == [expected]
    assert not losses


@pytest.mark.parametrize(
    ("part", "role", "changes_meaning"),
    [
        (Text("a", cache_ttl="1h", path="p"), Role.USER, False),
        (Text("a", signature="s", path="p"), Role.ASSISTANT, False),
        (Text("a", [Citation(_CLAUDE, {}, cited_text="b")], path="p"), Role.ASSISTANT, False),
        (ToolCall("c", "n", "{}", signature="s", path="p"), Role.ASSISTANT, False),
        (Document(text="a", cites=True, path="p"), Role.USER, False),
        (Document(Source(file_id="f"), context="a", path="p"), Role.USER, True),
        (Image(Source(url="https://a.test"), path="p"), Role.ASSISTANT, True),
        (Audio(Source(base64="AAAA"), path="p"), Role.ASSISTANT, True),
        (Audio(Source(url="https://a.test"), path="p"), Role.USER, True),
        (Native(_CLAUDE, {"type": "container_upload"}, path="p"), Role.USER, True),
        # Nothing is stored: its id alone names nothing.
        (Reasoning(summary=["a"], item_id="rs_1", made_by=_OWN, path="p"), Role.ASSISTANT, False),
        (Reasoning("a", path="p"), Role.ASSISTANT, False),
    ],
)
def test_what_cannot_be_said_is_named(part: Part, role: Role, changes_meaning: bool) -> None:
    assert write(said(part, role=role)).losses == [Loss("p", changes_meaning)]


def test_a_tool_is_strict_only_where_that_was_asked_for() -> None:
    values = write(tools=[Tool("a"), Tool("b", parameters={"type": "object"}, strict=True)]).values
    assert values["tools"] == [
        {
            "type": "function",
            "name": "a",
            "parameters": {"type": "object", "properties": {}},
            "strict": False,
        },
        {"type": "function", "name": "b", "parameters": {"type": "object"}, "strict": True},
    ]


def test_tools_of_a_namespace_are_offered_together() -> None:
    tools = [Tool("a", namespace="n"), Tool("b"), Tool("c", namespace="n", freeform=True)]
    written = write(tools=tools).values["tools"]
    assert [tool["name"] for tool in written] == ["n", "b"]
    assert [tool["name"] for tool in written[0]["tools"]] == ["a", "c"]


def test_a_hosted_tool_of_another_provider_is_lost() -> None:
    tool = NativeTool(_CLAUDE, "web_search", {"type": "web_search_20250305"}, path="tools.0")
    assert write(tools=[tool]).losses == [Loss("tools.0", True)]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice(ToolUse.REQUIRED), "required"),
        (ToolChoice(ToolUse.NONE), "none"),
        (ToolChoice(ToolUse.REQUIRED, ("b",)), {"type": "custom", "name": "b"}),
        (
            ToolChoice(ToolUse.AUTO, ("a",)),
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "a"}]},
        ),
    ],
)
def test_the_choice_among_tools_is_written(choice: ToolChoice, expected: Any) -> None:
    tools = [Tool("a"), Tool("b", freeform=True)]
    assert write(tools=tools, tool_choice=choice).values["tool_choice"] == expected


@pytest.mark.parametrize(
    ("asked", "effort", "losses"),
    [
        (ReasoningAsked(effort="xhigh"), "xhigh", []),
        (ReasoningAsked(budget_tokens=1024, path="thinking"), "low", [Loss("thinking", False)]),
        (ReasoningAsked(budget_tokens=32_000, path="thinking"), "high", [Loss("thinking", False)]),
        (ReasoningAsked(enabled=False, path="thinking"), None, [Loss("thinking", False)]),
        (ReasoningAsked(enabled=True), None, []),
    ],
)
def test_how_much_to_think_is_told_in_openais_words(
    asked: ReasoningAsked, effort: str | None, losses: list[Loss]
) -> None:
    written = write(reasoning=asked)
    assert written.values.get("reasoning", {}).get("effort") == effort
    assert written.losses == losses


def test_thoughts_that_are_to_be_shown_are_summarised() -> None:
    values = write(reasoning=ReasoningAsked(shown=True, encrypted=True)).values
    assert values["reasoning"] == {"summary": "auto"}
    assert values["include"] == ["reasoning.encrypted_content"]


def test_sampling_that_there_is_not_is_lost() -> None:
    sampling = Sampling(
        0.5, 0.9, top_k=5, seed=1, presence_penalty=0.5, frequency_penalty=0, logit_bias={"1": 2}
    )
    values, losses = write(sampling=sampling, stop=("a",), choices=2)
    assert (values["temperature"], values["top_p"]) == (0.5, 0.9)
    assert losses == [
        Loss("top_k", False),
        Loss("seed", False),
        Loss("presence_penalty", True),
        Loss("logit_bias", True),
        Loss("stop", True),
        Loss("n", True),
    ]


def test_the_rest_is_written() -> None:
    values, losses = write(
        output_format=OutputFormat({"type": "object"}),
        verbosity="high",
        top_logprobs=0,
        user="u",
        metadata={"a": "b"},
        service_tier="standard_only",
        parallel_tool_calls=False,
        max_output_tokens=5,
        other=[OtherField("top", 1), OtherField("trace", 1, is_harmless=True)],
    )
    del values["model"], values["input"], values["stream"], values["store"]
    assert values == {
        "text": {
            "format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}},
            "verbosity": "high",
        },
        "include": ["message.output_text.logprobs"],
        "user": "u",
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "max_output_tokens": 5,
    }
    assert losses == [Loss("top", True), Loss("trace", False), Loss("service_tier", False)]
