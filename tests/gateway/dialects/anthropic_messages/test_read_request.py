"""Requests of the Messages API are read for what they say, and refused by the name of the field that is wrong."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aio_platform.errors import InvalidRequest
from gateway.dialects.conversation import (
    Citation,
    Conversation,
    Document,
    Image,
    Message,
    Native,
    NativeTool,
    OtherField,
    OutputFormat,
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
from tests.gateway.dialects.anthropic_messages.asking import HERE, PNG, read, written
from tests.gateway.dialects.anthropic_messages.bodies import bodies

PDF = "JVBERi0xLjQ="
HELLO = [{"role": "user", "content": "Hello, Claude"}]


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "claude-opus-4-8", "max_tokens": 1024, "messages": HELLO} | fields


def said(*blocks: Any, role: str = "user") -> dict[str, Any]:
    """A body whose only message of interest, the first, says these blocks."""
    after = [] if role == "user" else HELLO
    return body(messages=[{"role": role, "content": list(blocks)}, *after])


def test_a_plain_request_is_read_with_its_fields() -> None:
    asked = read(
        body(
            system="Be brief",
            temperature=0.5,
            top_p=0.9,
            top_k=5,
            stop_sequences=["END"],
            stream=True,
            metadata={"user_id": "u1"},
            service_tier="standard_only",
        )
    )
    assert asked == Conversation(
        "claude-opus-4-8",
        [Message(Role.SYSTEM, [Text("Be brief")]), Message(Role.USER, [Text("Hello, Claude")])],
        max_output_tokens=1024,
        sampling=Sampling(temperature=0.5, top_p=0.9, top_k=5),
        stop=("END",),
        stream=True,
        user="u1",
        service_tier="default",
    )


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}, Text("Hi", cache_ttl="5m")),
        (
            {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            Text("Hi", cache_ttl="1h"),
        ),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            Image(Source(base64=PNG, media_type="image/png")),
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://a.test/cat.png"}},
            Image(Source(url="https://a.test/cat.png")),
        ),
        (
            {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
            Image(Source(file_id="file_1")),
        ),
        (
            {
                "type": "document",
                "title": "My PDF",
                "context": "Trusted",
                "citations": {"enabled": True},
                "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
            },
            Document(
                Source(base64=PDF, media_type="application/pdf"),
                file_name="My PDF",
                context="Trusted",
                cites=True,
            ),
        ),
        (
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "Grass is green."},
            },
            Document(text="Grass is green."),
        ),
        (
            {
                "type": "document",
                "source": {
                    "type": "content",
                    "content": [{"type": "text", "text": "One"}, {"type": "text", "text": "Two"}],
                },
            },
            Document(text="One\n\nTwo"),
        ),
        (
            {
                "type": "search_result",
                "source": "https://a.test/docs",
                "title": "Docs",
                "content": [{"type": "text", "text": "Keys go in the header."}],
                "citations": {"enabled": True},
            },
            Document(
                text="Keys go in the header.", file_name="Docs", context="https://a.test/docs", cites=True
            ),
        ),
        (
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": "15 degrees"},
            ToolResult("toolu_1", [Text("15 degrees")]),
        ),
        ({"type": "tool_result", "tool_use_id": "toolu_1"}, ToolResult("toolu_1", [])),
        (
            {
                "type": "tool_result",
                "tool_use_id": "toolu_1",
                "is_error": True,
                "content": [{"type": "text", "text": "No such city"}],
            },
            ToolResult("toolu_1", [Text("No such city")], is_error=True),
        ),
    ],
)
def test_a_block_of_the_user_is_read(block: dict[str, Any], part: Any) -> None:
    asked = read(said(block))
    assert asked.messages == [Message(Role.USER, [part])]
    assert asked.messages[0].parts[0].path == "messages.0.content.0"
    assert asked.other == []


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"location": "Paris"}},
            ToolCall("toolu_1", "get_weather", '{"location":"Paris"}'),
        ),
        (
            {
                "type": "tool_use",
                "id": "toolu_1",
                "name": "now",
                "input": {},
                "caller": {"type": "direct"},
            },
            ToolCall("toolu_1", "now", "{}"),
        ),
        (
            {"type": "thinking", "thinking": "Let me see", "signature": "EqoB"},
            Reasoning("Let me see", signature="EqoB", made_by=HERE),
        ),
        (
            {"type": "thinking", "thinking": "", "signature": "EqoB"},
            Reasoning(signature="EqoB", made_by=HERE),
        ),
        ({"type": "redacted_thinking", "data": "EmwK"}, Reasoning(encrypted="EmwK", made_by=HERE)),
        (
            {
                "type": "text",
                "text": "Green.",
                "citations": [{"type": "char_location", "cited_text": "Grass", "document_title": "Doc"}],
            },
            Text(
                "Green.",
                [
                    Citation(
                        HERE,
                        {"type": "char_location", "cited_text": "Grass", "document_title": "Doc"},
                        title="Doc",
                        cited_text="Grass",
                    )
                ],
            ),
        ),
    ],
)
def test_a_block_of_the_assistant_is_read(block: dict[str, Any], part: Any) -> None:
    asked = read(said(block, role="assistant"))
    assert asked.messages[0].parts == [part]
    assert asked.other == []


@pytest.mark.parametrize(
    ("role", "block"),
    [
        ("assistant", {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}}),
        ("assistant", {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}),
        ("assistant", {"type": "compaction", "content": "Earlier: …"}),
        (
            "assistant",
            {
                "type": "tool_use",
                "id": "t",
                "name": "f",
                "input": {},
                "caller": {"type": "code_execution_20250825", "tool_id": "s1"},
            },
        ),
        ("user", {"type": "container_upload", "file_id": "file_1"}),
        ("user", {"type": "mid_conv_system", "content": [{"type": "text", "text": "Be brief"}]}),
        (
            "user",
            {
                "type": "document",
                "source": {
                    "type": "content",
                    "content": [{"type": "image", "source": {"type": "url", "url": "https://a.test/a.png"}}],
                },
            },
        ),
    ],
)
def test_what_only_anthropic_knows_is_kept_as_it_is(role: str, block: dict[str, Any]) -> None:
    [part] = read(said(block, role=role)).messages[0].parts
    assert part == Native(HERE, block)


def test_a_tool_that_was_found_is_told_by_its_name() -> None:
    """As Claude Code's own search of its tools answers."""
    found = {"type": "tool_reference", "tool_name": "f"}
    asked = read(said({"type": "tool_result", "tool_use_id": "t", "content": [found]}))
    assert asked.messages[0].parts == [ToolResult("t", [Text("f")])]
    assert asked.other == [OtherField("messages.0.content.0.content.0", found, is_harmless=True)]


