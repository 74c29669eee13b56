"""A whole answer of the Responses API, both ways."""

from typing import Any

from gateway.dialects.conversation import Text
from gateway.dialects.dialect import AnswerContext, UnreadableReply
from gateway.dialects.openai_responses.event_reader import started_of
from gateway.dialects.openai_responses.event_writer import EventWriter
from gateway.dialects.openai_responses.output import read_finish, read_logprobs, read_output, web_searches_in
from gateway.dialects.openai_responses.usage import read_usage
from gateway.dialects.reply import (
    Choice,
    Counted,
    Finished,
    PartEnded,
    PartGrew,
    PartStarted,
    Reply,
    ReplyEvent,
    Started,
)


def read_reply(values: Any) -> Reply:
    """An upstream's whole answer. Raises UnreadableReply."""
    if not isinstance(values, dict):
        raise UnreadableReply("an answer that is not an object")
    output = values.get("output")
    if values.get("error") or not isinstance(output, list):
        raise UnreadableReply("an answer without output")
    parts = read_output(output)
    logprobs = read_logprobs(output)
    choice = Choice(
        index=0,
        parts=parts,
        finish=read_finish(values, parts),
        logprobs={"content": logprobs, "refusal": []} if logprobs else None,
    )
    begun = started_of(values)
    return Reply(
        id=begun.id,
        model=begun.model,
        choices=[choice],
        counts=read_usage(values.get("usage"), web_searches_in(output)),
        created_s=begun.created_s,
        service_tier=begun.service_tier,
    )


def write_reply(reply: Reply, context: AnswerContext) -> dict[str, Any]:
    """The whole answer for the caller: what the last event of its stream would hold."""
    writer = EventWriter(context)
    for event in _events_of(reply):
        writer.write(event)
    closing = writer.closing({})
    response: dict[str, Any] = closing[-1].values["response"]
    return response


def _events_of(reply: Reply) -> list[ReplyEvent]:
    events: list[ReplyEvent] = [
        Started(reply.id, reply.model, reply.created_s, reply.counts, reply.service_tier)
    ]
    for choice in reply.choices[:1]:
        logprobs = (choice.logprobs or {}).get("content")
        for index, part in enumerate(choice.parts):
            events.append(PartStarted(0, index, part))
            if logprobs and isinstance(part, Text):
                events.append(PartGrew(0, index, logprobs=logprobs))
                logprobs = None
            events.append(PartEnded(0, index))
        events.append(Finished(0, choice.finish, choice.stop_sequence))
    if reply.counts is not None:
        events.append(Counted(reply.counts))
    return events
