"""What is read of a request, and how one that is wrong is refused."""

from typing import Any

import pytest

from aio_platform.errors import InvalidRequest
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
from gateway.dialects.openai_responses.dialect import OPENAI_RESPONSES

_HERE = DialectName.OPENAI_RESPONSES
_PNG = "iVBORw0KGgo="
_WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get current temperature for a given location.",
    "parameters": {
        "type": "object",
        "properties": {"location": {"type": "string"}},
        "required": ["location"],
        "additionalProperties": False,
    },
    "strict": True,
}


def read(**fields: Any) -> Conversation:
    return OPENAI_RESPONSES.read_request({"model": "gpt-5", "input": "hi", **fields})


def read_items(*items: dict[str, Any]) -> list[Message]:
    return read(input=list(items)).messages


def test_a_text_is_what_the_user_says() -> None:
    assert read() == Conversation("gpt-5", [Message(Role.USER, [Text("hi")])])


def test_instructions_are_said_first_by_the_system() -> None:
    messages = read(instructions="Be brief.", input=[{"role": "user", "content": "hi"}]).messages
    assert messages == [Message(Role.SYSTEM, [Text("Be brief.")]), Message(Role.USER, [Text("hi")])]
    assert [message.path for message in messages] == ["instructions", "input.0"]


def test_messages_are_of_every_role() -> None:
    messages = read_items(
        {"role": "developer", "content": "a"},
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "b"}]},
        {"role": "assistant", "content": "c"},
        {"role": "user", "content": [{"type": "input_text", "text": "d"}]},
    )
    assert messages == [
        Message(Role.SYSTEM, [Text("a")]),
        Message(Role.SYSTEM, [Text("b")]),
        Message(Role.ASSISTANT, [Text("c")]),
        Message(Role.USER, [Text("d")]),
    ]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            {"type": "input_image", "image_url": "https://a.test/i.png", "detail": "low"},
            Image(Source(url="https://a.test/i.png"), "low"),
        ),
        (
            {"type": "input_image", "image_url": f"data:image/PNG;base64,{_PNG}", "file_id": None},
            Image(Source(base64=_PNG, media_type="image/png")),
        ),
        ({"type": "input_image", "file_id": "file-1"}, Image(Source(file_id="file-1"))),
        (
            {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{_PNG}"},
            Document(Source(base64=_PNG, media_type="application/pdf"), file_name="a.pdf"),
        ),
        (
            {"type": "input_file", "filename": "a.PDF", "file_data": _PNG},
            Document(Source(base64=_PNG, media_type="application/pdf"), file_name="a.PDF"),
        ),
        (
            {"type": "input_file", "file_url": "https://a.test/a.pdf"},
            Document(Source(url="https://a.test/a.pdf")),
        ),
        ({"type": "input_file", "file_id": "file-2", "detail": "auto"}, Document(Source(file_id="file-2"))),
        (
            {"type": "input_audio", "input_audio": {"data": _PNG, "format": "wav"}},
            Audio(Source(base64=_PNG, media_type="audio/wav"), "wav"),
        ),
        (
            {"type": "input_text", "text": "kept", "prompt_cache_breakpoint": {"mode": "explicit"}},
            Text("kept", cache_ttl="5m"),
        ),
    ],
)
def test_what_a_user_shows_is_read(part: dict[str, Any], expected: Part) -> None:
    assert read_items({"role": "user", "content": [part]}) == [Message(Role.USER, [expected])]


