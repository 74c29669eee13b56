"""OpenAI's Responses API, without its state.

Sources: OpenAI's API reference and the types and stream accumulators of openai-python and openai-node; openai/codex for
what a client sends.
"""

from collections.abc import Mapping
from typing import Any

from gateway.dialects.conversation import Conversation, DialectName
from gateway.dialects.dialect import AnswerContext, Written
from gateway.dialects.openai_responses import reply, request
from gateway.dialects.openai_responses.event_reader import EventReader
from gateway.dialects.openai_responses.event_writer import EventWriter
from gateway.dialects.reply import Reply


class OpenAIResponses:
    """See `gateway.dialects.dialect.Dialect`."""

    name = DialectName.OPENAI_RESPONSES

    def read_request(self, values: Mapping[str, Any]) -> Conversation:
        return request.read_request(values)

    def write_request(self, asked: Conversation) -> Written:
        return request.write_request(asked)

    def read_reply(self, values: Any) -> Reply:
        return reply.read_reply(values)

    def write_reply(self, answered: Reply, context: AnswerContext) -> dict[str, Any]:
        return reply.write_reply(answered, context)

    def event_reader(self) -> EventReader:
        return EventReader()

    def event_writer(self, context: AnswerContext) -> EventWriter:
        return EventWriter(context)


OPENAI_RESPONSES = OpenAIResponses()
