"""What was said so far, written as the items of a request's `input`."""

from typing import Any

from gateway.dialects.conversation import (
    DialectName,
    Message,
    Native,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.dialects.dialect import Loss
from gateway.dialects.openai_responses.parts import note_lost_proof, write_input_part, write_output_part

_HERE = DialectName.OPENAI_RESPONSES


def write_messages(messages: list[Message], losses: list[Loss]) -> tuple[str | None, list[dict[str, Any]]]:
    """The request's instructions and the items of its input; what cannot be said is added to `losses`."""
    instructions = _instructions(messages[0], losses) if messages else None
    items: list[dict[str, Any]] = []
    for message in messages if instructions is None else messages[1:]:
        if message.name is not None:
            # People are not told apart; what they said is there.
            losses.append(Loss(message.path, changes_meaning=False))
        _Said(message, items, losses).write()
    return instructions, items


def _instructions(first: Message, losses: list[Loss]) -> str | None:
    """The text of a system's message of nothing but one text."""
    if first.role is not Role.SYSTEM or first.name is not None or len(first.parts) != 1:
        return None
    part = first.parts[0]
    if not isinstance(part, Text) or not part.text:
        return None
    if part.cache_ttl is not None:
        losses.append(Loss(part.path, changes_meaning=False))
    note_lost_proof(part, losses)
    return part.text


class _Said:
    """The items of one message, in its order: texts and images together, each call and each result by itself."""

    def __init__(self, message: Message, items: list[dict[str, Any]], losses: list[Loss]) -> None:
        self._message, self._items, self._losses = message, items, losses
        self._content: list[dict[str, Any]] = []

    def write(self) -> None:
        for part in self._message.parts:
            item = self._item(part)
            if item is not None:
                self._end_content()
                self._items.append(item)
        self._end_content()

    def _item(self, part: Part) -> dict[str, Any] | None:
        """The item that says a part; None where it is part of a message's content, or cannot be said."""
        match part:
            case ToolCall():
                return self._call(part)
            case ToolResult():
                return self._result(part)
            case Reasoning():
                return self._thought(part)
            case Native(dialect=dialect, values=values):
                if dialect is _HERE:
                    return dict(values)
                self._lose(part, changes_meaning=True)
            case Text() | Refusal() if self._message.role is Role.ASSISTANT:
                self._content.append(write_output_part(part, self._losses))
            case _ if self._message.role is Role.ASSISTANT:
                # What a model draws or says aloud cannot be shown to it as its own.
                self._lose(part, changes_meaning=True)
            case _:
                written = write_input_part(part, self._losses)
                if written is not None:
                    self._content.append(written)
        return None

    def _end_content(self) -> None:
        if self._content:
            role = self._message.role.value
            self._items.append({"type": "message", "role": role, "content": self._content})
            self._content = []

    def _call(self, call: ToolCall) -> dict[str, Any]:
        if call.signature is not None:
            # Another provider's proof of a thought.
            self._lose(call, changes_meaning=False)
        self._note_cache_mark(call)
        written = _call_fields(call)
        if call.item_id is not None:
            written["id"] = call.item_id
        return written

    def _result(self, result: ToolResult) -> dict[str, Any]:
        if result.is_error:
            # There is no mark for it; what the tool said tells of it.
            self._lose(result, changes_meaning=False)
        self._note_cache_mark(result)
        parts = [write_input_part(part, self._losses) for part in result.parts]
        output: Any = [part for part in parts if part is not None]
        match result.parts:
            case [Text(text=text)]:
                output = text
            case []:
                output = ""
        kind = "custom_tool_call_output" if result.freeform else "function_call_output"
        return {"type": kind, "call_id": result.call_id, "output": output}

    def _thought(self, thought: Reasoning) -> dict[str, Any] | None:
        """OpenAI takes back no thought but its own, and that by its secret: nothing is stored to know its id by.

        Without it the model thinks anew.
        """
        if thought.made_by is not _HERE or thought.encrypted is None:
            self._lose(thought, changes_meaning=False)
            return None
        written: dict[str, Any] = {"type": "reasoning"}
        if thought.item_id is not None:
            written["id"] = thought.item_id
        written["summary"] = [{"type": "summary_text", "text": text} for text in thought.summary]
        if thought.text:
            written["content"] = [{"type": "reasoning_text", "text": thought.text}]
        return written | {"encrypted_content": thought.encrypted}

    def _note_cache_mark(self, part: Part) -> None:
        if part.cache_ttl is not None:
            self._lose(part, changes_meaning=False)

    def _lose(self, part: Part, *, changes_meaning: bool) -> None:
        self._losses.append(Loss(part.path or self._message.path, changes_meaning))


def _call_fields(call: ToolCall) -> dict[str, Any]:
    """A call as an item, without its id."""
    if call.freeform:
        written = {"type": "custom_tool_call", "call_id": call.id, "name": call.name, "input": call.arguments}
    else:
        written = {
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
        }
    if call.namespace is not None:
        written["namespace"] = call.namespace
    return written
