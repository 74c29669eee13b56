"""What LangChain does against a platform: `langchain_program.py BASE_URL KEY MARK` prints what it got, as JSON."""

import asyncio
import json
import sys
from typing import Any

import tiktoken
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel
from tiktoken import registry

# LangChain cuts texts into token ids before it embeds them. The vocabulary that it would fetch from the network
# is replaced by one of bytes, in the library's own registry; LangChain itself is untouched.
registry.ENCODINGS["cl100k_base"] = tiktoken.Encoding(
    "cl100k_base",
    pat_str=r"[\s\S]",
    mergeable_ranks={bytes([byte]): byte for byte in range(256)},
    special_tokens={},
)


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


class Weather(BaseModel):
    """The weather in a city."""

    city: str


def chat(base_url: str, key: str, **options: Any) -> ChatOpenAI:
    return ChatOpenAI(model="gemini", base_url=base_url, api_key=key, **options)


def whole(stream: Any) -> dict[str, Any]:
    chunks = list(stream)
    together: AIMessageChunk = chunks[0]
    for chunk in chunks[1:]:
        together = together + chunk
    return {
        "chunks": len(chunks),
        "text": together.content,
        "usage": together.usage_metadata,
        "tool_calls": together.tool_calls,
    }


def tool_round(llm: ChatOpenAI) -> dict[str, Any]:
    with_tools = llm.bind_tools([get_weather])
    messages: list[Any] = [HumanMessage("weather? [[sbx:tool]]")]
    asked = with_tools.invoke(messages)
    call = asked.tool_calls[0]
    result: ToolMessage = get_weather.invoke(call)
    done = with_tools.invoke([*messages, asked, result])
    return {"name": call["name"], "args": call["args"], "result": result.content, "text": done.content}


def refused(base_url: str) -> str:
    try:
        chat(base_url, "aio_" + "a" * 38).invoke("hello")
    except Exception as error:
        return type(error).__name__
    return "nothing"


async def with_async(llm: ChatOpenAI) -> dict[str, Any]:
    done = await llm.ainvoke("hello")
    parts = [str(chunk.content) async for chunk in llm.astream("hello")]
    return {"text": done.content, "streamed": "".join(parts)}


def main(base_url: str, key: str, mark: str) -> dict[str, Any]:
    llm = chat(base_url, key)
    invoked = llm.invoke([("system", "Be brief."), ("human", "hello")])
    ids = OpenAIEmbeddings(model="qwen3-embedding", base_url=base_url, api_key=key)
    texts = OpenAIEmbeddings(
        model="qwen3-embedding", base_url=base_url, api_key=key, check_embedding_ctx_length=False
    )
    return {
        "invoke": {"text": invoked.content, "usage": invoked.usage_metadata},
        "stream": whole(llm.stream("hello")),
        "stream_tools": whole(llm.bind_tools([get_weather]).stream("weather? [[sbx:tool]]")),
        "tools": tool_round(llm),
        "structured": llm.with_structured_output(Weather, method="function_calling")
        .invoke("weather? [[sbx:tool]]")
        .model_dump(),
        "batch": [message.content for message in llm.batch(["one", "two", "three"])],
        "async": asyncio.run(with_async(llm)),
        "embed_query": texts.embed_query("the harbour"),
        "embed_documents": texts.embed_documents(["the harbour", "bananas"]),
        "embed_token_ids": ids.embed_documents([f"token ids {mark}", "another"]),
        "embed_long": ids.embed_query("longer than its window " * 500),
        "refused": refused(base_url),
    }


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout)
