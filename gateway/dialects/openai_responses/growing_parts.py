"""The parts of a streamed answer as far as they have come, and what is told of their growth."""

from typing import Any

from gateway.dialects.conversation import Citation, Part, Reasoning, Text, ToolCall
from gateway.dialects.dialect import UnreadableReply
from gateway.dialects.reply import PartEnded, PartGrew, PartStarted, ReplyEvent

# A summary's number says how many there are: no more are made up than this.
_MOST_SKIPPED = 100


class GrowingParts:
    """The parts, each known by its index, and the events that are yet to be told of them.

    Servers may say some or all of a text at its end only: the `complete` methods tell what has not come before.
    """

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.told: list[ReplyEvent] = []
        self._open: set[int] = set()
        # How long each text is by now, and how long its summaries are: the texts themselves are not kept.
        self._lengths: list[int] = []
        self._summaries: list[list[int]] = []
        self._citations: list[int] = []

    def begin(self, part: Part) -> int:
        """A part that begins with what it already holds."""
        index = len(self.parts)
        self.parts.append(part)
        text = part.arguments if isinstance(part, ToolCall) else getattr(part, "text", None)
        self._lengths.append(len(text or ""))
        self._summaries.append([len(each) for each in part.summary] if isinstance(part, Reasoning) else [])
        self._citations.append(len(part.citations) if isinstance(part, Text) else 0)
        self._open.add(index)
        self.told.append(PartStarted(0, index, part))
        return index

    def end(self, index: int) -> None:
        if index in self._open:
            self._open.remove(index)
            self.told.append(PartEnded(0, index))

    def end_all(self) -> None:
        for index in sorted(self._open):
            self.end(index)

    def grow(self, index: int, text: str, logprobs: list[Any] | None = None) -> None:
        if (text or logprobs) and index in self._open:
            self._lengths[index] += len(text)
            self.told.append(PartGrew(0, index, text, logprobs=logprobs))

    def complete(self, index: int, whole: str) -> None:
        self.grow(index, whole[self._lengths[index] :])

    def cite(self, index: int, citation: Citation) -> None:
        if isinstance(self.parts[index], Text) and index in self._open:
            self._citations[index] += 1
            self.told.append(PartGrew(0, index, citation=citation))

    def complete_citations(self, index: int, citations: list[Citation]) -> None:
        for citation in citations[self._citations[index] :]:
            self.cite(index, citation)

    def grow_summary(self, index: int, number: int, text: str) -> None:
        """Raises UnreadableReply for a number that skips more than a few."""
        if not isinstance(self.parts[index], Reasoning) or index not in self._open:
            return
        lengths = self._summaries[index]
        missing = number + 1 - len(lengths)
        if missing > _MOST_SKIPPED:
            raise UnreadableReply("a summary out of its order")
        lengths += [0] * missing
        lengths[number] += len(text)
        if text or missing > 0:
            self.told.append(PartGrew(0, index, text, summary=number))

    def complete_summary(self, index: int, number: int, whole: str) -> None:
        lengths = self._summaries[index]
        self.grow_summary(index, number, whole[lengths[number] if number < len(lengths) else 0 :])

    def prove(self, index: int, *, encrypted: str | None, signature: str | None) -> None:
        """The proof of a part, also of one that has ended."""
        if encrypted is not None or signature is not None:
            self.told.append(PartGrew(0, index, encrypted=encrypted, signature=signature))
