"""Puts a stream of the Messages API together as Anthropic's own client does, and holds it to its grammar."""

from collections.abc import Sequence
from typing import Any

import orjson

from gateway.dialects.dialect import Event


def snapshot_of(events: Sequence[Event]) -> dict[str, Any]:
    """The message that anthropic-sdk-python's `accumulate_event` has at the end."""
    for event in events:
        assert event.values["type"] == event.name
    started, *others, ended, stopped = events
    assert started.name == "message_start"
    assert ended.name == "message_delta"
    assert stopped == Event("message_stop", {"type": "message_stop"})
    message: dict[str, Any] = started.values["message"]
    assert message["type"] == "message"
    assert message["role"] == "assistant"
    assert message["content"] == []
    assert message["stop_reason"] is None
    assert message["stop_sequence"] is None
    assert message["usage"]["output_tokens"] >= 0
    blocks: list[dict[str, Any]] = []
    is_open = False
    arguments = ""
    for event in others:
        assert event.values["index"] == len(blocks) - is_open
        if event.name == "content_block_start":
            assert not is_open, "a block stops before the next one starts"
            is_open, arguments = True, ""
            blocks.append(dict(event.values["content_block"]))
        elif event.name == "content_block_stop":
            assert is_open
            is_open = False
            if arguments:
                blocks[-1]["input"] = orjson.loads(arguments)
        else:
            assert event.name == "content_block_delta"
            assert is_open
            arguments += _grow(blocks[-1], event.values["delta"])
    assert not is_open
    assert ended.values["delta"]["stop_reason"] is not None
    usage = message["usage"] | ended.values["usage"]
    return message | {"content": blocks, "usage": usage} | ended.values["delta"]


def _grow(block: dict[str, Any], delta: dict[str, Any]) -> str:
    """Grow the block as its type allows; returns what comes of a call's arguments."""
    match delta["type"]:
        case "text_delta":
            assert block["type"] == "text"
            block["text"] += delta["text"]
        case "citations_delta":
            assert block["type"] == "text"
            block["citations"] = [*(block["citations"] or []), delta["citation"]]
        case "thinking_delta":
            assert block["type"] == "thinking"
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            assert block["type"] == "thinking"
            block["signature"] = delta["signature"]
        case _:
            assert delta["type"] == "input_json_delta"
            assert block["type"] == "tool_use"
            text: str = delta["partial_json"]
            return text
    return ""
