"""All of a request but its messages is written as Anthropic takes it, and what it does not take is named."""

from typing import Any

import pytest

from gateway.dialects.conversation import (
    DialectName,
    NativeTool,
    OtherField,
    OutputFormat,
    Reasoning,
    ReasoningAsked,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    ToolUse,
)
from gateway.dialects.dialect import Loss
from tests.gateway.dialects.anthropic_messages.asking import HERE, asking, assistant, user, written


@pytest.mark.parametrize(
    ("reasoning", "fields", "lost"),
    [
        (
            ReasoningAsked(effort="high"),
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
            False,
        ),
        (ReasoningAsked(effort="none"), {"thinking": {"type": "disabled"}}, False),
        (
            ReasoningAsked(effort="minimal"),
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
            True,
        ),
        (ReasoningAsked(enabled=False), {"thinking": {"type": "disabled"}}, False),
        (ReasoningAsked(enabled=True), {"thinking": {"type": "adaptive"}}, False),
        (ReasoningAsked(enabled=True, budget_tokens=-1), {"thinking": {"type": "adaptive"}}, False),
        (ReasoningAsked(budget_tokens=0), {"thinking": {"type": "disabled"}}, False),
        (ReasoningAsked(budget_tokens=2000), {"thinking": {"type": "enabled", "budget_tokens": 2000}}, False),
        (ReasoningAsked(budget_tokens=100), {"thinking": {"type": "enabled", "budget_tokens": 1024}}, True),
        (ReasoningAsked(budget_tokens=9000), {"thinking": {"type": "enabled", "budget_tokens": 4095}}, True),
        (
            ReasoningAsked(effort="low", summary="auto"),
            {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "low"}},
            False,
        ),
        (
            ReasoningAsked(enabled=True, shown=False),
            {"thinking": {"type": "adaptive", "display": "omitted"}},
            False,
        ),
        (ReasoningAsked(summary="auto"), {}, True),
        (ReasoningAsked(encrypted=True), {}, False),
    ],
)
def test_thinking_is_written(reasoning: ReasoningAsked, fields: dict[str, Any], lost: bool) -> None:
    reasoning.path = "reasoning"
    values, losses = written(asking(reasoning=reasoning))
    assert {name: values[name] for name in ("thinking", "output_config") if name in values} == fields
    assert losses == ([Loss("reasoning", False)] if lost else [])


def test_a_budget_that_most_tokens_leave_no_room_for_is_left_out() -> None:
    asked = asking(reasoning=ReasoningAsked(budget_tokens=2000, path="reasoning"), max_output_tokens=1000)
    values, losses = written(asked)
    assert "thinking" not in values
    assert losses == [Loss("reasoning", False)]


def test_a_budget_is_left_out_where_a_tool_is_forced_or_the_turn_began_without_a_thought() -> None:
    forced = asking(
        tools=[Tool("f")],
        tool_choice=ToolChoice(ToolUse.REQUIRED),
        reasoning=ReasoningAsked(budget_tokens=2000, path="r"),
    )
    going_on = asking(
        user(Text("Go")),
        assistant(ToolCall("c", "f", "{}")),
        user(ToolResult("c", [Text("x")])),
        reasoning=ReasoningAsked(budget_tokens=2000, path="r"),
    )
    for asked in (forced, going_on):
        values, losses = written(asked)
        assert "thinking" not in values
        assert losses == [Loss("r", False)]
    going_on.messages[1].parts.insert(0, Reasoning("Hm", signature="E", made_by=HERE))
    assert written(going_on)[0]["thinking"] == {"type": "enabled", "budget_tokens": 2000}


@pytest.mark.parametrize(
    ("sampling", "thinks", "fields", "losses"),
    [
        (Sampling(temperature=0.3), False, {"temperature": 0.3}, []),
        (Sampling(temperature=1.7), False, {"temperature": 1}, [Loss("temperature", False)]),
        (Sampling(temperature=0.3), True, {}, [Loss("temperature", False)]),
        (Sampling(temperature=1), True, {"temperature": 1}, []),
        (Sampling(top_p=0.5), True, {}, [Loss("top_p", False)]),
        (Sampling(top_p=0.95), True, {"top_p": 0.95}, []),
        (Sampling(top_k=4), True, {}, [Loss("top_k", False)]),
        (Sampling(top_k=4), False, {"top_k": 4}, []),
        (Sampling(temperature=0.3, top_p=1), False, {"temperature": 0.3}, []),
        (Sampling(temperature=0.3, top_p=0.5), False, {"temperature": 0.3}, [Loss("top_p", False)]),
        (Sampling(seed=0), False, {}, [Loss("seed", False)]),
        (Sampling(presence_penalty=0.5), False, {}, [Loss("presence_penalty", False)]),
        (Sampling(frequency_penalty=0.5), False, {}, [Loss("frequency_penalty", False)]),
        (Sampling(presence_penalty=0, frequency_penalty=0, logit_bias={}), False, {}, []),
        (Sampling(logit_bias={"50256": -100}), False, {}, [Loss("logit_bias", True)]),
    ],
)
def test_sampling_is_written_as_far_as_it_goes(
    sampling: Sampling, thinks: bool, fields: dict[str, Any], losses: list[Loss]
) -> None:
    values, lost = written(
        asking(sampling=sampling, reasoning=ReasoningAsked(enabled=True) if thinks else None)
    )
    assert {name: values[name] for name in ("temperature", "top_p", "top_k") if name in values} == fields
    assert lost == losses


