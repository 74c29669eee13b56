"""A whole answer of Gemini's, a GenerateContentResponse, read and written."""

from collections.abc import Mapping
from typing import Any

from gateway.dialects.conversation import Reasoning, Refusal, Text, ToolCall
from gateway.dialects.dialect import AnswerContext, Event, UnreadableReply
from gateway.dialects.gemini.contents import shown_text
from gateway.dialects.gemini.event_reader import GeminiEventReader
from gateway.dialects.gemini.finish import written_finish
from gateway.dialects.gemini.grounding import Cited, field_of, moved, written_grounding
from gateway.dialects.gemini.logprobs import written_logprobs
from gateway.dialects.gemini.usage import written_counts
from gateway.dialects.gemini.written_parts import call_part, is_own, shows_thoughts, text_part, whole_part
from gateway.dialects.reply import Choice, Finish, Gathering, Reply


def read_reply(values: Any) -> Reply:
    """An upstream's answer: a stream of one event. Raises UnreadableReply."""
    if not isinstance(values, Mapping):
        raise UnreadableReply("an answer that is not an object")
    if values.get("candidates") is None and not _says_why_not(values):
        raise UnreadableReply("an answer without candidates")
    gathering = Gathering()
    for event in GeminiEventReader().read(Event("", values)):
        gathering.take(event)
    if gathering.failure is not None:
        raise UnreadableReply("an error in place of an answer")
    for choice in gathering.reply.choices:
        if choice.finish is Finish.STOP and any(isinstance(part, ToolCall) for part in choice.parts):
            choice.finish = Finish.TOOL_CALLS
    return gathering.reply


def _says_why_not(values: Mapping[str, Any]) -> bool:
    """Whether an answer without candidates is one: a prompt that is blocked, or a model that had nothing to say."""
    return any(field_of(values, name) is not None for name in ("promptFeedback", "usageMetadata", "error"))


def write_reply(reply: Reply, context: AnswerContext) -> dict[str, Any]:
    """The whole answer for the caller. Thoughts are in it where the caller asked for them."""
    written: dict[str, Any] = {
        "candidates": [_candidate(choice, shows_thoughts(context)) for choice in reply.choices],
    }
    if reply.counts is not None:
        written["usageMetadata"] = written_counts(reply.counts)
    written["modelVersion"] = context.model
    written["responseId"] = reply.id or context.answer_id
    return written


def _candidate(choice: Choice, with_thoughts: bool) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    thoughts: list[Reasoning] = []
    cited: list[Cited] = []
    is_malformed = False
    for part in choice.parts:
        match part:
            case Text():
                _add_text(parts, cited, part)
            case Refusal(text=text):
                _add_text(parts, cited, Text(text=text))
            case Reasoning():
                thoughts.append(part)
                if with_thoughts and (text := shown_text(part)):
                    parts.append(text_part(text, part.signature if is_own(part) else None, is_thought=True))
            case ToolCall():
                call = call_part(part, thoughts)
                thoughts = []
                is_malformed = is_malformed or call is None
                parts += [] if call is None else [call]
            case _:
                parts += [] if (whole := whole_part(part)) is None else [whole]
    content = {"parts": parts, "role": "model"} if parts else {"role": "model"}
    written: dict[str, Any] = {
        "content": content,
        "finishReason": written_finish(choice.finish, is_malformed=is_malformed),
        "index": choice.index,
    }
    if (grounding := written_grounding(cited)) is not None:
        written["groundingMetadata"] = grounding
    if choice.logprobs is not None:
        written |= written_logprobs(choice.logprobs.get("content"))
    return written


def _add_text(parts: list[dict[str, Any]], cited: list[Cited], part: Text) -> None:
    """Texts that follow one another are one to Gemini, but for one that is signed."""
    if not part.text and part.signature is None:
        return
    if not parts or parts[-1].keys() != {"text"}:
        parts.append(text_part(""))
    last = parts[-1]
    start = len(last["text"])
    last["text"] += part.text
    if part.signature is not None:
        last["thoughtSignature"] = part.signature
    if part.citations:
        cited.append((len(parts) - 1, last["text"], moved(part.citations, start, len(part.text))))
