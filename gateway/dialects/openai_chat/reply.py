"""A whole answer: read from an upstream's JSON, and written for a caller."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.dialects.conversation import Audio, Source, Text, ToolCall
from gateway.dialects.counts import count_of
from gateway.dialects.dialect import AnswerContext, UnreadableReply
from gateway.dialects.openai_chat.counts import write_counts
from gateway.dialects.openai_chat.deltas import ChoiceReader
from gateway.dialects.openai_chat.events import counts_in, is_failure, text_of
from gateway.dialects.openai_chat.said import write_citations, write_said
from gateway.dialects.openai_chat.spelling import freeform_names, unwrapped_text
from gateway.dialects.reply import Choice, Finish, Gathering, Reply, ReplyEvent

# A spoken answer can be asked about for an hour, as OpenAI's can.
AUDIO_KEPT_S = 3600


def read_reply(values: object) -> Reply:
    """An upstream's whole answer. Raises UnreadableReply for an error, or where nothing is said and nothing ended."""
    if not isinstance(values, Mapping) or is_failure(values):
        raise UnreadableReply("an error in place of an answer")
    choices = values.get("choices")
    if not isinstance(choices, list) or not choices:
        raise UnreadableReply("no choices")
    answer_id, gathering = text_of(values.get("id")), Gathering()
    is_answer, taken = False, set[int]()
    for position, choice in enumerate(choices):
        if not isinstance(choice, Mapping) or not isinstance(choice.get("message"), Mapping):
            raise UnreadableReply("a choice without a message")
        index = choice.get("index")
        if type(index) is not int or index < 0 or index in taken:
            index = next(
                number for number in range(position, position + len(choices) + 1) if number not in taken
            )
        taken.add(index)
        events = _read_choice(choice, ChoiceReader(index, answer_id))
        is_answer |= bool(choice.get("finish_reason")) or len(events) > 1
        for event in events:
            gathering.take(event)
    if not is_answer:
        raise UnreadableReply("empty choices")
    reply = gathering.reply
    reply.id, reply.model = answer_id, text_of(values.get("model"))
    reply.counts, reply.created_s = counts_in(values), count_of(values.get("created")) or None
    reply.service_tier = text_of(values.get("service_tier")) or None
    return reply


def _read_choice(choice: Mapping[str, Any], reader: ChoiceReader) -> list[ReplyEvent]:
    said = reader.take(choice["message"], choice.get("logprobs"))
    return said + reader.finish(choice.get("finish_reason"), choice.get("stop_reason"))


def shows_thoughts(context: AnswerContext) -> bool:
    """Whether the caller wants to see what the model thought; most do, and say nothing of it."""
    return context.asked.reasoning is None or context.asked.reasoning.shown is not False


def write_finish(finish: Finish, *, has_calls: bool) -> str:
    """The reason in this dialect's words, which are fewer."""
    if has_calls and finish in (Finish.STOP, Finish.TOOL_CALLS):
        return "tool_calls"
    if finish is Finish.LENGTH:
        return "length"
    if finish in (Finish.CONTENT_FILTER, Finish.REFUSAL):
        return "content_filter"
    return "tool_calls" if finish is Finish.TOOL_CALLS else "stop"


def write_reply(reply: Reply, context: AnswerContext) -> dict[str, Any]:
    """The whole answer for the caller, under the model's name that the caller gave."""
    created_s = reply.created_s or context.created_s
    values: dict[str, Any] = {
        "id": reply.id or context.answer_id,
        "object": "chat.completion",
        "created": created_s,
        "model": context.model,
        "choices": [_write_choice(choice, context, created_s) for choice in reply.choices],
    }
    if reply.service_tier is not None:
        values["service_tier"] = reply.service_tier
    if reply.counts is not None:
        values["usage"] = write_counts(reply.counts)
    return values


def _write_choice(choice: Choice, context: AnswerContext, created_s: int) -> dict[str, Any]:
    texts = [part for part in choice.parts if isinstance(part, Text)]
    freeform = freeform_names(context.asked.tools)
    parts = [_known_call(part, freeform) if isinstance(part, ToolCall) else part for part in choice.parts]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(text.text for text in texts) if texts else None,
        "refusal": None,
        **write_said(parts, with_thoughts=shows_thoughts(context)),
    }
    cited, begins = [], 0
    for text in texts:
        cited += [(begins, len(text.text), citation) for citation in text.citations]
        begins += len(text.text)
    if annotations := write_citations(cited):
        message["annotations"] = annotations
    for part in choice.parts:
        if isinstance(part, Audio):
            message["audio"] = write_audio(part, created_s)
    logprobs = choice.logprobs and {
        name: choice.logprobs.get(name) or None for name in ("content", "refusal")
    }
    finish = write_finish(choice.finish, has_calls="tool_calls" in message)
    return {"index": choice.index, "message": message, "logprobs": logprobs, "finish_reason": finish}


def _known_call(call: ToolCall, freeform: frozenset[str]) -> ToolCall:
    """The call as the caller knows its tool."""
    if call.freeform or call.name not in freeform:
        return call
    return replace(call, arguments=unwrapped_text(call.arguments), freeform=True)


def write_audio(audio: Audio, created_s: int) -> dict[str, Any]:
    match audio.source:
        case Source(base64=str(data)):
            pass
        case _:
            data = ""
    return {
        "id": audio.id or f"audio_{created_s}",
        "data": data,
        "transcript": audio.transcript or "",
        "expires_at": created_s + AUDIO_KEPT_S,
    }
