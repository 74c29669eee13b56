"""A conversation's messages, written as Gemini's `contents` and `systemInstruction`."""

from typing import Any

from gateway.dialects.conversation import (
    Audio,
    DialectName,
    Document,
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
from gateway.dialects.gemini.arguments import object_of, response_of
from gateway.dialects.gemini.contents import shown_text
from gateway.dialects.gemini.generation import Abilities
from gateway.dialects.gemini.media import media_values
from gateway.dialects.gemini.signatures import UNSIGNED, is_made_up
from gateway.dialects.gemini.tool_definitions import name_in_namespace

_LEVELS = {"low": "LOW", "high": "HIGH", "original": "ULTRA_HIGH"}


class ContentWriter:
    """Writes one conversation. `losses` is what Gemini cannot be told of it."""

    def __init__(self, abilities: Abilities) -> None:
        self.losses: list[Loss] = []
        self._abilities = abilities
        self._names_of_calls: dict[str, str] = {}

    def write(self, messages: list[Message]) -> dict[str, Any]:
        """The body's `systemInstruction` and `contents`.

        Gemini has one place for what the system says, before the talk: what it says later goes there too, with a
        warning. Messages of one role in a row become one, since a call may follow none but the user's words, and the
        results of all calls of a turn have to stand together.
        """
        system: list[dict[str, Any]] = []
        contents: list[dict[str, Any]] = []
        only_system = all(message.role is Role.SYSTEM for message in messages)
        for message in messages:
            if message.name is not None:
                self._lose(f"{message.path}.name", changes_meaning=False)
            if message.role is Role.SYSTEM and not only_system:
                if contents:
                    self._lose(message.path, changes_meaning=False)
                system += self._system_parts(message)
                continue
            if only_system:
                self._lose(message.path, changes_meaning=False)
            parts = [written for part in message.parts for written in self._written(part)]
            role = "model" if message.role is Role.ASSISTANT else "user"
            if contents and contents[-1]["role"] == role:
                contents[-1]["parts"] += parts
            elif parts:
                contents.append({"role": role, "parts": parts})
        for content in contents:
            _tidy(content, needs_signature=self._abilities.thinks_by_level)
        written: dict[str, Any] = {"contents": contents}
        if system:
            written["systemInstruction"] = {"parts": system}
        return written

    def _lose(self, path: str, *, changes_meaning: bool) -> None:
        self.losses.append(Loss(path, changes_meaning))

    def _system_parts(self, message: Message) -> list[dict[str, Any]]:
        written = []
        for part in message.parts:
            if isinstance(part, Text):
                written += [each for each in self._written(part) if each["text"]]
            else:
                self._lose(part.path, changes_meaning=True)
        return written

    def _written(self, part: Part) -> list[dict[str, Any]]:
        # Google finds what it has kept by itself.
        if part.cache_ttl is not None:
            self._lose(part.path, changes_meaning=False)
        match part:
            case Text():
                if part.citations:
                    self._lose(part.path, changes_meaning=False)
                return [_signed({"text": part.text}, part.signature)]
            case Refusal():
                return [{"text": part.text}]
            case Reasoning():
                return self._thought(part)
            case ToolCall():
                return self._call(part)
            case ToolResult():
                return self._result(part)
            case Image() | Audio() | Document():
                return self._file(part)
            case Native():
                if part.dialect is DialectName.GEMINI:
                    return [dict(part.values)]
                self._lose(part.path, changes_meaning=True)
                return []

    def _thought(self, part: Reasoning) -> list[dict[str, Any]]:
        """A thought of Gemini's, or of nobody's; one that another provider has signed is thought anew."""
        if part.made_by not in (None, DialectName.GEMINI):
            self._lose(part.path, changes_meaning=False)
            return []
        text = shown_text(part)
        if not text and part.signature is None:
            return []
        return [_signed({"text": text, "thought": True}, part.signature)]

    def _call(self, part: ToolCall) -> list[dict[str, Any]]:
        name = self._names_of_calls[part.id] = name_in_namespace(part.name, part.namespace)
        args = {"input": part.arguments} if part.freeform else object_of(part.arguments)
        if args is None:
            self._lose(part.path, changes_meaning=True)
            return []
        call: dict[str, Any] = {} if is_made_up(part.id) else {"id": part.id}
        return [_signed({"functionCall": {**call, "name": name, "args": args}}, part.signature)]

    def _result(self, part: ToolResult) -> list[dict[str, Any]]:
        name = self._names_of_calls.get(part.call_id) or part.name
        if name is None:
            self._lose(part.path, changes_meaning=True)
            return []
        texts: list[str] = []
        nested: list[dict[str, Any]] = []
        beside: list[dict[str, Any]] = []
        for inner in part.parts:
            if inner.cache_ttl is not None:
                self._lose(inner.path or part.path, changes_meaning=False)
            if isinstance(inner, Text):
                texts.append(inner.text)
                continue
            for written in self._file(inner):
                # A result takes the bytes of files, not their addresses; older models take neither.
                is_nested = self._abilities.nests_files and "inlineData" in written
                (nested if is_nested else beside).append(written)
        result: dict[str, Any] = {} if is_made_up(part.call_id) else {"id": part.call_id}
        result["name"] = name
        is_said = bool(texts) or part.is_error or not nested
        result["response"] = response_of("\n".join(texts), part.is_error) if is_said else {}
        if nested:
            result["parts"] = nested
        return [{"functionResponse": result}, *beside]

    def _file(self, part: Image | Audio | Document) -> list[dict[str, Any]]:
        written: list[dict[str, Any]] = []
        if isinstance(part, Document):
            if part.file_name is not None or part.cites:
                self._lose(part.path, changes_meaning=False)
            if part.context:
                written.append({"text": part.context})
            if part.text is not None:
                return [*written, {"text": part.text}]
        if isinstance(part, Audio) and part.transcript is not None and part.source.base64 is None:
            return [{"text": part.transcript}]
        source = part.source
        values = None if source is None else media_values(part, source)
        if values is None:
            self._lose(part.path, changes_meaning=True)
            return []
        if isinstance(part, Image) and part.detail in _LEVELS:
            if self._abilities.thinks_by_level:
                level = f"MEDIA_RESOLUTION_{_LEVELS[part.detail]}"
                values["mediaResolution"] = {"level": level}
            else:
                self._lose(part.path, changes_meaning=False)
        return [*written, values]


def _signed(part: dict[str, Any], signature: str | None) -> dict[str, Any]:
    if signature is not None:
        part["thoughtSignature"] = signature
    return part


def _tidy(content: dict[str, Any], *, needs_signature: bool) -> None:
    """Leave out empty texts, which are refused beside other parts, and sign the first call where nobody has."""
    said = [part for part in content["parts"] if part.get("text") != "" or "thoughtSignature" in part]
    content["parts"] = parts = said or content["parts"][:1]
    first = next((part for part in parts if "functionCall" in part), None)
    if needs_signature and first is not None and content["role"] == "model":
        first.setdefault("thoughtSignature", UNSIGNED)