def test_instructions_among_the_messages_stay_where_they_stand() -> None:
    """As Claude Code sends them, empty ones too."""
    asked = read(
        body(
            messages=[
                *HELLO,
                {"role": "system", "content": [{"type": "text", "text": "Now in French"}]},
                {"role": "system", "content": ""},
            ]
        )
    )
    assert asked.messages == [
        Message(Role.USER, [Text("Hello, Claude")]),
        Message(Role.SYSTEM, [Text("Now in French")]),
    ]


def test_a_mark_of_the_whole_request_marks_the_last_part_that_can_be_kept() -> None:
    asked = read(
        body(
            cache_control={"type": "ephemeral", "ttl": "1h"},
            messages=[
                *HELLO,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "Hm"},
                        {"type": "thinking", "thinking": "", "signature": "E"},
                    ],
                },
            ],
        )
    )
    assert asked.messages[1].parts[0] == Text("Hm", cache_ttl="1h")


def test_tools_are_read_and_the_provider_s_own_keep_their_form() -> None:
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    schema = {"type": "object", "properties": {"q": {"type": "string"}}}
    asked = read(
        body(
            tools=[
                {"name": "f", "description": "Finds", "input_schema": schema, "strict": True},
                {
                    "type": "custom",
                    "name": "g",
                    "input_schema": {"type": "object"},
                    "cache_control": {"type": "ephemeral"},
                    "allowed_callers": ["direct"],
                    "eager_input_streaming": True,
                    "input_examples": [{"q": "a"}],
                },
                search,
            ],
            tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True},
        )
    )
    assert asked.tools == [
        Tool("f", "Finds", schema, strict=True),
        Tool("g", None, {"type": "object"}, cache_ttl="5m"),
        NativeTool(HERE, "web_search", search),
    ]
    assert asked.tool_choice == ToolChoice(ToolUse.REQUIRED, ("f",))
    assert asked.parallel_tool_calls is False
    assert asked.other == [
        OtherField("tools.1.eager_input_streaming", True, is_harmless=True),
        OtherField("tools.1.input_examples", [{"q": "a"}]),
    ]


