"""The current openai package, unmodified: it completes, streams, and takes our refusals for its own errors."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from running_platform import RunningPlatform, Tenant
from scenarios.asking import TenantPool, marked, tokens

BASES = ["/v1", "/api/v1"]
# What `/api/v1` calls it by `type`, and `/v1` by OpenAI's `code`.
CODES = {
    "authentication_error": "invalid_api_key",
    "insufficient_credits": "insufficient_quota",
    "not_found": "model_not_found",
}
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def hello(text: str = "hello") -> list[Any]:
    return [{"role": "user", "content": text}]


@pytest.fixture(params=BASES)
def ai(request: pytest.FixtureRequest, served: RunningPlatform, tenant: Tenant) -> Iterator[openai.OpenAI]:
    """The client with its defaults, retries included."""
    with openai.OpenAI(base_url=served.base_url + request.param, api_key=tenant.key) as client:
        yield client


@pytest.fixture(params=BASES)
def base_url(request: pytest.FixtureRequest, served: RunningPlatform) -> str:
    return served.base_url + str(request.param)


def test_it_completes(ai: openai.OpenAI) -> None:
    done = ai.chat.completions.create(model="gemini", messages=hello())

    assert done.model == "gemini"
    assert done.choices[0].message.content is not None
    assert done.choices[0].message.content.startswith("You said: hello")
    assert done.choices[0].finish_reason == "stop"
    assert done.usage is not None
    assert done.usage.prompt_tokens == tokens("hello")
    thoughts = getattr(done.choices[0].message, "reasoning_content", None) or ""
    assert done.usage.completion_tokens == tokens(done.choices[0].message.content, thoughts)
    assert done._request_id is not None
    assert done._request_id.startswith("req_")


def test_legacy_completions_are_answered_whole_and_streamed(served: RunningPlatform, tenant: Tenant) -> None:
    with openai.OpenAI(base_url=f"{served.base_url}/v1", api_key=tenant.key) as client:
        for model in ("gemini", "sbx-chat"):
            whole = client.completions.create(model=model, prompt="hello", max_tokens=200)
            chunks = list(client.completions.create(model=model, prompt="hello", max_tokens=200, stream=True))

            assert whole.choices[0].text.startswith("You said: hello")
            assert whole.usage is not None
            assert whole.usage.completion_tokens == tokens(whole.choices[0].text)
            assert (
                "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == whole.choices[0].text
            )


def test_it_streams(ai: openai.OpenAI) -> None:
    with ai.chat.completions.create(model="gemini", messages=hello(), stream=True) as stream:
        chunks = list(stream)

    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert said.startswith("You said: hello")
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].model_extra is not None
    assert chunks[-1].model_extra["credits_consumed"] > 0


def test_it_streams_with_usage(ai: openai.OpenAI) -> None:
    options: Any = {"include_usage": True}
    with ai.chat.completions.create(
        model="gemini", messages=hello(), stream=True, stream_options=options
    ) as stream:
        chunks = list(stream)

    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == tokens("hello")
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_its_stream_helper_puts_an_answer_together(ai: openai.OpenAI) -> None:
    with ai.chat.completions.stream(model="gemini", messages=hello()) as stream:
        done = stream.get_final_completion()

    assert done.choices[0].message.content is not None
    assert done.choices[0].message.content.startswith("You said: hello")


def test_a_tool_is_called_and_its_result_answered(ai: openai.OpenAI) -> None:
    messages = hello("weather? [[sbx:tool]]")
    asked = ai.chat.completions.create(model="gemini", messages=messages, tools=[WEATHER])

    assert asked.choices[0].finish_reason == "tool_calls"
    assert asked.choices[0].message.tool_calls is not None
    (call,) = asked.choices[0].message.tool_calls
    assert call.type == "function"
    assert "city" in json.loads(call.function.arguments)
    messages += [
        asked.choices[0].message.to_dict(),
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    done = ai.chat.completions.create(model="gemini", messages=messages, tools=[WEATHER])
    assert done.choices[0].finish_reason == "stop"
    assert done.choices[0].message.content


def test_a_tool_is_called_in_a_stream(ai: openai.OpenAI) -> None:
    with ai.chat.completions.stream(
        model="gemini", messages=hello("weather? [[sbx:tool]]"), tools=[WEATHER]
    ) as stream:
        done = stream.get_final_completion()

    assert done.choices[0].message.tool_calls is not None
    assert "city" in json.loads(done.choices[0].message.tool_calls[0].function.arguments)


def test_it_lists_the_models(ai: openai.OpenAI) -> None:
    assert "gemini" in [model.id for model in ai.models.list()]


def test_it_retrieves_one_model(ai: openai.OpenAI) -> None:
    assert ai.models.retrieve("gemini").owned_by == "google"
    with pytest.raises(openai.NotFoundError):
        ai.models.retrieve("no-such-model")


def spoken(error: openai.APIStatusError, base_url: str) -> tuple[str, str]:
    """OpenAI's code and our type of an error; of each pair a mount says one, and the test the other."""
    if "/api/" in base_url:
        assert error.code == str(error.status_code), "API in One's code is the status"
        return CODES[str(error.type)], str(error.type)
    assert error.code is not None
    return error.code, next(ours for ours, code in CODES.items() if code == error.code)


