"""Chat answers on each of its four addresses as that address documents, and costs the same everywhere."""

import json
import os
import subprocess
from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform, Tenant
from scenarios.asking import (
    API_IN_ONE,
    EVERY_ADDRESS,
    LLM,
    MAX_OUTPUT_TOKENS,
    OBJECT_SHAPED,
    OPENAI,
    TEXT,
    TOKENS_PER_IMAGE,
    Books,
    Stream,
    bill,
    body_for,
    marked,
    microcredits,
    price,
    saying,
    tokens,
)

# Omakase's public quickstart, as it stands there.
OMAKASE_QUICKSTART = r"""curl -X POST "http://aiapi.kogrobo.com:11115/llm/v1/chat/completions" \
-H "Authorization: Bearer $AI_OMAKASE_API_KEY" \
-H "Content-Type: application/json" \
-d '{
"input": "Summarize this incident report and suggest next actions.",
"temperature": 0.1
}'"""
OMAKASE_HOST = "http://aiapi.kogrobo.com:11115"
QUICKSTART_INPUT = "Summarize this incident report and suggest next actions."
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def test_the_openai_address_answers_with_the_openai_object(client: httpx.Client) -> None:
    answer = client.post(OPENAI, json=saying("hello"))

    assert answer.status_code == 200
    body = answer.json()
    assert body["object"] == "chat.completion"
    assert body["model"] == "gemini"
    assert body["choices"][0]["message"]["role"] == "assistant"
    assert body["choices"][0]["message"]["content"].startswith("You said: hello")
    assert body["usage"]["prompt_tokens"] == tokens("hello")
    assert not {"credits_consumed", "text"} & set(body)


def test_the_api_in_one_address_adds_the_price_to_the_object(client: httpx.Client) -> None:
    answer = client.post(API_IN_ONE, json=saying("hello", stream=False))

    body = answer.json()
    assert body["object"] == "chat.completion"
    assert set(body) >= {"id", "created", "model", "choices", "usage"}
    assert microcredits(body["credits_consumed"]) == bill("hello", body["choices"][0]["message"])
    assert microcredits(answer.headers["X-Credits-Consumed"]) == microcredits(body["credits_consumed"])


def test_input_on_the_llm_address_is_answered_with_the_object_and_its_text(client: httpx.Client) -> None:
    body = client.post(LLM, json={"input": "hello"}).json()

    assert body["object"] == "chat.completion"
    assert body["text"] == body["choices"][0]["message"]["content"]


def test_messages_on_the_llm_address_are_answered_with_the_object_alone(client: httpx.Client) -> None:
    body = client.post(LLM, json=body_for(LLM, "hello")).json()

    assert body["object"] == "chat.completion"
    assert "text" not in body


def test_the_text_address_answers_with_nothing_but_text(client: httpx.Client) -> None:
    answer = client.post(TEXT, json={"input": "hello"})

    assert set(answer.json()) == {"text"}
    assert answer.json()["text"].startswith("You said: hello")


@pytest.mark.parametrize("path", EVERY_ADDRESS)
def test_every_answer_names_its_id_and_its_price_and_is_in_the_books(
    path: str, client: httpx.Client, books: Books
) -> None:
    text, _ = marked()
    body = body_for(path, text + "[[sbx:text=twelve bytes]]", stream=False, include_thoughts=False)
    answer = client.post(path, json=body)

    cost = price(tokens(text + "[[sbx:text=twelve bytes]]"), 3)
    assert answer.headers["X-Credits-Consumed"] == f"{cost / 1e6:.6f}".rstrip("0")
    assert microcredits(answer.headers["X-Credits-Remaining"]) == 1_000_000_000 - cost
    assert books.spent() == cost
    assert books.held() == 0
    receipt = books.receipt(answer)
    assert receipt["outcome"] == "succeeded"
    assert receipt["capture_microcredits"] == cost
    assert receipt["balance_after_microcredits"] == 1_000_000_000 - cost


