"""Promise: Anthropic's Messages are answered by any chat model, in Anthropic's form, charged as any chat.

`claude` is served by an upstream of the same dialect, `gemini` by one of OpenAI's: a call is the same to its caller.
"""

import json
from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform, Tenant
from scenarios.asking import OPENAI, Books, TenantPool, marked, price, saying, tokens

MESSAGES = "/v1/messages"
MODELS = ("claude", "gemini", "gpt", "gemini-pro")
TOOL = {
    "name": "get_weather",
    "description": "The weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}


def message(text: Any, model: str = "claude", **more: Any) -> dict[str, Any]:
    return {"model": model, "max_tokens": 500, "messages": [{"role": "user", "content": text}], **more}


def events_of(answer: httpx.Response) -> list[dict[str, Any]]:
    """The events by their data; each names its type twice."""
    found = []
    for block in answer.text.strip().split("\n\n"):
        name, data = block.split("\n")
        values = json.loads(data.removeprefix("data: "))
        assert name == f"event: {values['type']}"
        if values["type"] != "ping":
            found.append(values)
    return found


def said_in(content: list[dict[str, Any]]) -> list[str]:
    """Every text that counts as output, as the sandbox counts it."""
    said = []
    for block in content:
        said += [block.get("text", ""), block.get("thinking", ""), block.get("name", "")]
        if "input" in block:
            said.append(json.dumps(block["input"], separators=(",", ":"), ensure_ascii=False))
    return said


def error_of(answer: httpx.Response) -> dict[str, Any]:
    told = answer.json()
    assert told["type"] == "error"
    assert told["request_id"] == answer.headers["X-Request-Id"] == answer.headers["request-id"]
    error: dict[str, Any] = told["error"]
    return error


@pytest.mark.parametrize("model", MODELS)
def test_a_whole_answer_has_anthropics_form_and_its_price(
    model: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post(MESSAGES, json=message("What is the sea?", model, system="Be brief."))

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["type"], told["role"], told["model"]) == ("message", "assistant", model)
    assert (told["stop_reason"], told["stop_sequence"]) == ("end_turn", None)
    [block] = told["content"]
    assert block["type"] == "text"
    due = price(tokens("What is the sea?", "Be brief."), tokens(block["text"]))
    assert told["usage"]["input_tokens"] == tokens("What is the sea?", "Be brief.")
    assert books.receipt(answer)["capture_microcredits"] == books.spent() == due
    assert float(answer.headers["X-Credits-Consumed"]) == due / 1_000_000
    assert answer.headers["X-AIO-Sandbox"] == "true"
    assert answer.headers["request-id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000},
        {"tools": [TOOL], "tool_choice": {"type": "any"}},
    ],
    ids=["text", "thinking", "tool"],
)  # fmt: skip
def test_a_stream_has_anthropics_events_and_costs_what_the_whole_answer_does(
    model: str, more: dict[str, Any], client: httpx.Client, books: Books
) -> None:
    whole = client.post(MESSAGES, json=message("Tell me", model, **more))
    assert whole.status_code == 200, whole.text
    streamed = client.post(MESSAGES, json=message("Tell me", model, stream=True, **more))

    assert streamed.headers["Content-Type"].startswith("text/event-stream")
    assert streamed.headers["request-id"] == streamed.headers["X-Request-Id"]
    events = events_of(streamed)
    kinds = [event["type"] for event in events]
    assert (kinds[0], kinds[-2], kinds[-1]) == ("message_start", "message_delta", "message_stop")
    assert events[0]["message"]["model"] == model
    blocks = [event["content_block"] for event in events if event["type"] == "content_block_start"]
    assert [block["type"] for block in blocks] == [block["type"] for block in whole.json()["content"]]
    texts = [event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta"]
    assert "".join(texts) == "".join(block.get("text", "") for block in whole.json()["content"])
    assert events[-2]["delta"]["stop_reason"] == whole.json()["stop_reason"]
    first, second = books.receipt(whole), books.receipt(streamed)
    assert first["capture_microcredits"] == second["capture_microcredits"] > 0
    assert events[-2]["usage"]["credits_consumed"] == second["capture_microcredits"] / 1_000_000
    assert (first["estimated"], second["estimated"]) == (False, False)


@pytest.mark.parametrize("model", MODELS)
def test_a_tool_is_called_and_its_result_is_read(model: str, client: httpx.Client) -> None:
    asked = message("[[sbx:tool=get_weather]] Seoul?", model, tools=[TOOL])
    called = client.post(MESSAGES, json=asked).json()
    assert called["stop_reason"] == "tool_use"
    [use] = [block for block in called["content"] if block["type"] == "tool_use"]
    assert (use["name"], isinstance(use["input"], dict)) == ("get_weather", True)

    result = {"type": "tool_result", "tool_use_id": use["id"], "content": "It rains."}
    asked["messages"] += [
        {"role": "assistant", "content": called["content"]},
        {"role": "user", "content": [result]},
    ]
    ended = client.post(MESSAGES, json=asked)
    assert (ended.status_code, ended.json()["stop_reason"]) == (200, "end_turn"), ended.text


def test_openais_chat_is_answered_by_an_upstream_of_anthropics(client: httpx.Client, books: Books) -> None:
    answer = client.post(OPENAI, json=saying("What is the sea?", model="claude"))
    told = answer.json()
    assert (told["object"], told["model"]) == ("chat.completion", "claude")
    text = told["choices"][0]["message"]["content"]
    assert books.receipt(answer)["capture_microcredits"] == price(tokens("What is the sea?"), tokens(text))


def test_between_servers_of_one_dialect_the_body_passes_as_it_came(
    client: httpx.Client, platform: RunningPlatform
) -> None:
    text, mark = marked("pass [[sbx:tokens=3]]")
    body = json.dumps(message(text, temperature=1.0, metadata={"user_id": "u"}), indent=1).encode()
    headers = {
        "Content-Type": "application/json",
        "anthropic-beta": "context-1m-2025-08-07, fine-grained-2025",
    }
    assert client.post(MESSAGES, content=body, headers=headers).status_code == 200
    [sent] = platform.journal(mark)
    assert sent["body"].encode() == body
    assert sent["headers"]["anthropic-beta"] == "fine-grained-2025"


@pytest.mark.parametrize("model", MODELS)
def test_more_output_than_the_model_gives_is_cut_to_that(
    model: str, client: httpx.Client, platform: RunningPlatform
) -> None:
    text, mark = marked()
    answer = client.post(MESSAGES, json=message(text, model, max_tokens=1_000_000))
    assert (answer.status_code, answer.headers["X-Max-Tokens-Clamped"]) == (200, "4096")
    [sent] = platform.journal(mark)
    asked = json.loads(sent["body"])
    limit = asked.get("max_tokens") or asked.get("max_output_tokens")
    assert (limit or asked["generationConfig"]["maxOutputTokens"]) == 4096


@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
def test_the_key_is_taken_from_anthropics_header_or_as_a_bearer(
    header: str, platform: RunningPlatform, tenant: Tenant
) -> None:
    value = tenant.key if header == "x-api-key" else f"Bearer {tenant.key}"
    answer = httpx.post(f"{platform.base_url}{MESSAGES}", json=message("hello"), headers={header: value})
    assert answer.status_code == 200


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "sk-ant-nothing"}, {"x-api-key": ""}])
def test_without_a_key_of_ours_it_is_401_in_anthropics_words(
    headers: dict[str, str], platform: RunningPlatform
) -> None:
    answer = httpx.post(f"{platform.base_url}{MESSAGES}", json=message("hello"), headers=headers)
    assert (answer.status_code, error_of(answer)["type"]) == (401, "authentication_error")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
        ({"temperature": 2}, "temperature"),
        ({"mcp_servers": [{"url": "https://x.test"}]}, "mcp_servers"),
        ({"tools": [SEARCH]}, "tools.0"),
        ({"tools": [TOOL, SEARCH], "tool_choice": {"type": "tool", "name": "web_search"}}, "tools.1"),
        ({"n": 2}, "n"),
        ({"n_predict": 100_000}, "n_predict"),
        ({"max_completion_tokens": 100_000}, "max_completion_tokens"),
        ({"models": ["a-dearer-one"]}, "models"),
        ({"anthropic_beta": ["context-1m-2025-08-07"]}, "anthropic_beta"),
        (
            {"messages": [{"role": "user", "content": [
                {"type": "document", "source": {"type": "url", "url": "https://x.test/a.pdf"}}]}]},
            "messages.0.content.0",
        ),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_and_nothing_is_charged(
    body: dict[str, Any], param: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post(MESSAGES, json=message("hello", **body))
    assert (answer.status_code, error_of(answer)["type"]) == (400, "invalid_request_error")
    assert error_of(answer)["param"] == param
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("magic", "status", "kind"),
    [
        ("status=500", 502, "api_error"),
        ("status=429;retry_after=7", 429, "rate_limit_error"),
        ("status=400", 400, "invalid_request_error"),
        ("reset", 502, "api_error"),
        ("malformed", 502, "api_error"),
        ("empty", 502, "api_error"),
        ("error_in_200", 502, "api_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_call_without_an_answer_costs_nothing(
    model: str,
    magic: str,
    status: int,
    kind: str,
    stream: bool,
    client: httpx.Client,
    books: Books,
    tenants: TenantPool,
) -> None:
    # The worker has just had an answer for another tenant, so that no route rests between tests.
    assert (
        client.post(MESSAGES, json=message("well?", model), headers=tenants.take().headers).status_code == 200
    )
    if stream and magic == "malformed":
        magic = "malformed_chunk=1"
    answer = client.post(MESSAGES, json=message(f"hello [[sbx:{magic}]]", model, stream=stream))
    assert (answer.status_code, error_of(answer)["type"]) == (status, kind), answer.text
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_that_breaks_is_charged_for_what_came_and_ends_in_an_error_event(
    model: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post(MESSAGES, json=message("[[sbx:tokens=200;reset_after=3000]]", model, stream=True))
    events = events_of(answer)
    assert events[-1]["type"] == "error"
    assert events[-1]["error"]["type"] == "api_error"
    receipt = books.receipt(answer)
    assert (receipt["outcome"], receipt["estimated"]) == ("partial", True)
    assert receipt["capture_microcredits"] > 0


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_without_usage_is_charged_by_its_estimate(
    model: str, client: httpx.Client, books: Books
) -> None:
    for stream in (False, True):
        answer = client.post(MESSAGES, json=message("[[sbx:no_usage]] hello", model, stream=stream))
        assert answer.status_code == 200
        receipt = books.receipt(answer)
        assert (receipt["estimated"], receipt["capture_microcredits"] > 0) == (True, True)


def test_an_unknown_model_is_404_in_anthropics_words(client: httpx.Client) -> None:
    answer = client.post(MESSAGES, json=message("hello", "no-such-model"))
    assert (answer.status_code, error_of(answer)["type"]) == (404, "not_found_error")


def test_too_little_credit_is_402_in_anthropics_words(platform: RunningPlatform) -> None:
    poor = platform.new_tenant(credits="0.000001")
    with platform.client(poor) as client:
        answer = client.post(MESSAGES, json=message("hello"))
    assert (answer.status_code, error_of(answer)["type"]) == (402, "billing_error")


def test_what_the_upstreams_dialect_has_no_place_for_is_refused_or_named(client: httpx.Client) -> None:
    harmless = client.post(MESSAGES, json=message("hello", "gemini", context_management={"edits": [{}]}))
    assert (harmless.status_code, harmless.headers["X-Fields-Left-Out"]) == (200, "context_management")
    refused = client.post(MESSAGES, json=message("hello", "gemini", a_new_field={"x": 1}))
    assert (refused.status_code, error_of(refused)["param"]) == (400, "a_new_field")
    passed = client.post(MESSAGES, json=message("hello", "claude", a_new_field={"x": 1}))
    assert (passed.status_code, "X-Fields-Left-Out" in passed.headers) == (200, False)


@pytest.mark.parametrize(
    "kind", ["bash_20250124", "text_editor_20250728", "computer_20250124", "memory_20250818"]
)
def test_tools_of_anthropics_that_the_caller_runs_are_passed_on(kind: str, client: httpx.Client) -> None:
    tool = {"type": kind, "name": kind.rpartition("_")[0]}
    answer = client.post(MESSAGES, json=message("hello", "claude", tools=[tool]))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("model", MODELS)
def test_a_providers_tool_beside_the_callers_own_is_left_out(
    model: str, client: httpx.Client, platform: RunningPlatform
) -> None:
    text, mark = marked("as agents ask")
    answer = client.post(MESSAGES, json=message(text, model, tools=[SEARCH, TOOL]))
    assert (answer.status_code, answer.headers["X-Fields-Left-Out"]) == (200, "tools.0"), answer.text
    [sent] = platform.journal(mark)
    assert "get_weather" in sent["body"]
    assert "web_search" not in sent["body"]


@pytest.mark.parametrize("model", MODELS)
def test_a_tool_that_the_callers_search_found_is_told_to_any_model(
    model: str, client: httpx.Client, platform: RunningPlatform
) -> None:
    text, mark = marked("find one")
    body = message(text, model, tools=[TOOL | {"defer_loading": True}])
    found = {"type": "tool_reference", "tool_name": "get_weather"}
    body["messages"] += [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t", "name": "ToolSearch", "input": {}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [found]}]},
    ]
    answer = client.post(MESSAGES, json=body)
    assert answer.status_code == 200, answer.text
    [sent] = platform.journal(mark)
    assert ("tool_reference" in sent["body"]) is (model == "claude")


@pytest.mark.parametrize("limit", [{}, {"max_tokens": None}])
def test_a_prompt_is_counted_free_of_charge(
    limit: dict[str, Any], client: httpx.Client, books: Books
) -> None:
    body = message("12345678")
    del body["max_tokens"]
    body |= limit
    answer = client.post(f"{MESSAGES}/count_tokens", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["input_tokens"] >= 1
    assert answer.headers["request-id"] == answer.headers["X-Request-Id"]
    books.assert_nothing_held_or_spent()


def test_the_same_call_under_one_idempotency_key_is_charged_once(client: httpx.Client, books: Books) -> None:
    headers = {"Idempotency-Key": "messages-once"}
    first, second = (client.post(MESSAGES, json=message("once"), headers=headers) for _ in range(2))
    assert first.content == second.content
    assert second.headers["Idempotent-Replayed"] == "true"
    assert books.spent() == books.receipt(first)["capture_microcredits"]


def test_a_call_with_another_header_that_is_passed_on_is_another_call(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "messages-of-two-betas"}
    answers = [
        client.post(MESSAGES, json=message("once"), headers={**headers, "anthropic-beta": beta})
        for beta in ("fine-grained-2025", "another-2025")
    ]
    assert [answer.status_code for answer in answers] == [200, 422]
