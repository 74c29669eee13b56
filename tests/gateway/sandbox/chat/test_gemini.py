"""Google's Gemini: the same answers as the chat's, in that dialect's form, whole and in events."""

import base64
import json
from typing import Any

import httpx
import pytest

SCHEMA = {"type": "OBJECT", "properties": {"days": {"type": "INTEGER"}}}
JSON_SCHEMA = {"type": "object", "properties": {"days": {"type": "integer"}}}
TOOLS = [
    {
        "functionDeclarations": [
            {"name": "get_weather", "parameters": SCHEMA},
            {"name": "get_time", "parametersJsonSchema": JSON_SCHEMA},
        ]
    }
]
THINKING: dict[str, Any] = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}


def calling(mode: str, *names: str) -> dict[str, Any]:
    config: dict[str, Any] = {"mode": mode, **({"allowedFunctionNames": list(names)} if names else {})}
    return {"tools": TOOLS, "toolConfig": {"functionCallingConfig": config}}


def ask(sandbox: Any, content: Any = "hello", method: str = "generateContent", **body: Any) -> httpx.Response:
    parts = [{"text": content}] if isinstance(content, str) else content
    asked = {"contents": [{"role": "user", "parts": parts}], **body}
    answer: httpx.Response = sandbox.post(f"/v1beta/models/m:{method}", json=asked)
    return answer


