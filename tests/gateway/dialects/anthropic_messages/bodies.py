"""Bodies of the Messages API as callers write them, drawn by Hypothesis, and what makes one legal."""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from tests.gateway.dialects.conversations import BASE64, JSON_OBJECTS, NAMES, SCHEMAS, URLS

Json = dict[str, Any]

SAID = st.text(min_size=1, max_size=12).filter(str.strip) | st.sampled_from(["안녕하세요", "{", '"', "🙂"])
_SIGNATURES = st.sampled_from(["EqoBCkgIARABGAIiQL", "ErUBCkYIBxgCIkD"])
_MARKS = st.sampled_from(
    [{"type": "ephemeral"}, {"type": "ephemeral", "ttl": "5m"}, {"type": "ephemeral", "ttl": "1h"}]
)


def block(
    kind: str, /, *, optional: Mapping[str, Any] | None = None, **fields: Any
) -> st.SearchStrategy[Json]:
    """A block of a type, some with a cache mark."""
    return st.fixed_dictionaries(
        {"type": st.just(kind), **fields}, optional={"cache_control": _MARKS, **(optional or {})}
    )


_IMAGE_SOURCES = st.fixed_dictionaries(
    {
        "type": st.just("base64"),
        "media_type": st.sampled_from(["image/png", "image/jpeg", "image/gif", "image/webp"]),
        "data": BASE64,
    }
) | st.fixed_dictionaries({"type": st.just("url"), "url": URLS})
_PDF_SOURCES = st.fixed_dictionaries(
    {"type": st.just("base64"), "media_type": st.just("application/pdf"), "data": BASE64}
) | st.fixed_dictionaries({"type": st.just("url"), "url": URLS})
_TEXT_SOURCES = st.fixed_dictionaries(
    {"type": st.just("text"), "media_type": st.just("text/plain"), "data": SAID}
)
_CITED = st.fixed_dictionaries(
    {
        "type": st.just("char_location"),
        "cited_text": SAID,
        "document_index": st.just(0),
        "document_title": st.none() | NAMES,
        "start_char_index": st.just(0),
        "end_char_index": st.just(5),
    }
)
TEXT_BLOCKS = block("text", text=SAID)
CITING_BLOCKS = block("text", text=SAID, optional={"citations": st.none() | st.lists(_CITED, max_size=2)})
IMAGE_BLOCKS = block("image", source=_IMAGE_SOURCES)
DOCUMENT_BLOCKS = block(
    "document",
    source=_PDF_SOURCES | _TEXT_SOURCES,
    optional={
        "title": st.none() | NAMES,
        "context": st.none() | SAID,
        "citations": st.none() | st.fixed_dictionaries({"enabled": st.booleans()}),
    },
)
SEARCH_RESULTS = block(
    "search_result",
    source=URLS,
    title=SAID,
    content=st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": SAID}), min_size=1, max_size=2),
    optional={"citations": st.fixed_dictionaries({"enabled": st.booleans()})},
)
THOUGHTS = st.fixed_dictionaries(
    {"type": st.just("thinking"), "thinking": st.just("") | SAID, "signature": _SIGNATURES}
) | st.fixed_dictionaries({"type": st.just("redacted_thinking"), "data": SAID})
SERVER_BLOCKS = st.fixed_dictionaries(
    {
        "type": st.just("server_tool_use"),
        "id": NAMES,
        "name": st.just("web_search"),
        "input": st.fixed_dictionaries({"query": SAID}),
    }
)


@st.composite
def _turns(draw: st.DrawFn, number: int) -> list[Json]:
    """A question, its answer, and what the tools that it called gave back."""
    asked = st.one_of(CITING_BLOCKS, IMAGE_BLOCKS, DOCUMENT_BLOCKS, SEARCH_RESULTS)
    said: list[Json] = draw(st.lists(THOUGHTS, max_size=2))
    said += draw(st.lists(CITING_BLOCKS | SERVER_BLOCKS, min_size=1, max_size=2))
    calls = draw(st.lists(block("tool_use", name=NAMES, input=JSON_OBJECTS), max_size=2))
    results: list[Json] = []
    for place, call in enumerate(calls):
        call["id"] = f"toolu_{number}_{place}"
        given = st.lists(
            TEXT_BLOCKS | IMAGE_BLOCKS | DOCUMENT_BLOCKS | SEARCH_RESULTS, min_size=1, max_size=2
        )
        result = draw(
            block(
                "tool_result",
                tool_use_id=st.just(call["id"]),
                optional={"content": SAID | given, "is_error": st.booleans()},
            )
        )
        results.append(result)
    turns: list[Json] = [
        {"role": "user", "content": draw(st.lists(asked, min_size=1, max_size=2))},
        {"role": "assistant", "content": said + calls},
    ]
    if results:
        turns += [{"role": "user", "content": results}, {"role": "assistant", "content": "Done"}]
    return turns


