"""OpenAI's chat completions, as one of the dialects that are spoken here."""

from collections.abc import Mapping
from typing import Any

from gateway.dialects.conversation import Conversation, DialectName
from gateway.dialects.dialect import AnswerContext, Written
from gateway.dialects.openai_chat.event_writer import ChatEventWriter
from gateway.dialects.openai_chat.events import ChatEventReader
from gateway.dialects.openai_chat.reply import read_reply, write_reply
from gateway.dialects.openai_chat.request import read_request, write_request
from gateway.dialects.reply import Reply


class OpenAIChat:
    """OpenAI's chat completions, both ways."""

    name = DialectName.OPENAI_CHAT

    def read_request(self, values: Mapping[str, Any]) -> Conversation:
        return read_request(values)

    def write_request(self, asked: Conversation) -> Written:
        return write_request(asked)

    def read_reply(self, values: Any) -> Reply:
        return read_reply(values)

    def write_reply(self, reply: Reply, context: AnswerContext) -> dict[str, Any]:
        return write_reply(reply, context)

    def event_reader(self) -> ChatEventReader:
        return ChatEventReader()

    def event_writer(self, context: AnswerContext) -> ChatEventWriter:
        return ChatEventWriter(context)


OPENAI_CHAT = OpenAIChat()
