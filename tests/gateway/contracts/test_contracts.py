"""What chat endpoints accept: every field has its bounds, and a refusal names the field."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_platform.errors import InvalidRequest
from gateway import urls as urls  # every endpoint, and with them every contract, is imported
from gateway.api.chat.bodies import UNPRICED_FIELDS, ChatCompletionBody, LlmChatBody, TextChatBody
from gateway.api.images import OpenAIImageBody, TextToImageBody
from gateway.api.music import TextToMusicBody
from gateway.contracts.parsing import RequestContract, parse_body

MESSAGES = [{"role": "user", "content": "Hello"}]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


def contracts(of: type[RequestContract] = RequestContract) -> list[type[RequestContract]]:
    return [each for one in of.__subclasses__() for each in (one, *contracts(one))]


def integers_in(schema: Any, path: str) -> list[tuple[str, dict[str, Any]]]:
    """Every place where a schema takes an integer, and what it says of it."""
    if isinstance(schema, list):
        return [found for inner in schema for found in integers_in(inner, path)]
    if not isinstance(schema, dict):
        return []
    found = [(path, schema)] if schema.get("type") == "integer" else []
    return found + [each for name, inner in schema.items() for each in integers_in(inner, f"{path}.{name}")]


@pytest.mark.parametrize("contract", contracts(), ids=lambda contract: str(contract.__name__))
def test_no_integer_is_beyond_what_json_of_ours_can_say_to_an_upstream(
    contract: type[RequestContract],
) -> None:
    """Python reads integers of any length from a body, and orjson writes none beyond 64 bits."""
    for path, integer in integers_in(contract.model_json_schema(), contract.__name__):
        assert {"maximum", "exclusiveMaximum"} & integer.keys(), path
        assert {"minimum", "exclusiveMinimum"} & integer.keys(), path


def parse(body: Any, contract: type[RequestContract] = ChatCompletionBody) -> dict[str, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_body(contract, content, "application/json")[1]


def refusal(body: Any, contract: type[RequestContract] = ChatCompletionBody) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        parse(body, contract)
    return caught.value


def complaint_about(body: bytes) -> InvalidRequest | None:
    try:
        parse(body)
    except InvalidRequest as error:
        return error
    return None


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "small", "messages": MESSAGES, **fields}


def with_message(**fields: Any) -> dict[str, Any]:
    return {"model": "small", "messages": [{"role": "user", "content": "Hello"}, fields]}


def test_a_plain_body_is_taken_as_it_is() -> None:
    assert parse(chat()) == chat()


@pytest.mark.parametrize(
    ("field", "taken", "refused"),
    [
        ("temperature", [0, 0.5, 2, None], [-0.01, 2.01, "1", True, [], 1e400]),
        ("top_p", [0, 1, None], [-0.1, 1.1, "0.5"]),
        ("n", [1, 8, None], [0, 9, -1, 1.0, 1.5, "1", True, 10**30]),
        ("max_tokens", [1, 10_000_000, 2**63 - 1, None], [0, -1, 2**63, 1.0, "5", 10**30]),
        ("max_completion_tokens", [1, 2**63 - 1, None], [0, -1, 2**63, 5.5, "5"]),
        ("stream", [True, False, None], ["true", 1, 0]),
        ("stream_options", [{}, {"include_usage": True}, {"include_usage": None}, None], [True, "x", []]),
        ("stream_options.include_usage", [], [1, "yes"]),
        ("tools", [[{"type": "function"}]], ["x", {}, [1], [{}] * 1001]),
        ("tool_choice", ["auto", {"type": "function"}, None], [1, True, []]),
        ("response_format", [{"type": "json_object"}, None], ["json", 1, []]),
        (
            "reasoning_effort",
            ["none", "minimal", "low", "medium", "high", "xhigh", "max", None],
            ["extreme", "", 1],
        ),
        ("include_thoughts", [True, False, None], ["yes", 1]),
        ("seed", [0, -(2**63), 2**63 - 1, None], [2**63, -(2**63) - 1, 1.0, "1"]),
        ("stop", ["x", ["x", "y"], None], [1, [1], {}]),
        ("presence_penalty", [-2, 2, None], [-2.1, 2.1]),
        ("frequency_penalty", [-2, 2, None], [-2.1, 2.1]),
        ("user", ["ada", "", None], [1, {}]),
        ("model", ["m", "a/b:c", "m" * 200], ["", "m" * 201, None, 1, {}]),
        ("messages", [MESSAGES], [[], None, "Hello", {}, [1], [None]]),
    ],
)
def test_each_field_has_its_bounds_and_is_named_when_it_breaks_them(
    field: str, taken: list[Any], refused: list[Any]
) -> None:
    outer, _, inner = field.partition(".")
    for value in taken:
        assert parse(chat(**{outer: value}))[outer] == value
    for value in refused:
        body = json.dumps(chat(**{outer: {inner: value} if inner else value})).replace("Infinity", "1e400")
        error = refusal(body.encode())
        if value != 1e400:  # no JSON number of a double's range: refused before there are fields
            assert error.param is not None
            assert error.param.startswith(field)
        assert error.status == 400


def test_a_missing_field_is_named() -> None:
    assert refusal({"messages": MESSAGES}).message == "model: this field is required."
    assert refusal({"model": "m"}).param == "messages"
    assert refusal({"model": "m", "messages": [{"content": "x"}]}).param == "messages.0.role"
    assert refusal({}, TextChatBody).param == "input"


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "root", "content": "x"}, "messages.1.role"),
        ({"role": "user"}, "messages.1"),
        ({"role": "user", "content": None}, "messages.1"),
        ({"role": "tool", "tool_call_id": "c"}, "messages.1"),
        ({"role": "user", "content": 5}, "messages.1.content"),
        ({"role": "user", "content": []}, "messages.1.content"),
        ({"role": "user", "content": ["x"]}, "messages.1.content"),
        ({"role": "user", "content": [{}]}, "messages.1.content"),
        ({"role": "user", "content": [{"type": "text"}]}, "messages.1.content"),
        ({"role": "user", "content": [{"type": "text", "text": 5}]}, "messages.1.content"),
        ({"role": "user", "content": [{"type": "image_url"}]}, "messages.1.content"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}, "messages.1.content"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": 1}}]}, "messages.1.content"),
        ({"role": "assistant", "content": "x", "tool_calls": "x"}, "messages.1.tool_calls"),
        ({"role": "tool", "content": "x", "tool_call_id": 5}, "messages.1.tool_call_id"),
        ({"role": "user", "content": "x", "name": 5}, "messages.1.name"),
    ],
)
def test_a_bad_message_is_named_by_its_place(message: dict[str, Any], param: str) -> None:
    error = refusal(with_message(**message))
    assert error.param is not None
    assert error.param.startswith(param)


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant", "tool"])
def test_every_role_of_the_protocol_is_taken(role: str) -> None:
    assert parse(with_message(role=role, content="x"))["messages"][1]["role"] == role


def test_an_assistant_may_have_called_tools_instead_of_saying_something() -> None:
    parse(with_message(role="assistant", content=None, tool_calls=[{"id": "c", "type": "function"}]))
    parse(with_message(role="assistant"))


@pytest.mark.parametrize("url", ["https://a.test/x.png", "http://a.test/x", "data:image/png;base64,AAAA"])
def test_images_are_taken_by_address_or_inline(url: str) -> None:
    parse(
        with_message(role="user", content=[{"type": "image_url", "image_url": {"url": url, "detail": "low"}}])
    )


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://a.test/x", "data:text/html,x", "", "javascript:1"]
)
def test_other_addresses_of_images_are_refused(url: str) -> None:
    refusal(with_message(role="user", content=[{"type": "image_url", "image_url": {"url": url}}]))


@pytest.mark.parametrize("kind", ["input_audio", "file", "video_url", "image", "", None, 5])
def test_parts_that_no_rate_covers_are_refused(kind: Any) -> None:
    error = refusal(
        with_message(role="user", content=[{"type": kind, "text": "x", "image_url": {"url": "x"}}])
    )
    assert error.param is not None
    assert error.param.startswith("messages.1.content")
    assert "text, image_url or refusal" in error.message


@pytest.mark.parametrize("name", sorted(UNPRICED_FIELDS))
@pytest.mark.parametrize("contract", [ChatCompletionBody, LlmChatBody, TextChatBody])
def test_fields_that_no_rate_covers_are_refused_on_every_mount(
    name: str, contract: type[RequestContract]
) -> None:
    body = {"input": "Hello"} if contract is not ChatCompletionBody else chat()
    assert name in refusal({**body, name: {"format": "wav"}}, contract).message
    parse({**body, name: None}, contract)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_predict", -1),
        ("n_cmpl", 8),
        ("mm_processor_kwargs", {"max_pixels": 10**9}),
        ("use_beam_search", True),
        ("enable_search", True),
        ("fallbacks", ["a-dearer-model"]),
        ("deferred", True),
    ],
)
def test_no_servers_own_field_gets_round_the_ceiling(name: str, value: Any) -> None:
    """llama.cpp takes `n_predict` before `max_tokens`, so an answer would be longer than its hold."""
    assert refusal(chat(max_tokens=5, **{name: value})).param == name


@given(st.dictionaries(st.from_regex(r"x_[a-z]{1,8}", fullmatch=True), json_values, max_size=4))
def test_unknown_fields_are_kept(extra: dict[str, Any]) -> None:
    content = json.dumps(chat(**extra)).encode()
    complaint = complaint_about(content)
    if complaint is None:
        assert set(parse(content)) == {*chat(), *extra}
    else:
        assert complaint.param is None  # a lone surrogate or too large a number: no field's fault


@given(st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused_as_invalid(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse(body)


@given(json_values)
def test_any_json_is_taken_or_refused_as_invalid(value: Any) -> None:
    with pytest.raises(InvalidRequest):
        parse(value)


@given(st.sampled_from(sorted(ChatCompletionBody.model_fields)), json_values)
def test_any_value_of_a_field_is_taken_or_refused_by_a_name_of_ours(field: str, value: Any) -> None:
    complaint = complaint_about(json.dumps(chat(**{field: value})).encode())
    assert complaint is None or complaint.param is None or complaint.param.split(".")[0] == field


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"{", "not valid JSON: line 1, column"),
        (b'{"model": "\xff"}', "not valid JSON"),
        (b'{"model": "\\ud800"}', "not valid JSON"),
        (b'{"model": NaN}', "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b'"x"', "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'{"model":"m","messages":' + b"[" * 500 + b"]" * 500 + b"}", "recursion limit"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused_in_words(body: bytes, words: str) -> None:
    assert words in refusal(body).message


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", "application/xml"])
def test_another_content_type_is_refused(content_type: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_body(ChatCompletionBody, json.dumps(chat()).encode(), content_type)
    assert caught.value.param == "Content-Type"


@pytest.mark.parametrize("content_type", ["", "application/json", "Application/JSON; charset=utf-8"])
def test_json_may_be_named_in_any_case_or_not_at_all(content_type: str) -> None:
    parse_body(ChatCompletionBody, json.dumps(chat()).encode(), content_type)


def test_a_refusal_does_not_repeat_the_value() -> None:
    secret = "s3cret-value"
    for body in (
        chat(n=secret),
        chat(reasoning_effort=secret),
        chat(temperature=[secret]),
        with_message(role=secret),
    ):
        assert secret not in refusal(body).message


def test_of_a_repeated_field_the_checked_value_is_the_one_that_is_used() -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"x"}],"n":1,"n":100}'
    assert refusal(body).param == "n"
    body = b'{"model":"m","messages":[{"role":"user","content":"x"}],"n":100,"n":2}'
    assert parse(body)["n"] == 2


def test_omakases_body_needs_one_of_input_and_messages() -> None:
    parse({"input": "x"}, LlmChatBody)
    parse({"messages": MESSAGES, "model": "m"}, LlmChatBody)
    for body in ({}, {"input": "x", "messages": MESSAGES}, {"input": None}):
        assert "either 'input' or 'messages'" in refusal(body, LlmChatBody).message
    assert refusal({"input": ""}, LlmChatBody).param == "input"
    assert refusal({"input": ""}, TextChatBody).param == "input"


@pytest.mark.parametrize(
    ("contract", "field", "harmless", "refused"),
    [
        (TextToImageBody, "n", 1, [2, 0, True, "1", [1]]),
        (TextToImageBody, "size", "auto", ["512x512"]),
        (TextToImageBody, "resolution", None, ["4K"]),
        (OpenAIImageBody, "width", None, [64]),
        (OpenAIImageBody, "batch_size", 1, [4]),
        (OpenAIImageBody, "enable_hr", False, [True, 0, 1]),
        (OpenAIImageBody, "partial_images", 0, [2, False]),
        (OpenAIImageBody, "input_fidelity", "low", ["high"]),
        (TextToMusicBody, "duration", None, [60, 1]),
        (TextToMusicBody, "batch_size", 1, [2]),
    ],
)
def test_what_would_change_the_price_is_refused_and_not_ignored(
    contract: type[RequestContract], field: str, harmless: Any, refused: list[Any]
) -> None:
    assert parse({"prompt": "a cat", field: harmless}, contract)
    for value in refused:
        assert refusal({"prompt": "a cat", field: value}, contract).param == field
