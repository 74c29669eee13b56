"""A chat answer before it takes its form, JSON or SSE."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.sandbox.magic import Magic
from gateway.sandbox.wire import Json, Text

# Fixed, because the same body must give the same answer.
CREATED = 1_750_000_000


@dataclass(slots=True)
class ToolCall:
    """One function the answer wants called."""

    id: str
    name: str
    arguments: str


@dataclass(slots=True)
class Choice:
    """One alternative of the answer."""

    content: str
    reasoning: str = ""
    tools: list[ToolCall] = field(default_factory=list)
    finish: str = "stop"

    def text(self) -> Text:
        """What the caller reads in it, for the journal and for the bill."""
        called = "".join(tool.name + tool.arguments for tool in self.tools)
        return Text(self.content, self.reasoning, called)


@dataclass(slots=True)
class Completion:
    """An answer before it takes its form, JSON or SSE."""

    id: str
    model: str
    choices: list[Choice]
    usage: dict[str, Json] | None
    reads: Text


def nested(magic: Magic) -> bytes:
    """A JSON value as deep as `nested` says; no parser here need be able to write it."""
    depth = magic.integer("nested", 300)
    return b"[" * depth + b"]" * depth
