"""The OpenAI chat adapter: the ceiling is never below the bill, and the upstream gets its fields and no others."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_platform.errors import InvalidRequest
from gateway.adapters.chat import openai_chat
from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.chat.weight import answer_text
from gateway.adapters.protocol import MalformedAnswer
from gateway.adapters.shared.tokens import estimated_tokens, text_weight
from gateway.api.chat.bodies import ChatCompletionBody
from gateway.contracts.parsing import parse_body
from usage.ledger.units import Units

ROUTE_LIMIT = 4096
IMAGE_TOKENS = 2000


@dataclass(frozen=True)
class Route:
    upstream_model: str = "upstream/small"
    max_output_tokens: int | None = ROUTE_LIMIT
    max_image_tokens: int = IMAGE_TOKENS
    options: Mapping[str, Any] = field(default_factory=dict)


texts = st.text(st.characters(codec="utf-8"), max_size=60)
urls = st.text(st.characters(codec="utf-8"), max_size=40).map(lambda text: "https://images.test/" + text)
parts = st.one_of(
    texts.map(lambda text: {"type": "text", "text": text}),
    texts.map(lambda text: {"type": "refusal", "refusal": text}),
    urls.map(lambda url: {"type": "image_url", "image_url": {"url": url}}),
)
messages = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["system", "developer", "user", "assistant", "tool"]),
    texts | st.lists(parts, min_size=1, max_size=4),
)
bodies = st.fixed_dictionaries(
    {"model": st.just("small"), "messages": st.lists(messages, min_size=1, max_size=5)},
    optional={
        "n": st.integers(1, 8) | st.none(),
        "max_tokens": st.integers(1, ROUTE_LIMIT) | st.none(),
        "max_completion_tokens": st.integers(1, ROUTE_LIMIT) | st.none(),
        "stream": st.booleans(),
        "stream_options": st.fixed_dictionaries({}, optional={"include_usage": st.booleans()}) | st.none(),
        "tools": st.lists(st.fixed_dictionaries({"type": st.just("function"), "name": texts}), max_size=2),
        "response_format": st.fixed_dictionaries(
            {"type": st.just("json_schema"), "json_schema": st.just({"a": 1e15})}
        ),
        "temperature": st.floats(0, 2),
        "x_unknown": texts,
    },
)


def request_of(body: dict[str, Any], **options: Any) -> ChatRequest:
    """As the view makes it from the caller's bytes."""
    content = orjson.dumps(body)
    contract, values = parse_body(ChatCompletionBody, content, "application/json")
    return ChatRequest(values, len(content), bool(contract.stream), include_usage=False, **options)


def held(request: ChatRequest, route: Route) -> Units:
    """The ceiling, which the request is then limited to, as the view does."""
    ceiling = openai_chat.ceiling(request, route)
    request.limit_to(ceiling)
    return ceiling


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "small", "messages": [{"role": "user", "content": "Hello"}], **fields}


def most_tokens_of_prompt(sent: dict[str, Any]) -> int:
    """A server that makes a token of every byte of text it is sent, names, roles and tools included."""
    tokens = len(orjson.dumps(sent.get("tools", [])))
    for message in sent["messages"]:
        tokens += len(message["role"].encode()) + 4
        content = message["content"]
        for part in content if isinstance(content, list) else [{"type": "text", "text": content}]:
            if part["type"] == "image_url":
                tokens += IMAGE_TOKENS
            else:
                tokens += len(part[part["type"]].encode())
    return tokens


def most_tokens_of_answer(sent: dict[str, Any]) -> int:
    """A server that obeys whichever output limit lets it say most, and says it for every choice."""
    limits = [sent[name] for name in ("max_tokens", "max_completion_tokens") if sent.get(name)]
    assert limits, "without a limit there is no ceiling"
    return max(limits) * (sent.get("n") or 1)


