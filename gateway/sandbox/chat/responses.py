"""OpenAI's Responses: the same answers as the chat's, in that dialect's own items and event grammar.

Nothing is kept between two requests: the whole conversation comes in `input`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import orjson

from gateway.sandbox import dialects
from gateway.sandbox.chat import completions, responses_functions, stream
from gateway.sandbox.chat.answer import CREATED, Choice, Completion
from gateway.sandbox.magic import without_magic
from gateway.sandbox.wire import Answer, Call, Event, EventStream, Json, Refusal, Route, Text, json_reply

ENCRYPTED = "reasoning.encrypted_content"
# What would need an earlier answer or a kept one.
NEED_STATE = ("previous_response_id", "conversation", "prompt", "background")
# A model's own words come back as output, anybody else's are input.
_INPUT_PARTS = ("input_text", "input_image", "input_file")
_OUTPUT_PARTS = ("output_text", "refusal")
_PARTS = {"user": _INPUT_PARTS, "system": _INPUT_PARTS, "developer": _INPUT_PARTS, "assistant": _OUTPUT_PARTS}
_CALLS = {"function_call": ("call_id", "name", "arguments"), "custom_tool_call": ("call_id", "name", "input")}
_CALL_OUTPUTS = ("function_call_output", "custom_tool_call_output")


class _Item(NamedTuple):
    """An output item: how it begins, what it is whole, and the events in between with what a caller reads."""

    start: dict[str, Json]
    whole: dict[str, Json]
    events: list[tuple[dict[str, Json], Text | None]]


def routes() -> list[Route]:
    """The Responses surface."""
    return [Route("POST", "/v1/responses", create, dialects.openai)]


def create(call: Call) -> Answer:
    """Answer a request, as JSON or as a stream."""
    body = call.json()
    for name in NEED_STATE:
        if body.get(name):
            raise Refusal(400, f"{name} is not supported: nothing is stored")
    completion = completions.answer_for(_as_chat(body), call)
    choice = completion.choices[0] if completion.choices else None
    items = _items(choice, completion, call) if choice else []
    ended = _response(completion, body) | {
        "status": "completed",
        "output": [item.whole for item in items],
        "usage": _usage(completion),
    }
    if choice and choice.finish == "length":
        ended |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    if body.get("stream"):
        return EventStream(_events(_response(completion, body), items, ended))
    reads = completion.reads
    if not _object(body, "reasoning").get("summary"):
        reads = Text(reads.content, "", reads.tool)
    return json_reply(ended, text=reads)


def _as_chat(body: dict[str, Json]) -> dict[str, Json]:
    """The body as the chat's: texts and images of every item, the functions and the choice among them."""
    limit = body.get("max_output_tokens")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise Refusal(400, "Invalid 'max_output_tokens': expected an integer of at least 1.")
    messages: list[Json] = []
    if body.get("instructions"):
        messages.append({"role": "system", "content": body["instructions"]})
    given = body.get("input")
    if isinstance(given, str):
        messages.append({"role": "user", "content": given})
    elif isinstance(given, list):
        called: set[str] = set()
        for item in given:
            messages += _as_chat_messages(item, called)
    else:
        raise Refusal(400, "Invalid 'input': expected a string or an array of items.")
    asked: dict[str, Json] = {"model": body.get("model"), "max_tokens": limit, "messages": messages}
    asked["tools"] = responses_functions.as_functions(body)
    asked["tool_choice"] = responses_functions.chosen(body)
    reasoning = _object(body, "reasoning")
    if reasoning.get("effort"):
        asked["reasoning_effort"] = reasoning["effort"]
    elif reasoning.get("summary"):
        asked["include_thoughts"] = True
    wanted = _object(_object(body, "text"), "format")
    if wanted.get("type") == "json_schema":
        if not wanted.get("name") or not isinstance(wanted.get("schema"), dict):
            raise Refusal(400, "Missing required parameter: 'text.format.name' or 'text.format.schema'.")
        asked["response_format"] = {"type": "json_schema", "json_schema": {"schema": wanted["schema"]}}
    elif wanted.get("type") == "json_object":
        asked["response_format"] = {"type": "json_object"}
    return asked


