"""What LangChain's Google package gets, as one JSON object: `langchain_google_program.py BASE_URL KEY MODEL`."""

import json
import sys
from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_google_genai import ChatGoogleGenerativeAI, GoogleGenerativeAIEmbeddings


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


def tool_round(llm: ChatGoogleGenerativeAI) -> dict[str, Any]:
    with_tools = llm.bind_tools([get_weather])
    messages: list[Any] = [HumanMessage("weather? [[sbx:tool]]")]
    asked = with_tools.invoke(messages)
    (call,) = asked.tool_calls
    done = with_tools.invoke([*messages, asked, get_weather.invoke(call)])
    return {"name": call["name"], "text": done.text}


def refused(base_url: str, model: str) -> str:
    try:
        ChatGoogleGenerativeAI(
            model=model, google_api_key="aio_" + "a" * 38, base_url=base_url, max_retries=1
        ).invoke("hello")
    except Exception as error:
        return str(error)
    return "nothing"


def main(base_url: str, key: str, model: str) -> dict[str, Any]:
    llm = ChatGoogleGenerativeAI(model=model, google_api_key=key, base_url=base_url, max_retries=1)
    invoked = llm.invoke([("system", "Be brief."), ("human", "hello")])
    chunks = [chunk.text for chunk in llm.stream("hello")]
    embeddings = GoogleGenerativeAIEmbeddings(
        model="models/qwen3-embedding", google_api_key=key, base_url=base_url
    )
    return {
        "invoke": {"text": invoked.text, "usage": invoked.usage_metadata},
        "stream": {"text": "".join(chunks), "chunks": len(chunks)},
        "tool": tool_round(llm),
        "embed_query": embeddings.embed_query("the harbour"),
        "embed_documents": embeddings.embed_documents(["the harbour", "bananas"]),
        "refused": refused(base_url, model),
    }


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout)
