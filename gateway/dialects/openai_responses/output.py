"""The items of an answer, read into parts and written from them."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.dialects.conversation import (
    Audio,
    DialectName,
    Document,
    Image,
    Native,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.dialects.dialect import UnreadableReply
from gateway.dialects.openai_responses.annotations import read_annotations
from gateway.dialects.openai_responses.carried import CarriedSecrets, unseal
from gateway.dialects.openai_responses.input_items import join_thoughts
from gateway.dialects.openai_responses.parts import text_of
from gateway.dialects.reply import Finish

_HERE = DialectName.OPENAI_RESPONSES
_SEARCH_CALL = "web_search_call"


def read_output(output: Iterable[object]) -> list[Part]:
    """The parts of an answer's items. Raises UnreadableReply."""
    parts: list[Part] = []
    for item in output:
        if not isinstance(item, dict):
            raise UnreadableReply("an item of an answer that is no object")
        kind = item.get("type")
        if kind == "message":
            parts += _read_message(item)
        elif kind == "reasoning":
            carried = carried_by(item)
            if carried is not None and carried.is_of_a_part:
                sign(parts, carried)
            else:
                parts.append(read_thought(item))
        elif kind in ("function_call", "custom_tool_call"):
            parts.append(read_call(item))
        elif isinstance(kind, str):
            parts.append(Native(_HERE, item))
    return parts


def _read_message(item: Mapping[str, Any]) -> list[Part]:
    content = item.get("content")
    parts = [read_content_part(part) for part in (content if isinstance(content, list) else ())]
    return [part for part in parts if part is not None]


def read_content_part(part: object) -> Part | None:
    """A part of an answer's message; None for a kind that is not known."""
    if not isinstance(part, dict):
        raise UnreadableReply("a part of a message that is no object")
    if part.get("type") in ("output_text", "text"):
        annotations = part.get("annotations")
        return Text(
            text_of(part, "text"), read_annotations(annotations if isinstance(annotations, list) else ())
        )
    return Refusal(text_of(part, "refusal")) if part.get("type") == "refusal" else None


def read_call(item: Mapping[str, Any]) -> ToolCall:
    """A call of one of the caller's tools, as far as it has come."""
    freeform = item.get("type") == "custom_tool_call"
    item_id = text_of(item, "id") or None
    return ToolCall(
        id=text_of(item, "call_id") or item_id or "",
        name=text_of(item, "name"),
        arguments=text_of(item, "input" if freeform else "arguments"),
        freeform=freeform,
        namespace=text_of(item, "namespace") or None,
        item_id=item_id,
    )


def read_thought(item: Mapping[str, Any]) -> Reasoning:
    """A thought. What stands for another dialect's has its proof; its texts are as they are shown."""
    encrypted = text_of(item, "encrypted_content") or None
    carried = unseal(encrypted)
    thought = Reasoning(
        text=join_thoughts(_texts(item.get("content"))),
        summary=_texts(item.get("summary")),
        encrypted=encrypted,
        item_id=text_of(item, "id") or None,
        made_by=_HERE,
    )
    if carried is not None:
        thought.signature, thought.encrypted = carried.signature, carried.encrypted
        thought.made_by, thought.item_id = carried.made_by, None
    return thought


def carried_by(item: Mapping[str, Any]) -> CarriedSecrets | None:
    """What an item of reasoning carries for another dialect."""
    return unseal(text_of(item, "encrypted_content") or None)


def sign(parts: list[Part], carried: CarriedSecrets) -> None:
    """Put a signature on the part that it belongs to, where there is one."""
    place = signed_place(parts, carried)
    if place is not None:
        part = parts[place]
        assert isinstance(part, Text | ToolCall)
        part.signature = carried.signature


def signed_place(parts: list[Part], carried: CarriedSecrets) -> int | None:
    """Which part a carried signature belongs to: the call of that id, or the last text."""
    for place in range(len(parts) - 1, -1, -1):
        part = parts[place]
        if isinstance(part, ToolCall) and part.id == carried.call_id:
            return place
        if isinstance(part, Text) and carried.is_of_text:
            return place
    return None


def read_logprobs(output: Iterable[Mapping[str, Any]]) -> list[Any]:
    """The log probabilities of all texts of an answer."""
    found: list[Any] = []
    for item in output:
        content = item.get("content") if item.get("type") == "message" else None
        for part in content if isinstance(content, list) else ():
            logprobs = part.get("logprobs") if isinstance(part, dict) else None
            found += logprobs if isinstance(logprobs, list) else []
    return found


def web_searches_in(output: Iterable[object]) -> int:
    """How many searches of the web were made; pages that were opened are none."""
    return sum(isinstance(item, dict) and is_web_search(item) for item in output)


def is_web_search(item: Mapping[str, Any]) -> bool:
    action = item.get("action")
    kind = action.get("type", "search") if isinstance(action, dict) else "search"
    return item.get("type") == _SEARCH_CALL and kind == "search"


def read_finish(values: Mapping[str, Any], parts: Iterable[Part]) -> Finish:
    """Why the answer ended. Raises UnreadableReply for one that has not, or has failed."""
    status = values.get("status")
    if status == "incomplete":
        details = values.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        if reason in ("max_output_tokens", "max_tokens"):
            return Finish.LENGTH
        return Finish.CONTENT_FILTER if reason == "content_filter" else Finish.OTHER
    if status not in ("completed", None):
        raise UnreadableReply("an answer that is not completed")
    kinds = {type(part) for part in parts}
    if ToolCall in kinds:
        return Finish.TOOL_CALLS
    return Finish.REFUSAL if Refusal in kinds else Finish.STOP


def unwrapped_text(arguments: str) -> str:
    """The text of a freeform call that was made as a function's, of one field: the upstream knows none but those."""
    try:
        values = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    texts = list(values.values()) if isinstance(values, dict) else []
    return texts[0] if len(texts) == 1 and isinstance(texts[0], str) else arguments


def shown_as_text(part: Part) -> Text | None:
    """What is shown of a part that an answer has no item for; None for what cannot be shown."""
    match part:
        case Audio(transcript=str(transcript)):
            return Text(transcript)
        case Image(source=source) if source.url is not None:
            return Text(f"![]({source.url})")
        case Document(text=str(text)):
            return Text(text)
        case ToolResult() | Audio() | Document() | Image():
            return None
    return None


def _texts(pieces: object) -> list[str]:
    return (
        [text_of(each, "text") for each in pieces if isinstance(each, dict)]
        if isinstance(pieces, list)
        else []
    )