@pytest.mark.parametrize("stream", [False, True])
def test_our_401_is_its_authentication_error(base_url: str, stream: bool) -> None:
    with (
        openai.OpenAI(base_url=base_url, api_key="aio_" + "a" * 38) as ai,
        pytest.raises(openai.AuthenticationError) as raised,
    ):
        ai.chat.completions.create(model="gemini", messages=hello(), stream=stream)

    assert raised.value.status_code == 401
    assert spoken(raised.value, base_url) == ("invalid_api_key", "authentication_error")
    assert raised.value.request_id is not None
    assert "invalid" in raised.value.message


def test_our_400_is_its_bad_request_error_and_names_the_field(ai: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        ai.chat.completions.create(model="gemini", messages=hello(), temperature=5)

    assert raised.value.param == "temperature"


def test_our_402_is_its_status_error_and_is_not_tried_again(served: RunningPlatform, base_url: str) -> None:
    poor = served.new_tenant(credits="0.000001")
    with (
        openai.OpenAI(base_url=base_url, api_key=poor.key) as ai,
        pytest.raises(openai.APIStatusError) as raised,
    ):
        ai.chat.completions.create(model="gemini", messages=hello())

    assert raised.value.status_code == 402
    assert spoken(raised.value, base_url) == ("insufficient_quota", "insufficient_credits")
    with served.client(poor) as client:
        (row,) = client.get("/api/v1/usage/refusals").json()["data"]
    assert (row["code"], row["calls"]) == ("insufficient_credits", 1)


def test_our_404_is_its_not_found_error(ai: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        ai.chat.completions.create(model="no-such-model", messages=hello())

    assert raised.value.param == "model"
    assert spoken(raised.value, str(ai.base_url)) == ("model_not_found", "not_found")


def test_an_endpoint_we_do_not_have_is_its_not_found_error(ai: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        ai.fine_tuning.jobs.list()


def test_our_429_is_its_rate_limit_error(served: RunningPlatform) -> None:
    limited = served.new_tenant(plan="standard")
    with (
        openai.OpenAI(base_url=served.base_url + "/v1", api_key=limited.key, max_retries=0) as ai,
        pytest.raises(openai.RateLimitError) as raised,
    ):
        # Sixty pass in a minute; where they take longer than that, some of the next minute's do, too.
        for _ in range(600):
            ai.chat.completions.create(model="free-chat", messages=hello())

    assert raised.value.type == "requests"
    assert raised.value.code == "rate_limit_exceeded"
    assert int(raised.value.response.headers["Retry-After"]) > 0
    assert raised.value.response.headers["x-ratelimit-remaining-requests"] == "0"


@pytest.fixture(scope="module")
def timed_out(
    served: RunningPlatform, served_tenants: TenantPool
) -> dict[tuple[str, bool], tuple[openai.InternalServerError, str]]:
    """By mount, and whether a stream was asked for: what was raised, and the mark of the call.

    All are asked at the same moment: waiting for each in turn would take the time limit times their number.
    """

    def ask(base: str, stream: bool, key: str) -> tuple[openai.InternalServerError, str]:
        text, mark = marked("[[sbx:hang]]")
        with (
            openai.OpenAI(base_url=served.base_url + base, api_key=key) as ai,
            pytest.raises(openai.InternalServerError) as raised,
        ):
            ai.chat.completions.create(model="gemini", messages=hello(text), stream=stream)
        return raised.value, mark

    asked = [(base, stream, served_tenants.take().key) for base in BASES for stream in (False, True)]
    with ThreadPoolExecutor(len(asked)) as pool:
        raised = list(pool.map(lambda each: ask(*each), asked))
    return {(base, stream): each for (base, stream, _), each in zip(asked, raised, strict=True)}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("base", BASES)
def test_our_504_is_not_tried_again(
    served: RunningPlatform,
    timed_out: dict[tuple[str, bool], tuple[openai.InternalServerError, str]],
    base: str,
    stream: bool,
) -> None:
    raised, mark = timed_out[base, stream]

    assert raised.status_code == 504
    assert len(served.journal(mark)) == 1


def test_an_upstreams_fault_is_tried_again_by_itself(served: RunningPlatform, ai: openai.OpenAI) -> None:
    text, mark = marked("[[sbx:status=500;times=1]]")
    # The faults of tests before this one would add up to a rest of the upstream; a success begins anew.
    ai.chat.completions.create(model="gemini", messages=hello())

    done = ai.chat.completions.create(model="gemini", messages=hello(text))

    assert done.choices
    assert len(served.journal(mark)) == 2


def test_a_stream_that_breaks_raises_and_does_not_end_quietly(ai: openai.OpenAI) -> None:
    with (
        pytest.raises(openai.APIError),
        ai.chat.completions.create(
            model="gemini", messages=hello("[[sbx:stream_error=4;gap_ms=5]]"), stream=True
        ) as stream,
    ):
        list(stream)


async def test_the_async_client_completes_and_streams(base_url: str, tenant: Tenant) -> None:
    async with openai.AsyncOpenAI(base_url=base_url, api_key=tenant.key) as ai:
        done = await ai.chat.completions.create(model="gemini", messages=hello())
        said = ""
        async with await ai.chat.completions.create(model="gemini", messages=hello(), stream=True) as stream:
            async for chunk in stream:
                said += chunk.choices[0].delta.content or ""

    assert said == done.choices[0].message.content
