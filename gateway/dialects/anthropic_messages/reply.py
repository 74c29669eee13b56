"""A whole answer of the Messages API, both ways."""

from collections.abc import Mapping
from typing import Any

from gateway.dialects.anthropic_messages.answers import (
    read_block,
    read_explanation,
    read_finish,
    text_of,
    write_finish,
)
from gateway.dialects.anthropic_messages.citations import write_citation
from gateway.dialects.anthropic_messages.sources import write_image
from gateway.dialects.anthropic_messages.thoughts import hides_thoughts, write_thought
from gateway.dialects.anthropic_messages.turns import arguments_of
from gateway.dialects.anthropic_messages.usage import read_tier, read_usage, write_tier, write_usage
from gateway.dialects.conversation import (
    Audio,
    DialectName,
    Image,
    Native,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from gateway.dialects.dialect import AnswerContext, UnreadableReply
from gateway.dialects.reply import Choice, Finish, Reply


def read_reply(values: Any) -> Reply:
    """An upstream's whole answer. Raises UnreadableReply."""
    if not isinstance(values, Mapping) or not isinstance(values.get("content"), list):
        raise UnreadableReply("no message")
    parts = [part for block in values["content"] if (part := read_block(block)) is not None]
    finish, stop_sequence = read_finish(values)
    if finish is Finish.REFUSAL and (explanation := read_explanation(values)) is not None:
        parts.append(explanation)
    return Reply(
        text_of(values, "id"),
        text_of(values, "model"),
        [Choice(0, parts, finish, stop_sequence)],
        counts=read_usage(values.get("usage")),
        service_tier=read_tier(values.get("usage")),
    )


def write_reply(reply: Reply, context: AnswerContext) -> dict[str, Any]:
    """The whole answer for the caller. It has room for the first choice."""
    choice = reply.choices[0] if reply.choices else Choice(0, [])
    is_hidden = hides_thoughts(context.asked)
    blocks = [
        write_thought(part, is_hidden=is_hidden) if isinstance(part, Reasoning) else write_block(part)
        for part in choice.parts
    ]
    content = [block for block in blocks if block is not None]
    usage = write_usage(reply.counts)
    usage["service_tier"] = write_tier(reply.service_tier)
    return {
        "id": reply.id or context.answer_id,
        "type": "message",
        "role": "assistant",
        "model": context.model,
        "content": content,
        **write_finish(
            choice.finish,
            choice.stop_sequence,
            calls=any(isinstance(part, ToolCall) for part in choice.parts),
            refuses=any(isinstance(part, Refusal) for part in choice.parts),
        ),
        "usage": usage,
    }


def write_block(part: Part) -> dict[str, Any] | None:
    """The block that shows a part of an answer that is no thought; None where it says nothing to this caller.

    Anthropic's models answer with no images or sounds. An image is shown as callers send them, and of what was spoken
    the words.
    """
    match part:
        case Text():
            citations = [cited for each in part.citations if (cited := write_citation(each)) is not None]
            return {"type": "text", "text": part.text, "citations": citations or None} if part.text else None
        case Refusal():
            return _text(part.text)
        case Audio():
            return _text(part.transcript or "")
        case ToolCall():
            arguments = arguments_of(part.arguments)
            if arguments is None:
                # What the model wrote is no JSON object; its caller may see that, and the field must be one.
                arguments = {"arguments": part.arguments}
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments}
        case Image():
            return write_image(part)
        case Native() if part.dialect is DialectName.ANTHROPIC_MESSAGES:
            return dict(part.values)
    return None


def _text(text: str) -> dict[str, Any] | None:
    return {"type": "text", "text": text, "citations": None} if text else None
