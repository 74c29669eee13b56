"""The current openai package's Responses, unmodified: create, stream, parse, tools, its errors, and leaving early."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel
from running_platform import RunningPlatform, Tenant
from scenarios.asking import Books, tokens

MODELS = ("gpt", "gemini", "claude")
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "strict": False,
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


class Weather(BaseModel):
    """The weather in a city."""

    city: str
    degrees: int


@pytest.fixture
def ai(served: RunningPlatform, tenant: Tenant) -> Iterator[openai.OpenAI]:
    """The client with its defaults, retries included."""
    with openai.OpenAI(base_url=f"{served.base_url}/v1", api_key=tenant.key) as client:
        yield client


@pytest.mark.parametrize("model", MODELS)
def test_it_creates_a_response(model: str, ai: openai.OpenAI) -> None:
    done = ai.responses.create(model=model, input="hello", instructions="Be brief.")

    assert (done.model, done.status, done.error) == (model, "completed", None)
    assert done.output_text.startswith("You said: hello")
    assert done.usage is not None
    assert done.usage.input_tokens == tokens("hello", "Be brief.")
    assert done.usage.output_tokens == tokens(done.output_text)
    assert done._request_id is not None
    assert done._request_id.startswith("req_")


@pytest.mark.parametrize("model", MODELS)
def test_it_streams(model: str, ai: openai.OpenAI) -> None:
    with ai.responses.create(model=model, input="hello", stream=True) as stream:
        events = list(stream)

    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert said.startswith("You said: hello")
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == said


@pytest.mark.parametrize("model", MODELS)
def test_a_structured_answer_is_parsed(model: str, ai: openai.OpenAI) -> None:
    parsed = ai.responses.parse(model=model, input="weather?", text_format=Weather)
    assert isinstance(parsed.output_parsed, Weather)
    with ai.responses.stream(model=model, input="weather?", text_format=Weather) as stream:
        assert stream.get_final_response().output_parsed == parsed.output_parsed


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("include", [None, ["reasoning.encrypted_content"]])
def test_a_loop_of_tools_ends_with_words(model: str, include: Any, ai: openai.OpenAI) -> None:
    items: Any = [{"role": "user", "content": "weather? [[sbx:tool]]"}]
    asked: dict[str, Any] = {"model": model, "tools": [WEATHER], "store": False}
    if include:
        asked |= {"include": include, "reasoning": {"effort": "low", "summary": "auto"}}
    kinds: list[str] = []
    while True:
        done = ai.responses.create(input=items, **asked)
        kinds += [item.type for item in done.output]
        items += done.output
        calls = [item for item in done.output if item.type == "function_call"]
        for call in calls:
            assert "city" in json.loads(call.arguments)
            items.append({"type": "function_call_output", "call_id": call.call_id, "output": "sunny"})
        if not calls:
            break
    thought = ["reasoning"] if include else []
    assert kinds == [*thought, "function_call", *thought, "message"]
    assert done.output_text


def test_a_stream_left_early_is_charged_for_what_was_sent(
    ai: openai.OpenAI, served: RunningPlatform, tenant: Tenant
) -> None:
    with ai.responses.create(model="gpt", input="[[sbx:tokens=400;gap_ms=20]]", stream=True) as stream:
        for number, _ in enumerate(stream):
            if number == 10:
                break
    with served.client(tenant) as client:
        books = Books(client)
        call = books.only_call()
        assert (call["outcome"], books.spent()) == ("partial", call["capture_microcredits"])
    assert 0 < call["units"]["tokens_out"] < 400


def test_a_stream_that_breaks_ends_in_its_error_event(ai: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": "gpt", "input": "[[sbx:tokens=400;reset_after=9000]]"}
    with ai.responses.create(stream=True, **asked) as stream:
        events = list(stream)
    assert events[-1].type == "error"
    assert events[-1].code == "server_error"


@pytest.mark.parametrize(
    ("body", "error", "param"),
    [
        ({"model": "no-such-model"}, openai.NotFoundError, "model"),
        ({"temperature": 5}, openai.BadRequestError, "temperature"),
        ({"previous_response_id": "resp_1"}, openai.BadRequestError, "previous_response_id"),
        ({"background": True}, openai.BadRequestError, "background"),
    ],
)
def test_our_errors_are_its_own(
    body: dict[str, Any], error: type[openai.APIStatusError], param: str, ai: openai.OpenAI
) -> None:
    with pytest.raises(error) as raised:
        ai.responses.create(**{"model": "gpt", "input": "hello", **body})
    assert raised.value.param == param
    assert raised.value.request_id is not None


def test_our_401_is_its_authentication_error(served: RunningPlatform) -> None:
    with (
        openai.OpenAI(base_url=f"{served.base_url}/v1", api_key="aio_" + "a" * 38) as ai,
        pytest.raises(openai.AuthenticationError) as raised,
    ):
        ai.responses.create(model="gpt", input="hello")
    assert raised.value.code == "invalid_api_key"