def test_all_that_a_model_answered_in_a_row_is_one_message() -> None:
    annotation = {
        "type": "url_citation",
        "url": "https://a.test",
        "title": "A",
        "start_index": 0,
        "end_index": 5,
    }
    messages = read_items(
        {"role": "user", "content": "What is the weather?"},
        {
            "id": "rs_1",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "Ask."}],
            "content": [
                {"type": "reasoning_text", "text": "One."},
                {"type": "reasoning_text", "text": "Two."},
            ],
            "encrypted_content": "gAAA",
            "status": None,
        },
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [
                {"type": "output_text", "text": "Let me look.", "annotations": [annotation], "logprobs": []},
                {"type": "refusal", "refusal": "No."},
            ],
        },
        {
            "id": "fc_1",
            "type": "function_call",
            "status": "completed",
            "call_id": "call_1",
            "name": "get_weather",
            "arguments": '{"location":"Paris"}',
            "caller": {"type": "direct"},
        },
        {"type": "custom_tool_call", "call_id": "call_2", "name": "apply_patch", "input": "*** Begin"},
        {"type": "function_call_output", "call_id": "call_1", "output": "18"},
        {
            "type": "custom_tool_call_output",
            "call_id": "call_2",
            "output": [{"type": "input_text", "text": "done"}, {"type": "input_image", "file_id": "file-1"}],
        },
    )
    assert messages[1:] == [
        Message(
            Role.ASSISTANT,
            [
                Reasoning("One.\n\nTwo.", ["Ask."], None, "gAAA", "rs_1", _HERE),
                Text(
                    "Let me look.",
                    [Citation(_HERE, annotation, url="https://a.test", title="A", start=0, end=5)],
                ),
                Refusal("No."),
                ToolCall("call_1", "get_weather", '{"location":"Paris"}', item_id="fc_1"),
                ToolCall("call_2", "apply_patch", "*** Begin", freeform=True),
            ],
        ),
        Message(
            Role.USER,
            [
                ToolResult("call_1", [Text("18")]),
                ToolResult("call_2", [Text("done"), Image(Source(file_id="file-1"))], freeform=True),
            ],
        ),
    ]
    assert [part.path for part in messages[1].parts][:3] == [
        "input.1",
        "input.2.content.0",
        "input.2.content.1",
    ]


def test_a_thought_without_a_secret_is_nobodys() -> None:
    item = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
    assert read_items(item) == [Message(Role.ASSISTANT, [Reasoning("Hm.")])]


def test_what_hosted_tools_did_is_kept_as_it_came() -> None:
    call = {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "q"},
    }
    output = {"type": "shell_call_output", "call_id": "c", "output": []}
    assert read_items(call, output) == [
        Message(Role.ASSISTANT, [Native(_HERE, call)]),
        Message(Role.USER, [Native(_HERE, output)]),
    ]


def test_tools_of_every_kind_are_read() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}
    search = {"type": "web_search", "search_context_size": "low"}
    asked = read(
        tools=[
            _WEATHER,
            {"type": "custom", "name": "apply_patch", "description": "Patch.", "format": grammar},
            {"type": "custom", "name": "say", "format": {"type": "text"}},
            {
                "type": "namespace",
                "name": "mcp__files",
                "description": "Tools in the mcp__files namespace.",
                "tools": [{"type": "function", "name": "list", "parameters": {}, "strict": None}],
            },
            search,
        ]
    )
    parameters: Any = _WEATHER["parameters"]
    assert asked.tools == [
        Tool("get_weather", "Get current temperature for a given location.", parameters, strict=True),
        Tool("apply_patch", "Patch.", freeform=True, format=grammar),
        Tool("say", freeform=True),
        Tool("list", parameters={}, namespace="mcp__files"),
        NativeTool(_HERE, "web_search", search),
    ]
    assert asked.other == [
        OtherField("tools.3.description", "Tools in the mcp__files namespace.", is_harmless=True)
    ]


