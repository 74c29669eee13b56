"""What a framework does against a platform: `frameworks_program.py NAME ORIGIN KEY` prints what it got, as JSON.

Each answers a greeting, says it again as a stream where it can, calls a tool, and fills a form.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

HELLO = "hello"
TOOL = "weather? [[sbx:tool=get_weather]]"
FORM = "weather?"


class Weather(BaseModel):
    """The weather in a city."""

    city: str
    degrees: int


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


WEATHER_TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def litellm_at(model: str, base: str) -> Callable[[str, str], dict[str, Any]]:
    """LiteLLM's `completion`, by whichever of its providers the model's name begins with."""

    def run(origin: str, key: str) -> dict[str, Any]:
        import litellm

        litellm.suppress_debug_info = True
        asked: dict[str, Any] = {"model": model, "api_base": origin + base, "api_key": key, "max_tokens": 500}

        def say(text: str, **more: Any) -> Any:
            return litellm.completion(messages=[{"role": "user", "content": text}], **asked, **more)

        parts = [chunk.choices[0].delta.content or "" for chunk in say(HELLO, stream=True)]
        [call] = say(TOOL, tools=[WEATHER_TOOL]).choices[0].message.tool_calls
        answered: list[Any] = [
            {"role": "user", "content": TOOL},
            {"role": "assistant", "content": None, "tool_calls": [call.model_dump()]},
            {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
        ]
        done = litellm.completion(messages=answered, tools=[WEATHER_TOOL], **asked)
        form = say(FORM, response_format=Weather).choices[0].message.content
        return {
            "text": say(HELLO).choices[0].message.content,
            "streamed": "".join(parts),
            "args": json.loads(call.function.arguments),
            "after_tool": done.choices[0].message.content,
            "form": json.loads(form),
        }

    return run


def litellm_responses(origin: str, key: str) -> dict[str, Any]:
    import litellm

    asked: dict[str, Any] = {"model": "openai/gpt", "api_base": f"{origin}/v1", "api_key": key}
    whole: Any = litellm.responses(input=HELLO, **asked)
    events = list(litellm.responses(input=HELLO, stream=True, **asked))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    return {"text": whole.output_text, "streamed": "".join(deltas)}


def langchain_anthropic(origin: str, key: str) -> dict[str, Any]:
    from langchain_anthropic import ChatAnthropic
    from langchain_core.messages import HumanMessage
    from langchain_core.tools import tool

    llm = ChatAnthropic(model="claude", base_url=origin, api_key=key, max_tokens=500)
    with_tools = llm.bind_tools([tool(get_weather)])
    messages: list[Any] = [HumanMessage(TOOL)]
    asked = with_tools.invoke(messages)
    [call] = asked.tool_calls
    result = tool(get_weather).invoke(call)
    done = with_tools.invoke([*messages, asked, result])
    form: Any = llm.with_structured_output(Weather).invoke(FORM)
    return {
        "text": llm.invoke(HELLO).text,
        "streamed": "".join(chunk.text for chunk in llm.stream(HELLO)),
        "args": call["args"],
        "after_tool": done.text,
        "form": form.model_dump(),
    }


def pydantic_ai_with(dialect: str) -> Callable[[str, str], dict[str, Any]]:
    def run(origin: str, key: str) -> dict[str, Any]:
        from pydantic_ai import Agent

        model = _pydantic_ai_model(dialect, origin, key)
        plain = Agent(model)
        acting = Agent(model, tools=[get_weather])

        async def streamed() -> str:
            async with plain.run_stream(HELLO) as stream:
                return "".join([part async for part in stream.stream_text(delta=True)])

        done = acting.run_sync(TOOL)
        called = [
            part for message in done.all_messages() for part in message.parts if part.part_kind == "tool-call"
        ]
        return {
            "text": plain.run_sync(HELLO).output,
            "streamed": asyncio.run(streamed()),
            "args": called[0].args_as_dict(),
            "after_tool": done.output,
            "form": Agent(model, output_type=Weather).run_sync(FORM).output.model_dump(),
        }

    return run


def _pydantic_ai_model(dialect: str, origin: str, key: str) -> Any:
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=f"{origin}/v1", api_key=key)
    if dialect == "responses":
        return OpenAIResponsesModel("gpt", provider=provider)
    return OpenAIChatModel("gemini", provider=provider)


def openai_agents(origin: str, key: str) -> dict[str, Any]:
    import agents
    from openai import AsyncOpenAI

    agents.set_tracing_disabled(True)
    agents.set_default_openai_client(AsyncOpenAI(base_url=f"{origin}/v1", api_key=key), use_for_tracing=False)
    plain = agents.Agent(name="plain", model="gpt")
    acting = agents.Agent(name="acting", model="gpt", tools=[agents.function_tool(get_weather)])
    formal = agents.Agent(name="formal", model="gpt", output_type=Weather)

    async def run() -> dict[str, Any]:
        stream = agents.Runner.run_streamed(plain, HELLO)
        deltas = [
            event.data.delta
            async for event in stream.stream_events()
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
        ]
        done = await agents.Runner.run(acting, TOOL)
        called = [item.raw_item for item in done.new_items if item.type == "tool_call_item"]
        return {
            "text": (await agents.Runner.run(plain, HELLO)).final_output,
            "streamed": "".join(deltas),
            "args": json.loads(called[0].arguments),
            "after_tool": done.final_output,
            "form": (await agents.Runner.run(formal, FORM)).final_output.model_dump(),
        }

    return asyncio.run(run())


def instructor_with(dialect: str) -> Callable[[str, str], dict[str, Any]]:
    def run(origin: str, key: str) -> dict[str, Any]:
        import instructor
        from anthropic import Anthropic
        from openai import OpenAI

        asked: dict[str, Any] = {"response_model": Weather, "messages": [{"role": "user", "content": FORM}]}
        if dialect == "anthropic":
            client: Any = instructor.from_anthropic(Anthropic(base_url=origin, api_key=key))
            form = client.messages.create(model="claude", max_tokens=500, **asked)
        else:
            client = instructor.from_openai(OpenAI(base_url=f"{origin}/v1", api_key=key))
            form = client.chat.completions.create(model="gemini", **asked)
        return {"form": form.model_dump()}

    return run


FRAMEWORKS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "litellm-openai": litellm_at("openai/gemini", "/v1"),
    "litellm-anthropic": litellm_at("anthropic/claude", ""),
    "litellm-responses": litellm_responses,
    "langchain-anthropic": langchain_anthropic,
    "pydantic-ai-chat": pydantic_ai_with("chat"),
    "pydantic-ai-responses": pydantic_ai_with("responses"),
    "openai-agents": openai_agents,
    "instructor-openai": instructor_with("openai"),
    "instructor-anthropic": instructor_with("anthropic"),
}


if __name__ == "__main__":
    # LiteLLM fetches its prices from the network where it is not told that its own file will do.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    name, *where = sys.argv[1:]
    sys.stdout.write(json.dumps(FRAMEWORKS[name](*where)) + "\n")
