"""OpenAI's Responses: the same answers as the chat's, in that dialect's items and event grammar."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

ENCRYPTED = "reasoning.encrypted_content"
TOOL: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}
OTHER_TOOL = TOOL | {"name": "get_time"}
CALL = {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": "{}"}
SCHEMA = {"type": "object", "properties": {"mood": {"type": "string"}}, "required": ["mood"]}
SUMMARY: dict[str, Any] = {"reasoning": {"effort": "low", "summary": "auto"}, "include": [ENCRYPTED]}


def ask(sandbox: Any, said: Any = "hello", **body: Any) -> httpx.Response:
    answer: httpx.Response = sandbox.post("/v1/responses", json={"model": "m", "input": said, **body})
    return answer


def response_to(sandbox: Any, said: Any = "hello", **body: Any) -> dict[str, Any]:
    """The answer, once OpenAI's own types have accepted it without turning anything into anything else."""
    answer = ask(sandbox, said, **body)
    assert answer.status_code == 200, answer.text
    Response.model_validate_json(answer.content, strict=True)
    document: dict[str, Any] = answer.json()
    return document


def events_of(answer: httpx.Response) -> list[dict[str, Any]]:
    accepted: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    found = []
    for block in answer.text.strip().split("\n\n"):
        name, data = block.split("\n")
        accepted.validate_json(data.removeprefix("data: "), strict=True)
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


@pytest.fixture
def client(sandbox: Any) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{sandbox.url}/v1", api_key="any", max_retries=0) as client:
        yield client


def test_it_says_and_counts_what_the_chat_does(sandbox: Any) -> None:
    chat = sandbox.chat("tell me", model="m").json()
    response = response_to(sandbox, "tell me")
    [message] = response["output"]
    assert message["content"][0]["text"] == chat["choices"][0]["message"]["content"]
    assert response["usage"] == {
        "input_tokens": chat["usage"]["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": chat["usage"]["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": chat["usage"]["total_tokens"],
    }
    assert (response["object"], response["status"], response["model"]) == ("response", "completed", "m")
    assert response["id"].startswith("resp_")
    assert response["incomplete_details"] is None


def test_every_kind_of_input_counts_as_it_does_in_the_chat(sandbox: Any) -> None:
    image = "https://example.com/a.png"
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "look"}]},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I do"}]},
        CALL,
        {"type": "custom_tool_call", "call_id": "call_2", "name": "run", "input": "ls"},
        {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
        {
            "type": "custom_tool_call_output",
            "call_id": "call_2",
            "output": [{"type": "input_text", "text": "a b"}],
        },
        {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": image}]},
    ]
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": "I do"},
        {"role": "tool", "content": "rain"},
        {"role": "tool", "content": "a b"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": image}}]},
    ]
    chat = sandbox.post("/v1/chat/completions", json={"model": "m", "messages": messages}).json()
    response = response_to(sandbox, items, instructions="be brief")
    assert response["output"][0]["content"][0]["text"] == chat["choices"][0]["message"]["content"]
    assert response["usage"]["input_tokens"] == chat["usage"]["prompt_tokens"]


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("required", "get_weather"),
        ({"type": "function", "name": "get_time"}, "get_time"),
        (
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "get_time"}],
            },
            "get_time",
        ),
        ("auto", None),
        ("none", None),
    ],
)
def test_the_chosen_function_is_called(sandbox: Any, choice: Any, called: str | None) -> None:
    tools = [{"type": "web_search"}, TOOL, OTHER_TOOL]
    [item] = response_to(sandbox, tools=tools, tool_choice=choice)["output"]
    assert item.get("name") == called
    if called:
        assert (item["type"], item["id"][:3], item["call_id"][:5]) == ("function_call", "fc_", "call_")
        assert isinstance(json.loads(item["arguments"])["city"], str)