def _as_chat_messages(item: Json, called: set[str]) -> Iterator[Json]:
    """An input item as the chat's messages; `called` are the ids of the calls before it, and grows."""
    if not isinstance(item, dict):
        raise Refusal(400, "Invalid 'input': each item must be an object.")
    kind = str(item.get("type", "message"))
    if kind == "message":
        role = str(item.get("role"))
        if role not in _PARTS:
            raise Refusal(400, f"Invalid value: '{role}'. Supported values are: {', '.join(_PARTS)}.")
        yield {"role": role, "content": _content(item.get("content"), _PARTS[role])}
    elif kind in _CALLS:
        missing = [name for name in _CALLS[kind] if not isinstance(item.get(name), str)]
        if missing:
            raise Refusal(400, f"Missing required parameter: '{missing[0]}' of a {kind}.")
        called.add(item["call_id"])
    elif kind in _CALL_OUTPUTS:
        if str(item.get("call_id")) not in called:
            raise Refusal(400, f"No tool call found for {kind} with call_id {item.get('call_id')}.")
        yield {"role": "tool", "content": _content(item.get("output"), _INPUT_PARTS)}
    elif kind == "additional_tools":
        return
    elif kind != "reasoning":
        raise Refusal(400, f"Invalid value: '{kind}' is no type of an input item here.")
    elif not isinstance(item.get("summary"), list):
        raise Refusal(400, "Missing required parameter: 'summary' of a reasoning item.")