@pytest.mark.parametrize(
    ("fields", "losses"),
    [
        ({"choices": 2}, [Loss("n", True)]),
        ({"top_logprobs": 0}, [Loss("logprobs", True)]),
        ({"stop": ("\n", "END")}, [Loss("stop", True)]),
        ({"output_format": OutputFormat(path="response_format")}, [Loss("response_format", True)]),
        ({"verbosity": "low"}, [Loss("verbosity", False)]),
        ({"verbosity": "medium"}, []),
        ({"metadata": {"a": "b"}}, [Loss("metadata", False)]),
        ({"service_tier": "flex"}, [Loss("service_tier", False)]),
        ({"user": "a" * 257}, [Loss("user", False)]),
        ({"user": "ann@example.org"}, [Loss("user", False)]),
        ({"user": "+82 10-1234-5678"}, [Loss("user", False)]),
        ({"other": [OtherField("store", True, is_harmless=True)]}, [Loss("store", False)]),
        ({"other": [OtherField("audio", {})]}, [Loss("audio", True)]),
        (
            {"tools": [NativeTool(DialectName.GEMINI, "google_search", {}, path="tools.0")]},
            [Loss("tools.0", True)],
        ),
        (
            {
                "tools": [
                    Tool("f", freeform=True, format={"type": "grammar", "definition": "x"}, path="tools.0")
                ]
            },
            [Loss("tools.0.format", False)],
        ),
        ({"tools": [Tool("f", freeform=True, format={"type": "text"}, path="tools.0")]}, []),
        ({"tools": [Tool("f.g", path="tools.0")]}, [Loss("tools.0.name", True)]),
        (
            {"tool_choice": ToolChoice(ToolUse.REQUIRED, path="tool_choice")},
            [Loss("tool_choice", True)],
        ),
    ],
)
def test_what_cannot_be_told_to_anthropic_is_named(fields: dict[str, Any], losses: list[Loss]) -> None:
    assert written(asking(**fields))[1] == losses


@pytest.mark.parametrize(
    ("choice", "parallel", "fields"),
    [
        (None, None, {}),
        (None, True, {}),
        (None, False, {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}),
        (ToolChoice(ToolUse.AUTO), None, {"tool_choice": {"type": "auto"}}),
        (ToolChoice(ToolUse.NONE), False, {"tool_choice": {"type": "none"}}),
        (
            ToolChoice(ToolUse.REQUIRED),
            False,
            {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
        ),
        (ToolChoice(ToolUse.REQUIRED, ("f",)), None, {"tool_choice": {"type": "tool", "name": "f"}}),
    ],
)
def test_a_choice_of_tools_is_written(
    choice: ToolChoice | None, parallel: bool | None, fields: dict[str, Any]
) -> None:
    values, losses = written(
        asking(tools=[Tool("f"), Tool("g")], tool_choice=choice, parallel_tool_calls=parallel)
    )
    assert {name: values[name] for name in ("tool_choice",) if name in values} == fields
    assert [tool["name"] for tool in values["tools"]] == ["f", "g"]
    assert losses == []


def test_freeform_and_namespaced_tools_are_told_as_functions_that_their_caller_finds_again() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}
    values, _losses = written(
        asking(
            user(Text("Go")),
            assistant(
                ToolCall("c1", "patch", "*** Begin", freeform=True),
                ToolCall("c2", "read", "{}", namespace="files"),
            ),
            user(ToolResult("c1", [Text("ok")], freeform=True), ToolResult("c2", [Text("ok")])),
            tools=[Tool("patch", "Edits", freeform=True, format=grammar), Tool("read", namespace="files")],
            tool_choice=ToolChoice(ToolUse.REQUIRED, ("read",)),
        )
    )
    assert values["tools"] == [
        {
            "name": "patch",
            "description": "Edits",
            "input_schema": {
                "type": "object",
                "properties": {
                    "input": {"type": "string", "description": "Follows this lark grammar:\nstart: /.+/"}
                },
                "required": ["input"],
            },
        },
        {"name": "files__read", "input_schema": {"type": "object", "properties": {}}},
    ]
    assert values["tool_choice"] == {"type": "tool", "name": "files__read"}
    calls = values["messages"][1]["content"]
    assert [(call["name"], call["input"]) for call in calls] == [
        ("patch", {"input": "*** Begin"}),
        ("files__read", {}),
    ]


@pytest.mark.parametrize("use", [ToolUse.AUTO, ToolUse.REQUIRED])
def test_only_the_tools_that_may_be_called_are_offered(use: ToolUse) -> None:
    tools: list[Any] = [Tool("f"), Tool("g"), Tool("h")]
    values, losses = written(asking(tools=tools, tool_choice=ToolChoice(use, ("f", "h"))))
    assert [tool["name"] for tool in values["tools"]] == ["f", "h"]
    assert values["tool_choice"]["type"] == ("auto" if use is ToolUse.AUTO else "any")
    assert losses == []


def test_the_objects_of_a_schema_are_closed_where_nothing_was_said() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "array", "items": {"type": "object", "properties": {}}}},
        "$defs": {"b": {"type": "object", "additionalProperties": True}},
    }
    values, losses = written(asking(output_format=OutputFormat(schema, name="answer", strict=False)))
    closed = values["output_config"]["format"]["schema"]
    assert closed["additionalProperties"] is False
    assert closed["properties"]["a"]["items"]["additionalProperties"] is False
    assert closed["$defs"]["b"]["additionalProperties"] is True
    assert losses == []
