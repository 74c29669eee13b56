"""What callers of chat completions ask is read whole, and what is wrong is named where it stands."""

from typing import Any

import pytest

from gateway.dialects.conversation import (
    Audio,
    DialectName,
    Document,
    Image,
    Message,
    Native,
    NativeTool,
    OtherField,
    OutputFormat,
    Reasoning,
    ReasoningAsked,
    Refusal,
    Role,
    Source,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    ToolUse,
)
from gateway.dialects.openai_chat.request import read_request

PNG = "iVBORw0KGgoAAAANSUhEUg=="
USER = {"role": "user", "content": "Hi"}


def asked(**fields: Any) -> Any:
    return read_request({"model": "m", "messages": [USER], **fields})


def messages_of(*messages: Any) -> list[Message]:
    return read_request({"model": "m", "messages": list(messages)}).messages


def parts_of(message: Any) -> list[Any]:
    (read,) = messages_of(message)
    return read.parts


def test_a_weather_question_with_its_calls_and_results_is_read_whole() -> None:
    read = messages_of(
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Weather in Seoul and Busan?", "name": "kim"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city":"Seoul"}'},
                },
                {
                    "id": "c2",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city":"Busan"}'},
                },
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "rain"}]},
        {"role": "user", "content": "Thanks"},
    )
    calls = [ToolCall("c1", "weather", '{"city":"Seoul"}'), ToolCall("c2", "weather", '{"city":"Busan"}')]
    assert read == [
        Message(Role.SYSTEM, [Text("Be brief.")]),
        Message(Role.USER, [Text("Weather in Seoul and Busan?")], name="kim"),
        Message(Role.ASSISTANT, list(calls)),
        Message(Role.USER, [ToolResult("c1", [Text("sunny")]), ToolResult("c2", [Text("rain")])]),
        Message(Role.USER, [Text("Thanks")]),
    ]
    assert read[3].parts[1].path == "messages.4"


@pytest.mark.parametrize(
    ("part", "read"),
    [
        ({"type": "text", "text": "a"}, Text("a")),
        ({"type": "text", "text": "a", "annotations": None}, Text("a")),
        ({"type": "refusal", "refusal": "no"}, Refusal("no")),
        (
            {"type": "image_url", "image_url": {"url": "https://a.test/b.png", "detail": "low"}},
            Image(Source(url="https://a.test/b.png"), detail="low"),
        ),
        (
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": None}},
            Image(Source(base64=PNG, media_type="image/png")),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}},
            Audio(Source(base64=PNG, media_type="audio/wav"), format="wav"),
        ),
        (
            {
                "type": "file",
                "file": {"file_data": f"data:application/pdf;base64,{PNG}", "filename": "a.pdf"},
            },
            Document(Source(base64=PNG, media_type="application/pdf"), file_name="a.pdf"),
        ),
        (
            {"type": "file", "file": {"file_data": PNG, "filename": "a.PDF"}},
            Document(Source(base64=PNG, media_type="application/pdf"), file_name="a.PDF"),
        ),
        ({"type": "file", "file": {"file_id": "file-1"}}, Document(Source(file_id="file-1"))),
        (
            {"type": "file", "file": {"file_id": "https://a.test/b", "format": "application/pdf"}},
            Document(Source(url="https://a.test/b", media_type="application/pdf")),
        ),
        (
            {"type": "video_url", "video_url": {"url": "https://a.test"}},
            Native(DialectName.OPENAI_CHAT, {"type": "video_url", "video_url": {"url": "https://a.test"}}),
        ),
        (
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            Text("a", cache_ttl="1h"),
        ),
        ({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, Text("a", cache_ttl="5m")),
        (
            {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
            Text("a", cache_ttl="5m"),
        ),
    ],
)
def test_each_kind_of_part_has_its_form(part: Any, read: Any) -> None:
    assert parts_of({"role": "user", "content": [part]}) == [read]


