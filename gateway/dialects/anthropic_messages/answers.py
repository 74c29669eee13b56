"""What whole and streamed answers have in common: how they end, and how their blocks are read."""

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.dialects.anthropic_messages.citations import read_citation
from gateway.dialects.conversation import DialectName, Native, Part, Reasoning, Refusal, Text, ToolCall
from gateway.dialects.dialect import UnreadableReply
from gateway.dialects.reply import Finish

_FINISHES = {
    "end_turn": Finish.STOP,
    "stop_sequence": Finish.STOP_SEQUENCE,
    "max_tokens": Finish.LENGTH,
    "model_context_window_exceeded": Finish.LENGTH,
    "tool_use": Finish.TOOL_CALLS,
    "pause_turn": Finish.PAUSED,
    "compaction": Finish.PAUSED,
    "refusal": Finish.REFUSAL,
}
_STOP_REASONS = {
    Finish.STOP: "end_turn",
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.LENGTH: "max_tokens",
    Finish.TOOL_CALLS: "tool_use",
    Finish.PAUSED: "pause_turn",
    Finish.REFUSAL: "refusal",
    Finish.CONTENT_FILTER: "refusal",
    Finish.OTHER: "end_turn",
}


def read_finish(values: Mapping[str, Any]) -> tuple[Finish, str | None]:
    """Why an answer ended, and at which text it stopped."""
    reason = values.get("stop_reason")
    finish = _FINISHES.get(reason, Finish.OTHER) if isinstance(reason, str) else Finish.OTHER
    stopped_at = values.get("stop_sequence")
    return finish, stopped_at if isinstance(stopped_at, str) else None


def read_explanation(values: Mapping[str, Any]) -> Refusal | None:
    """What is said of a refusal beside the content."""
    details = values.get("stop_details")
    explanation = details.get("explanation") if isinstance(details, Mapping) else None
    return Refusal(explanation) if isinstance(explanation, str) and explanation else None


def write_finish(finish: Finish, stop_sequence: str | None, *, calls: bool, refuses: bool) -> dict[str, Any]:
    """The fields that say why an answer ended.

    An answer that calls tools, or is a refusal, says so, also where the upstream merely said that it was done: agents
    go by that alone.
    """
    if finish is Finish.STOP and calls:
        finish = Finish.TOOL_CALLS
    elif finish is Finish.STOP and refuses:
        finish = Finish.REFUSAL
    ended: dict[str, Any] = {"stop_reason": _STOP_REASONS[finish], "stop_sequence": stop_sequence}
    if finish in (Finish.REFUSAL, Finish.CONTENT_FILTER):
        ended["stop_details"] = {"type": "refusal", "category": None, "explanation": None}
    return ended


def read_block(block: object) -> Part | None:
    """The part that a block of an answer is; None for what is no block. Raises UnreadableReply."""
    if not isinstance(block, dict):
        return None
    match block.get("type"):
        case "text":
            cited = block.get("citations")
            citations = [each for each in cited if isinstance(each, dict)] if isinstance(cited, list) else []
            return Text(text_of(block, "text"), [read_citation(each) for each in citations])
        case "thinking":
            signature = text_of(block, "signature") or None
            return Reasoning(
                text_of(block, "thinking"), signature=signature, made_by=DialectName.ANTHROPIC_MESSAGES
            )
        case "redacted_thinking":
            return Reasoning(encrypted=text_of(block, "data"), made_by=DialectName.ANTHROPIC_MESSAGES)
        case "tool_use":
            return ToolCall(text_of(block, "id"), text_of(block, "name"), json_text(block.get("input")))
        case str():
            return Native(DialectName.ANTHROPIC_MESSAGES, block)
    return None


def text_of(values: Mapping[str, Any], name: str) -> str:
    """A text of an answer, empty where it is missing. Raises UnreadableReply where it is something else."""
    value = values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnreadableReply(f"{name} is no text")
    return value


def json_text(value: object) -> str:
    """A call's arguments as JSON text. Raises UnreadableReply where they cannot be written."""
    try:
        return orjson.dumps({} if value is None else value).decode()
    except TypeError:
        raise UnreadableReply("the arguments of a call cannot be written") from None
