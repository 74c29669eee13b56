"""A streamed answer of Gemini's, read: each event is a whole GenerateContentResponse with the next parts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.dialects.conversation import DialectName, Native, Part, Reasoning, Source, Text, ToolCall
from gateway.dialects.dialect import Event, UnreadableReply
from gateway.dialects.gemini.arguments import text_of
from gateway.dialects.gemini.finish import read_finish
from gateway.dialects.gemini.grounding import field_of, read_citations, says_sources, web_searches_of
from gateway.dialects.gemini.logprobs import read_logprobs
from gateway.dialects.gemini.media import media_part, source_of_uri
from gateway.dialects.gemini.signatures import made_up_id
from gateway.dialects.gemini.usage import read_counts
from gateway.dialects.reply import (
    Counted,
    Failed,
    Finish,
    Finished,
    PartEnded,
    PartGrew,
    PartStarted,
    ReplyEvent,
    Started,
    StreamEnded,
    TokenCounts,
)

MOST_CHOICES = 64


class GeminiEventReader:
    """Reads one answer. Texts and thoughts grow over its events; calls and files come whole."""

    def __init__(self) -> None:
        self._has_started = False
        self._id = ""
        self._web_searches = 0
        self._counts: TokenCounts | None = None
        self._choices: dict[int, _Choice] = {}

    def read(self, event: Event) -> list[ReplyEvent]:
        """What the event says. Raises UnreadableReply for what is no response of Gemini's."""
        values = event.values
        if values is None:
            return [StreamEnded()]
        if not isinstance(values, Mapping):
            raise UnreadableReply("an event that is not an object")
        if values.get("error"):
            return [Failed(values)]
        candidates = values.get("candidates")
        if candidates is None:
            candidates = []
        if not isinstance(candidates, list) or not all(isinstance(each, Mapping) for each in candidates):
            raise UnreadableReply("candidates that are no list of objects")
        self._web_searches = max([self._web_searches, *map(web_searches_of, candidates)])
        counts = read_counts(field_of(values, "usageMetadata"), self._web_searches)
        said: list[ReplyEvent] = []
        if not self._has_started:
            said.append(self._started(values, counts))
        ends: list[ReplyEvent] = []
        for candidate in candidates:
            self._candidate(candidate, said, ends)
        if not candidates and field_of(field_of(values, "promptFeedback"), "blockReason"):
            # The prompt was blocked: there is no candidate at all.
            ends.append(Finished(0, Finish.CONTENT_FILTER))
        if counts is not None and (counts != self._counts):
            self._counts = counts
            said.append(Counted(counts))
        return said + ends

    def _started(self, values: Mapping[str, Any], counts: TokenCounts | None) -> Started:
        self._has_started = True
        name, model = field_of(values, "responseId"), field_of(values, "modelVersion")
        self._id = name if isinstance(name, str) else ""
        created_s = _seconds(field_of(values, "createTime"))
        return Started(self._id, model if isinstance(model, str) else "", created_s, counts)

    def _candidate(
        self, candidate: Mapping[str, Any], said: list[ReplyEvent], ends: list[ReplyEvent]
    ) -> None:
        index = candidate.get("index")
        index = index if type(index) is int and 0 <= index < MOST_CHOICES else 0
        choice = self._choices.setdefault(index, _Choice(index, self._id))
        content = candidate.get("content")
        parts = field_of(content, "parts") or []
        if not isinstance(parts, list) or not all(isinstance(part, Mapping) for part in parts):
            raise UnreadableReply("parts that are no list of objects")
        last_text = max(
            (number for number, part in enumerate(parts) if _is_text(part) and not part.get("thought")),
            default=len(parts) - 1,
        )
        for number, part in enumerate(parts):
            said += choice.part(part)
            if number == last_text:
                said += choice.notes(candidate)
        if not parts:
            said += choice.notes(candidate)
        finish = read_finish(field_of(candidate, "finishReason"), has_calls=choice.has_calls)
        if finish is not None:
            said += choice.end_part()
            ends.append(Finished(index, finish))