def test_what_a_model_said_is_read_with_its_thoughts_first_and_its_calls_last() -> None:
    custom = {"id": "c2", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}}
    function = {
        "id": "c1",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "sig"}},
    }
    message = {
        "role": "assistant",
        "content": "Here",
        "refusal": None,
        "audio": {"id": "audio_1"},
        "reasoning_content": "hm",
        "tool_calls": [function, custom],
        "function_call": None,
        "annotations": [],
    }
    assert parts_of(message) == [
        Reasoning("hm"),
        Text("Here"),
        Audio(Source(file_id="audio_1"), id="audio_1"),
        ToolCall("c1", "f", "{}", signature="sig"),
        ToolCall("c2", "patch", "*** Begin", freeform=True),
    ]


def test_signed_and_hidden_thoughts_come_back_as_they_were() -> None:
    details = [
        {"type": "reasoning.text", "text": "Let me ", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.text", "text": "see.", "index": 0},
        {"type": "reasoning.text", "signature": "Es8=", "index": 0},
        {"type": "reasoning.encrypted", "data": "Emw=", "format": "anthropic-claude-v1", "index": 1},
    ]
    message = {
        "role": "assistant",
        "content": "Yes",
        "reasoning": "Let me see.",
        "reasoning_details": details,
    }
    assert parts_of(message) == [
        Reasoning("Let me see.", signature="Es8=", made_by=DialectName.ANTHROPIC_MESSAGES),
        Reasoning(encrypted="Emw=", made_by=DialectName.ANTHROPIC_MESSAGES),
        Text("Yes"),
    ]


def test_a_summary_and_what_it_hides_are_one_thought() -> None:
    details = [
        {
            "type": "reasoning.summary",
            "summary": "First",
            "id": "rs_1",
            "format": "openai-responses-v1",
            "index": 0,
        },
        {
            "type": "reasoning.summary",
            "summary": "Then",
            "id": "rs_1",
            "format": "openai-responses-v1",
            "index": 1,
        },
        {
            "type": "reasoning.encrypted",
            "data": "gAAA",
            "id": "rs_1",
            "format": "openai-responses-v1",
            "index": 2,
        },
        {
            "type": "reasoning.encrypted",
            "data": "gBBB",
            "id": "rs_2",
            "format": "openai-responses-v1",
            "index": 3,
        },
    ]
    maker = DialectName.OPENAI_RESPONSES
    assert parts_of({"role": "assistant", "content": "Yes", "reasoning_details": details}) == [
        Reasoning(summary=["First", "Then"], encrypted="gAAA", item_id="rs_1", made_by=maker),
        Reasoning(encrypted="gBBB", item_id="rs_2", made_by=maker),
        Text("Yes"),
    ]


def test_litellms_thinking_blocks_are_thoughts_of_anthropics() -> None:
    blocks = [
        {"type": "thinking", "thinking": "One", "signature": "s1"},
        {"type": "thinking", "thinking": "Two", "signature": "s2"},
        {"type": "redacted_thinking", "data": "xx"},
    ]
    maker = DialectName.ANTHROPIC_MESSAGES
    message = {"role": "assistant", "content": "", "reasoning_content": "OneTwo", "thinking_blocks": blocks}
    assert parts_of(message) == [
        Reasoning("One", signature="s1", made_by=maker),
        Reasoning("Two", signature="s2", made_by=maker),
        Reasoning(encrypted="xx", made_by=maker),
    ]


def test_older_functions_are_tools_and_their_results_answer_the_newest_call() -> None:
    read = read_request(
        {
            "model": "m",
            "messages": [
                USER,
                {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
                {"role": "function", "name": "f", "content": "1"},
            ],
            "functions": [{"name": "f", "parameters": {"type": "object", "properties": {}}}],
            "function_call": {"name": "f"},
        }
    )
    (call,), (result,) = read.messages[1].parts, read.messages[2].parts
    assert isinstance(call, ToolCall)
    assert result == ToolResult(call.id, [Text("1")], name="f")
    assert read.tools == [Tool("f", parameters={"type": "object", "properties": {}})]
    assert read.tool_choice == ToolChoice(ToolUse.REQUIRED, ("f",))


def test_a_spoken_answer_is_read_by_its_id_or_whole() -> None:
    audio = {"id": "audio_1", "data": PNG, "transcript": "Hi", "expires_at": 1}
    assert parts_of({"role": "assistant", "content": None, "audio": audio}) == [
        Audio(Source(base64=PNG), transcript="Hi", id="audio_1")
    ]


def test_an_answer_sent_back_as_it_came_says_what_it_said() -> None:
    echoed = {"annotations": [], "audio": None, "function_call": None, "tool_calls": None, "refusal": None}
    read = asked(messages=[USER, {"role": "assistant", "content": "Yes", **echoed}, USER])
    assert read.messages[1].parts == [Text("Yes")]
    assert read.other == []


def test_a_mark_on_a_message_or_a_tool_marks_its_end() -> None:
    mark = {"type": "ephemeral"}
    read = asked(
        messages=[
            {"role": "system", "content": "Long", "cache_control": mark},
            {"role": "tool", "tool_call_id": "c", "content": "x", "cache_control": mark},
        ],
        tools=[{"type": "function", "function": {"name": "f", "cache_control": mark}}],
    )
    assert read.messages[0].parts == [Text("Long", cache_ttl="5m")]
    assert read.messages[1].parts == [ToolResult("c", [Text("x")], cache_ttl="5m")]
    assert read.tools == [Tool("f", cache_ttl="5m")]


def test_tools_of_every_kind_are_read() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: A"}}
    read = asked(
        tools=[
            {
                "type": "function",
                "function": {"name": "f", "description": "d", "parameters": schema, "strict": True},
            },
            {"type": "custom", "custom": {"name": "c", "format": grammar}},
            {"type": "custom", "custom": {"name": "t", "format": {"type": "text"}}},
            {"type": "web_search_preview", "search_context_size": "low"},
        ]
    )
    assert read.tools == [
        Tool("f", "d", schema, strict=True),
        Tool("c", freeform=True, format={"type": "grammar", "syntax": "lark", "definition": "start: A"}),
        Tool("t", freeform=True),
        NativeTool(
            DialectName.OPENAI_CHAT,
            "web_search_preview",
            {"type": "web_search_preview", "search_context_size": "low"},
        ),
    ]


@pytest.mark.parametrize(
    ("choice", "read"),
    [
        ("auto", ToolChoice(ToolUse.AUTO)),
        ("none", ToolChoice(ToolUse.NONE)),
        ("required", ToolChoice(ToolUse.REQUIRED)),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice(ToolUse.REQUIRED, ("f",))),
        ({"type": "custom", "custom": {"name": "c"}}, ToolChoice(ToolUse.REQUIRED, ("c",))),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "auto",
                    "tools": [
                        {"type": "function", "function": {"name": "f"}},
                        {"type": "custom", "custom": {"name": "c"}},
                    ],
                },
            },
            ToolChoice(ToolUse.AUTO, ("f", "c")),
        ),
    ],
)
def test_each_choice_of_tools_is_read(choice: Any, read: ToolChoice) -> None:
    assert asked(tool_choice=choice).tool_choice == read


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"max_tokens": 5, "max_completion_tokens": 9}, "max_output_tokens", 9),
        ({"max_completion_tokens": None, "max_tokens": 5.0}, "max_output_tokens", 5),
        ({"n": 2}, "choices", 2),
        ({"stop": "x"}, "stop", ("x",)),
        ({"stop": ["x", "y"]}, "stop", ("x", "y")),
        ({"logprobs": True}, "top_logprobs", 0),
        ({"logprobs": True, "top_logprobs": 3}, "top_logprobs", 3),
        ({"logprobs": False, "top_logprobs": 0}, "top_logprobs", None),
        ({"stream": True, "stream_options": {"include_usage": True}}, "stream", True),
        ({"safety_identifier": "u"}, "user", "u"),
        ({"user": "v", "safety_identifier": "u"}, "user", "v"),
        ({"metadata": {"a": "b"}}, "metadata", {"a": "b"}),
        ({"verbosity": "low"}, "verbosity", "low"),
        ({"service_tier": "flex"}, "service_tier", "flex"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls", False),
        ({"response_format": {"type": "text"}}, "output_format", None),
        ({"response_format": {"type": "json_object"}}, "output_format", OutputFormat()),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {}, "strict": True},
                }
            },
            "output_format",
            OutputFormat({}, "n", strict=True),
        ),
        ({"reasoning_effort": "high"}, "reasoning", ReasoningAsked(effort="high")),
        ({"reasoning_effort": "none"}, "reasoning", ReasoningAsked(enabled=False)),
        ({"include_thoughts": False}, "reasoning", ReasoningAsked(shown=False)),
        (
            {"reasoning": {"max_tokens": 2000, "exclude": True}},
            "reasoning",
            ReasoningAsked(budget_tokens=2000, shown=False),
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 1024}},
            "reasoning",
            ReasoningAsked(enabled=True, budget_tokens=1024),
        ),
        ({"thinking": {"type": "disabled"}}, "reasoning", ReasoningAsked(enabled=False)),
    ],
)
def test_each_option_has_its_place(fields: dict[str, Any], name: str, value: object) -> None:
    read = asked(**fields)
    assert getattr(read, name) == value
    if fields.keys() != {"user", "safety_identifier"}:
        assert read.other == []