def test_tools_that_come_with_the_input_are_offered_too() -> None:
    """As Codex sends them to OpenAI's newer models."""
    custom = {"type": "custom", "name": "exec", "description": "Runs code."}
    space = {"type": "namespace", "name": "functions", "description": "", "tools": [custom]}
    asked = read(
        input=[
            {"type": "additional_tools", "id": "at_1", "role": "developer", "tools": [space, _WEATHER]},
            {"role": "user", "content": "hi"},
        ],
        tool_choice={"type": "function", "name": "get_weather"},
    )
    assert asked.messages == [Message(Role.USER, [Text("hi")])]
    assert [(tool.name, tool.namespace) for tool in asked.tools if isinstance(tool, Tool)] == [
        ("exec", "functions"),
        ("get_weather", None),
    ]
    assert asked.tool_choice == ToolChoice(ToolUse.REQUIRED, ("get_weather",))
    assert asked.other == []


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", None),
        (None, None),
        ("none", ToolChoice(ToolUse.NONE)),
        ("required", ToolChoice(ToolUse.REQUIRED)),
        ({"type": "function", "name": "get_weather"}, ToolChoice(ToolUse.REQUIRED, ("get_weather",))),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "get_weather"}]},
            ToolChoice(ToolUse.AUTO, ("get_weather",)),
        ),
    ],
)
def test_the_choice_among_tools_is_read(choice: Any, expected: ToolChoice | None) -> None:
    asked = read(tools=[_WEATHER], tool_choice=choice)
    assert asked.tool_choice == expected
    assert not asked.other


@pytest.mark.parametrize(
    ("choice", "path"),
    [
        ({"type": "image_generation"}, "tool_choice"),
        ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp"}]}, "tool_choice.tools"),
    ],
)
def test_the_choice_of_a_hosted_tool_can_be_told_to_nobody_else(choice: dict[str, Any], path: str) -> None:
    (other,) = read(tools=[_WEATHER], tool_choice=choice).other
    assert (other.path, other.is_harmless) == (path, False)


def test_how_to_answer_is_read() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    asked = read(
        text={
            "format": {"type": "json_schema", "name": "answer", "schema": schema, "strict": True},
            "verbosity": "low",
        },
        reasoning={"effort": "high", "summary": "auto", "context": "auto"},
        include=["reasoning.encrypted_content", "message.output_text.logprobs"],
        max_output_tokens=100,
        temperature=0.5,
        top_p=1,
        top_logprobs=3,
        metadata={"order": "7"},
        service_tier="flex",
        parallel_tool_calls=False,
        stream=True,
        user="somebody",
        safety_identifier="somebody",
    )
    assert asked == Conversation(
        "gpt-5",
        [Message(Role.USER, [Text("hi")])],
        output_format=OutputFormat(schema, "answer", strict=True),
        verbosity="low",
        reasoning=ReasoningAsked(effort="high", summary="auto", shown=True, encrypted=True),
        max_output_tokens=100,
        sampling=Sampling(temperature=0.5, top_p=1),
        top_logprobs=3,
        metadata={"order": "7"},
        service_tier="flex",
        parallel_tool_calls=False,
        stream=True,
        user="somebody",
    )


def test_nulls_and_defaults_ask_for_nothing() -> None:
    nulls = dict.fromkeys(
        [
            *(
                "instructions",
                "tools",
                "tool_choice",
                "text",
                "reasoning",
                "include",
                "metadata",
                "user",
                "prompt",
            ),
            *(
                "previous_response_id",
                "conversation",
                "background",
                "store",
                "truncation",
                "top_logprobs",
                "stream",
            ),
            *(
                "max_output_tokens",
                "temperature",
                "top_p",
                "service_tier",
                "parallel_tool_calls",
                "stream_options",
            ),
            *("max_tool_calls", "safety_identifier", "prompt_cache_key", "context_management", "of_tomorrow"),
        ]
    )
    defaults = {
        "tools": [],
        "tool_choice": "auto",
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "reasoning": {"effort": None, "summary": None, "mode": "standard"},
        "include": [],
        "store": False,
        "background": False,
        "truncation": "disabled",
        "service_tier": "auto",
        "parallel_tool_calls": True,
        "stream": False,
        "stream_options": {"include_obfuscation": False},
        "top_logprobs": 0,
        "metadata": {},
        "context_management": [],
    }
    assert read(**nulls) == read(**defaults) == read()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"reasoning": {"effort": "none"}}, ReasoningAsked(enabled=False, effort="none")),
        ({"reasoning": {"generate_summary": "concise"}}, ReasoningAsked(summary="concise", shown=True)),
        ({"include": ["reasoning.encrypted_content"]}, ReasoningAsked(encrypted=True)),
    ],
)
def test_how_much_to_think_is_read(fields: dict[str, Any], expected: ReasoningAsked) -> None:
    assert read(**fields).reasoning == expected


