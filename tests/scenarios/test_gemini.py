"""Promise: Google's Gemini is answered by any chat model, in Google's own form, charged as any chat.

`gemini-pro` is served by an upstream of the same dialect, the others by servers of other dialects: to callers it is the
same.
"""

import json
from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform, Tenant
from scenarios.asking import OPENAI, Books, TenantPool, eventually, marked, price, saying, tokens
from scenarios.test_client_leaves import SLOW_WORDS, aborted_call, asking, read_events, upstream_call

MODELS = ("gemini-pro", "gemini", "claude", "gpt")
FORMS = ("whole", "events", "array")
CONFIG = "generationConfig"
FUNCTION = {
    "name": "get_weather",
    "description": "The weather.",
    "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]},
}
TOOLS = [{"functionDeclarations": [FUNCTION]}]


def address(model: str, form: str = "whole", mount: str = "/v1beta") -> str:
    method = "generateContent" if form == "whole" else "streamGenerateContent"
    return f"{mount}/models/{model}:{method}{'?alt=sse' if form == 'events' else ''}"


def content(text: Any, **more: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}


def events_of(answer: httpx.Response) -> list[dict[str, Any]]:
    """The events of a stream that has ended well."""
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    blocks = [block for block in answer.text.split("\n\n") if block.strip()]
    assert all(block.startswith("data: ") for block in blocks), answer.text
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


def pieces_of(answer: httpx.Response, form: str) -> list[dict[str, Any]]:
    if form == "whole":
        return [answer.json()]
    if form == "events":
        return events_of(answer)
    assert answer.headers["Content-Type"] == "application/json"
    found: list[dict[str, Any]] = answer.json()
    return found


