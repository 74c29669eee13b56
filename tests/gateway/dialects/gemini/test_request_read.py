"""Bodies as Google's documentation, python-genai and gemini-cli write them, and what they are read as."""

from typing import Any

import pytest

from aio_platform.errors import InvalidRequest
from gateway.dialects.conversation import (
    Audio,
    Conversation,
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
from gateway.dialects.gemini.dialect import GEMINI


def read(**body: Any) -> Conversation:
    return GEMINI.read_request(
        {"model": "gemini-2.5-flash", "contents": [{"role": "user", "parts": [{"text": "hi"}]}], **body}
    )


def parts_of(*parts: Any, role: str = "user") -> list[Any]:
    (message,) = read(contents=[{"role": role, "parts": list(parts)}]).messages
    return message.parts


def refusal_of(**body: Any) -> str:
    with pytest.raises(InvalidRequest) as caught:
        read(**body)
    return str(caught.value)


def test_a_plain_question_is_one_message_of_the_user() -> None:
    asked = read(stream=True)
    assert asked.model == "gemini-2.5-flash"
    assert asked.stream
    assert asked.messages == [Message(Role.USER, [Text(text="hi")])]
    assert asked.messages[0].path == "contents.0"
    assert asked.messages[0].parts[0].path == "contents.0.parts.0"
    assert asked.other == []


def test_a_content_without_a_role_is_the_users() -> None:
    assert read(contents=[{"parts": [{"text": "a"}]}]).messages[0].role is Role.USER


def test_one_object_stands_for_a_list_of_one() -> None:
    asked = read(contents={"parts": {"text": "a"}}, system_instruction={"parts": {"text": "be brief"}})
    assert asked.messages == [
        Message(Role.SYSTEM, [Text(text="be brief")]),
        Message(Role.USER, [Text(text="a")]),
    ]


def test_the_system_may_speak_in_plain_text() -> None:
    assert read(systemInstruction="be brief").messages[0] == Message(Role.SYSTEM, [Text(text="be brief")])


def test_names_in_both_spellings_mean_the_same() -> None:
    camel = {
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
                    {"fileData": {"mimeType": "application/pdf", "fileUri": "https://a.test/b.pdf"}},
                ],
            }
        ],
        "systemInstruction": {"parts": [{"text": "s"}]},
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {
            "maxOutputTokens": 5,
            "topP": 0.5,
            "stopSequences": ["x"],
            "responseMimeType": "application/json",
            "thinkingConfig": {"thinkingBudget": 10, "includeThoughts": True},
        },
    }
    snake = {
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"inline_data": {"mime_type": "image/png", "data": "aGk="}},
                    {"file_data": {"mime_type": "application/pdf", "file_uri": "https://a.test/b.pdf"}},
                ],
            }
        ],
        "system_instruction": {"parts": [{"text": "s"}]},
        "tools": [{"function_declarations": [{"name": "f", "parameters_json_schema": {"type": "object"}}]}],
        "tool_config": {"function_calling_config": {"mode": "any", "allowed_function_names": ["f"]}},
        "generation_config": {
            "max_output_tokens": "5",
            "top_p": 0.5,
            "stop_sequences": ["x"],
            "response_mime_type": "application/json",
            "thinking_config": {"thinking_budget": 10.0, "include_thoughts": True},
        },
    }
    assert read(**camel) == read(**snake)
    assert read(**camel).other == []


def test_a_snake_case_path_is_named_as_it_was_written() -> None:
    assert refusal_of(contents=[{"parts": [{"inline_data": {"mime_type": "image/png", "data": "?"}}]}]) == (
        "contents.0.parts.0.inline_data.data: expected base64"
    )


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
            Image(source=Source(base64="aGk=", media_type="image/png")),
        ),
        (
            # python-genai writes the other alphabet.
            {"inlineData": {"mimeType": "image/png", "data": "_-8"}},
            Image(source=Source(base64="/+8=", media_type="image/png")),
        ),
        (
            {"inlineData": {"mimeType": "audio/mpeg", "data": "aGk="}},
            Audio(source=Source(base64="aGk=", media_type="audio/mpeg"), format="mp3"),
        ),
        (
            {"inlineData": {"mimeType": "application/pdf", "data": "aGk="}},
            Document(source=Source(base64="aGk=", media_type="application/pdf")),
        ),
        (
            {"fileData": {"fileUri": "https://a.test/cat.jpg?x=1"}},
            Image(source=Source(url="https://a.test/cat.jpg?x=1", media_type="image/jpeg")),
        ),
        (
            {
                "fileData": {
                    "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a",
                    "mimeType": "image/png",
                }
            },
            Image(
                source=Source(
                    file_id="https://generativelanguage.googleapis.com/v1beta/files/a", media_type="image/png"
                )
            ),
        ),
        (
            {
                "inlineData": {"mimeType": "image/png", "data": "aGk="},
                "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"},
            },
            Image(source=Source(base64="aGk=", media_type="image/png"), detail="low"),
        ),
    ],
)
def test_a_file_is_what_its_media_type_says(part: dict[str, Any], expected: Any) -> None:
    assert parts_of(part) == [expected]


