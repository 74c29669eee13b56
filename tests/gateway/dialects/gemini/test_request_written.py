"""Conversations of other dialects, and the bodies that Google's API gets for them."""

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
from gateway.dialects.dialect import Loss, Written
from gateway.dialects.gemini.dialect import GEMINI

SKIP = "skip_thought_signature_validator"


def write(*messages: Message, model: str = "gemini-2.5-flash", **asked: Any) -> Written:
    return GEMINI.write_request(
        Conversation(model=model, messages=list(messages) or [user(Text(text="hi"))], **asked)
    )


def user(*parts: Part, **more: Any) -> Message:
    return Message(Role.USER, list(parts), **more)


def model_says(*parts: Part) -> Message:
    return Message(Role.ASSISTANT, list(parts))


def system(text: str, **more: Any) -> Message:
    return Message(Role.SYSTEM, [Text(text=text)], **more)


def written_parts(*parts: Part, model: str = "gemini-2.5-flash") -> list[dict[str, Any]]:
    written = write(user(*parts), model=model)
    assert written.losses == []
    (content,) = written.values["contents"]
    return content["parts"]


def losses_of(*parts: Part, **more: Any) -> list[Loss]:
    return write(user(Text(text="hi"), *parts), **more).losses


def test_neither_the_model_nor_the_stream_is_in_the_body() -> None:
    assert write(stream=True).values == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_the_system_speaks_first_and_what_it_says_later_is_said_there_too() -> None:
    written = write(
        system("one"), user(Text(text="hi")), system("two", path="messages.2"), model_says(Text(text="yes"))
    )
    assert written.values["systemInstruction"] == {"parts": [{"text": "one"}, {"text": "two"}]}
    assert [content["role"] for content in written.values["contents"]] == ["user", "model"]
    assert written.losses == [Loss("messages.2", False)]


def test_a_talk_of_the_system_alone_is_asked_as_the_user() -> None:
    written = write(system("hi", path="messages.0"))
    assert written.values == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    assert written.losses == [Loss("messages.0", False)]


def test_a_picture_of_the_system_cannot_be_shown() -> None:
    picture = Image(source=Source(url="https://a.test/a.png"), path="messages.0.content.0")
    written = write(Message(Role.SYSTEM, [picture]), user(Text(text="hi")))
    assert written.losses == [Loss("messages.0.content.0", True)]


def test_messages_of_one_role_in_a_row_become_one() -> None:
    written = write(
        user(Text(text="go")),
        model_says(ToolCall(id="1", name="a", arguments="{}")),
        model_says(ToolCall(id="2", name="b", arguments="{}")),
        user(ToolResult(call_id="1", parts=[Text(text="A")])),
        user(ToolResult(call_id="2", parts=[Text(text="B")])),
        user(Text(text="well?")),
    )
    assert written.values["contents"] == [
        {"role": "user", "parts": [{"text": "go"}]},
        {
            "role": "model",
            "parts": [
                {"functionCall": {"id": "1", "name": "a", "args": {}}},
                {"functionCall": {"id": "2", "name": "b", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "1", "name": "a", "response": {"output": "A"}}},
                {"functionResponse": {"id": "2", "name": "b", "response": {"output": "B"}}},
                {"text": "well?"},
            ],
        },
    ]
    assert written.losses == []


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            Image(source=Source(base64="aGk=", media_type="image/webp")),
            {"inlineData": {"mimeType": "image/webp", "data": "aGk="}},
        ),
        (
            Image(source=Source(base64="iVBORw0KGgoAAA==")),
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgoAAA=="}},
        ),
        (
            Image(source=Source(url="data:image/gif;base64,R0lG")),
            {"inlineData": {"mimeType": "image/gif", "data": "R0lG"}},
        ),
        (
            Image(source=Source(url="https://a.test/b.png?c=1")),
            {"fileData": {"mimeType": "image/png", "fileUri": "https://a.test/b.png?c=1"}},
        ),
        (
            Image(source=Source(url="https://a.test/b")),
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://a.test/b"}},
        ),
        (
            Image(source=Source(url="https://a.test/film.mp4")),
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://a.test/film.mp4"}},
        ),
        (
            Image(source=Source(url="https://a.test/book.pdf")),
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://a.test/book.pdf"}},
        ),
        (
            Image(source=Source(file_id="gs://bucket/a", media_type="image/png")),
            {"fileData": {"mimeType": "image/png", "fileUri": "gs://bucket/a"}},
        ),
        (
            Audio(source=Source(base64="aGk="), format="mp3"),
            {"inlineData": {"mimeType": "audio/mp3", "data": "aGk="}},
        ),
        (
            Document(source=Source(url="https://a.test/b")),
            {"fileData": {"mimeType": "application/pdf", "fileUri": "https://a.test/b"}},
        ),
        (Document(text="a whole book"), {"text": "a whole book"}),
        (Refusal(text="no"), {"text": "no"}),
        (Native(dialect=DialectName.GEMINI, values={"executableCode": {}}), {"executableCode": {}}),
    ],
)
def test_a_part_is_written_as_gemini_has_it(part: Part, expected: dict[str, Any]) -> None:
    assert written_parts(part) == [expected]


