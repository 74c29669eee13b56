"""Bad input: a clear error that names the field, in the mount's shape, and nothing held, charged or broken."""

import json
import socket
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running_platform import RunningPlatform, Tenant
from scenarios.asking import API_IN_ONE, EVERY_ADDRESS, LLM, OPENAI, TEXT, Books, body_for, saying, told

HI = [{"role": "user", "content": "hello"}]
JSON = {"Content-Type": "application/json"}
# What may be wrong with any chat body, beside what else it has; and the field that the error must name.
WRONG_FIELDS: list[tuple[str, Any, str]] = [
    ("model", 5, "model"),
    ("model", "", "model"),
    ("model", "m" * 100_000, "model"),
    ("model", ["gemini"], "model"),
    ("temperature", "hot", "temperature"),
    ("temperature", 2.5, "temperature"),
    ("temperature", -1, "temperature"),
    ("temperature", True, "temperature"),
    ("top_p", 1.5, "top_p"),
    ("max_tokens", 0, "max_tokens"),
    ("max_tokens", -5, "max_tokens"),
    ("max_tokens", 1.5, "max_tokens"),
    ("max_tokens", "100", "max_tokens"),
    ("max_tokens", 10**30, "max_tokens"),
    ("max_completion_tokens", 10**30, "max_completion_tokens"),
    ("n", 0, "n"),
    ("n", 9, "n"),
    ("n", True, "n"),
    ("seed", 2**63, "seed"),
    ("seed", "x", "seed"),
    ("stop", 5, "stop"),
    ("stream", "yes", "stream"),
    ("stream", 1, "stream"),
    ("stream_options", [], "stream_options"),
    ("stream_options", {"include_usage": 1}, "stream_options.include_usage"),
    ("tools", {}, "tools"),
    ("tools", [5], "tools.0"),
    ("tools", [{}] * 1001, "tools"),
    ("tool_choice", 5, "tool_choice"),
    ("response_format", "json", "response_format"),
    ("reasoning_effort", "extreme", "reasoning_effort"),
    ("include_thoughts", "yes", "include_thoughts"),
    ("presence_penalty", 3, "presence_penalty"),
    ("user", 5, "user"),
    # Fields whose price no rate covers.
    ("audio", {"voice": "alloy"}, "audio"),
    ("modalities", ["text", "audio"], "modalities"),
    ("prediction", {"type": "content"}, "prediction"),
    ("web_search_options", {"search_context_size": "high"}, "web_search_options"),
    ("functions", [{"name": "f"}], "functions"),
]
WRONG_MESSAGES: list[tuple[Any, str]] = [
    ([], "messages"),
    (None, "messages"),
    ({}, "messages"),
    ("hello", "messages"),
    ([[]], "messages.0"),
    (["hello"], "messages.0"),
    ([{}], "messages.0.role"),
    ([{"role": "user"}], "messages.0"),
    ([{"role": "user", "content": None}], "messages.0"),
    ([{"role": "user", "content": 5}], "messages.0.content"),
    ([{"role": "user", "content": []}], "messages.0.content"),
    ([{"role": "user", "content": ["hello"]}], "messages.0.content"),
    ([{"role": "user", "content": [{"type": "text"}]}], "messages.0.content"),
    ([{"role": "user", "content": [{"type": "text", "text": 5}]}], "messages.0.content"),
    ([{"role": "king", "content": "hello"}], "messages.0.role"),
    ([*HI, {"role": 5, "content": "hello"}], "messages.1.role"),
    ([{"role": "assistant", "content": "x", "tool_calls": "x"}], "messages.0.tool_calls"),
    # Parts whose price no rate covers, or that we would have to fetch ourselves.
    ([{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}], "messages.0.content"),
    ([{"role": "user", "content": [{"type": "file", "file": {"file_id": "x"}}]}], "messages.0.content"),
    ([{"role": "user", "content": [{"type": "video_url", "video_url": {"url": "x"}}]}], "messages.0.content"),
    ([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}], "messages.0.content"),
    (
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]}],
        "messages.0.content",
    ),
]
NOT_A_JSON_OBJECT = {
    "nothing": b"",
    "a start": b'{"model":',
    "null": b"null",
    "a list": b"[]",
    "a number": b"5",
    "two objects": b"{}{}",
    "single quotes": b"{'model': 'gemini'}",
    "not a number": b'{"model":"gemini","messages":[{"role":"user","content":"x"}],"temperature":NaN}',
    "infinity": b'{"model":"gemini","messages":[{"role":"user","content":"x"}],"temperature":1e999}',
    "broken UTF-8": b'{"model":"gemini","messages":[{"role":"user","content":"\xff\xfe"}]}',
    "UTF-16": '{"model":"gemini"}'.encode("utf-16"),
    "half a surrogate": b'{"model":"gemini","messages":[{"role":"user","content":"\\ud800"}]}',
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a deep field": b'{"model":"gemini","messages":[],"x":' + b"[" * 900 + b"]" * 900 + b"}",
    "a raw null byte": b'{"model":"gemini\x00"}',
}