def test_api_in_one_thinks_aloud_unless_told_otherwise(
    client: httpx.Client, platform: RunningPlatform
) -> None:
    text, marker = marked()
    client.post(API_IN_ONE, json=body_for(API_IN_ONE, text, stream=False)).raise_for_status()
    client.post(OPENAI, json=body_for(OPENAI, text, stream=False)).raise_for_status()

    asked = [json.loads(entry["body"]) for entry in platform.journal(marker)]
    assert asked[0]["include_thoughts"] is True
    assert asked[0]["reasoning_effort"] == "high"
    assert "include_thoughts" not in asked[1]


@pytest.mark.parametrize("path", OBJECT_SHAPED)
def test_a_stream_carries_its_price_in_its_last_chunk_and_then_ends(
    path: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post(path, json=body_for(path, "hello", stream=True, include_thoughts=False))

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    stream = Stream.of(answer.text)
    assert stream.done
    cost = price(tokens("hello"), tokens(stream.joined()))
    assert microcredits(stream.chunks[-1]["credits_consumed"]) == cost
    assert all("credits_consumed" not in chunk for chunk in stream.chunks[:-1])
    assert stream.chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert books.receipt(answer)["capture_microcredits"] == books.spent() == cost


@pytest.mark.parametrize(
    ("path", "accept", "content_type"),
    [
        (OPENAI, "*/*", "application/json"),
        (OPENAI, "text/event-stream", "application/json"),
        (LLM, "*/*", "application/json"),
        (API_IN_ONE, "*/*", "text/event-stream"),
        (API_IN_ONE, "text/event-stream", "text/event-stream"),
        (API_IN_ONE, "application/json, text/event-stream", "text/event-stream"),
        (API_IN_ONE, "application/json", "application/json"),
    ],
)
def test_without_stream_the_address_and_accept_decide(
    path: str, accept: str, content_type: str, client: httpx.Client
) -> None:
    answer = client.post(path, json=body_for(path, "hello"), headers={"Accept": accept})

    assert answer.headers["Content-Type"].startswith(content_type)


@pytest.mark.parametrize(
    ("stream", "content_type"), [(True, "text/event-stream"), (False, "application/json")]
)
def test_an_explicit_stream_wins_over_accept(stream: bool, content_type: str, client: httpx.Client) -> None:
    other = {"Accept": "application/json" if stream else "text/event-stream"}

    for path in OBJECT_SHAPED:
        answer = client.post(path, json=body_for(path, "hello", stream=stream), headers=other)
        assert answer.headers["Content-Type"].startswith(content_type)


def test_usage_comes_in_a_chunk_of_its_own_only_where_it_is_asked_for(client: httpx.Client) -> None:
    asked = saying("hello", stream=True, stream_options={"include_usage": True})

    with_usage = Stream.of(client.post(OPENAI, json=asked).text)
    without = Stream.of(client.post(OPENAI, json=saying("hello", stream=True)).text)

    last = with_usage.chunks[-1]
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == tokens(with_usage.joined())
    assert microcredits(last["credits_consumed"]) == price(2, last["usage"]["completion_tokens"])
    assert all(chunk["usage"] is None for chunk in with_usage.chunks[:-1])
    assert all("usage" not in chunk for chunk in without.chunks)
    assert all(chunk["choices"] for chunk in without.chunks)
    assert with_usage.joined() == without.joined()


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls_come_through_and_are_priced(stream: bool, client: httpx.Client, books: Books) -> None:
    text = "what is the weather [[sbx:tool=get_weather]]"

    answer = client.post(OPENAI, json=saying(text, tools=[WEATHER], stream=stream))

    if stream:
        chunks = Stream.of(answer.text).chunks
        deltas = [c for chunk in chunks for c in chunk["choices"][0]["delta"].get("tool_calls", ())]
        name = "".join(delta["function"].get("name") or "" for delta in deltas)
        arguments = "".join(delta["function"]["arguments"] for delta in deltas)
        finish = chunks[-1]["choices"][0]["finish_reason"]
    else:
        choice = answer.json()["choices"][0]
        (call,) = choice["message"]["tool_calls"]
        name, arguments, finish = (
            call["function"]["name"],
            call["function"]["arguments"],
            choice["finish_reason"],
        )
    assert (name, finish) == ("get_weather", "tool_calls")
    assert "city" in arguments
    assert books.spent() == price(tokens(text), tokens(name, arguments))


def test_the_text_of_a_tool_call_is_empty_on_the_text_address(client: httpx.Client) -> None:
    answer = client.post(TEXT, json={"input": "[[sbx:tool]]", "tools": [WEATHER]})

    assert answer.json() == {"text": ""}


def test_a_response_format_reaches_the_model(client: httpx.Client) -> None:
    answer = client.post(OPENAI, json=saying("hello", response_format={"type": "json_object"}))

    assert answer.json()["choices"][0]["message"]["content"].startswith('{"answer":')


def test_images_in_messages_are_carried_and_priced(client: httpx.Client, books: Books) -> None:
    parts: list[dict[str, Any]] = [{"type": "text", "text": "what is this"}]
    parts += [{"type": "image_url", "image_url": {"url": PIXEL}}] * 2
    body = {"model": "gemini", "messages": [{"role": "user", "content": parts}]}

    message = client.post(OPENAI, json=body).json()["choices"][0]["message"]

    assert message["content"].count("image") == 2
    expected = price(tokens("what is this") + 2 * TOKENS_PER_IMAGE, tokens(message["content"]))
    assert books.spent() == expected


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("wish", [{"include_thoughts": True}, {"reasoning_effort": "high"}])
def test_thoughts_are_shown_and_priced_when_asked_for(
    wish: dict[str, Any], stream: bool, client: httpx.Client, books: Books
) -> None:
    answer = client.post(API_IN_ONE, json=saying("hello", stream=stream, **wish))

    if stream:
        read = Stream.of(answer.text)
        message = {name: read.joined(name) for name in ("content", "reasoning_content")}
    else:
        message = answer.json()["choices"][0]["message"]
    assert message["reasoning_content"].startswith("The user wrote 5 characters")
    assert books.spent() == bill("hello", message)


def test_no_thoughts_come_when_they_are_declined(client: httpx.Client) -> None:
    for wish in ({"include_thoughts": False}, {"reasoning_effort": "none"}):
        body = client.post(API_IN_ONE, json=saying("hello", stream=False, **wish)).json()
        assert "reasoning_content" not in body["choices"][0]["message"]


def test_what_we_do_not_know_is_passed_on_and_what_we_need_is_added(
    platform: RunningPlatform, client: httpx.Client
) -> None:
    text, mark = marked()

    client.post(OPENAI, json=saying(text, user="u-1", made_up={"deep": [1, None, "x"]}, seed=7))

    (entry,) = platform.journal(mark)
    sent = httpx.Response(200, text=entry["body"]).json()
    assert sent["made_up"] == {"deep": [1, None, "x"]}
    assert (sent["user"], sent["seed"]) == ("u-1", 7)
    assert sent["max_tokens"] == 4096
    assert "temperature" not in sent


def test_input_is_asked_at_a_temperature_near_a_tenth(
    platform: RunningPlatform, client: httpx.Client
) -> None:
    for path, given, expected in ((TEXT, None, 0.1), (LLM, None, 0.1), (TEXT, 0.9, 0.9)):
        text, mark = marked()
        client.post(path, json={"input": text} | ({} if given is None else {"temperature": given}))
        (entry,) = platform.journal(mark)
        sent = httpx.Response(200, text=entry["body"]).json()
        assert sent["temperature"] == expected
        assert sent["messages"] == [{"role": "user", "content": text}]
        assert "input" not in sent


@pytest.mark.parametrize("path", EVERY_ADDRESS)
def test_nothing_of_the_tenant_reaches_the_upstream(
    path: str, platform: RunningPlatform, tenant: Tenant, client: httpx.Client
) -> None:
    text, mark = marked()
    private = {"Idempotency-Key": f"private-{mark}", "Cookie": "sessionid=private", "X-Private": "private"}

    client.post(path, json=body_for(path, text), headers=private)

    (entry,) = platform.journal(mark)
    received = f"{entry['headers']} {entry['body']} {entry['query']}"
    assert tenant.key not in received
    assert "aio_" not in received
    assert "private" not in received
    assert "authorization" not in entry["headers"]


@pytest.mark.parametrize("path", ["/v1/models", "/api/v1/models"])
def test_the_models_are_listed_as_openai_lists_them(path: str, client: httpx.Client) -> None:
    body = client.get(path).json()

    assert body["object"] == "list"
    assert {"gemini", "sbx-chat"} <= {model["id"] for model in body["data"]}
    for model in body["data"]:
        assert model["object"] == "model"
        assert isinstance(model["created"], int)
        assert isinstance(model["owned_by"], str)


def test_an_alias_is_answered_under_the_models_own_name(client: httpx.Client) -> None:
    answer = client.post(OPENAI, json=saying("hello") | {"model": "gemini-3-flash"})

    assert answer.json()["model"] == "gemini"


def test_the_renamed_model_is_the_callers_in_every_chunk(client: httpx.Client) -> None:
    body = saying("hello", stream=True, stream_options={"include_usage": True}) | {"model": "free-chat"}

    stream = Stream.of(client.post(OPENAI, json=body).text)

    assert {chunk["model"] for chunk in stream.chunks} == {"free-chat"}


def test_the_quickstart_of_omakase_works_with_host_and_key_replaced(
    platform: RunningPlatform, tenant: Tenant
) -> None:
    line = OMAKASE_QUICKSTART.replace(OMAKASE_HOST, platform.base_url)

    done = subprocess.run(
        ["bash", "-c", line + " -s -i --noproxy '*'"],
        env={"PATH": os.environ["PATH"], "AI_OMAKASE_API_KEY": tenant.key},
        capture_output=True,
        text=True,
        timeout=180,
    )

    head, _, payload = (
        done.stdout.partition("\n\n") if "\r" not in done.stdout else done.stdout.partition("\r\n\r\n")
    )
    assert "HTTP/1.1 200" in head
    body = httpx.Response(200, text=payload).json()
    assert body["text"].startswith(f"You said: {QUICKSTART_INPUT}")
    assert body["choices"][0]["message"]["content"] == body["text"]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("stream", [False, True])
def test_more_output_than_the_model_gives_is_cut_and_a_header_says_so(
    name: str, stream: bool, platform: RunningPlatform, client: httpx.Client, books: Books
) -> None:
    text, mark = marked()

    answer = client.post(OPENAI, json=saying(text, **{name: 2**31 - 1}, stream=stream))

    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Max-Tokens-Clamped"] == str(MAX_OUTPUT_TOKENS)
    (entry,) = platform.journal(mark)
    assert json.loads(entry["body"])[name] == MAX_OUTPUT_TOKENS
    within = client.post(OPENAI, json=saying(text, **{name: MAX_OUTPUT_TOKENS}))
    assert "X-Max-Tokens-Clamped" not in within.headers


def test_an_answer_that_is_played_back_still_says_that_it_was_cut(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": marked()[1]}

    answers = [client.post(OPENAI, json=saying("hi", max_tokens=10**9), headers=headers) for _ in range(2)]

    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert {answer.headers["X-Max-Tokens-Clamped"] for answer in answers} == {str(MAX_OUTPUT_TOKENS)}


def test_openais_defaults_are_taken_and_kept_from_the_upstream(
    platform: RunningPlatform, client: httpx.Client
) -> None:
    text, mark = marked()
    nothing = {"service_tier": "auto", "modalities": ["text"], "function_call": "none", "functions": []}

    answer = client.post(OPENAI, json=saying(text, **nothing, audio=None, web_search_options=None))

    assert answer.status_code == 200, answer.text
    (entry,) = platform.journal(mark)
    assert not {*nothing, "audio", "web_search_options"} & set(json.loads(entry["body"]))