def _content(content: Json, allowed: tuple[str, ...]) -> Json:
    """What an item says, as the chat's content; refuses parts that are not `allowed` in it."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise Refusal(400, "Invalid content: expected a string or an array of parts.")
    parts: list[Json] = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in allowed:
            raise Refusal(400, f"Invalid value: '{kind}'. Supported values are: {', '.join(allowed)}.")
        if kind == "input_image":
            parts.append({"type": "image_url", "image_url": {"url": part.get("image_url")}})
        elif kind != "input_file":
            parts.append({"type": "text", "text": part.get("refusal" if kind == "refusal" else "text")})
    return parts


def _object(values: dict[str, Json], name: str) -> dict[str, Json]:
    """The object in `values[name]`, empty where absent; refused where it is anything else."""
    value = values.get(name)
    if value is not None and not isinstance(value, dict):
        raise Refusal(400, f"Invalid type for '{name}': expected an object.")
    return value or {}


def _response(completion: Completion, body: dict[str, Json]) -> dict[str, Json]:
    """The response before anything is said: what was asked is repeated in it."""
    reasoning = _object(body, "reasoning")
    repeated: dict[str, Json] = {
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "metadata": body.get("metadata") or {},
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": {"format": {"type": "text"}} | _object(body, "text"),
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": responses_functions.repeated(body),
        "top_p": body.get("top_p", 1.0),
    }
    return _without_directives(repeated) | {
        "id": completion.id.replace("chatcmpl-", "resp_"),
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": completion.model,
        "output": [],
        "previous_response_id": None,
        "service_tier": "default",
        "truncation": "disabled",
        "usage": None,
    }


def _without_directives(value: Json) -> Json:
    if isinstance(value, str):
        return without_magic(value)
    if isinstance(value, dict):
        return {name: _without_directives(inner) for name, inner in value.items()}
    return [_without_directives(inner) for inner in value] if isinstance(value, list) else value


def _usage(completion: Completion) -> Json:
    usage = completion.usage
    if usage is None:
        return None
    reasoning_tokens = usage.get("completion_tokens_details", {}).get("reasoning_tokens", 0)
    return {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": reasoning_tokens},
        "total_tokens": usage["total_tokens"],
    }


def _items(choice: Choice, completion: Completion, call: Call) -> list[_Item]:
    """Thought, text and calls, in the order in which they are said; what a limit cut is the last of them."""
    suffix = completion.id.removeprefix("chatcmpl-")
    items = []
    if choice.reasoning:
        items.append(_reasoning_item(f"rs_{suffix}", choice.reasoning, call.json()))
    if choice.content:
        pieces = stream.pieces(choice.content, call.magic.integer("chunks", 0))
        items.append(_message_item(f"msg_{suffix}", choice.content, pieces))
    tools = responses_functions.offered(call.json()) if choice.tools else []
    items += [_Item(*responses_functions.call_item(tool, tools)) for tool in choice.tools]
    if items and choice.finish == "length":
        items[-1].whole["status"] = "incomplete"
    return items


def _reasoning_item(item_id: str, thought: str, body: dict[str, Json]) -> _Item:
    """A thought: its text where a summary was asked for, and the same sealed where that was."""
    start: dict[str, Json] = {"id": item_id, "type": "reasoning", "status": "in_progress", "summary": []}
    whole = start | {"status": "completed"}
    if ENCRYPTED in (body.get("include") or ()):
        whole["encrypted_content"] = "enc_" + thought.encode().hex()
    events: list[tuple[dict[str, Json], Text | None]] = []
    if _object(body, "reasoning").get("summary"):
        part = {"type": "summary_text", "text": thought}
        whole["summary"] = [part]
        at = {"item_id": item_id, "summary_index": 0}
        name = "response.reasoning_summary_"
        events.append(({"type": name + "part.added", **at, "part": part | {"text": ""}}, None))
        events += [
            ({"type": name + "text.delta", **at, "delta": piece}, Text(reasoning=piece))
            for piece in stream.pieces(thought, 0)
        ]
        events.append(({"type": name + "text.done", **at, "text": thought}, None))
        events.append(({"type": name + "part.done", **at, "part": part}, None))
    return _Item(start, whole, events)


def _message_item(item_id: str, text: str, pieces: list[str]) -> _Item:
    start = {"id": item_id, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    at = {"item_id": item_id, "content_index": 0}
    events: list[tuple[dict[str, Json], Text | None]] = [
        ({"type": "response.content_part.added", **at, "part": part | {"text": ""}}, None)
    ]
    events += [
        ({"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}, Text(content=piece))
        for piece in pieces
    ]
    events.append(({"type": "response.output_text.done", **at, "text": text, "logprobs": []}, None))
    events.append(({"type": "response.content_part.done", **at, "part": part}, None))
    return _Item(start, start | {"status": "completed", "content": [part]}, events)


def _events(begun: dict[str, Json], items: list[_Item], ended: dict[str, Json]) -> Iterator[Event]:
    """Every event in its order, the number of each counted from zero."""
    for number, (values, text) in enumerate(_told(begun, items)):
        yield _event(values, number, text)
    last = _event({"type": f"response.{ended['status']}", "response": ended}, number + 1)
    last.is_done = True
    yield last


def _told(begun: dict[str, Json], items: list[_Item]) -> Iterator[tuple[dict[str, Json], Text | None]]:
    yield {"type": "response.created", "response": begun}, None
    yield {"type": "response.in_progress", "response": begun}, None
    for index, item in enumerate(items):
        at = {"output_index": index}
        named = Text(tool=str(item.start.get("name", "")))
        yield {"type": "response.output_item.added", **at, "item": item.start}, named
        for values, text in item.events:
            yield values | at, text
        yield {"type": "response.output_item.done", **at, "item": item.whole}, None


def _event(values: dict[str, Json], number: int, text: Text | None = None) -> Event:
    data = orjson.dumps(values | {"sequence_number": number})
    return Event(b"event: " + str(values["type"]).encode() + b"\ndata: " + data + b"\n\n", text)
