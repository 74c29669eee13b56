"""Parts of an answer, written as Gemini's."""

from typing import Any

from gateway.dialects.conversation import (
    Audio,
    DialectName,
    Document,
    Image,
    Native,
    Part,
    Reasoning,
    ToolCall,
)
from gateway.dialects.dialect import AnswerContext
from gateway.dialects.gemini.arguments import object_of
from gateway.dialects.gemini.media import media_values
from gateway.dialects.gemini.signatures import is_made_up, seal


def shows_thoughts(context: AnswerContext) -> bool:
    """Whether the caller asked to see thoughts; Gemini keeps them back otherwise."""
    return context.asked.reasoning is not None and context.asked.reasoning.shown is True


def is_own(part: Part) -> bool:
    """Whether a thought is signed by Gemini."""
    return isinstance(part, Reasoning) and part.made_by is DialectName.GEMINI


def text_part(text: str, signature: str | None = None, *, is_thought: bool = False) -> dict[str, Any]:
    part: dict[str, Any] = {"text": text}
    if is_thought:
        part["thought"] = True
    if signature is not None:
        part["thoughtSignature"] = signature
    return part


def call_part(call: ToolCall, thoughts: list[Reasoning]) -> dict[str, Any] | None:
    """A call with the thoughts that led to it; None where its arguments are no object and nobody could run it."""
    args = {"input": call.arguments} if call.freeform else object_of(call.arguments)
    if args is None:
        return None
    values: dict[str, Any] = {} if is_made_up(call.id) else {"id": call.id}
    part: dict[str, Any] = {"functionCall": {**values, "name": call.name, "args": args}}
    signature = call.signature or seal(thoughts)
    if signature is not None:
        part["thoughtSignature"] = signature
    return part


def whole_part(part: Part) -> dict[str, Any] | None:
    """A part that comes in one piece; None for what only another dialect has."""
    match part:
        case Native():
            return dict(part.values) if part.dialect is DialectName.GEMINI else None
        case Audio() | Image():
            return media_values(part, part.source)
        case Document():
            return media_values(part, part.source) if part.source is not None else text_part(part.text or "")
    return None