def parts_of(pieces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All parts but empty texts, whose pieces are put together."""
    found: list[dict[str, Any]] = []
    for piece in pieces:
        for part in piece["candidates"][0]["content"].get("parts", ()):
            last = found[-1] if found else {}
            if part.get("text") == "":
                continue
            if "text" in part and "text" in last and part.get("thought") == last.get("thought"):
                last["text"] += part["text"]
            else:
                found.append(dict(part))
    return found


def error_of(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    info = error["details"][0]
    assert (info["@type"], info["metadata"]["request_id"]) == (
        "type.googleapis.com/google.rpc.ErrorInfo",
        answer.headers["X-Request-Id"],
    )
    assert error["code"] == answer.status_code
    return {**error, "param": info["metadata"].get("param")}


@pytest.mark.parametrize("model", MODELS)
def test_a_whole_answer_has_googles_form_and_its_price(
    model: str, client: httpx.Client, books: Books
) -> None:
    system = {"parts": [{"text": "Be brief."}]}
    answer = client.post(address(model), json=content("What is the sea?", systemInstruction=system))

    assert answer.status_code == 200, answer.text
    told = answer.json()
    [candidate] = told["candidates"]
    assert (candidate["finishReason"], candidate["content"]["role"]) == ("STOP", "model")
    assert told["modelVersion"] == model
    [part] = candidate["content"]["parts"]
    tokens_in = tokens("What is the sea?", "Be brief.")
    assert told["usageMetadata"]["promptTokenCount"] == tokens_in
    due = price(tokens_in, tokens(part["text"]))
    assert books.receipt(answer)["capture_microcredits"] == books.spent() == due
    assert float(answer.headers["X-Credits-Consumed"]) == due / 1_000_000
    assert answer.headers["X-AIO-Sandbox"] == "true"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("form", ["events", "array"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {CONFIG: {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 1024}, "maxOutputTokens": 2000}},
        {"tools": TOOLS, "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
    ],
    ids=["text", "thinking", "tool"],
)  # fmt: skip
def test_a_stream_says_and_costs_what_the_whole_answer_does(
    model: str, form: str, more: dict[str, Any], client: httpx.Client, books: Books
) -> None:
    whole = client.post(address(model), json=content("Tell me", **more))
    assert whole.status_code == 200, whole.text
    streamed = client.post(address(model, form), json=content("Tell me", **more))

    pieces = pieces_of(streamed, form)
    assert {piece["modelVersion"] for piece in pieces} == {model}
    said, said_whole = parts_of(pieces), parts_of([whole.json()])
    assert [part.get("text") for part in said] == [part.get("text") for part in said_whole]
    assert [part.get("functionCall") for part in said] == [part.get("functionCall") for part in said_whole]
    assert [part.get("thought") for part in said] == [part.get("thought") for part in said_whole]
    assert pieces[-1]["candidates"][0]["finishReason"] == "STOP"
    first, second = books.receipt(whole), books.receipt(streamed)
    assert first["capture_microcredits"] == second["capture_microcredits"] > 0
    price_shown = pieces[-1]["usageMetadata"]["credits_consumed"]
    assert price_shown == second["capture_microcredits"] / 1_000_000
    assert (first["estimated"], second["estimated"]) == (False, False)
    assert (first["streamed"], second["streamed"]) == (False, True)


@pytest.mark.parametrize("model", MODELS)
def test_thoughts_are_shown_to_who_asks_for_them(model: str, client: httpx.Client) -> None:
    config = {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 1024}, "maxOutputTokens": 2000}
    told = client.post(address(model), json=content("Tell me", generationConfig=config)).json()
    thought, answer = parts_of([told])
    assert (thought["thought"], "thought" in answer) == (True, False)
    counts = told["usageMetadata"]
    # Anthropic counts thoughts with the answer, and says nothing of how many they are.
    assert ("thoughtsTokenCount" in counts) == (model != "claude")
    names = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    assert counts["totalTokenCount"] == sum(counts.get(name, 0) for name in names)


@pytest.mark.parametrize("model", MODELS)
def test_a_function_is_called_and_its_result_is_read(model: str, client: httpx.Client) -> None:
    asked = content("[[sbx:tool=get_weather]] Seoul?", tools=TOOLS)
    called = client.post(address(model), json=asked).json()
    [call] = [part["functionCall"] for part in parts_of([called]) if "functionCall" in part]
    assert (call["name"], "city" in call["args"]) == ("get_weather", True)

    result = {"functionResponse": {"name": "get_weather", "response": {"output": "It rains."}}}
    if "id" in call:
        result["functionResponse"]["id"] = call["id"]
    asked["contents"] += [called["candidates"][0]["content"], {"role": "user", "parts": [result]}]
    ended = client.post(address(model), json=asked)
    assert ended.status_code == 200, ended.text
    assert parts_of([ended.json()])[0]["text"]


def test_thoughts_of_another_provider_come_back_to_it_with_their_proofs(
    client: httpx.Client, platform: RunningPlatform
) -> None:
    text, mark = marked("[[sbx:tool=get_weather]] Seoul?")
    config = {"thinkingConfig": {"thinkingBudget": 1024}, "maxOutputTokens": 2000}
    asked = content(text, tools=TOOLS, generationConfig=config)
    called = client.post(address("claude", "events"), json=asked)
    parts = parts_of(events_of(called))
    [call] = [part for part in parts if "functionCall" in part]
    assert not any(part.get("thought") for part in parts), "nobody asked to see them"
    result = {"functionResponse": {"name": "get_weather", "response": {"output": "It rains."}}}
    asked["contents"] += [{"role": "model", "parts": [call]}, {"role": "user", "parts": [result]}]
    assert client.post(address("claude"), json=asked).status_code == 200
    [_first, second] = [json.loads(entry["body"]) for entry in platform.journal(mark)]
    [thought] = [block for block in second["messages"][1]["content"] if block["type"] == "thinking"]
    assert thought["thinking"]
    assert thought["signature"]


def test_between_servers_of_one_dialect_the_body_passes_as_it_came(
    client: httpx.Client, platform: RunningPlatform
) -> None:
    text, mark = marked("pass [[sbx:tokens=3]]")
    asked = content(text, generationConfig={"temperature": 1.0, "maxOutputTokens": 9, "topK": 4e1})
    body = json.dumps({**asked, "labels": {"é": "\ud83d\ude00"}}, indent=1).encode()
    headers = {"Content-Type": "application/json"}
    for form in FORMS:
        assert client.post(address("gemini-pro", form), content=body, headers=headers).status_code == 200
    sent = platform.journal(mark)
    assert [entry["body"].encode() for entry in sent] == [body] * 3
    assert [entry["path"].rpartition(":")[2] for entry in sent] == [
        "generateContent",
        "streamGenerateContent",
        "streamGenerateContent",
    ]


@pytest.mark.parametrize(
    ("config", "sent"),
    [
        ("{}", '{"maxOutputTokens":4096}'),
        ("null", '{"maxOutputTokens":4096}'),
        ('{"topP": 1.0,"maxOutputTokens":1000000}', '{"topP": 1.0,"maxOutputTokens":4096}'),
        ('{"max_output_tokens":7 ,"top_p":0.50}', '{"max_output_tokens":7 ,"top_p":0.50}'),
        ('{"max_output_tokens":7 ,"maxOutputTokens":null}', '{"max_output_tokens":7 }'),
    ],
)
def test_of_what_passes_nothing_but_the_limit_is_touched(
    config: str, sent: str, client: httpx.Client, platform: RunningPlatform
) -> None:
    text, mark = marked("pass [[sbx:tokens=3]]")
    contents = json.dumps(content(text)["contents"])
    body = f'{{"contents": {contents},"model":"models/x","generationConfig":{config},"stream":false}}'
    headers = {"Content-Type": "application/json"}
    answer = client.post(address("gemini-pro"), content=body.encode(), headers=headers)
    assert answer.status_code == 200, answer.text
    [entry] = platform.journal(mark)
    assert entry["body"] == f'{{"contents": {contents},"generationConfig":{sent}}}'


def test_openais_chat_is_answered_by_an_upstream_of_googles(client: httpx.Client, books: Books) -> None:
    answer = client.post(OPENAI, json=saying("What is the sea?", model="gemini-pro"))
    told = answer.json()
    assert (told["object"], told["model"]) == ("chat.completion", "gemini-pro")
    text = told["choices"][0]["message"]["content"]
    assert books.receipt(answer)["capture_microcredits"] == price(tokens("What is the sea?"), tokens(text))


@pytest.mark.parametrize("model", MODELS)
def test_more_output_than_the_model_gives_is_cut_to_that(
    model: str, client: httpx.Client, platform: RunningPlatform
) -> None:
    text, mark = marked()
    config = {"maxOutputTokens": 1_000_000}
    answer = client.post(address(model), json=content(text, generationConfig=config))
    assert (answer.status_code, answer.headers["X-Max-Tokens-Clamped"]) == (200, "4096")
    [sent] = platform.journal(mark)
    asked = json.loads(sent["body"])
    limit = asked.get("max_tokens") or asked.get("max_output_tokens") or asked.get("max_completion_tokens")
    assert (limit or asked[CONFIG]["maxOutputTokens"]) == 4096


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/gemini-pro:generateContent",
        "/v1beta/models/models/gemini-pro:generateContent",
        "/v1beta/models/publishers/google/models/gemini-pro:generateContent",
        "/v1beta/models/gemini-3-flash:generateContent",
    ],
)
def test_a_model_is_found_as_clients_write_it(path: str, client: httpx.Client) -> None:
    answer = client.post(path, json=content("hello"))
    assert answer.status_code == 200, answer.text
    assert answer.json()["modelVersion"] in ("gemini-pro", "gemini")


@pytest.mark.parametrize("header", ["x-goog-api-key", "authorization"])
@pytest.mark.parametrize("method", ["generateContent", "countTokens"])
def test_the_key_is_taken_from_googles_header_or_as_a_bearer(
    header: str, method: str, platform: RunningPlatform, tenant: Tenant
) -> None:
    value = tenant.key if header == "x-goog-api-key" else f"Bearer {tenant.key}"
    url = f"{platform.base_url}/v1beta/models/gemini:{method}"
    assert httpx.post(url, json=content("hello"), headers={header: value}).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"x-goog-api-key": "AIza-nothing"}, {"x-goog-api-key": ""}])
@pytest.mark.parametrize("form", FORMS)
def test_without_a_key_of_ours_it_is_401_in_googles_words(
    headers: dict[str, str], form: str, platform: RunningPlatform
) -> None:
    answer = httpx.post(f"{platform.base_url}{address('gemini', form)}", json=content("x"), headers=headers)
    assert (answer.status_code, error_of(answer)["status"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1beta/models/gemini:generateContent"),
        ("POST", "/v1/models/gemini:generateContent"),
        ("POST", "/v1beta/models/gemini:streamGenerateContent"),
        ("POST", "/v1beta/models/gemini:countTokens"),
        ("POST", "/v1beta/models/qwen3-embedding:embedContent"),
        ("POST", "/v1beta/models/qwen3-embedding:batchEmbedContents"),
        ("GET", "/v1beta/models"),
        ("GET", "/v1beta/models/gemini"),
    ],
)
@pytest.mark.parametrize("parameter", ["key", "%6bey", "access_token"])
def test_a_key_in_the_query_is_refused_and_kept_nowhere(
    method: str, path: str, parameter: str, platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    url = f"{platform.base_url}{path}?alt=sse&{parameter}={tenant.key}"
    answer = httpx.request(
        method, url, json=content("hello") if method == "POST" else None, headers=tenant.headers
    )
    error = error_of(answer)
    assert (answer.status_code, error["status"]) == (401, "UNAUTHENTICATED")
    assert "x-goog-api-key" in error["message"]
    assert tenant.key not in answer.text
    assert tenant.key not in platform.log.read_text()
    books.assert_nothing_held_or_spent()


def test_a_key_in_the_query_of_an_address_that_is_not_there_is_kept_nowhere(
    platform: RunningPlatform, tenant: Tenant
) -> None:
    for path in ("/v1beta/nothing", "/v1beta/models/gemini:nothing", "/v1beta//models"):
        answer = httpx.post(f"{platform.base_url}{path}?key={tenant.key}", json={})
        assert answer.status_code in (404, 405)
        error_of(answer)
    assert tenant.key not in platform.log.read_text()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"contents": []}, "contents"),
        ({"contents": None}, "contents"),
        ({"contents": [{"role": "user", "parts": [{"text": 1}]}]}, "contents.0.parts.0.text"),
        ({CONFIG: {"temperature": 3}}, "generationConfig.temperature"),
        ({CONFIG: {"maxOutputTokens": 0}}, "generationConfig.maxOutputTokens"),
        ({CONFIG: {"maxOutputTokens": 9, "max_output_tokens": 10**6}}, "generationConfig.maxOutputTokens"),
        ({CONFIG: {}, "generation_config": {"candidateCount": 8}}, CONFIG),
        ({CONFIG: {"responseModalities": ["IMAGE"]}}, "generationConfig.responseModalities"),
        ({CONFIG: {"speechConfig": {"languageCode": "ko"}}}, "generationConfig.speechConfig"),
        ({"generation_config": {"image_config": {"imageSize": "4K"}}}, "generation_config.image_config"),
        ({"tools": [{"googleSearch": {}}]}, "tools.0.googleSearch"),
        ({"tools": [{"codeExecution": {}}]}, "tools.0.codeExecution"),
        ({"cachedContent": "cachedContents/x"}, "cachedContent"),
        ({CONFIG: {"routingConfig": {"manualMode": {"modelName": "m"}}}}, "generationConfig.routingConfig"),
        (
            {"contents": [{"parts": [{"functionResponse": {"name": "f", "parts": [
                {"fileData": {"fileUri": "https://x.test/a.mp4", "mimeType": "video/mp4"}}]}}]}]},
            "contents.0.parts.0.functionResponse.parts.0",
        ),
        ({"serviceTier": "flex"}, "serviceTier"),
        ({"serviceTier": "a-new-one"}, "serviceTier"),
        ({"n": 2}, "n"),
        ({"max_tokens": 100_000}, "max_tokens"),
        ({"models": ["a-dearer-one"]}, "models"),
        (
            {"contents": [{"parts": [{"fileData": {"fileUri": "https://x.test/a.mp4", "mimeType": "video/mp4"}}]}]},
            "contents.0.parts.0",
        ),
        (
            {"contents": [{"parts": [{"inlineData": {"data": "AAAA", "mimeType": "audio/mp3"}}]}]},
            "contents.0.parts.0",
        ),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_and_nothing_is_charged(
    body: dict[str, Any], param: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post(address("gemini-pro"), json=content("hello", **body))
    assert answer.status_code == 400, answer.text
    error = error_of(answer)
    assert (error["status"], error["param"]) == ("INVALID_ARGUMENT", param)
    books.assert_nothing_held_or_spent()


def test_another_form_of_a_stream_than_google_has_is_refused(client: httpx.Client) -> None:
    answer = client.post("/v1beta/models/gemini:streamGenerateContent?alt=proto", json=content("hello"))
    assert (answer.status_code, error_of(answer)["param"]) == (400, "alt")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("magic", "status", "name"),
    [
        ("status=500", 502, "UNAVAILABLE"),
        ("status=429;retry_after=7", 429, "RESOURCE_EXHAUSTED"),
        ("status=400", 400, "INVALID_ARGUMENT"),
        ("reset", 502, "UNAVAILABLE"),
        ("malformed", 502, "UNAVAILABLE"),
        ("empty", 502, "UNAVAILABLE"),
        ("error_in_200", 502, "UNAVAILABLE"),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_a_call_without_an_answer_costs_nothing(
    model: str,
    magic: str,
    status: int,
    name: str,
    form: str,
    client: httpx.Client,
    books: Books,
    tenants: TenantPool,
) -> None:
    # The worker has just had an answer for another tenant, so that no route rests between tests.
    other = tenants.take().headers
    assert client.post(address(model), json=content("well?"), headers=other).status_code == 200
    if form != "whole" and magic == "malformed":
        magic = "malformed_chunk=1"
    answer = client.post(address(model, form), json=content(f"hello [[sbx:{magic}]]"))
    assert (answer.status_code, error_of(answer)["status"]) == (status, name), answer.text
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("form", ["events", "array"])
def test_a_stream_that_breaks_is_charged_for_what_came_and_ends_in_an_error(
    model: str, form: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post(address(model, form), json=content("[[sbx:tokens=400;reset_after=9000]]"))
    if form == "array":
        *pieces, last = answer.json()
    else:
        # Once as an event, and once as Google's own clients look for it.
        *blocks, bare = answer.text.split("\n\n")
        *pieces, last = [json.loads(block.removeprefix("data: ")) for block in blocks]
        assert json.loads(bare) == last
    assert pieces
    assert (last["error"]["code"], last["error"]["status"]) == (502, "UNAVAILABLE")
    receipt = books.receipt(answer)
    assert (receipt["outcome"], receipt["estimated"]) == ("partial", True)
    assert 0 < receipt["capture_microcredits"] == books.spent()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("form", FORMS)
def test_who_leaves_before_the_first_byte_pays_nothing_and_stops_the_upstream(
    model: str, form: str, platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    text, mark = marked("[[sbx:hang]]")
    with asking(platform, tenant, address(model, form), content(text)):
        assert upstream_call(platform, mark)["aborted_by"] is None
    assert aborted_call(platform, mark)["aborted_by"] == "client"
    assert books.only_call()["outcome"] == "cancelled"
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("form", ["events", "array"])
def test_who_leaves_in_mid_stream_pays_what_came(
    model: str, form: str, platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    text, mark = marked(SLOW_WORDS)
    with asking(platform, tenant, address(model, form), content(text)) as connection:
        if form == "events":
            read_events(connection, 5)
        else:
            received = b""
            while received.count(b"candidates") < 5:
                received += connection.recv(4096)
    entry = aborted_call(platform, mark)
    assert 0 < entry["delivered_tokens"] < 3000
    call = books.only_call()
    assert (call["outcome"], call["estimated"], call["streamed"]) == ("partial", True, True)
    assert 0 < call["units"]["tokens_out"] <= entry["delivered_tokens"]
    assert books.spent() == price(call["units"]["tokens_in"], call["units"]["tokens_out"])
    assert eventually(lambda: books.held() == 0)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("form", FORMS)
def test_an_answer_without_usage_is_charged_by_its_estimate(
    model: str, form: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post(address(model, form), json=content("[[sbx:no_usage]] hello"))
    assert answer.status_code == 200
    receipt = books.receipt(answer)
    assert (receipt["estimated"], receipt["capture_microcredits"] > 0) == (True, True)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("model", ["no-such-model", "a/b", "qwen3-embedding"])
def test_an_unknown_model_is_404_in_googles_words(form: str, model: str, client: httpx.Client) -> None:
    answer = client.post(address(model, form), json=content("hello"))
    assert (answer.status_code, error_of(answer)["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("form", FORMS)
def test_too_little_credit_is_402_in_googles_words(form: str, platform: RunningPlatform) -> None:
    poor = platform.new_tenant(credits="0.000001")
    with platform.client(poor) as client:
        answer = client.post(address("gemini", form), json=content("hello"))
    assert (answer.status_code, error_of(answer)["status"]) == (402, "FAILED_PRECONDITION")


def test_a_key_for_other_endpoints_or_models_is_403(platform: RunningPlatform) -> None:
    tenant = platform.new_tenant(key_options=("--scope", "embeddings"))
    with platform.client(tenant) as client:
        for path in (address("gemini"), "/v1beta/models/gemini:countTokens"):
            answer = client.post(path, json=content("hello"))
            assert (answer.status_code, error_of(answer)["status"]) == (403, "PERMISSION_DENIED")


def test_what_the_upstreams_dialect_has_no_place_for_is_refused_or_named(client: httpx.Client) -> None:
    harmless = client.post(address("gemini"), json=content("hello", labels={"team": "a"}))
    assert (harmless.status_code, harmless.headers["X-Fields-Left-Out"]) == (200, "labels")
    refused = client.post(address("gemini"), json=content("hello", aNewField={"x": 1}))
    assert (refused.status_code, error_of(refused)["param"]) == (400, "aNewField")
    passed = client.post(address("gemini-pro"), json=content("hello", aNewField={"x": 1}))
    assert (passed.status_code, "X-Fields-Left-Out" in passed.headers) == (200, False)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_prompt_is_counted_free_of_charge(wrapped: bool, client: httpx.Client, books: Books) -> None:
    body = content("12345678")
    if wrapped:
        body = {"generateContentRequest": {"model": "models/gemini", **body}}
    answer = client.post("/v1beta/models/gemini:countTokens", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["totalTokens"] >= 2
    assert client.post("/v1/models/gemini:countTokens", json=body).json() == answer.json()
    books.assert_nothing_held_or_spent()


def test_the_same_call_under_one_idempotency_key_is_charged_once(client: httpx.Client, books: Books) -> None:
    headers = {"Idempotency-Key": "gemini-once"}
    first, second = (
        client.post(address("gemini-pro"), json=content("once"), headers=headers) for _ in range(2)
    )
    assert first.content == second.content
    assert second.headers["Idempotent-Replayed"] == "true"
    assert books.spent() == books.receipt(first)["capture_microcredits"]
    # The model stands in the path alone.
    assert client.post(address("claude"), json=content("once"), headers=headers).status_code == 422
