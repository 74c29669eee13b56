"""Thoughts: `reasoning_content` for everyone to read, and OpenRouter's `reasoning_details` to send back untouched.

A detail is a text (with its signature), a summary, or what nobody may read; its `format` says whose it is. Source:
OpenRouter's "Reasoning Tokens". LiteLLM's `thinking_blocks` are Anthropic's blocks, and are read as details too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway.dialects.conversation import DialectName, Reasoning

# OpenRouter's names of formats. A client that puts a stream together by joining texts repeats a name.
FORMATS = {
    DialectName.ANTHROPIC_MESSAGES: "anthropic-claude-v1",
    DialectName.OPENAI_RESPONSES: "openai-responses-v1",
    DialectName.GEMINI: "google-gemini-v1",
    DialectName.OPENAI_CHAT: "unknown",
}
TEXT, SUMMARY, ENCRYPTED = "reasoning.text", "reasoning.summary", "reasoning.encrypted"
_HOLDS = {TEXT: "text", SUMMARY: "summary", ENCRYPTED: "data"}


class Detail(NamedTuple):
    """One entry of `reasoning_details`, or a piece of one: those of one `number` (its `index`) and kind go together."""

    kind: str
    said: str
    signature: str | None
    id: str | None
    made_by: DialectName | None
    number: int | None


def details_in(message: Mapping[str, Any]) -> list[Detail]:
    """The details of a message or delta that can be read; others are passed over."""
    listed = message.get("reasoning_details")
    if isinstance(listed, list) and listed:
        details = [_read_detail(each) for each in listed if isinstance(each, Mapping)]
        return [each for each in details if each is not None]
    blocks = message.get("thinking_blocks")
    read = (
        [_read_block(each) for each in blocks if isinstance(each, Mapping)]
        if isinstance(blocks, list)
        else []
    )
    return [each for each in read if each is not None]


def _read_detail(values: Mapping[str, Any]) -> Detail | None:
    kind = values.get("type")
    if not isinstance(kind, str) or kind not in _HOLDS:
        return None
    named, index = values.get("format"), values.get("index")
    made_by = None
    if isinstance(named, str):
        made_by = next(
            (maker for maker, name in FORMATS.items() if named.startswith(name)), DialectName.OPENAI_CHAT
        )
    return Detail(
        kind,
        _text(values.get(_HOLDS[kind])),
        _text(values.get("signature")) or None,
        _text(values.get("id")) or None,
        made_by,
        index if type(index) is int else None,
    )


def _read_block(values: Mapping[str, Any]) -> Detail | None:
    maker = DialectName.ANTHROPIC_MESSAGES
    if values.get("type") == "thinking":
        signature = _text(values.get("signature")) or None
        return Detail(TEXT, _text(values.get("thinking")), signature, None, maker, None)
    if values.get("type") == "redacted_thinking":
        return Detail(ENCRYPTED, _text(values.get("data")), None, None, maker, None)
    return None


def plain_thought(message: Mapping[str, Any]) -> str:
    """What it says aloud, under any of its names; servers that changed the name send it under both."""
    names = ("reasoning_content", "reasoning", "thinking")
    return next((said for name in names if (said := _text(message.get(name)))), "")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


@dataclass(slots=True)
class OpenThought:
    """A thought that may go on, at part number `part`."""

    part: int
    made_by: DialectName | None = None
    id: str | None = None
    has_text: bool = False
    is_signed: bool = False
    is_secret: bool = False
    summaries: int = 0
    _pieces: dict[tuple[int | None, str], int] = field(default_factory=dict)

    def takes(self, detail: Detail) -> bool:
        """Whether a detail is more of this thought, and not the first of another."""
        if (detail.number, detail.kind) in self._pieces:
            return detail.number is not None or not (self.is_signed or self.is_secret)
        if detail.id and self.id and detail.id != self.id:
            return False
        if detail.made_by and self.made_by and detail.made_by is not self.made_by:
            return False
        if self.is_secret or (self.is_signed and detail.kind == TEXT):
            return False
        if detail.kind == TEXT:
            return not self.summaries and not (self.has_text and detail.said)
        # Anthropic's thoughts that nobody may read are thoughts of their own.
        return DialectName.ANTHROPIC_MESSAGES not in (detail.made_by, self.made_by)

    def summary_of(self, detail: Detail) -> int:
        """The number of the summary that the detail is, or goes on with."""
        key = (detail.number, detail.kind)
        if key not in self._pieces:
            self._pieces[key] = self.summaries
            self.summaries += 1
        return self._pieces[key]

    def note(self, detail: Detail) -> None:
        self._pieces.setdefault((detail.number, detail.kind), 0)
        self.has_text |= detail.kind == TEXT and bool(detail.said)
        self.is_signed |= detail.signature is not None
        self.is_secret |= detail.kind == ENCRYPTED
        self.made_by = self.made_by or detail.made_by
        self.id = self.id or detail.id


class ThoughtsWriter:
    """Writes the thoughts of one message, whole or in pieces, as fields of it.

    A thought that somebody signed or hid comes as details too, with every piece of its text: what is sent back of
    them is what the model needs. `in_details` has every other thought there too, since those who read details read
    nothing else.
    """

    def __init__(self, *, in_details: bool = False) -> None:
        self._in_details = in_details
        self._numbers: dict[tuple[int, str, int], int] = {}
        self._read_aloud: set[tuple[int, str, int]] = set()

    def text(self, part: int, thought: Reasoning, piece: str) -> dict[str, Any]:
        fields = self._aloud((part, TEXT, 0), piece)
        if self._in_details or _is_somebodys(thought):
            fields |= self._detail((part, TEXT, 0), thought, text=piece)
        return fields

    def summary(self, part: int, thought: Reasoning, number: int, piece: str) -> dict[str, Any]:
        key = (part, SUMMARY, number)
        return self._aloud(key, piece) | self._detail(key, thought, summary=piece)

    def signature(self, part: int, thought: Reasoning, signature: str) -> dict[str, Any]:
        return self._detail((part, TEXT, 0), thought, signature=signature)

    def secret(self, part: int, thought: Reasoning, data: str) -> dict[str, Any]:
        return self._detail((part, ENCRYPTED, 0), thought, data=data)

    def _aloud(self, key: tuple[int, str, int], piece: str) -> dict[str, Any]:
        """The piece, with an empty line before it where another thought or summary was read aloud before."""
        begins = key not in self._read_aloud and bool(self._read_aloud)
        self._read_aloud.add(key)
        return {"reasoning_content": f"\n\n{piece}" if begins else piece}

    def _detail(self, key: tuple[int, str, int], thought: Reasoning, **said: str) -> dict[str, Any]:
        """A list of one detail. Its index is its place in the whole list, as clients that join pieces need it."""
        is_first = key not in self._numbers
        number = self._numbers.setdefault(key, len(self._numbers))
        detail: dict[str, Any] = {"type": key[1], **said, "index": number}
        if is_first:
            detail["format"] = FORMATS.get(thought.made_by or DialectName.OPENAI_CHAT)
            if thought.item_id is not None:
                detail["id"] = thought.item_id
        return {"reasoning_details": [detail]}


def _is_somebodys(thought: Reasoning) -> bool:
    return thought.signature is not None or thought.made_by not in (None, DialectName.OPENAI_CHAT)


def write_thoughts(thoughts: Sequence[Reasoning]) -> dict[str, Any]:
    """The fields that tell of whole thoughts; empty where there are none."""
    in_details = any(_is_somebodys(thought) or thought.summary for thought in thoughts)
    writer, written = ThoughtsWriter(in_details=in_details), []
    for part, thought in enumerate(thoughts):
        if thought.text:
            written.append(writer.text(part, thought, thought.text))
        written += [
            writer.summary(part, thought, number, said) for number, said in enumerate(thought.summary)
        ]
        if thought.signature:
            written.append(writer.signature(part, thought, thought.signature))
        if thought.encrypted:
            written.append(writer.secret(part, thought, thought.encrypted))
    aloud = "".join(fields.get("reasoning_content", "") for fields in written)
    details: list[dict[str, Any]] = []
    for fields in written:
        for detail in fields.get("reasoning_details", ()):
            if detail["index"] < len(details):
                details[detail["index"]] |= detail
            else:
                details.append(detail)
    values: dict[str, Any] = {"reasoning_content": aloud} if aloud else {}
    return values | ({"reasoning_details": details} if details else {})