class _Choice:
    """One candidate: which of its parts is open, and what that holds."""

    def __init__(self, index: int, answer_id: str) -> None:
        self._index, self._answer_id = index, answer_id
        self._parts = 0
        self._open: type[Part] | None = None
        self._pieces: list[str] = []
        self._calls = 0

    @property
    def has_calls(self) -> bool:
        return self._calls > 0

    def part(self, part: Mapping[str, Any]) -> list[ReplyEvent]:
        signature = field_of(part, "thoughtSignature")
        signature = signature if isinstance(signature, str) and signature else None
        if _is_text(part) or (signature is not None and len(part) == 1):
            return self._text(part.get("text", ""), signature, is_thought=bool(part.get("thought")))
        call = field_of(part, "functionCall")
        if isinstance(call, Mapping):
            return self._call(call, signature)
        return self._whole(_file_of(part) or Native(dialect=DialectName.GEMINI, values=part))

    def _text(self, text: str, signature: str | None, *, is_thought: bool) -> list[ReplyEvent]:
        kind: type[Part] = Reasoning if is_thought else Text
        events: list[ReplyEvent] = []
        if self._open is kind:
            self._pieces.append(text)
            if text or signature is not None:
                events.append(PartGrew(self._index, self._parts - 1, text, signature=signature))
        elif text or (is_thought and signature is not None):
            # The signature of an empty text that follows no text is left out: Google does not ask for it back.
            part: Part = Text(text=text, signature=signature)
            if is_thought:
                part = Reasoning(text=text, signature=signature, made_by=DialectName.GEMINI)
            events += self._begin(part)
            self._open, self._pieces = kind, [text]
        else:
            return []
        # A text that is signed is not to be joined with what follows.
        return [*events, *self.end_part()] if signature is not None else events

    def _call(self, call: Mapping[str, Any], signature: str | None) -> list[ReplyEvent]:
        name, args, call_id = call.get("name"), call.get("args"), call.get("id")
        if not isinstance(name, str) or not name:
            return []
        args = args if isinstance(args, Mapping) else {}
        arguments = text_of(args)
        self._calls += 1
        if not isinstance(call_id, str) or not call_id:
            where = (self._answer_id,) if self._answer_id else (arguments, signature)
            call_id = made_up_id(self._index, self._calls, name, *where)
        return self._whole(ToolCall(id=call_id, name=name, arguments=arguments, signature=signature))

    def notes(self, candidate: Mapping[str, Any]) -> list[ReplyEvent]:
        """Log probabilities and citations, which go to the open part: the text that has just come."""
        if self._open is None:
            return []
        number = self._parts - 1
        events: list[ReplyEvent] = []
        if (logprobs := read_logprobs(candidate)) is not None:
            events.append(PartGrew(self._index, number, logprobs=logprobs))
        if self._open is Text and says_sources(candidate):
            citations = read_citations(candidate, "".join(self._pieces))
            events += [PartGrew(self._index, number, citation=citation) for citation in citations]
        return events

    def _whole(self, part: Part) -> list[ReplyEvent]:
        return [*self._begin(part), PartEnded(self._index, self._parts - 1)]

    def _begin(self, part: Part) -> list[ReplyEvent]:
        ended = self.end_part()
        self._parts += 1
        return [*ended, PartStarted(self._index, self._parts - 1, part)]

    def end_part(self) -> list[ReplyEvent]:
        if self._open is None:
            return []
        self._open, self._pieces = None, []
        return [PartEnded(self._index, self._parts - 1)]


def _is_text(part: Mapping[str, Any]) -> bool:
    return isinstance(part.get("text"), str)


def _file_of(part: Mapping[str, Any]) -> Part | None:
    """A picture, sound or file of an answer; None for one that only Gemini knows, and for drafts among thoughts."""
    if part.get("thought"):
        return None
    blob, file = field_of(part, "inlineData"), field_of(part, "fileData")
    data, address = field_of(blob, "data"), field_of(file, "fileUri")
    media_type = field_of(blob if blob is not None else file, "mimeType")
    media_type = media_type if isinstance(media_type, str) else None
    if isinstance(data, str):
        read = media_part(Source(base64=data, media_type=media_type))
    elif isinstance(address, str):
        read = media_part(source_of_uri(address, media_type))
    else:
        return None
    return read


def _seconds(moment: object) -> int | None:
    try:
        return int(datetime.fromisoformat(moment).timestamp()) if isinstance(moment, str) else None
    except (ValueError, OverflowError):
        return None