@pytest.mark.parametrize("path", EVERY_ADDRESS)
@pytest.mark.parametrize("why", NOT_A_JSON_OBJECT)
def test_what_is_no_json_object_is_400(why: str, path: str, client: httpx.Client, books: Books) -> None:
    answer = client.post(path, content=NOT_A_JSON_OBJECT[why], headers=JSON)

    assert answer.status_code == 400
    assert told(answer)["type"] == "invalid_request"
    assert len(told(answer)["message"]) < 200
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize(("name", "value", "param"), WRONG_FIELDS)
def test_a_wrong_field_is_400_and_named(
    name: str, value: Any, param: str, client: httpx.Client, books: Books
) -> None:
    for path in EVERY_ADDRESS:
        answer = client.post(
            path,
            json=body_for(path, "hello", **({"stream": False} if path == API_IN_ONE else {})) | {name: value},
        )
        assert answer.status_code == 400, (path, answer.text)
        assert told(answer)["type"] == "invalid_request"
        assert told(answer)["param"] == param, (path, answer.text)
        assert param in told(answer)["message"]
        assert len(answer.text) < 600
    assert books.refusals() == {"invalid_request": 4}
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize(("messages", "param"), WRONG_MESSAGES)
def test_wrong_messages_are_400_and_the_place_is_named(
    messages: Any, param: str, client: httpx.Client, books: Books
) -> None:
    for path in (OPENAI, API_IN_ONE):
        answer = client.post(path, json={"model": "gemini", "messages": messages})
        assert answer.status_code == 400, answer.text
        # A part's own fields may be named more closely still.
        assert f"{told(answer)['param']}.".startswith(f"{param}."), answer.text
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (OPENAI, {"messages": HI}, "model"),
        (OPENAI, {"model": "gemini"}, "messages"),
        (OPENAI, {"model": "gemini", "input": "hello"}, "messages"),
        (LLM, {}, "input"),
        (LLM, {"input": "hello", "messages": HI}, "input"),
        (LLM, {"input": ""}, "input"),
        (LLM, {"input": ["hello"]}, "input"),
        (TEXT, {}, "input"),
        (TEXT, {"input": ""}, "input"),
        (TEXT, {"input": None}, "input"),
        (TEXT, {"input": 5}, "input"),
        (TEXT, {"messages": HI}, "input"),
        (TEXT, {"input": "hello", "stream": True}, "stream"),
    ],
)
def test_what_each_address_needs_is_asked_for_by_name(
    path: str, body: dict[str, Any], param: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post(path, json=body)

    assert answer.status_code == 400
    assert told(answer)["param"] == param, answer.text
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
    ],
)
def test_another_content_type_is_400_and_named(content_type: str, client: httpx.Client, books: Books) -> None:
    for path in EVERY_ADDRESS:
        content = json.dumps(body_for(path, "hello"))
        answer = client.post(path, content=content, headers={"Content-Type": content_type})
        assert answer.status_code == 400
        assert told(answer)["param"] == "Content-Type"
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("content_type", ["", "application/json; charset=utf-8", "Application/JSON"])
def test_json_under_any_of_its_names_is_taken(content_type: str, client: httpx.Client) -> None:
    headers = {"Content-Type": content_type} if content_type else {}

    answer = client.post(OPENAI, content=json.dumps(saying("hello")), headers=headers)

    assert answer.status_code == 200


