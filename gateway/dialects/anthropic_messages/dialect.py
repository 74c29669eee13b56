"""Anthropic's Messages API as a chat dialect."""

from collections.abc import Mapping
from typing import Any

from gateway.dialects.anthropic_messages.event_writer import MessagesEventWriter
from gateway.dialects.anthropic_messages.events import MessagesEventReader
from gateway.dialects.anthropic_messages.reply import read_reply, write_reply
from gateway.dialects.anthropic_messages.request import read_request, write_request
from gateway.dialects.conversation import Conversation, DialectName
from gateway.dialects.dialect import AnswerContext, Dialect, EventReader, EventWriter, Written
from gateway.dialects.reply import Reply


class AnthropicMessages:
    """The Messages API, both ways."""

    name = DialectName.ANTHROPIC_MESSAGES

    def read_request(self, values: Mapping[str, Any]) -> Conversation:
        return read_request(values)

    def write_request(self, asked: Conversation) -> Written:
        return write_request(asked)

    def read_reply(self, values: Any) -> Reply:
        return read_reply(values)

    def write_reply(self, reply: Reply, context: AnswerContext) -> dict[str, Any]:
        return write_reply(reply, context)

    def event_reader(self) -> EventReader:
        return MessagesEventReader()

    def event_writer(self, context: AnswerContext) -> EventWriter:
        return MessagesEventWriter(context)


ANTHROPIC_MESSAGES: Dialect = AnthropicMessages()