def test_how_finely_a_picture_is_seen_is_told_to_current_models() -> None:
    picture = Image(source=Source(url="https://a.test/b.png"), detail="low", path="messages.0.content.1")
    (part,) = written_parts(picture, model="gemini-3-pro-preview")
    assert part["mediaResolution"] == {"level": "MEDIA_RESOLUTION_LOW"}
    assert losses_of(picture) == [Loss("messages.0.content.1", False)]


@pytest.mark.parametrize(
    ("part", "changes_meaning"),
    [
        (Image(source=Source(file_id="file-abc")), True),
        (Native(dialect=DialectName.ANTHROPIC_MESSAGES, values={"type": "server_tool_use"}), True),
        (ToolCall(id="1", name="f", arguments="[1]"), True),
        (ToolCall(id="1", name="f", arguments='{"a":'), True),
        (ToolCall(id="1", name="f", arguments='{"a": NaN}'), True),
        (ToolResult(call_id="unknown", parts=[Text(text="a")]), True),
        (Reasoning(text="hm", signature="s", made_by=DialectName.ANTHROPIC_MESSAGES), False),
        (Reasoning(encrypted="x", made_by=DialectName.OPENAI_RESPONSES), False),
        (Text(text="a", cache_ttl="5m"), False),
        (Text(text="a", citations=[Citation(DialectName.OPENAI_RESPONSES, {})]), False),
        (Document(text="a", file_name="b.txt"), False),
    ],
)
def test_what_gemini_cannot_be_told_of_a_part_is_named(part: Part, changes_meaning: bool) -> None:
    part.path = "messages.0.content.1"
    assert losses_of(part) == [Loss("messages.0.content.1", changes_meaning)]


def test_arguments_deeper_than_google_reads_are_named() -> None:
    deep = ToolCall(id="1", name="f", arguments='{"a":' + "[" * 5000 + "]" * 5000 + "}", path="p")
    assert losses_of(deep) == [Loss("p", True)]
    deep.arguments = '{"a":' + "[" * 300 + "]" * 300 + "}"
    assert losses_of(deep) == [Loss("p", True)]


def test_thoughts_of_gemini_and_of_nobody_are_sent_back() -> None:
    assert written_parts(
        Reasoning(text="I know", signature="c2ln", made_by=DialectName.GEMINI),
        Reasoning(summary=["one", "two"]),
        Text(text="yes", signature="c2ln"),
    ) == [
        {"text": "I know", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "one\n\ntwo", "thought": True},
        {"text": "yes", "thoughtSignature": "c2ln"},
    ]