def test_log_probabilities_of_the_chosen_tokens_are_asked_for_by_name() -> None:
    assert read(include=["message.output_text.logprobs"]).top_logprobs == 0


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        ({"store": True}, ["store"]),
        ({"truncation": "auto"}, ["truncation"]),
        ({"prompt_cache_key": "k", "client_metadata": {"a": "b"}}, ["client_metadata", "prompt_cache_key"]),
        ({"include": ["web_search_call.action.sources"]}, ["include.0"]),
        ({"stream_options": {"include_obfuscation": True}}, ["stream_options.include_obfuscation"]),
        (
            {"input": [{"role": "assistant", "content": "a", "phase": "commentary"}]},
            ["input.0.phase"],
        ),
        ({"tools": [_WEATHER | {"defer_loading": True}]}, ["tools.0.defer_loading"]),
        ({"reasoning": {"context": "all_turns"}}, ["reasoning.context"]),
        ({"user": "a", "safety_identifier": "b"}, ["safety_identifier"]),
    ],
)
def test_what_changes_no_answer_is_left_out_harmlessly(fields: dict[str, Any], paths: list[str]) -> None:
    other = read(**fields).other
    assert [each.path for each in other] == paths
    assert all(each.is_harmless for each in other)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"of_tomorrow": 1}, "of_tomorrow"),
        ({"of_tomorrow": False}, "of_tomorrow"),
        ({"moderation": {"model": "m"}}, "moderation"),
        ({"context_management": [{"type": "compaction"}]}, "context_management"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
        ({"include": ["of.tomorrow"]}, "include.0"),
        ({"tools": [_WEATHER | {"allowed_callers": ["programmatic"]}]}, "tools.0.allowed_callers"),
        (
            {
                "input": [
                    {
                        "type": "function_call_output",
                        "call_id": "c",
                        "output": "",
                        "caller": {"type": "program", "caller_id": "p"},
                    }
                ]
            },
            "input.0.caller",
        ),
    ],
)
def test_what_may_change_an_answer_is_not_harmless(fields: dict[str, Any], path: str) -> None:
    (other,) = read(**fields).other
    assert (other.path, other.is_harmless) == (path, False)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"background": True}, "background"),
        ({"background": "yes"}, "background"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input.0"),
        ({"input": [{"id": "msg_1"}]}, "input.0"),
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
        ({"input": None}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": {}}, "input"),
        ({"input": ["hi"]}, "input.0"),
        ({"input": [{}]}, "input.0.type"),
        ({"input": [{"type": 5}]}, "input.0.type"),
        ({"input": [{"role": "tool", "content": "a"}]}, "input.0.role"),
        ({"input": [{"type": "message", "content": "a"}]}, "input.0.role"),
        ({"input": [{"role": "user"}]}, "input.0.content"),
        ({"input": [{"role": "user", "content": []}]}, "input.0.content"),
        ({"input": [{"role": "user", "content": 5}]}, "input.0.content"),
        ({"input": [{"role": "user", "content": ["a"]}]}, "input.0.content.0"),
        ({"input": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}, "input.0.content.0.type"),
        ({"input": [{"role": "user", "content": [{"text": "a"}]}]}, "input.0.content.0.type"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input.0.content.0.text"),
        ({"input": [{"type": "function_call_output", "output": "a"}]}, "input.0.call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "c"}]}, "input.0.output"),
        (
            {"input": [{"type": "function_call", "call_id": "c", "name": "n", "arguments": {}}]},
            "input.0.arguments",
        ),
        ({"input": [{"type": "custom_tool_call", "call_id": "c", "name": "n"}]}, "input.0.input"),
        ({"input": [{"type": "reasoning", "summary": ["a"]}]}, "input.0.summary.0"),
        ({"instructions": ["a"]}, "instructions"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"name": "a"}]}, "tools.0.type"),
        ({"tools": [{"type": "function", "function": {"name": "a"}}]}, "tools.0.name"),
        ({"tools": [_WEATHER | {"parameters": "a"}]}, "tools.0.parameters"),
        ({"tools": [{"type": "namespace", "name": "a", "tools": [{"type": "mcp"}]}]}, "tools.0.tools.0.type"),
        ({"tools": [{"type": "custom", "name": "a", "format": {"type": "regex"}}]}, "tools.0.format.type"),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "name": "get_weather"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}}, "tool_choice.tools"),
        ({"text": {"format": {}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "a"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name"),
        ({"text": {"verbosity": "chatty"}}, "text.verbosity"),
        ({"reasoning": {"effort": "some"}}, "reasoning.effort"),
        ({"include": "reasoning.encrypted_content"}, "include"),
        ({"include": [5]}, "include.0"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"max_output_tokens": True}, "max_output_tokens"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"metadata": {"a": 5}}, "metadata.a"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        ({"service_tier": "gold"}, "service_tier"),
        ({"stream": "true"}, "stream"),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(**fields)
    assert caught.value.param == param
    assert param in caught.value.message


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"type": "input_image"}, ".image_url"),
        ({"type": "input_image", "image_url": "ftp://a.test/i.png"}, ".image_url"),
        ({"type": "input_image", "image_url": f"data:text/plain;base64,{_PNG}"}, ".image_url"),
        ({"type": "input_image", "image_url": "data:image/png;base64,!"}, ".image_url"),
        ({"type": "input_image", "image_url": {"url": "https://a.test"}}, ".image_url"),
        ({"type": "input_image", "image_url": "https://a.test", "file_id": "f"}, ""),
        ({"type": "input_image", "image_url": "https://a.test", "detail": "fine"}, ".detail"),
        ({"type": "input_file", "file_data": "a"}, ".file_data"),
        ({"type": "input_file", "file_url": "file:///etc/passwd"}, ".file_url"),
        ({"type": "input_file", "filename": "a.pdf"}, ".file_data"),
        ({"type": "input_audio", "input_audio": {"data": _PNG}}, ".input_audio.format"),
        ({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, ".input_audio.data"),
        ({"type": "input_audio", "input_audio": _PNG}, ".input_audio"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(part: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_items({"role": "user", "content": [part]})
    assert caught.value.param == f"input.0.content.0{field}"


def test_what_codex_sends_is_read() -> None:
    asked = OPENAI_RESPONSES.read_request(
        {
            "model": "gpt-5-codex",
            "instructions": "You are Codex.",
            "input": [
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "<environment_context>"}],
                },
                {"type": "reasoning", "summary": [], "content": None, "encrypted_content": "gAAA"},
                {
                    "type": "custom_tool_call",
                    "status": "completed",
                    "call_id": "c",
                    "name": "apply_patch",
                    "input": "x",
                },
                {"type": "custom_tool_call_output", "call_id": "c", "output": "ok"},
            ],
            "tools": [
                {"type": "function", "name": "shell", "description": "", "strict": False, "parameters": {}},
                {"type": "web_search", "external_web_access": True},
            ],
            "tool_choice": "auto",
            "parallel_tool_calls": True,
            "reasoning": {"summary": "auto"},
            "store": False,
            "stream": True,
            "include": ["reasoning.encrypted_content"],
            "prompt_cache_key": "0199",
            "client_metadata": {"x-codex-installation-id": "i"},
        }
    )
    assert asked.messages[2].parts == [
        Reasoning(encrypted="gAAA", made_by=_HERE),
        ToolCall("c", "apply_patch", "x", freeform=True),
    ]
    assert [each.path for each in asked.other] == ["client_metadata", "prompt_cache_key"]
