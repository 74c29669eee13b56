"""The talk of a Gemini request: `contents` and `systemInstruction`, read."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import (
    DialectName,
    Document,
    Image,
    Message,
    Native,
    OtherField,
    Part,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.dialects.dialect import bad_field
from gateway.dialects.gemini.arguments import result_text_of, text_of
from gateway.dialects.gemini.fields import EMPTY, FIELD_REQUIRED, Fields
from gateway.dialects.gemini.media import media_part, read_file_data, read_inline_data
from gateway.dialects.gemini.signatures import UNSIGNED, is_made_up, made_up_id, unseal, without_name

_NATIVE = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")
# A part holds one of these.
DATA_FIELDS = ("text", "inlineData", "fileData", "functionCall", "functionResponse", *_NATIVE)
_BESIDE_DATA = frozenset({"thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata"})
_ROLES = {"user": Role.USER, "function": Role.USER, "model": Role.ASSISTANT}
# `partMetadata` is the caller's own note; a name shown to people.
_HARMLESS = frozenset({"partMetadata", "displayName", "scheduling", "willContinue"})
_DETAILS = {
    "MEDIA_RESOLUTION_LOW": "low",
    "MEDIA_RESOLUTION_MEDIUM": "auto",
    "MEDIA_RESOLUTION_HIGH": "high",
    "MEDIA_RESOLUTION_ULTRA_HIGH": "original",
}


class Talk:
    """Reads a request's messages in turn, so that a tool's result finds its call."""

    def __init__(self) -> None:
        self.other: list[OtherField] = []
        self._open_calls: list[ToolCall] = []

    def messages(self, body: Fields) -> list[Message]:
        """All that is said, the system's part first. Raises InvalidRequest.

        Google's own client keeps each piece of a streamed answer as a content: those of one role are one message.
        """
        messages: list[Message] = []
        if (system := self._system(body)) is not None:
            messages.append(system)
        path = body.path_of("contents")
        contents = body.items("contents")
        if not contents:
            raise bad_field(path, FIELD_REQUIRED)
        for index, values in enumerate(contents):
            content = Fields(values, f"{path}.{index}")
            role_path = content.path_of("role")
            role = _ROLES.get(content.string("role") or "user")
            if role is None:
                raise bad_field(role_path, _("expected user or model"))
            if not messages or messages[-1].role is not role:
                messages.append(Message(role, [], path=content.path))
            self._read_parts(content, messages[-1].parts, may_be_empty=role is Role.ASSISTANT)
        for message in messages:
            if message.role is Role.ASSISTANT:
                message.parts = _joined(message.parts)
        said = [message for message in messages if message.parts]
        if not said or said[-1].role is Role.SYSTEM:
            raise bad_field(path, EMPTY)
        return said

    def _system(self, body: Fields) -> Message | None:
        path = body.path_of("systemInstruction")
        given = body.take("systemInstruction")
        if given is None:
            return None
        if isinstance(given, str):
            return Message(Role.SYSTEM, [Text(text=given, path=path)], path=path)
        content = Fields(given, path)
        content.take("role")
        message = Message(Role.SYSTEM, [], path=path)
        self._read_parts(content, message.parts)
        return message

    def _read_parts(self, content: Fields, parts: list[Part], *, may_be_empty: bool = False) -> None:
        """Add a content's parts; gemini-cli keeps an answer that said nothing as one without any."""
        path = content.path_of("parts")
        given = content.items("parts")
        if not given and not may_be_empty:
            raise bad_field(path, EMPTY)
        self.other += content.left_over()
        for index, values in enumerate(given):
            *thoughts, read = self._part(values, f"{path}.{index}")
            if thoughts:
                _put_back(parts, thoughts)
            parts.append(read)

    def _part(self, values: Any, path: str) -> list[Part]:
        part = Fields(values, path)
        present = [name for name in DATA_FIELDS if part.has(name)]
        if len(present) > 1:
            raise bad_field(path, _("give either %(one)s or %(other)s"), one=present[0], other=present[1])
        if not present:
            return [self._without_data(part, values)]
        (kind,) = present
        thought, signature = part.boolean("thought"), part.string("thoughtSignature")
        is_film = part.take("videoMetadata") is not None
        if kind in _NATIVE or is_film or (thought and kind not in ("text", "functionCall")):
            return [Native(dialect=DialectName.GEMINI, values=dict(values), path=path)]
        signature = None if signature == UNSIGNED else signature or None
        read: list[Part]
        if kind == "text":
            read = [self._text(part, bool(thought), signature)]
        elif kind == "functionCall":
            read = self._call(part, signature)
        elif kind == "functionResponse":
            read = [self._result(part)]
        else:
            read = [self._media(part, kind, values)]
        if signature is not None and kind in ("inlineData", "fileData", "functionResponse"):
            self.other.append(OtherField(part.path_of("thoughtSignature"), signature, is_harmless=True))
        self.other += part.left_over(_HARMLESS)
        return read

    def _without_data(self, part: Fields, values: Mapping[str, Any]) -> Part:
        """A part of a kind that came after this was written; one with a signature alone is an empty text."""
        if part.has("thoughtSignature"):
            signature = part.string("thoughtSignature")
            return Text(text="", signature=None if signature == UNSIGNED else signature, path=part.path)
        if all(name in _BESIDE_DATA for name in part.names()):
            raise bad_field(part.path, EMPTY)
        return Native(dialect=DialectName.GEMINI, values=dict(values), path=part.path)

    def _text(self, part: Fields, is_thought: bool, signature: str | None) -> Part:
        text = part.string("text") or ""
        if not is_thought:
            return Text(text=text, signature=signature, path=part.path)
        made_by = None if signature is None else DialectName.GEMINI
        return Reasoning(text=text, signature=signature, made_by=made_by, path=part.path)

    def _call(self, part: Fields, signature: str | None) -> list[Part]:
        call = Fields(part.take("functionCall"), part.path_of("functionCall"))
        name, given_id = call.required_string("name"), call.string("id")
        args_path, args = call.path_of("args"), call.take("args")
        if args is not None and not isinstance(args, Mapping):
            raise bad_field(args_path, _("expected an object"))
        self.other += call.left_over(_HARMLESS)
        thoughts = unseal(signature)
        read = ToolCall(
            id=without_name(given_id, name) if given_id else made_up_id(part.path, name),
            name=name,
            arguments=text_of(args or {}),
            signature=signature if thoughts is None else None,
            path=part.path,
        )
        self._open_calls.append(read)
        for thought in thoughts or ():
            thought.path = part.path
        return [*(thoughts or ()), read]

    def _result(self, part: Fields) -> Part:
        result = Fields(part.take("functionResponse"), part.path_of("functionResponse"))
        name, given_id = result.required_string("name"), result.string("id")
        response_path, response = result.path_of("response"), result.take("response")
        if response is not None and not isinstance(response, Mapping):
            raise bad_field(response_path, _("expected an object"))
        files_path = result.path_of("parts")
        files = [
            file
            for index, values in enumerate(result.items("parts"))
            if (file := self._file_of_result(values, f"{files_path}.{index}")) is not None
        ]
        text, is_error = result_text_of(response or {})
        self.other += result.left_over(_HARMLESS)
        said: list[Text | Image | Document] = (
            [] if files and not response else [Text(text=text, path=part.path)]
        )
        return ToolResult(
            call_id=self._call_id(name, given_id and without_name(given_id, name), part.path),
            parts=[*said, *files],
            is_error=is_error,
            name=name,
            path=part.path,
        )

    def _call_id(self, name: str, given_id: str | None, path: str) -> str:
        """The id of the call that a result is for: by its own id, or else the first open call of that name."""
        for call in self._open_calls:
            if given_id == call.id if given_id else call.name == name:
                self._open_calls.remove(call)
                return call.id
        # gemini-cli makes up ids for results of calls that came without.
        for call in self._open_calls:
            if call.name == name and is_made_up(call.id):
                self._open_calls.remove(call)
                return call.id
        return given_id or made_up_id(path, name)

    def _file_of_result(self, values: Any, path: str) -> Image | Document | None:
        part = Fields(values, path)
        kind = next((name for name in ("inlineData", "fileData") if part.has(name)), None)
        if kind is None:
            raise bad_field(path, _("give either %(one)s or %(other)s"), one="inlineData", other="fileData")
        file = self._media(part, kind, values)
        self.other += part.left_over(_HARMLESS)
        if isinstance(file, Image | Document):
            return file
        self.other.append(OtherField(path, values))
        return None

    def _media(self, part: Fields, kind: str, values: Mapping[str, Any]) -> Part:
        file = Fields(part.take(kind), part.path_of(kind))
        source = read_inline_data(file) if kind == "inlineData" else read_file_data(file)
        self.other += file.left_over(_HARMLESS)
        read = media_part(source, part.path)
        if read is None:
            part.take("mediaResolution")
            return Native(dialect=DialectName.GEMINI, values=dict(values), path=part.path)
        if isinstance(read, Image) and (resolution := part.inner("mediaResolution")) is not None:
            level = resolution.word("level", tuple(_DETAILS))
            read.detail = None if level is None else _DETAILS[level]
            self.other += resolution.left_over()
        return read