def test_after_a_tool_has_answered_the_model_speaks(sandbox: Any) -> None:
    asked = {"role": "user", "content": "[[sbx:tool]]"}
    assert response_to(sandbox, [asked], tools=[TOOL])["output"][0]["type"] == "function_call"
    result = {"type": "function_call_output", "call_id": "call_1", "output": "rain"}
    [item] = response_to(sandbox, [asked, CALL, result], tools=[TOOL])["output"]
    assert item["type"] == "message"


def test_a_thought_is_told_and_sealed_where_each_is_asked_for(sandbox: Any) -> None:
    response = response_to(sandbox, **SUMMARY)
    thought, message = response["output"]
    assert (thought["type"], message["type"]) == ("reasoning", "message")
    assert thought["summary"][0]["text"]
    assert thought["encrypted_content"]
    hidden = response_to(sandbox, reasoning={"effort": "low"})
    assert hidden["output"][0]["summary"] == []
    assert "encrypted_content" not in hidden["output"][0]
    # A thought costs the same whether or not it is told, but nobody has read one that is not.
    assert hidden["usage"] == response["usage"]
    assert response["usage"]["output_tokens_details"]["reasoning_tokens"] > 0
    told, untold = (entry["delivered"]["reasoning"] for entry in sandbox.journal(path="/v1/responses"))
    assert (told, untold) == (thought["summary"][0]["text"], "")
    [message] = response_to(sandbox, reasoning={"effort": "none", "summary": "auto"})["output"]
    assert message["type"] == "message"


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ({"type": "json_object"}, "answer"),
        ({"type": "json_schema", "name": "feeling", "schema": SCHEMA}, "mood"),
    ],
)
def test_the_text_is_json_where_that_is_its_format(sandbox: Any, wanted: dict[str, Any], name: str) -> None:
    [message] = response_to(sandbox, text={"format": wanted})["output"]
    assert list(json.loads(message["content"][0]["text"])) == [name]


@pytest.mark.parametrize("is_streamed", [False, True])
def test_the_answer_is_cut_at_the_limit(sandbox: Any, is_streamed: bool) -> None:
    body = {"said": "[[sbx:tokens=50]]", "max_output_tokens": 3}
    if is_streamed:
        last = events_of(ask(sandbox, stream=True, **body))[-1]
        assert last["type"] == "response.incomplete"
        response = last["response"]
    else:
        response = response_to(sandbox, **body)
    assert (response["status"], response["usage"]["output_tokens"]) == ("incomplete", 3)
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["output"][-1]["status"] == "incomplete"


def test_magic_leaves_out_the_usage_or_the_output(sandbox: Any) -> None:
    assert response_to(sandbox, "[[sbx:no_usage]]")["usage"] is None
    assert response_to(sandbox, "[[sbx:empty_choices]]")["output"] == []
    response = response_to(sandbox, instructions="Be kind. [[sbx:usage=7,9]]")
    assert response["instructions"] == "Be kind."
    assert (response["usage"]["input_tokens"], response["usage"]["total_tokens"]) == (7, 16)


BODIES = pytest.mark.parametrize(
    "body",
    [
        {},
        SUMMARY,
        {"reasoning": {"effort": "low"}},
        {"tools": [TOOL], "tool_choice": "required"},
        {"said": "[[sbx:empty_choices]]"},
        {"said": "[[sbx:no_usage;chunks=3]]"},
    ],
    ids=["text", "reasoning", "untold reasoning", "function", "nothing", "no usage"],
)