def test_the_first_call_of_a_turn_is_signed_for_current_models() -> None:
    calls = [ToolCall(id=name, name=name, arguments="{}") for name in ("a", "b")]
    for model, expected in (("gemini-3-pro-preview", [SKIP, None]), ("gemini-2.5-pro", [None, None])):
        written = write(user(Text(text="go")), model_says(*calls), model=model)
        parts = written.values["contents"][1]["parts"]
        assert [part.get("thoughtSignature") for part in parts] == expected
    signed = ToolCall(id="a", name="a", arguments="{}", signature="c2ln")
    written = write(user(Text(text="go")), model_says(signed, calls[1]), model="gemini-3-pro-preview")
    parts = written.values["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == ["c2ln", None]


def test_empty_texts_are_left_out_beside_other_parts() -> None:
    call = ToolCall(id="1", name="f", arguments="")
    written = write(user(Text(text="go")), model_says(Text(text=""), call), user(Text(text="")))
    assert [content["parts"] for content in written.values["contents"]] == [
        [{"text": "go"}],
        [{"functionCall": {"id": "1", "name": "f", "args": {}}}],
        [{"text": ""}],
    ]
    assert written.losses == []


@pytest.mark.parametrize(
    ("result", "response"),
    [
        (ToolResult(call_id="1", parts=[Text(text="a"), Text(text="b")]), {"output": "a\nb"}),
        (ToolResult(call_id="1", parts=[Text(text="no")], is_error=True), {"error": "no"}),
        (
            ToolResult(call_id="1", parts=[Text(text='{"id": 12345678901234567890}')]),
            {"output": '{"id": 12345678901234567890}'},
        ),
        (ToolResult(call_id="1", parts=[Text(text="[1]")]), {"output": "[1]"}),
        (ToolResult(call_id="1", parts=[]), {"output": ""}),
    ],
)
def test_a_result_is_written_as_an_object(result: ToolResult, response: dict[str, Any]) -> None:
    written = write(model_says(ToolCall(id="1", name="f", arguments="{}")), user(result))
    assert written.values["contents"][1]["parts"] == [
        {"functionResponse": {"id": "1", "name": "f", "response": response}}
    ]
    assert written.losses == []


def test_pictures_of_a_result_stand_in_it_for_current_models_and_beside_it_for_others() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    result = ToolResult(
        call_id="1", parts=[Image(source=Source(base64="aGk=", media_type="image/png"))], name="shot"
    )
    assert written_parts(result, model="gemini-3-flash-preview") == [
        {"functionResponse": {"id": "1", "name": "shot", "response": {}, "parts": [picture]}}
    ]
    assert written_parts(result) == [
        {"functionResponse": {"id": "1", "name": "shot", "response": {"output": ""}}},
        picture,
    ]


def test_ids_that_were_made_up_here_are_left_out_again() -> None:
    body = {
        "model": "gemini-2.5-flash",
        "contents": [
            {"role": "user", "parts": [{"text": "go"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "2"}}}]},
        ],
    }
    assert GEMINI.write_request(GEMINI.read_request(body)).values["contents"] == body["contents"]


SCHEMA = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "additionalProperties": False}


def test_functions_keep_their_json_schema() -> None:
    written = write(tools=[Tool(name="f", description="d", parameters=SCHEMA), Tool(name="g")])
    assert written.values["tools"] == [
        {
            "functionDeclarations": [
                {"name": "f", "description": "d", "parametersJsonSchema": SCHEMA},
                {"name": "g"},
            ]
        }
    ]
    assert written.losses == []


def test_older_models_get_the_schema_that_they_know() -> None:
    written = write(
        model="gemini-2.0-flash",
        tools=[Tool(name="f", parameters=SCHEMA)],
        output_format=OutputFormat(SCHEMA),
    )
    known = {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}}
    assert written.values["tools"][0]["functionDeclarations"][0]["parameters"] == known
    assert written.values["generationConfig"]["responseSchema"] == known
    odd = {"type": "object", "patternProperties": {"a": {}}}
    written = write(model="gemini-2.0-flash", tools=[Tool(name="f", parameters=odd)])
    assert written.values["tools"][0]["functionDeclarations"][0] == {"name": "f", "parametersJsonSchema": odd}


def test_tools_that_google_runs_are_written_as_they_came() -> None:
    written = write(
        tools=[
            NativeTool(DialectName.GEMINI, "googleSearch", {"googleSearch": {}}),
            NativeTool(DialectName.OPENAI_RESPONSES, "web_search", {"type": "web_search"}, path="tools.1"),
        ]
    )
    assert written.values["tools"] == [{"googleSearch": {}}]
    assert written.losses == [Loss("tools.1", True)]


@pytest.mark.parametrize(
    ("tool", "changes_meaning"),
    [
        (Tool(name="f", freeform=True, format={"type": "grammar"}, path="tools.0"), False),
        (Tool(name="f", strict=True, path="tools.0"), False),
        (Tool(name="f", cache_ttl="5m", path="tools.0"), False),
    ],
)
def test_what_gemini_cannot_be_told_of_a_tool_is_named(tool: Tool, changes_meaning: bool) -> None:
    assert write(tools=[tool]).losses == [Loss("tools.0", changes_meaning)]


