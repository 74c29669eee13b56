"""Short ways to say a conversation, and to write it as a request of the Messages API."""

from typing import Any

from gateway.dialects.anthropic_messages.dialect import ANTHROPIC_MESSAGES
from gateway.dialects.conversation import Conversation, DialectName, Message, Role, Text
from gateway.dialects.dialect import Loss

HERE = DialectName.ANTHROPIC_MESSAGES
PNG = "iVBORw0KGgo="


def read(values: dict[str, Any]) -> Conversation:
    return ANTHROPIC_MESSAGES.read_request(values)


def asking(*messages: Message, **fields: Any) -> Conversation:
    return Conversation("m", list(messages) or [user(Text("Hi"))], **({"max_output_tokens": 4096} | fields))


def user(*parts: Any) -> Message:
    return Message(Role.USER, list(parts), path="messages.0")


def assistant(*parts: Any) -> Message:
    return Message(Role.ASSISTANT, list(parts), path="messages.1")


def written(asked: Conversation) -> tuple[dict[str, Any], list[Loss]]:
    values, losses = ANTHROPIC_MESSAGES.write_request(asked)
    return values, losses