@pytest.mark.parametrize("text", ["a\x00b", "안녕 🎈", "\u2028", "\\u0000", "}\n\ndata: [DONE]\n\n"])
def test_odd_text_is_carried_unharmed(text: str, client: httpx.Client) -> None:
    for stream in (False, True):
        answer = client.post(OPENAI, json=saying(text, stream=stream))
        assert answer.status_code == 200
    assert client.post(OPENAI, json=saying(text)).json()["choices"][0]["message"]["content"].find(text) > 0


def test_an_odd_model_name_is_not_found_and_not_echoed_at_length(client: httpx.Client, books: Books) -> None:
    for model in ("gem\x00ini", "Gemini", "gemini ", "../gemini", "' OR 1=1 --", "m" * 200, "<script>"):
        answer = client.post(OPENAI, json={"model": model, "messages": HI})
        assert answer.status_code == 404
        assert told(answer)["param"] == "model"
        assert len(told(answer)["message"]) < 150
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize(
    "line",
    [
        b"Idempotency-Key: a\x00b",
        b"Idempotency-Key: a\rX-Injected: 1",
        b"X-Request-Id: a\nX-Injected: 1",
        b"Content-Length: 99999999999999999999999",
        b"Content-Length: -5",
        b"Content-Length: abc",
        b"Authorization: Bearer aio_\xff\xfe",
    ],
)
def test_headers_cannot_be_injected_or_break_anything(
    line: bytes, platform: RunningPlatform, tenant: Tenant, client: httpx.Client, books: Books
) -> None:
    head = [f"POST {OPENAI} HTTP/1.1".encode(), b"Host: aio", b"Content-Type: application/json", line]
    if not line.startswith(b"Authorization"):
        head.append(f"Authorization: Bearer {tenant.key}".encode())
    if not line.startswith(b"Content-Length"):
        head.append(b"Content-Length: 1")
    with socket.create_connection(("127.0.0.1", platform.port), timeout=60) as connection:
        connection.sendall(b"\r\n".join([*head, b"", b"{"]))
        received = connection.recv(65536)

    assert received.startswith((b"HTTP/1.1 400", b"HTTP/1.1 401", b"HTTP/1.1 413"))
    assert b"injected" not in received.lower()
    assert client.post(OPENAI, json=saying("hello")).status_code == 200
    assert books.held() == 0


def test_a_request_id_is_ours_whatever_was_sent(client: httpx.Client) -> None:
    answer = client.post(OPENAI, json=saying("hello"), headers={"X-Request-Id": "evil"})

    assert answer.headers["X-Request-Id"].startswith("req_")


_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
_anything = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
_FIELDS = sorted({name for name, _, _ in WRONG_FIELDS} | {"messages", "input", "tool_calls", "x"})


@pytest.fixture(scope="module")
def fuzzed(platform: RunningPlatform) -> Any:
    tenant = platform.new_tenant(credits="100000")
    with platform.client(tenant) as opened:
        yield opened


@pytest.mark.parametrize("path", EVERY_ADDRESS)
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=st.dictionaries(st.sampled_from(_FIELDS), _anything, max_size=3), base=st.booleans())
def test_no_json_at_all_breaks_a_chat_address(
    path: str, fuzzed: httpx.Client, changes: dict[str, Any], base: bool
) -> None:
    body = (body_for(path, "hello") if base else {}) | changes

    answer = fuzzed.post(path, content=json.dumps(body).encode("utf-8", "surrogatepass"), headers=JSON)

    assert answer.status_code in (200, 400, 404), (answer.status_code, body, answer.text)
    if answer.status_code != 200:
        assert told(answer)["message"]


@pytest.mark.parametrize("path", EVERY_ADDRESS)
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=st.binary(max_size=200))
def test_no_bytes_at_all_break_a_chat_address(path: str, fuzzed: httpx.Client, content: bytes) -> None:
    answer = fuzzed.post(path, content=content, headers=JSON)

    assert answer.status_code == 400
    assert told(answer)["type"] == "invalid_request"


def test_after_all_that_nothing_is_held(fuzzed: httpx.Client) -> None:
    assert Books(fuzzed).held() == 0
