"""A chat answer told in chunks, as the OpenAI SDKs expect them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

from gateway.sandbox.chat.answer import CREATED, Choice, Completion, ToolCall, nested
from gateway.sandbox.magic import Magic
from gateway.sandbox.wire import Event, EventStream, Json, Text

DONE = Event(b"data: [DONE]\n\n", is_done=True)
ARGUMENT_FRAGMENT_CHARACTERS = 8


def stream(completion: Completion, wants_usage: bool, magic: Magic) -> EventStream:
    """`completion` as a stream: a role, the deltas, a finish reason, the usage if asked for, [DONE]."""
    return EventStream(_events(completion, wants_usage, magic))


def _events(completion: Completion, wants_usage: bool, magic: Magic) -> Iterator[Event]:
    wants_usage = wants_usage and completion.usage is not None
    head = orjson.dumps(
        {
            "id": completion.id,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": completion.model,
            "system_fingerprint": "fp_sandbox",
        }
    )
    start = b"data: " + head[:-1] + b',"choices":['
    # Only a caller who asked for usage sees the key, null in every chunk but the last.
    end = b'],"usage":null}\n\n' if wants_usage else b"]}\n\n"
    if "nested" in magic:
        yield Event(start + b'],"nested":' + nested(magic) + b"}\n\n")
    if not completion.choices:
        yield Event(start + end)
    for index, choice in enumerate(completion.choices):
        yield from _choice_events(index, choice, start, end, magic)
    if wants_usage:
        usage = orjson.dumps(completion.usage)
        yield Event(start + b'],"usage":' + usage + b"}\n\n")
    yield DONE


def _choice_events(index: int, choice: Choice, start: bytes, end: bytes, magic: Magic) -> Iterator[Event]:
    def chunk(delta: Json, text: Text | None = None, finish: str | None = None) -> Event:
        inside = orjson.dumps({"index": index, "delta": delta, "logprobs": None, "finish_reason": finish})
        return Event(start + inside + end, text)

    yield chunk({"role": "assistant", "content": None if choice.tools else ""})
    for piece in pieces(choice.reasoning, 0):
        yield chunk({"reasoning_content": piece}, Text(reasoning=piece))
    for piece in pieces(choice.content, magic.integer("chunks", 0)):
        yield chunk({"content": piece}, Text(content=piece))
    for number, tool in enumerate(choice.tools):
        for delta, text in _tool_deltas(number, tool):
            yield chunk({"tool_calls": [delta]}, text)
    yield chunk({}, finish=choice.finish)


def _tool_deltas(number: int, tool: ToolCall) -> Iterator[tuple[Json, Text]]:
    """The name first with empty arguments, then the arguments in fragments that only join into JSON."""
    opening = {
        "index": number,
        "id": tool.id,
        "type": "function",
        "function": {"name": tool.name, "arguments": ""},
    }
    yield opening, Text(tool=tool.name)
    for fragment in fragments(tool.arguments):
        yield {"index": number, "function": {"arguments": fragment}}, Text(tool=fragment)


def fragments(arguments: str) -> list[str]:
    """Arguments in pieces that only join into JSON."""
    size = ARGUMENT_FRAGMENT_CHARACTERS
    return [arguments[at : at + size] for at in range(0, len(arguments), size)]


def pieces(text: str, wanted: int) -> list[str]:
    """`text` in `wanted` parts of nearly equal length, or word by word when 0; joined they are `text`."""
    if not text:
        return []
    if wanted <= 0:
        return re.findall(r"[^ ]* +|[^ ]+", text)
    wanted = min(wanted, len(text))
    return [text[len(text) * part // wanted : len(text) * (part + 1) // wanted] for part in range(wanted)]