@given(bodies)
def test_no_server_can_use_more_than_the_ceiling(body: dict[str, Any]) -> None:
    request = request_of(body)
    ceiling = held(request, Route())
    sent = orjson.loads(openai_chat.build(request, Route()))
    assert ceiling.tokens_in >= most_tokens_of_prompt(sent)
    assert ceiling.tokens_out >= most_tokens_of_answer(sent)
    assert ceiling.calls == 1


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("parameters", [_nested(150), [1] * 500, {"a": {"b": [[], {}] * 200}}, {}])
def test_a_template_that_indents_tools_stays_below_the_ceiling(parameters: Any) -> None:
    """Llama's: `tojson(indent=4)`. Of its tokens, none but blanks cover more than a byte here, and those 16."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"x": parameters}}}]
    written = json.dumps(tools, indent=4, ensure_ascii=False)
    tokens = len(re.findall(r" {1,16}|[^ ]", written))
    request = request_of(chat(tools=tools))
    assert held(request, Route()).tokens_in >= tokens


@given(bodies)
def test_no_estimate_is_above_the_ceiling(body: dict[str, Any]) -> None:
    request = request_of(body)
    assert request.estimated_prompt_tokens() <= held(request, Route()).tokens_in


@given(bodies, st.booleans())
def test_the_upstream_is_always_given_a_limit_and_asked_for_usage(body: dict[str, Any], stream: bool) -> None:
    request = request_of(body | {"stream": stream})
    sent = orjson.loads(openai_chat.build(request, Route()))
    assert sent["model"] == "upstream/small"
    assert sent.get("max_tokens") or sent.get("max_completion_tokens")
    assert sent["stream"] is stream
    if stream:
        assert sent["stream_options"]["include_usage"] is True
    else:
        assert "stream_options" not in sent


@given(bodies)
def test_everything_else_is_passed_on_as_it_came_but_null_and_no_tools(
    body: dict[str, Any],
) -> None:
    ours = {"model", "stream", "stream_options", "max_tokens"}
    sent = orjson.loads(openai_chat.build(request_of(body), Route()))
    kept = orjson.loads(orjson.dumps(body))
    assert {k: v for k, v in sent.items() if k not in ours} == {
        k: v for k, v in kept.items() if k not in ours and v not in (None, [])
    }


def test_building_does_not_change_the_request() -> None:
    request = request_of(chat(stream=True, stream_options={"include_usage": False}))
    before = orjson.dumps(request.values)
    assert openai_chat.build(request, Route()) == openai_chat.build(request, Route())
    assert orjson.dumps(request.values) == before


def test_our_own_fields_stay_with_us() -> None:
    request = request_of(chat())
    request.values["input"] = "Hello"
    assert "input" not in orjson.loads(openai_chat.build(request, Route()))


def test_without_a_limit_of_the_callers_the_routes_is_held_and_sent() -> None:
    request = request_of(chat(n=3))
    assert held(request, Route()).tokens_out == 3 * ROUTE_LIMIT
    assert orjson.loads(openai_chat.build(request, Route()))["max_tokens"] == ROUTE_LIMIT


@pytest.mark.parametrize("limits", [{"max_tokens": 7}, {"max_completion_tokens": 7}])
def test_the_callers_own_limit_is_held_and_sent_under_the_name_every_server_knows(
    limits: dict[str, int],
) -> None:
    request = request_of(chat(**limits))
    assert held(request, Route()).tokens_out == 7
    sent = orjson.loads(openai_chat.build(request, Route()))
    assert {name: sent[name] for name in sent if name.startswith("max_")} == limits | {"max_tokens": 7}


@pytest.mark.parametrize(
    ("limits", "sent_limit"),
    [
        ({}, ROUTE_LIMIT),
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 7}, 7),
        ({"max_completion_tokens": 7, "max_tokens": 9}, 7),
    ],
)
def test_a_route_that_takes_completion_tokens_only_is_sent_no_other_limit(
    limits: dict[str, int], sent_limit: int
) -> None:
    request = request_of(chat(**limits))
    held(request, Route())
    sent = orjson.loads(openai_chat.build(request, Route(options={"completion_tokens_only": True})))
    assert {name: sent[name] for name in sent if name.startswith("max_")} == {
        "max_completion_tokens": sent_limit
    }


def test_a_fallback_route_gets_no_more_than_the_hold_covers() -> None:
    request = request_of(chat())
    most = held(request, Route(max_output_tokens=100)).tokens_out
    assert (
        orjson.loads(openai_chat.build(request, Route(max_output_tokens=8000)))["max_tokens"] == most == 100
    )


def test_of_two_limits_the_larger_is_held_for_a_server_may_know_only_that_one() -> None:
    request = request_of(chat(max_completion_tokens=10, max_tokens=1000))
    assert held(request, Route()).tokens_out == 1000


@pytest.mark.parametrize(
    "limits",
    [
        {"max_tokens": ROUTE_LIMIT + 1},
        {"max_completion_tokens": ROUTE_LIMIT + 1},
        {"max_tokens": ROUTE_LIMIT + 1, "max_completion_tokens": 1},
        {"max_completion_tokens": ROUTE_LIMIT + 1, "max_tokens": 1},
    ],
)
def test_more_output_than_the_route_gives_is_cut_to_what_it_gives_and_said(limits: dict[str, int]) -> None:
    request = request_of(chat(**limits))
    assert held(request, Route()).tokens_out == ROUTE_LIMIT
    sent = orjson.loads(openai_chat.build(request, Route()))
    assert all(sent[name] == min(limits[name], ROUTE_LIMIT) for name in limits)
    assert request.clamped_to(Route()) == ROUTE_LIMIT


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_an_operator_may_have_more_output_than_the_route_gives_refused(name: str) -> None:
    route = Route(options={"refuse_excess_tokens": True})
    with pytest.raises(InvalidRequest) as caught:
        openai_chat.ceiling(request_of(chat(**{name: ROUTE_LIMIT + 1})), route)
    assert caught.value.param == name
    openai_chat.ceiling(request_of(chat(**{name: ROUTE_LIMIT})), route)


def test_what_is_within_the_limit_is_not_said_to_be_cut() -> None:
    for limits in ({}, {"max_tokens": ROUTE_LIMIT}, {"max_completion_tokens": 1}):
        request = request_of(chat(**limits))
        held(request, Route())
        assert request.clamped_to(Route()) is None


def test_a_fallback_route_with_a_lower_limit_is_asked_for_no_more_than_it_gives() -> None:
    request = request_of(chat(max_tokens=1000))
    held(request, Route())
    fallback = Route(max_output_tokens=100)
    assert orjson.loads(openai_chat.build(request, fallback))["max_tokens"] == 100
    assert request.clamped_to(fallback) == 100


@pytest.mark.parametrize(("options", "thinks"), [({"thoughts": True}, True), ({}, False)])
def test_thinking_is_switched_on_only_where_the_route_knows_it(options: dict[str, Any], thinks: bool) -> None:
    sent = orjson.loads(openai_chat.build(request_of(chat(), thinks_by_default=True), Route(options=options)))
    assert ("include_thoughts" in sent) is ("reasoning_effort" in sent) is thinks


def test_what_the_caller_says_about_thinking_is_kept() -> None:
    request = request_of(chat(include_thoughts=False, reasoning_effort="low"), thinks_by_default=True)
    sent = orjson.loads(openai_chat.build(request, Route(options={"thoughts": True})))
    assert (sent["include_thoughts"], sent["reasoning_effort"]) == (False, "low")


USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


def answer(message: Any = None, **fields: Any) -> bytes:
    message = {"role": "assistant", "content": "Hi"} if message is None else message
    return orjson.dumps({"choices": [{"index": 0, "message": message}], "usage": USAGE, **fields})


def test_an_answer_is_read_with_the_upstreams_own_count() -> None:
    read = openai_chat.read_answer(answer(id="x"))
    assert read.metered(request_of(chat())) == (Units(tokens_in=5, tokens_out=3), False)
    assert read.values["id"] == "x"
    assert answer_text(read.values) == "Hi"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>busy</html>",
        b"\xff",
        b"null",
        b"[]",
        b"5",
        b"{}",
        b'{"error": {"message": "no"}, "choices": []}',
        answer(error={"message": "no"}),
        answer(choices=[]),
        answer(choices=None),
        answer(choices={}),
        answer(choices=[None]),
        answer(choices=[{}]),
        answer(choices=[{"message": None}]),
        answer(choices=[{"message": "Hi"}]),
        answer({"role": "assistant"}),
        answer({"content": None}),
        answer({"content": ""}),
        answer({"content": 5}),
        answer({"content": [], "tool_calls": []}),
        answer({"tool_calls": 5}),
        answer({"tool_calls": [None, 5, "x", {"function": None}]}),
        answer()[:-3],
    ],
)
def test_an_answer_that_is_broken_or_says_nothing_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        openai_chat.read_answer(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["choices", "message", "content", "tool_calls", "function", "usage", "error"]
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_any_json_is_read_or_malformed(value: Any) -> None:
    try:
        read = openai_chat.read_answer(orjson.dumps(value))
    except MalformedAnswer:
        return
    assert read.metered(request_of(chat()))[0].tokens_out >= 0
    assert isinstance(answer_text(read.values), str)


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "reasoning_content": "hmm"},
        {"content": "", "refusal": "no"},
        {"reasoning": "hmm"},
        {"content": None, "tool_calls": [{"function": {"name": "look", "arguments": "{}"}}]},
    ],
)
def test_thoughts_refusals_and_tool_calls_are_answers_too(message: dict[str, Any]) -> None:
    openai_chat.read_answer(answer(message))


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        [],
        "5",
        {"prompt_tokens": 5},
        {"prompt_tokens": 5, "completion_tokens": None},
        {"prompt_tokens": 5, "completion_tokens": -1},
        {"prompt_tokens": 5.5, "completion_tokens": 3},
        {"prompt_tokens": "five", "completion_tokens": 3},
        {"prompt_tokens": [5], "completion_tokens": {"a": 3}},
        {"prompt_tokens": True, "completion_tokens": 3},
    ],
)
def test_usage_that_makes_no_sense_is_replaced_by_an_estimate_of_what_came(usage: Any) -> None:
    body = answer({"content": "한국어 text"}, usage=usage)
    units, estimated = openai_chat.read_answer(body).metered(request_of(chat()))
    assert estimated
    assert units.tokens_in == estimated_tokens(len(b"Hello"))
    assert units.tokens_out == estimated_tokens(text_weight("한국어 text")) == 3 + 2


def test_tokens_are_guessed_at_four_bytes_each_rounded_up() -> None:
    assert [estimated_tokens(size) for size in (0, 1, 4, 5, 8)] == [0, 1, 1, 2, 2]
    content = [
        {"type": "text", "text": "é" * 4},
        {"type": "image_url", "image_url": {"url": "https://a.test/x"}},
    ]
    request = request_of(chat(messages=[{"role": "user", "content": content}]))
    assert request.estimated_prompt_tokens() == 2 + 85


def test_an_empty_answer_to_a_prompt_without_words_is_not_free() -> None:
    """A whole answer was delivered, and nobody counted it."""
    request = request_of(chat(messages=[{"role": "assistant", "content": None}]))
    units, estimated = request.metered(None, 0)
    assert (units.tokens_in, estimated) == (1, True)
