"""What LlamaIndex does against a platform: `llamaindex_program.py BASE_URL KEY` prints what it got, as JSON."""

import asyncio
import json
import sys
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


def last_of(stream: Any) -> dict[str, Any]:
    parts = list(stream)
    last = parts[-1]
    text = last.message.content if hasattr(last, "message") else last.text
    return {"parts": len(parts), "text": text, "deltas": "".join(part.delta or "" for part in parts)}


def legacy_completion(base_url: str, key: str) -> dict[str, Any]:
    """Told that the model is no chat model, it calls /completions."""
    llm = OpenAILike(
        model="gemini", api_base=base_url, api_key=key, is_chat_model=False, max_retries=0, max_tokens=200
    )
    return {"text": llm.complete("hello").text, "streamed": last_of(llm.stream_complete("hello"))["deltas"]}


async def with_async(llm: OpenAILike) -> dict[str, Any]:
    done = await llm.achat([ChatMessage(role="user", content="hello")])
    streamed = await llm.astream_chat([ChatMessage(role="user", content="hello")])
    deltas = [part.delta or "" async for part in streamed]
    return {"text": done.message.content, "streamed": "".join(deltas)}


def main(base_url: str, key: str) -> dict[str, Any]:
    llm = OpenAILike(
        model="gemini",
        api_base=base_url,
        api_key=key,
        is_chat_model=True,
        is_function_calling_model=True,
        context_window=8192,
    )
    messages = [ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content="hello")]
    chosen = llm.get_tool_calls_from_response(
        llm.chat_with_tools([FunctionTool.from_defaults(get_weather)], user_msg="weather? [[sbx:tool]]")
    )
    embedding = OpenAILikeEmbedding(model_name="qwen3-embedding", api_base=base_url, api_key=key)
    return {
        "complete": llm.complete("hello").text,
        "stream_complete": last_of(llm.stream_complete("hello")),
        "chat": llm.chat(messages).message.content,
        "stream_chat": last_of(llm.stream_chat(messages)),
        "tools": [{"name": call.tool_name, "args": call.tool_kwargs} for call in chosen],
        "async": asyncio.run(with_async(llm)),
        "embed_query": embedding.get_query_embedding("the harbour"),
        "embed_documents": embedding.get_text_embedding_batch(["the harbour", "bananas"]),
        "legacy_completion": legacy_completion(base_url, key),
    }


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout)
