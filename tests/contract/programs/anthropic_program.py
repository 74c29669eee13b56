"""What anthropic does against a platform: `anthropic_program.py BASE_URL KEY POOR_KEY MARK` prints it, as JSON."""

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

import anthropic
from anthropic import Anthropic, AsyncAnthropic, beta_tool
from pydantic import BaseModel

MODELS = ("claude", "gemini", "gpt")
WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


class Weather(BaseModel):
    """The weather in a city."""

    city: str
    degrees: int


@beta_tool
def get_weather(city: str) -> str:
    """The weather in a city.

    Args:
        city: Its name.
    """
    return f"sunny in {city}"


def asking(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "claude", "max_tokens": 500, "messages": [{"role": "user", "content": text}], **more}


def created(ai: Anthropic, model: str) -> dict[str, Any]:
    done = ai.messages.create(**asking("hello", model=model, system="Be brief."))
    return {**done.to_dict(), "request_id": done._request_id}


def streamed(ai: Anthropic, **more: Any) -> dict[str, Any]:
    with ai.messages.stream(**asking("hello", **more)) as stream:
        kinds = [event.type for event in stream]
        done = stream.get_final_message()
    return {"kinds": kinds, "message": done.to_dict(), "request_id": stream.request_id}


def tool_round(ai: Anthropic, model: str) -> dict[str, Any]:
    asked = asking("weather? [[sbx:tool]]", model=model, tools=[WEATHER])
    called = ai.messages.create(**asked)
    [use] = [block for block in called.content if block.type == "tool_use"]
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "sunny"}
    asked["messages"] += [
        {"role": "assistant", "content": called.content},
        {"role": "user", "content": [result]},
    ]
    done = ai.messages.create(**asked)
    return {
        "stop": called.stop_reason,
        "input": use.input,
        "then": done.stop_reason,
        "text": done.content[0].text,
    }


def ran_tools(ai: Anthropic, *, stream: bool) -> dict[str, Any]:
    """The SDK's own loop of tools, which is one of its betas."""
    runner = ai.beta.messages.tool_runner(
        **asking("weather? [[sbx:tool]]", tools=[get_weather], stream=stream)
    )
    if stream:
        messages = [each.get_final_message() for each in runner]
    else:
        messages = list(runner)
    return {"stops": [message.stop_reason for message in messages], "text": messages[-1].content[0].text}


def refused(work: Callable[[], Any]) -> dict[str, Any]:
    try:
        work()
    except anthropic.APIStatusError as error:
        body: Any = error.body
        return {
            "name": type(error).__name__,
            "status": error.status_code,
            "type": body["error"]["type"],
            "message": error.message,
            "request_id": error.request_id,
        }
    except anthropic.APIError as error:
        return {"name": type(error).__name__, "message": error.message}
    return {"name": "nothing"}


def left(ai: Anthropic) -> str | None:
    """The id of a call whose stream was left after some of its words."""
    with ai.messages.stream(**asking("[[sbx:tokens=400;gap_ms=20]]")) as stream:
        for number, _ in enumerate(stream.text_stream):
            if number == 5:
                break
        return stream.request_id


async def left_by_cancelling(base_url: str, key: str) -> str | None:
    """The same, by cancelling the task that reads it."""
    begun = asyncio.Event()
    ids: list[str | None] = []

    async def read(ai: AsyncAnthropic) -> None:
        async with ai.messages.stream(**asking("[[sbx:tokens=400;gap_ms=20]]")) as stream:
            async for _ in stream.text_stream:
                ids[:] = [stream.request_id]
                begun.set()

    async with AsyncAnthropic(base_url=base_url, api_key=key) as ai:
        reading = asyncio.create_task(read(ai))
        await begun.wait()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return ids[0]


def read_broken(ai: Anthropic) -> None:
    with ai.messages.stream(**asking("[[sbx:stream_error=6;gap_ms=5]]")) as stream:
        stream.until_done()


async def with_async(base_url: str, key: str) -> dict[str, Any]:
    async with AsyncAnthropic(base_url=base_url, api_key=key) as ai:
        done = await ai.messages.create(**asking("hello"))
        async with ai.messages.stream(**asking("hello")) as stream:
            said = "".join([text async for text in stream.text_stream])
    return {"text": done.content[0].text, "streamed": said}


def main(base_url: str, key: str, poor_key: str, mark: str) -> dict[str, Any]:
    ai = Anthropic(base_url=base_url, api_key=key)
    once = ai.with_options(max_retries=0)
    thinking = {"type": "enabled", "budget_tokens": 1024}
    parsed = ai.messages.parse(**asking("weather?"), output_format=Weather)
    return {
        "create": {model: created(ai, model) for model in MODELS},
        "bearer": Anthropic(base_url=base_url, auth_token=key).messages.create(**asking("hello")).stop_reason,
        "beta": ai.beta.messages.create(
            **asking("hello", betas=["context-management-2025-06-27"])
        ).stop_reason,
        "stream": {model: streamed(ai, model=model) for model in MODELS},
        "thinking": {
            model: streamed(ai, model=model, max_tokens=2000, thinking=thinking) for model in MODELS
        },
        "stream_tool": {
            model: streamed(ai, model=model, tools=[WEATHER], tool_choice={"type": "any"}) for model in MODELS
        },
        "tools": {model: tool_round(ai, model) for model in MODELS},
        "runner": ran_tools(ai, stream=False),
        "runner_stream": ran_tools(ai, stream=True),
        "parsed": None if parsed.parsed_output is None else parsed.parsed_output.model_dump(),
        "count": ai.messages.count_tokens(
            model="claude", messages=asking("12345678")["messages"]
        ).input_tokens,
        "beta_count": ai.beta.messages.count_tokens(
            model="claude", messages=asking("12345678")["messages"], tools=[WEATHER]
        ).input_tokens,
        "models": [model.id for model in ai.models.list()],
        "model": ai.models.retrieve("claude").to_dict(mode="json"),
        "async": asyncio.run(with_async(base_url, key)),
        "tried_again": ai.messages.create(**asking(f"[[sbx:status=500;times=1]] {mark}")).stop_reason,
        "left": left(ai),
        "cancelled": asyncio.run(left_by_cancelling(base_url, key)),
        "broken": refused(lambda: read_broken(ai)),
        "errors": {
            "key": refused(
                lambda: Anthropic(base_url=base_url, api_key="aio_" + "a" * 38).messages.create(**asking("a"))
            ),
            "field": refused(lambda: once.messages.create(**asking("a", extra_body={"temperature": 2}))),
            "credit": refused(
                lambda: Anthropic(base_url=base_url, api_key=poor_key).messages.create(**asking("a"))
            ),
            "model": refused(lambda: once.messages.create(**asking("a", model="no-such-model"))),
            "counted_model": refused(
                lambda: once.messages.count_tokens(model="no-such", messages=asking("a")["messages"])
            ),
            "limit": refused(lambda: once.messages.create(**asking("[[sbx:status=429;retry_after=7]]"))),
            "upstream": refused(lambda: once.messages.create(**asking("[[sbx:status=500]]"))),
            "streamed": refused(lambda: streamed(once, model="no-such-model")),
        },
    }


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout)