@BODIES
def test_the_events_add_up_to_the_whole_answer(sandbox: Any, body: dict[str, Any]) -> None:
    whole = response_to(sandbox, **body)
    events = events_of(ask(sandbox, stream=True, **body))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    kinds = [event["type"].removeprefix("response.") for event in events]
    assert (kinds[:2], kinds[-1]) == (["created", "in_progress"], "completed")
    assert events[0]["response"]["status"] == "in_progress"
    finished = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert finished == events[-1]["response"]["output"]
    # The ids come from the body, and a body that asks for a stream is another one.
    assert [without_ids(item) for item in finished] == [without_ids(item) for item in whole["output"]]
    assert events[-1]["response"]["usage"] == whole["usage"]
    assert all(
        event["item_id"] == finished[event["output_index"]]["id"] for event in events if "item_id" in event
    )
    for index, item in enumerate(finished):
        said = "".join(
            event["delta"] for event in events if "delta" in event and event["output_index"] == index
        )
        assert said == text_of(item)
    at_once, streamed = sandbox.journal(path="/v1/responses")
    assert streamed["delivered"] == at_once["delivered"]


@BODIES
def test_openais_own_client_reads_the_stream(client: openai.OpenAI, body: dict[str, Any]) -> None:
    options = {name: value for name, value in body.items() if name != "said"}
    asked: dict[str, Any] = {"model": "m", "input": body.get("said", "hello"), **options}
    with client.responses.stream(**asked) as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    whole = client.responses.create(**asked)
    assert final.output_text == whole.output_text
    assert [item.type for item in final.output] == [item.type for item in whole.output]
    assert snapshots[-1:] == ([whole.output_text] if whole.output_text else [])


def text_of(item: dict[str, Any]) -> str:
    """What an item says, however it says it."""
    parts = item.get("content") or item.get("summary") or []
    return item.get("arguments") or "".join(part["text"] for part in parts)


def without_ids(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in ("id", "call_id")}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "non-empty"),
        ({"input": [{"role": "tool", "content": "x"}]}, "tool"),
        ({"input": [{"role": "user", "content": [{"type": "output_text", "text": "x"}]}]}, "output_text"),
        ({"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]}, "input_text"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "item_reference"),
        ({"input": [{"type": "reasoning", "id": "rs_1"}]}, "summary"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f"}]}, "arguments"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "No tool call found"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "other"}}, "other"),
        ({"text": {"format": {"type": "json_schema", "schema": SCHEMA}}}, "text.format.name"),
        ({"reasoning": "high"}, "reasoning"),
    ],
)
def test_what_openai_refuses_is_refused_in_its_words(sandbox: Any, body: dict[str, Any], words: str) -> None:
    answer = sandbox.post("/v1/responses", json={"model": "m", "input": "hello"} | body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert words in answer.json()["error"]["message"]


def test_faults_are_told_in_openais_words(client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        client.responses.create(model="m", input="[[sbx:status=429]]")
    with pytest.raises(openai.APIError, match="error in the stream"):
        list(client.responses.create(model="m", input="[[sbx:stream_error=3]]", stream=True))
    events = list(client.responses.create(model="m", input="[[sbx:no_done]]", stream=True))
    assert events[-1].type == "response.output_item.done"


@pytest.mark.parametrize("stream", [False, True])
def test_a_freeform_tool_of_a_namespace_that_came_with_the_input_is_called(sandbox, stream):
    space = {"type": "namespace", "name": "functions", "tools": [{"type": "custom", "name": "exec"}]}
    script = '[[sbx:script=[{"tool": "exec", "arguments": {"input": "ls -l"}}] ]]'
    items = [
        {"type": "additional_tools", "role": "developer", "tools": [space]},
        {"role": "user", "content": f"look {script}"},
    ]
    answer = sandbox.post("/v1/responses", json={"model": "m", "input": items, "stream": stream})
    assert answer.status_code == 200, answer.text
    if stream:
        events = [json.loads(line[6:]) for line in answer.text.split("\n") if line.startswith("data: ")]
        told = events[-1]["response"]
        kinds = [event["type"] for event in events]
        assert "response.custom_tool_call_input.delta" in kinds
    else:
        told = answer.json()
    [call] = told["output"]
    assert (call["type"], call["name"], call["namespace"]) == ("custom_tool_call", "exec", "functions")
    assert call["input"] == "ls -l"
