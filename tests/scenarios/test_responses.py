"""Promise: OpenAI's Responses are answered by any chat model, in their own form, charged as any chat; nothing is kept.

`gpt` is served by an upstream of the same dialect, the others by servers of other dialects: to callers it is the same.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai import OpenAI
from running_platform import RunningPlatform, Tenant
from scenarios.asking import Books, marked, price, tokens

RESPONSES = "/v1/responses"
MODELS = ("gpt", "gemini", "claude", "gemini-pro")
TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture
def ai(platform: RunningPlatform, tenant: Tenant) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{platform.base_url}/v1", api_key=tenant.key, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("model", MODELS)
def test_a_whole_answer_is_read_by_openais_sdk_and_has_its_price(
    model: str, ai: OpenAI, books: Books
) -> None:
    raw = ai.responses.with_raw_response.create(
        model=model, input="What is the sea?", instructions="Be brief."
    )
    answer = raw.parse()
    assert (answer.object, answer.status, answer.model) == ("response", "completed", model)
    due = price(tokens("What is the sea?", "Be brief."), tokens(answer.output_text))
    assert answer.usage is not None
    assert answer.usage.input_tokens == tokens("What is the sea?", "Be brief.")
    receipt = books.receipt(raw.headers["x-request-id"])
    assert receipt["capture_microcredits"] == books.spent() == due


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("tool", [False, True])
def test_a_stream_is_put_together_by_openais_sdk_and_costs_the_same(
    model: str, tool: bool, ai: OpenAI, books: Books
) -> None:
    asked: dict[str, Any] = {"model": model, "input": "Tell me"}
    if tool:
        asked |= {"tools": [TOOL], "tool_choice": "required"}
    whole = ai.responses.create(**asked)
    spent = books.spent()
    with ai.responses.stream(**asked) as stream:
        kinds = [event.type for event in stream]
        streamed = stream.get_final_response()
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert streamed.output_text == whole.output_text
    assert [item.type for item in streamed.output] == [item.type for item in whole.output]
    assert books.spent() == 2 * spent


@pytest.mark.parametrize("model", MODELS)
def test_a_tool_is_called_and_its_result_is_read(model: str, ai: OpenAI) -> None:
    question: Any = {"role": "user", "content": "[[sbx:tool=get_weather]] Seoul?"}
    called = ai.responses.create(model=model, input=[question], tools=[TOOL])  # type: ignore[list-item]
    [call] = [item for item in called.output if item.type == "function_call"]
    assert (call.name, "city" in json.loads(call.arguments)) == ("get_weather", True)
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "It rains."}
    items: Any = [question, *(item.model_dump(exclude_none=True) for item in called.output), result]
    ended = ai.responses.create(model=model, input=items, tools=[TOOL])  # type: ignore[list-item]
    assert ended.output_text


def test_between_servers_of_one_dialect_the_body_passes_as_it_came(
    client: httpx.Client, platform: RunningPlatform
) -> None:
    text, mark = marked("pass")
    asked = {"model": "gpt", "input": text, "max_output_tokens": 50, "temperature": 1.0, "store": False}
    body = json.dumps(asked, indent=1)
    headers = {"Content-Type": "application/json"}
    assert client.post(RESPONSES, content=body.encode(), headers=headers).status_code == 200
    [sent] = platform.journal(mark)
    assert sent["body"] == body


@pytest.mark.parametrize("store", [{}, {"store": True}])
def test_no_server_is_let_keep_an_answer(
    store: dict[str, Any], client: httpx.Client, platform: RunningPlatform
) -> None:
    text, mark = marked("keep")
    answer = client.post(RESPONSES, json={"model": "gpt", "input": text, **store})
    assert answer.headers.get("X-Fields-Left-Out") == ("store" if store else None)
    [sent] = platform.journal(mark)
    assert json.loads(sent["body"])["store"] is False


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True}, "background"),
        ({"input": None}, "input"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input.0"),
        ({"tools": [{"type": "web_search"}]}, "tools.0"),
        ({"tools": [TOOL, {"type": "web_search"}], "tool_choice": {"type": "web_search"}}, "tools.1"),
        ({"service_tier": "priority"}, "service_tier"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"max_tokens": 100_000}, "max_tokens"),
        ({"n": 2}, "n"),
        ({"plugins": [{"id": "web"}]}, "plugins"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_charged(
    body: dict[str, Any], param: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post(RESPONSES, json={"model": "gpt", "input": "hello", **body})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"].startswith(param)
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("model", MODELS)
def test_a_providers_tool_beside_the_callers_own_is_left_out(
    model: str, client: httpx.Client, platform: RunningPlatform
) -> None:
    text, mark = marked("as Codex asks")
    tools = [TOOL, {"type": "web_search", "external_web_access": True}, {"type": "image_generation"}]
    answer = client.post(RESPONSES, json={"model": model, "input": text, "tools": tools})
    assert answer.status_code == 200, answer.text
    assert {"tools.1", "tools.2"} <= set(answer.headers["X-Fields-Left-Out"].split(", "))
    [sent] = platform.journal(mark)
    assert "get_weather" in sent["body"]
    assert "web_search" not in sent["body"]
    assert "image_generation" not in sent["body"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_call_without_an_answer_costs_nothing(
    model: str, stream: bool, client: httpx.Client, books: Books
) -> None:
    body = {"model": model, "input": "hello [[sbx:status=500]]", "stream": stream}
    answer = client.post(RESPONSES, json=body)
    assert answer.status_code in (502, 503), answer.text
    assert answer.json()["error"]["code"] in ("server_error", "service_unavailable")
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_that_breaks_is_charged_for_what_came_and_ends_in_an_error_event(
    model: str, client: httpx.Client, books: Books
) -> None:
    body = {"model": model, "input": "[[sbx:tokens=400;reset_after=9000]]", "stream": True}
    answer = client.post(RESPONSES, json=body)
    name, data = answer.text.strip().split("\n\n")[-1].split("\n")
    told = json.loads(data.removeprefix("data: "))
    assert (name, told["type"], told["code"]) == ("event: error", "error", "server_error")
    receipt = books.receipt(answer)
    assert (receipt["outcome"], receipt["estimated"]) == ("partial", True)