@pytest.mark.parametrize(
    "part",
    [
        {"fileData": {"fileUri": "https://www.youtube.com/watch?v=9hE5"}},
        {"inlineData": {"mimeType": "video/mp4", "data": "aGk="}, "videoMetadata": {"fps": 5}},
        {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "id": "1"}},
        {"somethingNew": {"a": 1}},
    ],
)
def test_what_only_gemini_has_stays_as_it_was_written(part: dict[str, Any]) -> None:
    assert parts_of(part) == [Native(dialect=DialectName.GEMINI, values=part)]


def test_thoughts_and_signatures_are_kept() -> None:
    assert parts_of(
        {"text": "I think", "thought": True},
        {"text": "I know", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "yes", "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "f", "args": {"a": "é"}}, "thoughtSignature": "c2ln"},
        {"thoughtSignature": "c2ln"},
        role="model",
    )[:3] == [
        Reasoning(text="I think"),
        Reasoning(text="I know", signature="c2ln", made_by=DialectName.GEMINI),
        Text(text="yes", signature="c2ln"),
    ]


def test_a_streamed_answer_that_was_kept_in_pieces_is_one_message() -> None:
    # As google-genai's chats send it back.
    pieces: list[dict[str, Any]] = [
        {"text": "I ", "thought": True},
        {"text": "think", "thought": True},
        {"text": "let me "},
        {"text": "see"},
        call("f", id="1"),
        {"text": ""},
    ]
    asked = read(
        contents=[
            {"role": "user", "parts": [{"text": "go"}]},
            *({"role": "model", "parts": [piece]} for piece in pieces),
            {"role": "user", "parts": [result("f", {"result": 1})]},
            {"role": "user", "parts": [{"text": "and?"}]},
        ]
    )
    assert asked.messages == [
        Message(Role.USER, [Text(text="go")]),
        Message(
            Role.ASSISTANT,
            [Reasoning(text="I think"), Text(text="let me see"), ToolCall(id="1", name="f", arguments="{}")],
        ),
        Message(
            Role.USER,
            [ToolResult(call_id="1", parts=[Text(text='{"result":1}')], name="f"), Text(text="and?")],
        ),
    ]
    assert [message.path for message in asked.messages] == ["contents.0", "contents.1", "contents.7"]


def test_an_answer_that_said_nothing_is_no_message() -> None:
    # gemini-cli keeps one.
    asked = read(
        contents=[
            {"role": "user", "parts": [{"text": "a"}]},
            {"role": "model", "parts": []},
            {"role": "user", "parts": [{"text": "b"}]},
        ]
    )
    assert [message.role for message in asked.messages] == [Role.USER, Role.USER]


def test_googles_stand_in_for_a_signature_is_none() -> None:
    (call,) = parts_of(
        {"functionCall": {"name": "f"}, "thoughtSignature": "skip_thought_signature_validator"}, role="model"
    )
    assert call.signature is None
    assert call.arguments == "{}"


def call(name: str, **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {}, **more}}


