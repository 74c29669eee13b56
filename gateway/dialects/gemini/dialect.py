"""Google's Gemini: generateContent, and streamGenerateContent with `alt=sse`."""

from collections.abc import Mapping
from typing import Any

from gateway.dialects.conversation import Conversation, DialectName
from gateway.dialects.dialect import AnswerContext, EventReader, EventWriter, Written
from gateway.dialects.gemini.event_reader import GeminiEventReader
from gateway.dialects.gemini.event_writer import GeminiEventWriter
from gateway.dialects.gemini.reply import read_reply, write_reply
from gateway.dialects.gemini.request import read_request, write_request
from gateway.dialects.reply import Reply


class GeminiDialect:
    """The model, and whether the answer is streamed, stand in Gemini's path: see `gateway.dialects.gemini.request`."""

    name = DialectName.GEMINI

    def read_request(self, values: Mapping[str, Any]) -> Conversation:
        return read_request(values)

    def write_request(self, asked: Conversation) -> Written:
        return write_request(asked)

    def read_reply(self, values: Any) -> Reply:
        return read_reply(values)

    def write_reply(self, reply: Reply, context: AnswerContext) -> dict[str, Any]:
        return write_reply(reply, context)

    def event_reader(self) -> EventReader:
        return GeminiEventReader()

    def event_writer(self, context: AnswerContext) -> EventWriter:
        return GeminiEventWriter(context)


GEMINI = GeminiDialect()
