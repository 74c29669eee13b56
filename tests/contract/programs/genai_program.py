"""What Google's own Python client gets, as one JSON object: `genai_program.py BASE_URL KEY MODEL`."""

import asyncio
import base64
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

from google import genai
from google.genai import errors, types
from pydantic import BaseModel

CALLED: list[str] = []
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Weather(BaseModel):
    city: str


def get_weather(city: str) -> str:
    """The weather of a city."""
    CALLED.append(city)
    return f"sunny in {city}"


def client_of(base_url: str, key: str) -> genai.Client:
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=base_url))


def shown(answer: types.GenerateContentResponse) -> dict[str, Any]:
    usage = answer.usage_metadata
    return {
        "text": answer.text,
        "model": answer.model_version,
        "finish": answer.candidates[0].finish_reason.value,
        "usage": [usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count],
    }


def whole(chunks: Iterable[types.GenerateContentResponse]) -> dict[str, Any]:
    came = list(chunks)
    return shown(came[-1]) | {"text": "".join(chunk.text or "" for chunk in came), "chunks": len(came)}


def thinking(client: genai.Client, model: str) -> dict[str, Any]:
    config = types.GenerateContentConfig(
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=1024),
        max_output_tokens=2000,
    )
    answer = client.models.generate_content(model=model, contents="hello", config=config)
    parts = answer.candidates[0].content.parts
    return {"thoughts": [part.text for part in parts if part.thought], "text": answer.text}


def with_tool(client: genai.Client, model: str) -> dict[str, Any]:
    config = types.GenerateContentConfig(tools=[get_weather])
    answer = client.models.generate_content(model=model, contents="weather? [[sbx:tool]]", config=config)
    return {"called": list(CALLED), "text": answer.text}


def structured(client: genai.Client, model: str) -> dict[str, Any]:
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Weather)
    parsed = client.models.generate_content(model=model, contents="where?", config=config).parsed
    return parsed.model_dump()


def talk(client: genai.Client, model: str) -> list[str | None]:
    chat = client.chats.create(model=model)
    return [chat.send_message(text).text for text in ("one", "two")]


async def with_async(client: genai.Client, model: str) -> dict[str, Any]:
    answer = await client.aio.models.generate_content(model=model, contents="hello")
    stream = await client.aio.models.generate_content_stream(model=model, contents="hello")
    return {"text": answer.text, "streamed": "".join([chunk.text or "" async for chunk in stream])}


def refusal(call: Callable[[], Any]) -> dict[str, Any]:
    try:
        call()
    except errors.APIError as error:
        return {"kind": type(error).__name__, "code": error.code, "status": error.status}
    return {"kind": "nothing"}


def vectors(answer: types.EmbedContentResponse) -> list[list[float] | None]:
    return [each.values for each in answer.embeddings]


def main(base_url: str, key: str, model: str) -> dict[str, Any]:
    client, stranger = client_of(base_url, key), client_of(base_url, "aio_" + "a" * 38)
    models = client.models
    image = types.Part.from_bytes(data=PIXEL, mime_type="image/png")
    brief = types.GenerateContentConfig(system_instruction="Be brief.", temperature=0.5, max_output_tokens=50)
    broken = "[[sbx:tokens=400;reset_after=9000]]"
    return {
        "generate": shown(models.generate_content(model=model, contents="hello", config=brief)),
        "stream": whole(models.generate_content_stream(model=model, contents="hello", config=brief)),
        "image": shown(models.generate_content(model=model, contents=["what?", image]))["usage"],
        "thinking": thinking(client, model),
        "tool": with_tool(client, model),
        "structured": structured(client, model),
        "chat": talk(client, model),
        "async": asyncio.run(with_async(client, model)),
        "count": models.count_tokens(model=model, contents="hello").total_tokens,
        "embed": vectors(models.embed_content(model="qwen3-embedding", contents=["one", "two"])),
        "embed_one": vectors(
            models.embed_content(
                model="qwen3-embedding",
                contents="one",
                config=types.EmbedContentConfig(task_type="RETRIEVAL_QUERY"),
            )
        ),
        "list": [each.name for each in models.list(config={"page_size": 3})],
        "get": models.get(model=model).model_dump(mode="json", exclude_none=True),
        "no_key": refusal(lambda: stranger.models.generate_content(model=model, contents="x")),
        "no_model": refusal(lambda: models.generate_content(model="no-such-model", contents="x")),
        "failed": refusal(lambda: models.generate_content(model=model, contents="[[sbx:status=500]]")),
        "broken": refusal(lambda: list(models.generate_content_stream(model=model, contents=broken))),
    }


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout)
