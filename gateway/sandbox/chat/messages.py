"""Anthropic's Messages: the same answers as the chat's, in that dialect's own form and event grammar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import orjson

from gateway.sandbox import dialects
from gateway.sandbox.chat import completions, stream
from gateway.sandbox.chat.answer import Choice, Completion
from gateway.sandbox.wire import Answer, Call, Event, EventStream, Json, Refusal, Route, Text, json_reply

STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
# Instructions may come in the middle of a conversation too.
ROLES = ("user", "assistant", "system")
VERSION_HEADER = "anthropic-version"


class _Block(NamedTuple):
    """A content block: how it begins, what it is whole, and its pieces as deltas with what a caller reads in each."""

    start: dict[str, Json]
    whole: dict[str, Json]
    deltas: list[tuple[dict[str, Json], Text]]


def routes() -> list[Route]:
    """The Messages surface."""
    return [
        Route("POST", "/v1/messages", create, dialects.anthropic),
        Route("POST", "/v1/messages/count_tokens", count_tokens, dialects.anthropic),
    ]


def create(call: Call) -> Answer:
    """Answer a message, as JSON or as a stream."""
    if VERSION_HEADER not in call.headers:
        raise Refusal(400, f"{VERSION_HEADER}: header is required")
    body = call.json()
    limit = body.get("max_tokens")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise Refusal(400, "max_tokens: Field required")
    completion = completions.answer_for(_as_chat(body), call)
    if body.get("stream"):
        return EventStream(_events(completion, call))
    choice = completion.choices[0] if completion.choices else Choice("")
    document = _message(completion) | {
        "content": [block.whole for block in _blocks(choice, call)],
        "stop_reason": STOP_REASONS[choice.finish],
        "usage": _usage(completion),
    }
    return json_reply(document, text=completion.reads)


def count_tokens(call: Call) -> Answer:
    """What the prompt would be counted as."""
    prompt = completions.read_prompt(_as_chat(call.json())["messages"])
    return json_reply({"input_tokens": completions.prompt_tokens(prompt)})


def _as_chat(body: dict[str, Json]) -> dict[str, Json]:
    """The body as the chat's: texts and images of every message, tools and the choice among them."""
    messages: list[Json] = []
    if body.get("system"):
        messages.append({"role": "system", "content": _texts(body["system"])})
    for message in body.get("messages") or ():
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise Refusal(400, f"messages: each has a role, one of {', '.join(ROLES)}")
        messages += _as_chat_messages(message["role"], message.get("content"))
    asked: dict[str, Json] = {
        "model": body.get("model"),
        "max_tokens": body.get("max_tokens"),
        "messages": messages,
        "tools": [
            {
                "type": "function",
                "function": {"name": tool.get("name"), "parameters": tool.get("input_schema")},
            }
            for tool in body.get("tools") or ()
        ],
    }
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        named = {"type": "function", "function": {"name": choice.get("name")}}
        asked["tool_choice"] = {"any": "required", "none": "none", "tool": named}.get(str(choice.get("type")))
    thinking = body.get("thinking")
    if isinstance(thinking, dict) and thinking.get("type") in ("enabled", "adaptive"):
        asked["include_thoughts"] = True
    config = body.get("output_config")
    wanted = config.get("format") if isinstance(config, dict) else None
    if isinstance(wanted, dict):
        asked["response_format"] = {"type": "json_schema", "json_schema": {"schema": wanted.get("schema")}}
    return asked


def _as_chat_messages(role: str, content: Json) -> Iterator[Json]:
    if isinstance(content, str):
        yield {"role": role, "content": content}
        return
    if not isinstance(content, list) or not content:
        raise Refusal(400, "messages: content must be a string or a list of blocks")
    parts: list[Json] = []
    for block in content:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "text":
            parts.append({"type": "text", "text": block.get("text")})
        elif kind == "image":
            parts.append({"type": "image_url", "image_url": {"url": _image_url(block.get("source"))}})
        elif kind == "tool_result":
            yield {"role": "tool", "content": _texts(block.get("content") or "")}
        elif kind not in ("tool_use", "thinking", "redacted_thinking", "document"):
            raise Refusal(400, f"messages: unknown block {kind}")
    if parts:
        yield {"role": role, "content": parts}