def test_null_is_absence_for_every_field() -> None:
    names = (
        "tools tool_choice functions function_call parallel_tool_calls response_format max_tokens stop seed user n"
        " max_completion_tokens reasoning_effort include_thoughts reasoning thinking verbosity temperature top_p"
        " presence_penalty frequency_penalty logit_bias logprobs top_logprobs metadata service_tier stream store"
        " stream_options modalities audio prediction web_search_options unheard_of"
    )
    assert asked(**dict.fromkeys(names.split())) == asked()


@pytest.mark.parametrize(
    ("fields", "harmless"),
    [
        ({"store": True}, True),
        ({"prompt_cache_key": "k"}, True),
        ({"user": "a", "safety_identifier": "b"}, True),
        ({"web_search_options": {"search_context_size": "low"}}, False),
        ({"modalities": ["text", "audio"]}, False),
        ({"audio": {"voice": "alloy", "format": "wav"}}, False),
        ({"prediction": {"type": "content", "content": "x"}}, False),
        ({"chat_template_kwargs": {"enable_thinking": False}}, False),
        ({"response_format": {"type": "grammar", "grammar": "x"}}, False),
    ],
)
def test_a_field_without_a_place_is_kept_and_weighed(fields: dict[str, Any], harmless: bool) -> None:
    name, value = list(fields.items())[-1]
    assert asked(**fields).other == [OtherField(name, value, harmless)]


def test_what_asks_for_nothing_special_is_nothing() -> None:
    assert asked(modalities=["text"], best_of=1, logit_bias={}, enable_search=False).other == []


def test_an_unknown_field_of_a_message_part_or_tool_is_kept_with_its_path() -> None:
    read = asked(
        messages=[{"role": "user", "content": [{"type": "text", "text": "a", "odd": 1}], "weight": 2}],
        tools=[{"type": "function", "function": {"name": "f", "defer": True}}],
    )
    assert read.other == [
        OtherField("messages.0.content.0.odd", 1),
        OtherField("messages.0.weight", 2),
        OtherField("tools.0.function.defer", True),
    ]