def events_of(sandbox: Any, content: Any = "hello", **body: Any) -> list[dict[str, Any]]:
    answer = ask(sandbox, content, "streamGenerateContent?alt=sse", **body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    return [json.loads(event.removeprefix("data: ")) for event in answer.text.split("\n\n") if event]


def parts_of(response: dict[str, Any], candidate: int = 0) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = response["candidates"][candidate]["content"]["parts"]
    return parts


def joined(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts of a stream's only candidate, texts of a kind put together."""
    parts: list[dict[str, Any]] = []
    for event in events:
        for part in parts_of(event):
            if part == {"text": ""}:
                continue
            if parts and "text" in part and part.get("thought") == parts[-1].get("thought"):
                parts[-1]["text"] += part["text"]
            else:
                parts.append(dict(part))
    return parts


def test_it_says_and_counts_what_the_chat_does(sandbox: Any) -> None:
    chat = sandbox.chat("tell me", model="m").json()
    response = ask(sandbox, "tell me").json()
    assert response["candidates"] == [
        {
            "content": {"parts": [{"text": chat["choices"][0]["message"]["content"]}], "role": "model"},
            "finishReason": "STOP",
            "index": 0,
        }
    ]
    assert response["usageMetadata"] == {
        "promptTokenCount": chat["usage"]["prompt_tokens"],
        "candidatesTokenCount": chat["usage"]["completion_tokens"],
        "totalTokenCount": chat["usage"]["total_tokens"],
    }
    assert response["modelVersion"] == "m"


def test_the_model_of_the_path_may_have_a_vendor(sandbox: Any) -> None:
    body = {"contents": [{"parts": [{"text": "hello"}]}]}
    response = sandbox.post("/v1beta/models/google/gemini-3:generateContent", json=body).json()
    assert response["modelVersion"] == "google/gemini-3"


@pytest.mark.parametrize("body", [{}, THINKING, calling("ANY")], ids=["text", "thoughts", "call"])
def test_the_streamed_parts_are_those_of_the_whole_answer(sandbox: Any, body: dict[str, Any]) -> None:
    whole = ask(sandbox, **body).json()
    events = events_of(sandbox, **body)
    assert joined(events) == parts_of(whole)
    assert events[-1]["candidates"][0]["finishReason"] == whole["candidates"][0]["finishReason"]
    assert events[-1]["usageMetadata"] == whole["usageMetadata"]
    assert not any("usageMetadata" in event for event in events[:-1])
    assert not any("finishReason" in event["candidates"][0] for event in events[:-1])


def test_without_alt_sse_a_stream_is_one_json_array(sandbox: Any) -> None:
    array = ask(sandbox, method="streamGenerateContent").json()
    assert array == events_of(sandbox)


def test_thoughts_come_first_and_are_counted_beside_the_answer(sandbox: Any) -> None:
    chat = sandbox.chat("why", model="m", include_thoughts=True).json()
    response = ask(sandbox, "why", **THINKING).json()
    message = chat["choices"][0]["message"]
    assert parts_of(response) == [
        {"text": message["reasoning_content"], "thought": True},
        {"text": message["content"]},
    ]
    usage = chat["usage"]
    thoughts = usage["completion_tokens_details"]["reasoning_tokens"]
    assert response["usageMetadata"] == {
        "promptTokenCount": usage["prompt_tokens"],
        "candidatesTokenCount": usage["completion_tokens"] - thoughts,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": usage["total_tokens"],
    }


def test_a_budget_of_nothing_leaves_no_thought(sandbox: Any) -> None:
    config = {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 0}}
    response = ask(sandbox, generationConfig=config).json()
    assert not any("thought" in part for part in parts_of(response))
    assert "thoughtsTokenCount" not in response["usageMetadata"]


def test_a_call_is_one_part_with_a_signature(sandbox: Any) -> None:
    response = ask(sandbox, **calling("ANY")).json()
    (part,) = parts_of(response)
    assert part["functionCall"]["name"] == "get_weather"
    assert isinstance(part["functionCall"]["args"]["days"], int)
    assert base64.b64decode(part["thoughtSignature"], validate=True)
    assert response["candidates"][0]["finishReason"] == "STOP"


@pytest.mark.parametrize(
    ("text", "choice", "called"),
    [
        ("hello", calling("ANY", "get_time"), "get_time"),
        ("[[sbx:tool=get_time]]", calling("AUTO"), "get_time"),
        ("[[sbx:tool]]", calling("VALIDATED", "get_time"), "get_time"),
        ("hello", calling("AUTO"), None),
        ("[[sbx:tool]]", calling("NONE"), None),
    ],
)
def test_the_mode_and_the_allowed_names_choose_the_function(
    sandbox: Any, text: str, choice: dict[str, Any], called: str | None
) -> None:
    (part,) = parts_of(ask(sandbox, text, **choice).json())
    assert part.get("functionCall", {}).get("name") == called


def test_after_a_functions_response_the_model_speaks(sandbox: Any) -> None:
    contents = [
        {"role": "user", "parts": [{"text": "[[sbx:tool]] weather?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "get_weather", "args": {}}}]},
        {
            "role": "user",
            "parts": [{"functionResponse": {"name": "get_weather", "response": {"output": "rain"}}}],
        },
    ]
    (part,) = parts_of(ask(sandbox, contents=contents, tools=TOOLS).json())
    assert "functionCall" not in part


def test_half_a_call_is_never_shown(sandbox: Any) -> None:
    body = calling("ANY") | {"generationConfig": {"maxOutputTokens": 4}}
    response = ask(sandbox, **body).json()
    assert parts_of(response) == []
    assert response["candidates"][0]["finishReason"] == "MAX_TOKENS"


def test_the_answer_is_cut_at_the_limit(sandbox: Any) -> None:
    response = ask(sandbox, "[[sbx:tokens=50]]", generationConfig={"maxOutputTokens": 3}).json()
    assert response["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert response["usageMetadata"]["candidatesTokenCount"] == 3


@pytest.mark.parametrize("schema", [{"responseSchema": SCHEMA}, {"responseJsonSchema": JSON_SCHEMA}])
def test_an_answer_follows_the_schema(sandbox: Any, schema: dict[str, Any]) -> None:
    config = {"responseMimeType": "application/json", **schema}
    (part,) = parts_of(ask(sandbox, generationConfig=config).json())
    assert isinstance(json.loads(part["text"])["days"], int)


def test_an_answer_is_json_where_only_the_type_is_asked_for(sandbox: Any) -> None:
    config = {"responseMimeType": "application/json"}
    (part,) = parts_of(ask(sandbox, generationConfig=config).json())
    assert isinstance(json.loads(part["text"]), dict)


def test_every_candidate_has_its_index(sandbox: Any) -> None:
    config = {"candidateCount": 2}
    whole = ask(sandbox, generationConfig=config).json()
    assert [candidate["index"] for candidate in whole["candidates"]] == [0, 1]
    assert parts_of(whole, 0) != parts_of(whole, 1)
    last = events_of(sandbox, generationConfig=config)[-1]
    assert [candidate["finishReason"] for candidate in last["candidates"]] == ["STOP", "STOP"]


def test_images_are_seen_and_other_files_are_not(sandbox: Any) -> None:
    linked = [{"fileData": {"fileUri": "https://x.test/cat.png", "mimeType": "image/png"}}]
    response = ask(sandbox, linked).json()
    assert "https://x.test/cat.png" in parts_of(response)[0]["text"]
    assert response["usageMetadata"]["promptTokenCount"] == 85
    data = base64.b64encode(b"twelve bytes").decode()
    inline = ask(sandbox, [{"inlineData": {"mimeType": "image/png", "data": data}}]).json()
    assert "12 bytes" in parts_of(inline)[0]["text"]
    usual, of_addresses = (
        encode(b"\xfb\xff\xfe").decode() for encode in (base64.b64encode, base64.urlsafe_b64encode)
    )
    assert usual != of_addresses
    either = [
        ask(sandbox, [{"inlineData": {"mimeType": "image/png", "data": each}}]).json()
        for each in (usual, of_addresses)
    ]
    assert parts_of(either[0]) == parts_of(either[1])
    sound = ask(sandbox, [{"inlineData": {"mimeType": "audio/wav", "data": data}}, {"text": "1234"}]).json()
    assert sound["usageMetadata"]["promptTokenCount"] == 1


def test_the_instruction_counts_and_earlier_thoughts_do_not(sandbox: Any) -> None:
    contents = [
        {"role": "user", "parts": [{"text": "1234"}]},
        {"role": "model", "parts": [{"text": "a long thought", "thought": True}, {"text": "5678"}]},
        {"role": "user", "parts": [{"text": "9012"}]},
    ]
    instruction = {"parts": [{"text": "3456"}]}
    response = ask(sandbox, contents=contents, systemInstruction=instruction).json()
    assert response["usageMetadata"]["promptTokenCount"] == 4


def test_the_prompt_is_counted_without_an_answer(sandbox: Any) -> None:
    assert ask(sandbox, "12345678", "countTokens").json() == {"totalTokens": 2}
    whole = {
        "contents": [{"parts": [{"text": "12345678"}]}],
        "systemInstruction": {"parts": [{"text": "1234"}]},
    }
    answer = sandbox.post("/v1beta/models/m:countTokens", json={"generateContentRequest": whole})
    assert answer.json() == {"totalTokens": 3}


def test_magic_leaves_out_the_usage_the_candidates_and_the_end(sandbox: Any) -> None:
    assert "usageMetadata" not in ask(sandbox, "[[sbx:no_usage]]").json()
    assert "usageMetadata" not in events_of(sandbox, "[[sbx:no_usage]]")[-1]
    assert ask(sandbox, "[[sbx:empty_choices]]").json()["candidates"] == []
    (only,) = events_of(sandbox, "[[sbx:empty_choices]]")
    assert only["candidates"] == []
    endless = events_of(sandbox, "[[sbx:no_done;chunks=3]]")
    assert len(endless) == 3
    assert not any("finishReason" in event["candidates"][0] for event in endless)


def test_the_first_response_alone_has_the_nested_field(sandbox: Any) -> None:
    assert "nested" in ask(sandbox, "[[sbx:nested=3]]").json()
    first, *rest = events_of(sandbox, "[[sbx:nested=3;text=one two]]")
    assert first["nested"] == [[[]]]
    assert not any("nested" in event for event in rest)


@pytest.mark.parametrize("body", [THINKING, calling("ANY")], ids=["thoughts", "call"])
def test_the_journal_keeps_what_was_read(sandbox: Any, body: dict[str, Any]) -> None:
    ask(sandbox, "kept", **body)
    events_of(sandbox, "kept", **body)
    whole, streamed = sandbox.journal(contains="kept")
    assert whole["delivered"] == streamed["delivered"]
    assert whole["delivered_tokens"] > 0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"contents": []}, "contents is not specified"),
        ({"contents": "hello"}, "contents"),
        ({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "valid role"),
        ({"contents": [{"role": "user", "parts": []}]}, "parts must not be empty"),
        ({"contents": [{"role": "user", "parts": [{"sound": {}}]}]}, "sound"),
        ({"contents": [{"parts": [{"inlineData": {"data": "eA=="}}]}]}, "mimeType"),
        ({"generationConfig": {"maxOutputTokens": 0}}, "maxOutputTokens"),
        ({"generationConfig": {"candidateCount": 9}}, "candidateCount"),
        (calling("SOMETIMES"), "mode"),
        (calling("AUTO", "get_time"), "allowedFunctionNames"),
        (calling("ANY", "get_lost"), "allowedFunctionNames"),
    ],
)
def test_what_google_refuses_is_refused_in_its_words(sandbox: Any, body: dict[str, Any], said: str) -> None:
    answer = ask(sandbox, **body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert said in error["message"]


@pytest.mark.parametrize(
    ("status", "named"), [(429, "RESOURCE_EXHAUSTED"), (503, "UNAVAILABLE"), (502, "INTERNAL")]
)
def test_a_fault_has_googles_status(sandbox: Any, status: int, named: str) -> None:
    answer = ask(sandbox, f"[[sbx:status={status}]]")
    assert answer.status_code == status
    assert answer.json()["error"]["status"] == named


def test_names_are_taken_in_either_spelling(sandbox: Any) -> None:
    parts = [{"text": "what?"}, {"inline_data": {"mime_type": "image/png", "data": "eA=="}}]
    body = {
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "generation_config": {
            "max_output_tokens": 200,
            "thinking_config": {"include_thoughts": True},
            "response_mime_type": "application/json",
            "response_json_schema": {"type": "object", "properties": {"snake_case": {"type": "string"}}},
        },
    }
    told = ask(sandbox, parts, **body).json()
    thought, answer = parts_of(told)
    assert thought["thought"]
    assert list(json.loads(answer["text"])) == ["snake_case"]
    assert told["usageMetadata"]["promptTokenCount"] == 85 + 4
