"""Writes the messages of a conversation as Anthropic wants them.

Instructions stand apart in `system`, the roles take turns, each call of a tool has an id of its own in Anthropic's
letters, and what tools gave back comes first in the turn after the calls.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from gateway.dialects.anthropic_messages.citations import own_citations
from gateway.dialects.anthropic_messages.sources import write_document, write_image
from gateway.dialects.anthropic_messages.thoughts import own_thought
from gateway.dialects.anthropic_messages.tool_use import (
    MOST_OF_NAME,
    cache_control,
    flat_name,
    freeform_input,
)
from gateway.dialects.conversation import (
    DialectName,
    Document,
    Image,
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

Block = dict[str, Any]

_FOREIGN_LETTER = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(slots=True)
class CallIds:
    """Names calls in Anthropic's letters, each differently, and finds the name again for what the call gave back."""

    # How often each has been wanted: the next number is not looked for from 1 again.
    _taken: dict[str, int] = field(default_factory=dict)
    _last: dict[str, str] = field(default_factory=dict)

    def of_call(self, call_id: str) -> str:
        plain = wanted = _FOREIGN_LETTER.sub("_", call_id) or "call"
        number = self._taken.get(plain, 0)
        while wanted in self._taken:
            number += 1
            wanted = f"{plain}_{number}"
        self._taken[plain] = max(number, 1)
        self._taken.setdefault(wanted, 1)
        self._last[call_id] = wanted
        return wanted

    def of_result(self, call_id: str) -> str:
        """The name of the last call of that id."""
        return self._last.get(call_id) or _FOREIGN_LETTER.sub("_", call_id) or "call"


@dataclass(slots=True)
class Turns:
    """Takes messages one after the other; `system` and `messages` are what is to be sent."""

    losses: list[Loss]
    system: list[Block] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    _ids: CallIds = field(default_factory=CallIds)
    _instructed_at: str = ""

    def add(self, message: Message) -> None:
        if message.name is not None:
            self._lose(f"{message.path}.name", changes_meaning=False)
        if message.role is Role.SYSTEM:
            self._add_system(message)
            return
        blocks = [block for part in message.parts if (block := self._block(part, message.role)) is not None]
        if not blocks:
            return
        role = message.role.value
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"] += blocks
        else:
            self.messages.append({"role": role, "content": blocks})

    def finish(self) -> None:
        """Put the last things right. Instructions alone become what the user says, as something has to be answered."""
        if not self.messages and self.system:
            self.messages.append({"role": "user", "content": self.system})
            self.system = []
            self._lose(self._instructed_at, changes_meaning=False)
        for turn in self.messages:
            if turn["role"] == "user":
                turn["content"].sort(key=lambda block: block.get("type") != "tool_result")
        if self.messages and self.messages[-1]["role"] == "assistant":
            # A beginning of an answer that ends in blanks is refused.
            last = self.messages[-1]["content"][-1]
            if last.get("type") == "text":
                last["text"] = last["text"].rstrip()

    def _lose(self, path: str, *, changes_meaning: bool) -> None:
        self.losses.append(Loss(path, changes_meaning))

    def _add_system(self, message: Message) -> None:
        if self.messages:
            # It is heard, but before all that was said instead of where it stood.
            self._lose(message.path, changes_meaning=False)
        self._instructed_at = message.path
        for part in message.parts:
            if not isinstance(part, Text):
                self._lose(part.path, changes_meaning=True)
            elif part.text.strip():
                self.system.append(self._marked(self._text(part), part))

    def _block(self, part: Part, role: Role) -> Block | None:
        """The block for a part; None for what cannot be said, or says nothing."""
        block: Block | None = None
        match part:
            case Text():
                if not part.text.strip():
                    return None
                block = self._text(part)
            case Refusal():
                if not part.text.strip():
                    return None
                block = {"type": "text", "text": part.text}
            case Image() if role is Role.USER:
                block = self._image(part)
            case Document() if role is Role.USER:
                block = write_document(part)
            case ToolCall() if role is Role.ASSISTANT:
                block = self._tool_use(part)
            case ToolResult() if role is Role.USER:
                block = self._tool_result(part)
            case Reasoning():
                block = own_thought(part)
                if block is None or part.cache_ttl is not None:
                    self._lose(part.path, changes_meaning=False)
                return block
            case Native() if part.dialect is DialectName.ANTHROPIC_MESSAGES:
                return dict(part.values)
        if block is None:
            self._lose(part.path, changes_meaning=True)
            return None
        return self._marked(block, part)

    def _marked(self, block: Block, part: Part) -> Block:
        if part.cache_ttl is not None:
            block["cache_control"] = cache_control(part.cache_ttl)
        return block

    def _text(self, part: Text) -> Block:
        block: Block = {"type": "text", "text": part.text}
        citations = own_citations(part.citations)
        if citations:
            block["citations"] = citations
        if len(citations) < len(part.citations) or part.signature is not None:
            self._lose(part.path, changes_meaning=False)
        return block

    def _image(self, part: Image) -> Block | None:
        if part.detail not in (None, "auto"):
            self._lose(part.path, changes_meaning=False)
        return write_image(part)

    def _tool_use(self, call: ToolCall) -> Block:
        if call.signature is not None:
            self._lose(call.path, changes_meaning=False)
        arguments: Mapping[str, Any] | None
        arguments = freeform_input(call.arguments) if call.freeform else arguments_of(call.arguments)
        if arguments is None:
            # A call that the model itself wrote wrong is told as it was.
            self._lose(call.path, changes_meaning=False)
            arguments = {"arguments": call.arguments}
        wanted = flat_name(call.name, call.namespace)
        name = _FOREIGN_LETTER.sub("_", wanted)[:MOST_OF_NAME]
        if name != wanted:
            self._lose(f"{call.path}.name", changes_meaning=False)
        return {"type": "tool_use", "id": self._ids.of_call(call.id), "name": name, "input": arguments}

    def _tool_result(self, result: ToolResult) -> Block:
        block: Block = {"type": "tool_result", "tool_use_id": self._ids.of_result(result.call_id)}
        content = [told for part in result.parts if (told := self._block(part, Role.USER)) is not None]
        if content:
            block["content"] = content
        if result.is_error:
            block["is_error"] = True
        return block


def arguments_of(text: str) -> dict[str, Any] | None:
    """A call's arguments as an object, which is empty where nothing is said; None where the text is no JSON object."""
    if not text.strip():
        return {}
    try:
        arguments = orjson.loads(text)
        if text.count("[") + text.count("{") > 200:
            # What is nested too deep to be written again cannot be sent.
            orjson.dumps(arguments)
    except (ValueError, TypeError):
        return None
    return arguments if isinstance(arguments, dict) else None
