"""The messages of a request, written for an upstream in the spelling that most servers know.

Texts with nothing else among them are one string, since some servers take no lists: a model's go on where the one
before ends, others are set apart by an empty line. Results directly follow the calls that they answer, in the order of
the calls.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from gateway.dialects.conversation import (
    Audio,
    DialectName,
    Image,
    Message,
    Native,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.dialects.dialect import Loss
from gateway.dialects.openai_chat.parts import write_part
from gateway.dialects.openai_chat.said import write_said
from gateway.dialects.openai_chat.spelling import Spelling, spelled_call


def write_messages(
    messages: Sequence[Message], losses: list[Loss], spelling: Spelling
) -> list[dict[str, Any]]:
    writer = _MessagesWriter(messages, losses, spelling)
    for message in _joined(messages):
        writer.take(message)
    return writer.written


def _joined(messages: Iterable[Message]) -> list[Message]:
    """The messages, a model's thought, words and calls in one where another dialect has them apart.

    Words after words stay apart, and so do words after a call.
    """
    joined: list[Message] = []
    highest = _WORDS
    for message in messages:
        last = joined[-1] if joined else None
        if last is not None and last.role is message.role is Role.ASSISTANT and last.name == message.name:
            after = _rank(message.parts, min)
            if highest < after or highest == after == _CALLS or highest == after == _THOUGHTS:
                last.parts += message.parts
                highest = max([highest, *(_rank([part], max) for part in message.parts)])
                continue
        # A copy, as others may be added to it.
        joined.append(replace(message, parts=[*message.parts]))
        highest = _rank(message.parts, max)
    return joined


_THOUGHTS, _WORDS, _CALLS = range(3)


def _rank(parts: Iterable[Part], which: Any) -> int:
    ranks = [
        _THOUGHTS if isinstance(part, Reasoning) else _CALLS if isinstance(part, ToolCall) else _WORDS
        for part in parts
    ]
    return which(ranks, default=_WORDS)


class _MessagesWriter:
    def __init__(self, messages: Sequence[Message], losses: list[Loss], spelling: Spelling) -> None:
        self.written: list[dict[str, Any]] = []
        self._losses, self._spelling = losses, spelling
        # Results by the call that they answer, in their order: ids may come again in a later turn.
        self._results: dict[str, deque[ToolResult]] = {}
        for message in messages:
            for part in message.parts:
                if isinstance(part, ToolResult):
                    self._results.setdefault(part.call_id, deque()).append(part)
        self._told: set[int] = set()

    def take(self, message: Message) -> None:
        named = {"name": message.name} if message.name else {}
        if message.role is Role.ASSISTANT:
            self.written.append({"role": "assistant", **named, **self._assistant(message.parts)})
            calls = [part for part in message.parts if isinstance(part, ToolCall)]
            answered = [waiting.popleft() for call in calls if (waiting := self._results.get(call.id))]
            self._tell(answered)
            return
        results = [
            part for part in message.parts if isinstance(part, ToolResult) and id(part) not in self._told
        ]
        for result in results:
            self._results[result.call_id].remove(result)
        self._tell(results)
        parts = [part for part in message.parts if not isinstance(part, ToolResult)]
        if parts or not message.parts:
            role = "system" if message.role is Role.SYSTEM else "user"
            content = self._content(parts)
            if content or not parts:
                self.written.append({"role": role, **named, "content": content})

    def _tell(self, results: list[ToolResult]) -> None:
        """The results as messages, and after them what only a user can show, as images."""
        shown: list[dict[str, Any]] = []
        for result in results:
            self._told.add(id(result))
            if result.is_error:
                # There is no mark for it; the result's words say what went wrong.
                self._losses.append(Loss(result.path, changes_meaning=False))
            texts = [part for part in result.parts if isinstance(part, Text)]
            files = [part for part in result.parts if not isinstance(part, Text)]
            if result.cache_ttl and texts:
                texts[-1] = replace(texts[-1], cache_ttl=texts[-1].cache_ttl or result.cache_ttl)
            elif result.cache_ttl:
                self._losses.append(Loss(result.path, changes_meaning=False))
            message: dict[str, Any] = {"role": "tool", "tool_call_id": result.call_id}
            if result.name:
                message["name"] = result.name
            self.written.append({**message, "content": self._content(list(texts)) or ""})
            written = [each for part in files if (each := self._part(part)) is not None]
            if written:
                shown += [{"type": "text", "text": f"From the tool call {result.call_id}:"}, *written]
        if shown:
            self.written.append({"role": "user", "content": shown})

    def _assistant(self, parts: Sequence[Part]) -> dict[str, Any]:
        words: list[Part] = []
        fields: dict[str, Any] = {}
        for part in parts:
            match part:
                case Text():
                    # A text without words carries a signature alone.
                    words += [part] if part.text or not part.signature else []
                case Audio(id=str(name)):
                    fields["audio"] = {"id": name}
                case Audio(transcript=str(transcript)):
                    words.append(Text(transcript))
                    self._losses.append(Loss(part.path, changes_meaning=False))
                case Image() if part.source.file_id is None:
                    pass
                case Native(dialect=DialectName.OPENAI_CHAT):
                    words.append(part)
                case Reasoning() | Refusal() | ToolCall():
                    pass
                case _:
                    self._losses.append(Loss(part.path, changes_meaning=True))
            self._note_lost(part)
        told = [spelled_call(part, self._spelling) if isinstance(part, ToolCall) else part for part in parts]
        said = write_said(told, with_thoughts=self._spelling.thoughts)
        return {"content": self._content(words, between="") if words else None, **said, **fields}

    def _note_lost(self, part: Part) -> None:
        """What of a model's part has no place here, and changes no answer: citations, a mark, a thought."""
        is_lost = isinstance(part, Text) and bool(part.citations)
        is_lost |= isinstance(part, Reasoning) and not self._spelling.thoughts
        is_lost |= part.cache_ttl is not None and not isinstance(part, Text)
        if is_lost:
            self._losses.append(Loss(part.path, changes_meaning=False))

    def _content(self, parts: Sequence[Part], between: str = "\n\n") -> str | list[dict[str, Any]] | None:
        """One text, or a list of parts."""
        written = [each for part in parts if (each := self._part(part)) is not None]
        texts = [each["text"] for each in written if each.keys() == {"type", "text"}]
        return between.join(texts) if len(texts) == len(written) > 0 else written or None

    def _part(self, part: Part) -> dict[str, Any] | None:
        written = write_part(part, self._losses)
        if written is not None and part.cache_ttl is not None:
            if self._spelling.cache_marks:
                written["cache_control"] = {"type": "ephemeral", "ttl": part.cache_ttl}
            else:
                self._losses.append(Loss(part.path, changes_meaning=False))
        return written