TOOLS: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {"name": NAMES, "input_schema": SCHEMAS},
    optional={
        "type": st.sampled_from([None, "custom"]),
        "description": SAID,
        "strict": st.booleans(),
        "cache_control": _MARKS,
    },
)
SERVER_TOOLS: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {"type": st.just("web_search_20250305"), "name": st.just("web_search")},
    optional={"max_uses": st.integers(1, 5), "cache_control": _MARKS},
)
_THINKING = (
    st.fixed_dictionaries(
        {"type": st.just("enabled"), "budget_tokens": st.integers(1024, 2000)},
        optional={"display": st.sampled_from([None, "summarized", "omitted"])},
    )
    | st.fixed_dictionaries(
        {"type": st.just("adaptive")}, optional={"display": st.sampled_from(["summarized", "omitted"])}
    )
    | st.just({"type": "disabled"})
)
_FORMATS = st.fixed_dictionaries({"type": st.just("json_schema"), "schema": SCHEMAS})


@st.composite
def bodies(draw: st.DrawFn) -> Json:
    """A request that Anthropic takes, and that says nothing in a way that is written in another way."""
    messages = [message for number in range(draw(st.integers(0, 2))) for message in draw(_turns(number))]
    messages.append({"role": "user", "content": draw(SAID | st.lists(TEXT_BLOCKS, min_size=1, max_size=2))})
    body: Json = {"model": draw(NAMES), "max_tokens": draw(st.integers(4000, 9000)), "messages": messages}
    optional: Json = {
        "system": SAID | st.lists(TEXT_BLOCKS, min_size=1, max_size=2),
        "stop_sequences": st.lists(NAMES, max_size=2),
        "metadata": st.fixed_dictionaries({"user_id": NAMES}),
        "service_tier": st.sampled_from(["auto", "standard_only", None]),
        "stream": st.booleans(),
        "output_config": st.fixed_dictionaries({}, optional={"format": _FORMATS}),
        "cache_control": _MARKS,
    }
    body |= draw(st.fixed_dictionaries({}, optional=optional))
    has_calls = "tool_use" in str(messages)
    tools = draw(st.lists(TOOLS, min_size=has_calls, max_size=2, unique_by=lambda tool: str(tool["name"])))
    if tools:
        body["tools"] = [*tools, *draw(st.lists(SERVER_TOOLS, max_size=1))]
        kinds: list[Json] = [{"type": "auto"}, {"type": "any"}, {"type": "tool", "name": tools[0]["name"]}]
        choice: Json | None = draw(st.sampled_from([None, {"type": "none"}, *kinds]))
        if choice is not None and choice["type"] != "none" and draw(st.booleans()):
            choice = {**choice, "disable_parallel_tool_use": draw(st.booleans())}
        body["tool_choice"] = choice
    forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
    if not forced and draw(st.booleans()):
        body["thinking"] = draw(_THINKING)
        effort = draw(st.sampled_from(["low", "medium", "high", "max", None]))
        body["output_config"] = {**body.get("output_config", {}), "effort": effort}
    elif draw(st.booleans()):
        body[draw(st.sampled_from(["temperature", "top_p"]))] = draw(st.floats(0, 1, width=16))
        body["top_k"] = draw(st.none() | st.integers(1, 40))
    return body


def check_legal(body: Json) -> None:
    """What Anthropic holds every request to."""
    roles = [message["role"] for message in body["messages"]]
    assert roles, "a request has a message"
    assert all(one != other for one, other in pairwise(roles)), "the roles take turns"
    calls: list[str] = []
    for message in body["messages"]:
        content = message["content"]
        assert content, "a message says something"
        kinds = [block["type"] for block in content]
        results = [kind == "tool_result" for kind in kinds]
        assert results == sorted(results, reverse=True), "results come first"
        given = [block["tool_use_id"] for block in content if block["type"] == "tool_result"]
        assert set(given) <= set(calls), "a result follows its call"
        calls = [block["id"] for block in content if block["type"] == "tool_use"]
        for call_id in calls:
            assert re.fullmatch("[a-zA-Z0-9_-]+", call_id)
        assert all(block["text"].strip() for block in content if block["type"] == "text")
    every = [
        block["id"]
        for message in body["messages"]
        for block in message["content"]
        if block["type"] == "tool_use"
    ]
    assert len(every) == len(set(every)), "each call has its own id"
    assert body.get("tools") or not every, "tools that were called are defined"