def result(name: str, response: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": response, **more}}


def talk(calls: list[dict[str, Any]], results: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    asked = read(
        contents=[
            {"role": "user", "parts": [{"text": "go"}]},
            {"role": "model", "parts": calls},
            {"role": "user", "parts": results},
        ]
    )
    return asked.messages[1].parts, asked.messages[2].parts


def test_results_without_ids_find_their_calls_by_name_and_order() -> None:
    calls, results = talk(
        [call("a"), call("b"), call("a")],
        [result("b", {"output": "B"}), result("a", {"output": "first"}), result("a", {"output": "second"})],
    )
    ids = [each.id for each in calls]
    assert len(set(ids)) == 3
    assert [each.call_id for each in results] == [ids[1], ids[0], ids[2]]
    assert [each.parts for each in results] == [[Text(text="B")], [Text(text="first")], [Text(text="second")]]


def test_made_up_ids_are_the_same_each_time_and_as_the_talk_grows() -> None:
    first, _results = talk([call("a")], [result("a", {})])
    again, _results = talk([call("a")], [result("a", {}), {"text": "more"}])
    assert first[0].id == again[0].id


def test_an_id_that_only_the_result_has_is_taken_for_its_call() -> None:
    # gemini-cli makes an id up where the model gave none.
    calls, results = talk([call("a")], [result("a", {"output": "x"}, id="a_1712_0")])
    assert results[0].call_id == calls[0].id


def test_ids_find_their_calls_before_names_do() -> None:
    calls, results = talk(
        [call("a", id="1"), call("a", id="2")], [result("a", {}, id="2"), result("a", {}, id="1")]
    )
    assert [each.id for each in calls] == ["1", "2"]
    assert [each.call_id for each in results] == ["2", "1"]


def test_gemini_clis_names_before_ids_are_taken_off() -> None:
    calls, results = talk([call("read", id="read__toolu_1")], [result("read", {}, id="read__toolu_1")])
    assert calls[0].id == results[0].call_id == "toolu_1"


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"output": "done"}, "done", False),
        ({"error": "no such file"}, "no such file", True),
        ({"result": "done"}, '{"result":"done"}', False),
        ({"output": {"a": 1}}, '{"output":{"a":1}}', False),
        ({}, "{}", False),
    ],
)
def test_a_result_is_its_output_its_error_or_the_whole(
    response: dict[str, Any], text: str, is_error: bool
) -> None:
    _calls, results = talk([call("a", id="1")], [result("a", response, id="1")])
    assert results == [ToolResult(call_id="1", parts=[Text(text=text)], is_error=is_error, name="a")]


def test_a_result_may_hold_pictures() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "aGk=", "displayName": "a.png"}}
    _calls, results = talk([call("a", id="1")], [result("a", {}, id="1", parts=[picture])])
    assert results[0].parts == [Image(source=Source(base64="aGk=", media_type="image/png"))]


def test_tools_are_functions_and_what_google_runs() -> None:
    asked = read(
        tools=[
            {
                "functionDeclarations": [
                    {
                        "name": "weather",
                        "description": "tells it",
                        "parameters": {
                            "type": "OBJECT",
                            "properties": {
                                "unit": {"type": "STRING", "enum": ["C", "F"], "nullable": True},
                                "days": {"type": "ARRAY", "items": {"type": "INTEGER"}, "maxItems": "3"},
                            },
                            "required": ["days"],
                            "propertyOrdering": ["days", "unit"],
                        },
                    },
                    {"name": "now"},
                ],
                "googleSearch": {},
            },
            {"code_execution": {}},
        ]
    )
    weather, now, *native = asked.tools
    assert weather == Tool(
        name="weather",
        description="tells it",
        parameters={
            "type": "object",
            "properties": {
                "days": {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
                "unit": {"type": ["string", "null"], "enum": ["C", "F", None]},
            },
            "required": ["days"],
        },
    )
    assert isinstance(weather, Tool)
    assert weather.parameters is not None
    assert list(weather.parameters["properties"]) == ["days", "unit"]
    assert now == Tool(name="now")
    assert native == [
        NativeTool(DialectName.GEMINI, "googleSearch", {"googleSearch": {}}),
        NativeTool(DialectName.GEMINI, "codeExecution", {"codeExecution": {}}),
    ]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"mode": "AUTO"}, ToolChoice(ToolUse.AUTO)),
        ({"mode": "NONE"}, ToolChoice(ToolUse.NONE)),
        ({"mode": "ANY"}, ToolChoice(ToolUse.REQUIRED)),
        ({"mode": "ANY", "allowedFunctionNames": ["a", "b"]}, ToolChoice(ToolUse.REQUIRED, ("a", "b"))),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["a"]}, ToolChoice(ToolUse.AUTO, ("a",))),
        ({"mode": "MODE_UNSPECIFIED"}, None),
        ({}, None),
    ],
)
def test_how_tools_are_to_be_used(config: dict[str, Any], expected: ToolChoice | None) -> None:
    assert read(toolConfig={"functionCallingConfig": config}).tool_choice == expected