def test_a_freeform_tool_is_a_function_of_one_text() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: WORD"}
    written = write(
        model_says(ToolCall(id="1", name="apply_patch", arguments="*** patch", freeform=True)),
        user(ToolResult(call_id="1", parts=[Text(text="done")], freeform=True)),
        tools=[Tool(name="apply_patch", freeform=True, format=grammar, path="tools.0")],
    )
    assert written.values["tools"][0]["functionDeclarations"] == [
        {
            "name": "apply_patch",
            "parametersJsonSchema": {
                "type": "object",
                "properties": {
                    "input": {"type": "string", "description": "Follows this lark grammar:\nstart: WORD"}
                },
                "required": ["input"],
            },
        }
    ]
    call = written.values["contents"][0]["parts"][0]["functionCall"]
    assert call == {"id": "1", "name": "apply_patch", "args": {"input": "*** patch"}}
    assert written.losses == [Loss("tools.0", False)]


def test_a_namespace_stands_before_the_name_of_its_tools() -> None:
    written = write(
        model_says(ToolCall(id="1", name="read", arguments="{}", namespace="files")),
        user(ToolResult(call_id="1", parts=[Text(text="a")], name="read")),
        tools=[Tool(name="read", namespace="files")],
        tool_choice=ToolChoice(ToolUse.REQUIRED, ("read",)),
    )
    called, answered = (content["parts"][0] for content in written.values["contents"])
    assert called["functionCall"]["name"] == answered["functionResponse"]["name"] == "files__read"
    assert written.values["tools"][0]["functionDeclarations"][0]["name"] == "files__read"
    assert written.values["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == ["files__read"]
    assert written.losses == []


def test_nobody_can_be_made_to_call_what_google_runs() -> None:
    written = write(
        tools=[NativeTool(DialectName.GEMINI, "googleSearch", {"googleSearch": {}})],
        tool_choice=ToolChoice(ToolUse.REQUIRED, path="tool_choice"),
    )
    assert written.losses == [Loss("tool_choice", True)]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice(ToolUse.AUTO), {"mode": "AUTO"}),
        (ToolChoice(ToolUse.NONE), {"mode": "NONE"}),
        (ToolChoice(ToolUse.REQUIRED), {"mode": "ANY"}),
        (ToolChoice(ToolUse.REQUIRED, ("f",)), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (ToolChoice(ToolUse.AUTO, ("f",)), {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
    ],
)
def test_how_tools_are_to_be_used_is_written(choice: ToolChoice, expected: dict[str, Any]) -> None:
    written = write(tools=[Tool(name="f")], tool_choice=choice)
    assert written.values["toolConfig"] == {"functionCallingConfig": expected}


def test_a_generation_config_is_written_whole() -> None:
    written = write(
        max_output_tokens=10,
        stop=("a", "b"),
        choices=2,
        top_logprobs=3,
        sampling=Sampling(0.5, 0.25, 4, 2**40 + 3, 1, -1),
        service_tier="priority",
    )
    assert written.values["generationConfig"] == {
        "maxOutputTokens": 10,
        "candidateCount": 2,
        "stopSequences": ["a", "b"],
        "temperature": 0.5,
        "topP": 0.25,
        "topK": 4,
        "seed": 3,
        "presencePenalty": 1,
        "frequencyPenalty": -1,
        "responseLogprobs": True,
        "logprobs": 3,
    }
    assert written.values["serviceTier"] == "priority"
    assert written.losses == []


def test_the_form_of_an_answer_is_written_with_its_name_where_the_model_reads_it() -> None:
    written = write(output_format=OutputFormat(SCHEMA, name="answer", description="what it is", strict=True))
    assert written.values["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {**SCHEMA, "title": "answer", "description": "what it is"},
    }
    assert written.losses == []
    assert write(output_format=OutputFormat()).values["generationConfig"] == {
        "responseMimeType": "application/json"
    }


LOST = [Loss("reasoning", False)]


@pytest.mark.parametrize(
    ("asked", "older", "current", "losses_of_older", "losses_of_current"),
    [
        (ReasoningAsked(effort="low"), {"thinkingBudget": 1024}, {"thinkingLevel": "LOW"}, [], []),
        (ReasoningAsked(effort="medium"), {"thinkingBudget": 8192}, {"thinkingLevel": "MEDIUM"}, [], []),
        (ReasoningAsked(effort="high"), {"thinkingBudget": 24576}, {"thinkingLevel": "HIGH"}, [], []),
        (ReasoningAsked(effort="xhigh"), {"thinkingBudget": 24576}, {"thinkingLevel": "HIGH"}, LOST, LOST),
        (ReasoningAsked(effort="none"), {"thinkingBudget": 0}, {"thinkingLevel": "MINIMAL"}, [], LOST),
        (ReasoningAsked(enabled=False), {"thinkingBudget": 0}, {"thinkingLevel": "MINIMAL"}, [], LOST),
        (
            ReasoningAsked(enabled=True, budget_tokens=2000, shown=True),
            {"thinkingBudget": 2000, "includeThoughts": True},
            {"thinkingBudget": 2000, "includeThoughts": True},
            [],
            [],
        ),
        (
            ReasoningAsked(effort="high", budget_tokens=2000),
            {"thinkingBudget": 2000},
            {"thinkingBudget": 2000},
            LOST,
            LOST,
        ),
        (ReasoningAsked(enabled=True), {"thinkingBudget": -1}, None, [], []),
        (ReasoningAsked(summary="auto"), {"includeThoughts": True}, {"includeThoughts": True}, [], []),
        (ReasoningAsked(encrypted=True), None, None, [], []),
    ],
)
def test_how_much_is_to_be_thought_is_written(
    asked: ReasoningAsked,
    older: dict[str, Any] | None,
    current: dict[str, Any] | None,
    losses_of_older: list[Loss],
    losses_of_current: list[Loss],
) -> None:
    asked.path = "reasoning"
    for model, expected, losses in (
        ("gemini-2.5-flash", older, losses_of_older),
        ("gemini-3-flash-preview", current, losses_of_current),
    ):
        written = write(model=model, reasoning=asked)
        assert written.values.get("generationConfig", {}).get("thinkingConfig") == expected
        assert written.losses == losses


def test_a_pro_model_thinks_as_little_as_it_can() -> None:
    asked = ReasoningAsked(effort="none", path="reasoning_effort")
    written = write(model="gemini-2.5-pro", reasoning=asked)
    assert written.values["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 128}
    assert written.losses == [Loss("reasoning_effort", False)]
    written = write(model="gemini-3-pro-preview", reasoning=asked)
    assert written.values["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "LOW"}


@pytest.mark.parametrize(
    ("asked", "loss"),
    [
        ({"sampling": Sampling(logit_bias={"1": 5})}, Loss("logit_bias", True)),
        ({"stop": ("a",) * 6}, Loss("stop", True)),
        ({"tools": [Tool(name="f")], "parallel_tool_calls": False}, Loss("parallel_tool_calls", True)),
        ({"verbosity": "low"}, Loss("verbosity", False)),
        ({"user": "u"}, Loss("user", False)),
        ({"metadata": {"a": "b"}}, Loss("metadata", False)),
        ({"service_tier": "scale"}, Loss("service_tier", False)),
        ({"other": [OtherField("store", True, is_harmless=True)]}, Loss("store", False)),
        ({"other": [OtherField("prediction", {})]}, Loss("prediction", True)),
    ],
)
def test_what_gemini_cannot_be_told_is_named(asked: dict[str, Any], loss: Loss) -> None:
    assert write(**asked).losses == [loss]


@pytest.mark.parametrize(
    "asked",
    [
        {"parallel_tool_calls": True, "tools": [Tool(name="f")]},
        {"parallel_tool_calls": False},
        {"verbosity": "medium"},
        {"service_tier": "auto"},
        {"sampling": Sampling(logit_bias={})},
    ],
)
def test_what_asks_for_nothing_special_is_no_loss(asked: dict[str, Any]) -> None:
    assert write(**asked).losses == []


def test_a_persons_name_is_lost_with_a_warning() -> None:
    assert write(user(Text(text="hi"), name="Ann", path="messages.0")).losses == [
        Loss("messages.0.name", False)
    ]