@pytest.mark.parametrize(
    ("fields", "reasoning"),
    [
        (
            {"thinking": {"type": "enabled", "budget_tokens": 10000}},
            ReasoningAsked(enabled=True, budget_tokens=10000, encrypted=True),
        ),
        (
            {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "high"}},
            ReasoningAsked(enabled=True, effort="high", shown=False, encrypted=True),
        ),
        ({"thinking": {"type": "disabled"}}, ReasoningAsked(enabled=False)),
        ({"output_config": {"effort": "max"}}, ReasoningAsked(effort="max")),
        ({"thinking": None, "output_config": None}, None),
    ],
)
def test_thinking_is_read(fields: dict[str, Any], reasoning: ReasoningAsked | None) -> None:
    assert read(body(**fields)).reasoning == reasoning


@pytest.mark.parametrize("name", ["output_config", "output_format"])
def test_a_schema_for_the_answer_is_read_from_both_of_its_places(name: str) -> None:
    wanted = {"type": "json_schema", "schema": {"type": "object"}}
    fields = {"output_config": {"format": wanted}} if name == "output_config" else {name: wanted}
    assert read(body(**fields)).output_format == OutputFormat(schema={"type": "object"})


@pytest.mark.parametrize(
    ("fields", "other"),
    [
        ({"container": "container_1"}, OtherField("container", "container_1")),
        ({"mcp_servers": [{"type": "url"}]}, OtherField("mcp_servers", [{"type": "url"}])),
        ({"mcp_servers": []}, None),
        ({"inference_geo": "eu"}, OtherField("inference_geo", "eu")),
        (
            {"context_management": {"edits": [{"type": "clear_thinking_20251015"}]}},
            OtherField(
                "context_management", {"edits": [{"type": "clear_thinking_20251015"}]}, is_harmless=True
            ),
        ),
        ({"speed": "fast"}, OtherField("speed", "fast", is_harmless=True)),
        ({"brand_new": 1}, OtherField("brand_new", 1)),
        ({"brand_new": None}, None),
        ({"max_tokens": 0}, OtherField("max_tokens", 0)),
        ({"thread": {"type": "create"}}, OtherField("thread", {"type": "create"})),
        (
            {"thinking": {"type": "between_tools"}},
            OtherField("thinking.type", "between_tools", is_harmless=True),
        ),
        (
            {"output_config": {"task_budget": {"total": 9}}},
            OtherField("output_config.task_budget", {"total": 9}),
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "new": 1}]}]},
            OtherField("messages.0.content.0.new", 1),
        ),
        (
            {
                "system": [
                    {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "scope": "global"}}
                ]
            },
            OtherField("system.0.cache_control.scope", "global", is_harmless=True),
        ),
    ],
)
def test_a_field_without_a_place_is_kept_by_its_path(
    fields: dict[str, Any], other: OtherField | None
) -> None:
    assert read(body(**fields)).other == ([] if other is None else [other])


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({}, "messages"),
        (body(model=None), "model"),
        (body(model=""), "model"),
        (body(max_tokens=None), "max_tokens"),
        (body(max_tokens=-1), "max_tokens"),
        (body(max_tokens=True), "max_tokens"),
        (body(max_tokens=2**63), "max_tokens"),
        (body(messages=[]), "messages"),
        (body(messages="Hi"), "messages"),
        (body(messages=["Hi"]), "messages.0"),
        (body(messages=[{"role": "tool", "content": "Hi"}]), "messages.0.role"),
        (body(messages=[{"content": "Hi"}]), "messages.0.role"),
        (body(messages=[{"role": "user"}]), "messages.0.content"),
        (body(messages=[{"role": "user", "content": ""}]), "messages.0.content"),
        (body(messages=[{"role": "user", "content": []}]), "messages.0.content"),
        (body(messages=[{"role": "assistant", "content": ""}, *HELLO]), "messages.0.content"),
        (body(messages=[{"role": "system", "content": "Hi"}]), "messages"),
        (said("Hi"), "messages.0.content.0"),
        (said({"text": "Hi"}), "messages.0.content.0.type"),
        (said({"type": ["text"]}), "messages.0.content.0.type"),
        (said({"type": "text", "text": ""}), "messages.0.content.0.text"),
        (said({"type": "text", "text": 1}), "messages.0.content.0.text"),
        (said({"type": "image"}), "messages.0.content.0.source"),
        (
            said({"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": PNG}}),
            "messages.0.content.0.source.media_type",
        ),
        (
            said({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "a b"}}),
            "messages.0.content.0.source.data",
        ),
        (
            said({"type": "image", "source": {"type": "url", "url": "file:///etc/passwd"}}),
            "messages.0.content.0.source.url",
        ),
        (
            said({"type": "document", "source": {"type": "content", "content": [3]}}),
            "messages.0.content.0.source.content.0",
        ),
        (said({"type": "tool_result", "content": "x"}), "messages.0.content.0.tool_use_id"),
        (
            said({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text"}]}),
            "messages.0.content.0.content.0.text",
        ),
        (said({"type": "tool_use", "id": "t", "name": "f", "input": {}}), "messages.0.content.0.type"),
        (said({"type": "thinking", "thinking": "", "signature": ""}), "messages.0.content.0.type"),
        (said({"type": "tool_result", "tool_use_id": "t"}, role="assistant"), "messages.0.content.0.type"),
        (
            said({"type": "tool_use", "id": "t", "name": "f", "input": "{}"}, role="assistant"),
            "messages.0.content.0.input",
        ),
        (
            said({"type": "text", "text": "a", "cache_control": {"type": "forever"}}),
            "messages.0.content.0.cache_control.type",
        ),
        (
            said({"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1d"}}),
            "messages.0.content.0.cache_control.ttl",
        ),
        (body(system=[{"type": "image"}]), "system.0.type"),
        (body(system=7), "system"),
        (body(temperature=1.5), "temperature"),
        (body(temperature="1"), "temperature"),
        (body(top_p=-0.1), "top_p"),
        (body(top_k=1.5), "top_k"),
        (body(stop_sequences=["\n"]), "stop_sequences.0"),
        (body(stop_sequences="END"), "stop_sequences"),
        (body(thinking={"type": "enabled"}), "thinking.budget_tokens"),
        (body(thinking={"type": "enabled", "budget_tokens": 1000}), "thinking.budget_tokens"),
        (body(thinking={"type": "maybe"}), "thinking.type"),
        (body(output_config={"effort": "huge"}), "output_config.effort"),
        (body(output_config={"format": {"type": "json_object"}}), "output_config.format.type"),
        (body(output_config={"format": {"type": "json_schema"}}), "output_config.format.schema"),
        (body(tools=[{"input_schema": {}}]), "tools.0.name"),
        (body(tools=[{"name": "f"}]), "tools.0.input_schema"),
        (body(tool_choice={"type": "tool"}), "tool_choice.name"),
        (body(tool_choice="auto"), "tool_choice"),
        (body(metadata="u1"), "metadata"),
        (body(metadata={"user_id": 1}), "metadata.user_id"),
        (body(service_tier="flex"), "service_tier"),
        (body(stream="yes"), "stream"),
    ],
)
def test_a_wrong_field_is_named(values: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(values)
    assert refused.value.message.startswith(f"{path}: ")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def _damaged(draw: st.DrawFn) -> dict[str, Any]:
    """A legal body of which one value, anywhere, is something else."""
    values = deepcopy(draw(bodies()))
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in list(pairs):
            places.append((value, key))
            if isinstance(inner, dict | list):
                walk(inner)

    walk(values)
    owner, key = draw(st.sampled_from(places))
    owner[key] = draw(_JSON)
    return values


@settings(max_examples=60)
@given(st.dictionaries(st.text(max_size=8), _JSON) | _damaged())
def test_any_json_is_read_or_refused(values: dict[str, Any]) -> None:
    try:
        asked = read(values)
    except InvalidRequest:
        return
    assert asked.messages


@settings(max_examples=60)
@given(bodies())
def test_what_is_written_reads_as_what_was_read(values: dict[str, Any]) -> None:
    asked = read(values)
    again, losses = written(asked)
    expected = read(again)
    if asked.reasoning is not None and "thinking" not in again:
        # A budget cannot go with a turn of tools that began without a thought.
        assert [loss.path for loss in losses] == ["thinking"]
        expected.reasoning = asked.reasoning
    else:
        assert losses == []
    assert expected == asked