def test_a_generation_config_is_read_whole() -> None:
    asked = read(
        generationConfig={
            "maxOutputTokens": 100,
            "temperature": 0.25,
            "topP": 0.5,
            "topK": 64,
            "seed": -7,
            "stopSequences": ["END"],
            "candidateCount": 2,
            "presencePenalty": 1,
            "frequencyPenalty": "-1.5",
            "responseLogprobs": True,
            "logprobs": 3,
            "responseModalities": ["TEXT"],
            "audioTimestamp": False,
        }
    )
    assert asked.max_output_tokens == 100
    assert asked.stop == ("END",)
    assert asked.choices == 2
    assert asked.top_logprobs == 3
    assert asked.sampling == Sampling(0.25, 0.5, 64, -7, 1, -1.5)
    assert asked.other == []


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"responseMimeType": "text/plain"}, None),
        ({"responseMimeType": "application/json"}, OutputFormat()),
        (
            {"responseMimeType": "application/json", "responseSchema": {"type": "STRING"}},
            OutputFormat(schema={"type": "string"}),
        ),
        (
            {"responseMimeType": "application/json", "responseJsonSchema": {"$ref": "#/$defs/a"}},
            OutputFormat(schema={"$ref": "#/$defs/a"}),
        ),
    ],
)
def test_what_form_the_answer_is_to_have(config: dict[str, Any], expected: OutputFormat | None) -> None:
    assert read(generationConfig=config).output_format == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"thinkingBudget": 0}, ReasoningAsked(enabled=False)),
        ({"thinkingBudget": -1}, ReasoningAsked(enabled=True)),
        ({"thinkingBudget": 512}, ReasoningAsked(enabled=True, budget_tokens=512)),
        ({"thinkingLevel": "LOW"}, ReasoningAsked(enabled=True, effort="low")),
        ({"thinkingLevel": "high", "includeThoughts": True}, ReasoningAsked(True, "high", shown=True)),
        ({"includeThoughts": False}, ReasoningAsked(shown=False)),
    ],
)
def test_how_much_is_to_be_thought(config: dict[str, Any], expected: ReasoningAsked) -> None:
    assert read(generationConfig={"thinkingConfig": config}).reasoning == expected


