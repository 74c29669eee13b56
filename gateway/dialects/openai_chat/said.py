"""What a model said, written as fields of an assistant's message: in an answer, or sent back in a request."""

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.dialects.conversation import (
    Citation,
    Image,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from gateway.dialects.openai_chat.parts import data_url
from gateway.dialects.openai_chat.thoughts import write_thoughts


def write_said(parts: Sequence[Part], *, with_thoughts: bool = True) -> dict[str, Any]:
    """Everything but the content and sound: the fields that have something to tell."""
    fields = write_thoughts([part for part in parts if isinstance(part, Reasoning)]) if with_thoughts else {}
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    if refusals:
        fields["refusal"] = "".join(refusals)
    calls = [write_call(part) for part in parts if isinstance(part, ToolCall)]
    if calls:
        fields["tool_calls"] = calls
    images = [write_image(part) for part in parts if isinstance(part, Image) and part.source.file_id is None]
    if images:
        fields["images"] = images
    signatures = [part.signature for part in parts if isinstance(part, Text) and part.signature]
    if signatures:
        # There is one place for all texts. Google wants a text's signature less than a call's.
        fields |= write_signature(signatures[-1])
    return fields


def write_call(call: ToolCall) -> dict[str, Any]:
    """A tool call whole, or without its index the first piece of one."""
    if call.freeform:
        written = {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    else:
        function = {"name": call.name, "arguments": call.arguments}
        written = {"id": call.id, "type": "function", "function": function}
    return written | (write_signature(call.signature) if call.signature else {})


def write_image(image: Image) -> dict[str, Any]:
    """As OpenRouter's `images` have it."""
    return {"type": "image_url", "image_url": {"url": data_url(image.source, "image/png")}}


def write_signature(signature: str) -> dict[str, Any]:
    """Gemini's `thoughtSignature`, where Google's compatibility layer has it."""
    return {"extra_content": {"google": {"thought_signature": signature}}}


def write_citations(cited: Iterable[tuple[int, int, Citation]]) -> list[dict[str, Any]]:
    """Annotations of a content whose texts stand in a row: each with where its text begins there, and its length.

    A citation without an address, of a document that was given, has no place.
    """
    annotations = []
    for begins, length, citation in cited:
        if citation.url is None:
            continue
        start = 0 if citation.start is None else citation.start
        end = length if citation.end is None else citation.end
        told: dict[str, Any] = {
            "url": citation.url,
            "title": citation.title or citation.url,
            "start_index": begins + start,
            "end_index": begins + end,
        }
        if citation.cited_text is not None:
            told["content"] = citation.cited_text
        annotations.append({"type": "url_citation", "url_citation": told})
    return annotations