def _texts(content: Json) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise Refusal(400, "expected a string or a list of blocks")
    return "\n".join(str(block.get("text") or "") for block in content if isinstance(block, dict))


def _image_url(source: Json) -> str:
    if not isinstance(source, dict):
        raise Refusal(400, "an image needs a source")
    if source.get("type") == "url":
        return str(source.get("url"))
    return f"data:{source.get('media_type')};base64,{source.get('data')}"


def _message(completion: Completion) -> dict[str, Json]:
    return {
        "id": completion.id.replace("chatcmpl-", "msg_"),
        "type": "message",
        "role": "assistant",
        "model": completion.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _usage(completion: Completion) -> dict[str, Json]:
    usage = completion.usage or {}
    return {"input_tokens": usage.get("prompt_tokens"), "output_tokens": usage.get("completion_tokens")}


def _blocks(choice: Choice, call: Call) -> list[_Block]:
    """Thought, text and calls, in the order in which they are said."""
    blocks = []
    if choice.reasoning:
        signature = "sig_" + choice.reasoning[:8].encode().hex()
        deltas: list[tuple[dict[str, Json], Text]] = [
            ({"type": "thinking_delta", "thinking": piece}, Text(reasoning=piece))
            for piece in stream.pieces(choice.reasoning, 0)
        ]
        deltas.append(({"type": "signature_delta", "signature": signature}, Text()))
        start = {"type": "thinking", "thinking": "", "signature": ""}
        blocks.append(_Block(start, start | {"thinking": choice.reasoning, "signature": signature}, deltas))
    if choice.content:
        deltas = [
            ({"type": "text_delta", "text": piece}, Text(content=piece))
            for piece in stream.pieces(choice.content, call.magic.integer("chunks", 0))
        ]
        blocks.append(_Block({"type": "text", "text": ""}, {"type": "text", "text": choice.content}, deltas))
    for tool in choice.tools:
        begun = {"type": "tool_use", "id": tool.id.replace("call_", "toolu_"), "name": tool.name, "input": {}}
        deltas = [
            ({"type": "input_json_delta", "partial_json": piece}, Text(tool=piece))
            for piece in stream.fragments(tool.arguments)
        ]
        blocks.append(_Block(begun, begun | {"input": orjson.loads(tool.arguments or "{}")}, deltas))
    return blocks


def _events(completion: Completion, call: Call) -> Iterator[Event]:
    usage = _usage(completion)
    opening = _message(completion) | {"usage": {**usage, "output_tokens": 1}}
    yield _event({"type": "message_start", "message": opening})
    yield _event({"type": "ping"})
    choice = completion.choices[0] if completion.choices else Choice("")
    for index, block in enumerate(_blocks(choice, call)):
        named = Text(tool=str(block.start.get("name", "")))
        yield _event({"type": "content_block_start", "index": index, "content_block": block.start}, named)
        for delta, text in block.deltas:
            yield _event({"type": "content_block_delta", "index": index, "delta": delta}, text)
        yield _event({"type": "content_block_stop", "index": index})
    ending = {"stop_reason": STOP_REASONS[choice.finish], "stop_sequence": None}
    counted = {"output_tokens": usage["output_tokens"]}
    yield _event({"type": "message_delta", "delta": ending, "usage": counted})
    last = _event({"type": "message_stop"})
    last.is_done = True
    yield last


def _event(values: dict[str, Json], text: Text | None = None) -> Event:
    name = str(values["type"]).encode()
    return Event(b"event: " + name + b"\ndata: " + orjson.dumps(values) + b"\n\n", text)