@pytest.mark.parametrize(
    ("body", "path", "is_harmless"),
    [
        ({"cachedContent": "cachedContents/1"}, "cachedContent", False),
        ({"labels": {"team": "a"}}, "labels", True),
        (
            {"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]},
            "safetySettings.0",
            True,
        ),
        (
            {"safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}]},
            "safety_settings.0",
            False,
        ),
        ({"generationConfig": {"speechConfig": {"a": 1}}}, "generationConfig.speechConfig", False),
        (
            {"generationConfig": {"responseModalities": ["AUDIO"]}},
            "generationConfig.responseModalities",
            False,
        ),
        (
            {"generationConfig": {"imageConfig": {"aspectRatio": "1:1"}}},
            "generationConfig.imageConfig",
            False,
        ),
        (
            {"generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW"}},
            "generationConfig.mediaResolution",
            True,
        ),
        (
            {"generationConfig": {"responseMimeType": "text/x.enum"}},
            "generationConfig.responseMimeType",
            False,
        ),
        ({"toolConfig": {"retrievalConfig": {"languageCode": "ko"}}}, "toolConfig.retrievalConfig", False),
        ({"aNewField": 1}, "aNewField", False),
    ],
)
def test_what_others_cannot_be_told_is_kept_beside(
    body: dict[str, Any], path: str, is_harmless: bool
) -> None:
    (other,) = read(**body).other
    assert (other.path, other.is_harmless) == (path, is_harmless)


def test_empty_unknown_fields_say_nothing() -> None:
    assert read(aNewField=None, another={}, athird=[], generationConfig={"x": ""}).other == []


def test_a_service_tier_has_openais_name() -> None:
    assert read(serviceTier="standard").service_tier == "default"
    assert read(serviceTier="FLEX").service_tier == "flex"
    assert read(serviceTier="unspecified").service_tier is None


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"contents": []}, "contents: this field is required"),
        ({"contents": None}, "contents: this field is required"),
        ({"contents": "hi"}, "contents: expected a list"),
        ({"contents": ["hi"]}, "contents.0: expected an object"),
        ({"contents": [{"parts": []}]}, "contents.0.parts: must not be empty"),
        ({"contents": [{"role": "model", "parts": []}]}, "contents: must not be empty"),
        ({"contents": [{"parts": [{}]}]}, "contents.0.parts.0: must not be empty"),
        ({"contents": [{"parts": [{"thought": True}]}]}, "contents.0.parts.0: must not be empty"),
        ({"contents": [{"parts": [{"text": 1}]}]}, "contents.0.parts.0.text: expected a string"),
        (
            {"contents": [{"role": "system", "parts": [{"text": "a"}]}]},
            "contents.0.role: expected user or model",
        ),
        (
            {"contents": [{"parts": [{"text": "a", "inlineData": {}}]}]},
            "contents.0.parts.0: give either text or inlineData",
        ),
        (
            {"contents": [{"parts": [{"inlineData": {"data": "aGk="}}]}]},
            "contents.0.parts.0.inlineData.mimeType: this field is required",
        ),
        (
            {"contents": [{"parts": [{"inlineData": {"mimeType": "png", "data": "aGk="}}]}]},
            "contents.0.parts.0.inlineData.mimeType: expected a media type, as in image/png",
        ),
        (
            {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "a b"}}]}]},
            "contents.0.parts.0.inlineData.data: expected base64",
        ),
        (
            {"contents": [{"parts": [{"fileData": {"fileUri": "ftp://a.test/b"}}]}]},
            "contents.0.parts.0.fileData.fileUri: expected an http(s) or gs:// URL",
        ),
        (
            {"contents": [{"parts": [{"functionResponse": {"response": {}}}]}]},
            "contents.0.parts.0.functionResponse.name: this field is required",
        ),
        (
            {"contents": [{"parts": [{"functionCall": {"name": "f", "args": "{}"}}]}]},
            "contents.0.parts.0.functionCall.args: expected an object",
        ),
        (
            {"tools": [{"functionDeclarations": [{}]}]},
            "tools.0.functionDeclarations.0.name: this field is required",
        ),
        (
            {"toolConfig": {"functionCallingConfig": {"mode": "MAYBE"}}},
            "toolConfig.functionCallingConfig.mode: must be one of AUTO, ANY, NONE, VALIDATED",
        ),
        ({"generationConfig": {"temperature": 3}}, "generationConfig.temperature: must be between 0 and 2"),
        ({"generationConfig": {"temperature": "hot"}}, "generationConfig.temperature: expected a number"),
        (
            {"generationConfig": {"maxOutputTokens": 1.5}},
            "generationConfig.maxOutputTokens: expected a whole number",
        ),
        (
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "LOW"}}},
            "generationConfig.thinkingConfig.thinkingBudget: give either thinkingBudget or thinkingLevel",
        ),
        (
            {"generationConfig": {"responseSchema": {}, "responseJsonSchema": {}}},
            "generationConfig.responseJsonSchema: give either responseSchema or responseJsonSchema",
        ),
        ({"model": ""}, "model: must not be empty"),
        ({"model": None}, "model: this field is required"),
    ],
)
def test_what_google_refuses_is_refused_by_its_name(body: dict[str, Any], refusal: str) -> None:
    assert refusal_of(**body) == refusal


def test_a_signature_beside_a_picture_is_kept_as_harmless() -> None:
    asked = read(
        contents=[
            {
                "role": "model",
                "parts": [
                    {"inlineData": {"mimeType": "image/png", "data": "aGk="}, "thoughtSignature": "c2ln"}
                ],
            }
        ]
    )
    assert asked.other == [OtherField("contents.0.parts.0.thoughtSignature", "c2ln", is_harmless=True)]


def test_a_tool_call_keeps_its_arguments_text() -> None:
    (read_call,) = parts_of(call("f", id="1", args={"a": [1, "é"], "b": None}), role="model")
    assert read_call == ToolCall(id="1", name="f", arguments='{"a":[1,"é"],"b":null}')


@pytest.mark.parametrize(
    "body",
    [
        {"generationConfig": {}, "generation_config": {}},
        {"generationConfig": {"maxOutputTokens": 1, "max_output_tokens": 2}},
        {"tools": [{"functionDeclarations": [], "function_declarations": [{"name": "f"}]}]},
    ],
)
def test_a_field_in_both_spellings_is_refused(body: dict[str, Any]) -> None:
    assert "give either" in refusal_of(**body)


def test_a_null_in_the_other_spelling_is_no_field() -> None:
    asked = read(generationConfig={"maxOutputTokens": 7, "max_output_tokens": None}, generation_config=None)
    assert asked.max_output_tokens == 7