def shown_text(thought: Reasoning) -> str:
    """A thought as Gemini shows it."""
    return "\n\n".join(text for text in (thought.text, *thought.summary) if text)


def _put_back(parts: list[Part], thoughts: list[Part]) -> None:
    """Thoughts that came with a call stand where they were thought: before all that has been said since the last call.

    A client that sends back the thoughts it was shown says them twice: those it was shown have no proof and go.
    """
    start = max((place for place, part in enumerate(parts) if isinstance(part, ToolCall)), default=-1) + 1
    shown = [part for part in parts[start:] if isinstance(part, Reasoning) and part.made_by is None]
    whole = "".join(shown_text(each) for each in thoughts if isinstance(each, Reasoning))
    if shown and "".join(part.text for part in shown) == whole:
        parts[start:] = [part for part in parts[start:] if part not in shown]
    parts[start:start] = thoughts


def _joined(parts: list[Part]) -> list[Part]:
    """What a model said, the pieces of a text or a thought put together again.

    An empty text says nothing, and Google does not ask for its signature back.
    """
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, Text) and isinstance(last, Text) and last.signature is None:
            joined[-1] = replace(last, text=last.text + part.text, signature=part.signature)
        elif (
            isinstance(part, Reasoning) and isinstance(last, Reasoning) and not (last.made_by or part.made_by)
        ):
            joined[-1] = replace(last, text=last.text + part.text, summary=[*last.summary, *part.summary])
        elif not isinstance(part, Text) or part.text:
            joined.append(part)
    return joined
