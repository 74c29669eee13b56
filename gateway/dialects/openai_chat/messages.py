"""The messages of a request, read into the inner form."""

from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import (
    Audio,
    Image,
    Message,
    OtherField,
    Part,
    Role,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.dialects.dialect import bad_field
from gateway.dialects.openai_chat.deltas import thoughts_in
from gateway.dialects.openai_chat.fields import (
    Json,
    checked_base64,
    leftovers,
    missing,
    object_at,
    objects_at,
    one_of_at,
    required_object_at,
    required_text_at,
    text_at,
    within,
)
from gateway.dialects.openai_chat.parts import (
    CACHE_MARKS,
    OF_A_TOOL,
    OF_THE_ASSISTANT,
    OF_THE_USER,
    TEXT_ALONE,
    cache_ttl_of,
    read_content,
    source_of,
)
from gateway.dialects.reply import Gathering

MOST_MESSAGES = 10_000
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
THOUGHTS = ("reasoning_content", "reasoning", "reasoning_details", "thinking_blocks")
EVERYWHERE = ("role", "content", "name", *CACHE_MARKS)
# Clients send an answer back as they got it, with what they or its server had put beside it.
ECHOED = ("annotations", "parsed", "provider_specific_fields", "citations")


def read_messages(values: Json, other: list[OtherField]) -> list[Message]:
    """Every message, results of tools as the user's; what has no place in them is added to `other`."""
    listed = objects_at(values, "messages", most=MOST_MESSAGES)
    if values.get("messages") is None:
        raise missing("messages")
    if not listed:
        raise bad_field("messages", _("must not be empty"))
    reader = _MessagesReader(other)
    for path, message in listed:
        reader.take(path, message)
    return reader.messages


class _MessagesReader:
    """Reads messages in turn; it knows which calls were made, as older results name a function and no call."""

    def __init__(self, other: list[OtherField]) -> None:
        self._other = other
        self.messages: list[Message] = []
        # Whether the newest message holds results alone, so that the next result belongs to it.
        self._last_are_results = False
        self._freeform: set[str] = set()
        self._unanswered: dict[str, str] = {}
        self._functions_called = 0

    def take(self, path: str, values: Json) -> None:
        role = one_of_at(values, "role", path, ROLES)
        if role is None:
            raise missing(within(path, "role"))
        if role in ("tool", "function"):
            self._add_result(path, self._read_result(path, values, role))
            return
        self._last_are_results = False
        name = text_at(values, "name", path) or None
        if role == "assistant":
            parts, speaker = self._read_assistant(path, values), Role.ASSISTANT
        else:
            kinds = OF_THE_USER if role == "user" else TEXT_ALONE
            parts, speaker = self._content(path, values, kinds), Role.USER if role == "user" else Role.SYSTEM
            self._other += leftovers(values, EVERYWHERE, path, ECHOED)
        self._mark(path, values, parts)
        self.messages.append(Message(speaker, parts, name=name, path=path))

    def _content(self, path: str, values: Json, kinds: tuple[str, ...]) -> list[Part]:
        content = values.get("content")
        if content is None:
            raise missing(within(path, "content"))
        return read_content(content, within(path, "content"), kinds, self._other)

    def _mark(self, path: str, values: Json, parts: list[Part]) -> None:
        """LiteLLM takes a mark on a message for one on its last part."""
        if parts and (ttl := cache_ttl_of(values, path)) is not None:
            parts[-1].cache_ttl = parts[-1].cache_ttl or ttl

    def _add_result(self, path: str, result: ToolResult) -> None:
        if self._last_are_results:
            self.messages[-1].parts.append(result)
        else:
            self.messages.append(Message(Role.USER, [result], path=path))
        self._last_are_results = True

    def _read_result(self, path: str, values: Json, role: str) -> ToolResult:
        name = text_at(values, "name", path) or None
        if role == "tool":
            call_id = required_text_at(values, "tool_call_id", path)
        else:
            name = required_text_at(values, "name", path)
            if name not in self._unanswered:
                raise bad_field(within(path, "name"), _("must be a function that was called before"))
            call_id = self._unanswered.pop(name)
        content: Any = self._content(path, values, OF_A_TOOL)
        self._other += leftovers(values, (*EVERYWHERE, "tool_call_id"), path, ECHOED)
        return ToolResult(
            call_id,
            content,
            name=name,
            freeform=call_id in self._freeform,
            cache_ttl=cache_ttl_of(values, path),
            path=path,
        )

    def _read_assistant(self, path: str, values: Json) -> list[Part]:
        """Thoughts, words, what was refused or spoken, images, and last the calls."""
        parts = _read_thoughts(path, values)
        calls = self._read_calls(path, values)
        content = values.get("content")
        if content is not None and not (content in ("", []) and (calls or parts)):
            parts += read_content(content, within(path, "content"), OF_THE_ASSISTANT, self._other)
        if refusal := text_at(values, "refusal", path):
            parts += read_content(
                [{"type": "refusal", "refusal": refusal}], within(path, "refusal"), OF_THE_ASSISTANT, []
            )
        if (audio := object_at(values, "audio", path)) is not None:
            parts.append(_read_spoken(within(path, "audio"), audio))
        parts += [_read_image(place, image) for place, image in objects_at(values, "images", path)]
        signature = _signature(path, values)
        if signature:
            _sign(parts, signature)
        known = (
            *EVERYWHERE,
            *THOUGHTS,
            "refusal",
            "audio",
            "images",
            "tool_calls",
            "function_call",
            "extra_content",
        )
        self._other += leftovers(values, known, path, ECHOED)
        return [*parts, *calls] or [Text("", path=path)]

    def _read_calls(self, path: str, values: Json) -> list[Part]:
        calls: list[Part] = [self._read_call(*call) for call in objects_at(values, "tool_calls", path)]
        if (function := object_at(values, "function_call", path)) is not None:
            here = within(path, "function_call")
            name = required_text_at(function, "name", here)
            self._functions_called += 1
            self._unanswered[name] = f"call_function_{self._functions_called}"
            arguments = text_at(function, "arguments", here) or ""
            calls.append(ToolCall(self._unanswered[name], name, arguments, path=here))
        return calls

    def _read_call(self, path: str, values: Json) -> ToolCall:
        id = required_text_at(values, "id", path)
        kind = one_of_at(values, "type", path, ("function", "custom")) or "function"
        inner, here = required_object_at(values, kind, path), within(path, kind)
        self._other += leftovers(
            values, ("id", "type", "index", kind, "extra_content", *CACHE_MARKS), path, ECHOED
        )
        if kind == "custom":
            self._freeform.add(id)
        return ToolCall(
            id,
            required_text_at(inner, "name", here),
            text_at(inner, "input" if kind == "custom" else "arguments", here) or "",
            freeform=kind == "custom",
            signature=_signature(path, values),
            cache_ttl=cache_ttl_of(values, path),
            path=path,
        )


def _read_thoughts(path: str, values: Json) -> list[Part]:
    for name in ("reasoning_content", "reasoning"):
        text_at(values, name, path)
    for name in ("reasoning_details", "thinking_blocks"):
        objects_at(values, name, path)
    gathering = Gathering()
    for event in thoughts_in(values, THOUGHTS):
        gathering.take(event)
    parts = gathering.reply.choices[0].parts
    named = next((name for name in THOUGHTS if values.get(name)), "")
    for part in parts:
        part.path = within(path, named)
    return parts


def _read_spoken(path: str, audio: Json) -> Audio:
    """A spoken answer, by its id alone, or sent back whole."""
    id, data = required_text_at(audio, "id", path), text_at(audio, "data", path)
    source = Source(base64=checked_base64(data, within(path, "data"))) if data else Source(file_id=id)
    return Audio(source, transcript=text_at(audio, "transcript", path), id=id, path=path)


def _read_image(path: str, values: Json) -> Image:
    image, inner = required_object_at(values, "image_url", path), within(path, "image_url")
    url = required_text_at(image, "url", inner)
    return Image(source_of(url, within(inner, "url"), "image/"), path=path)


def _signature(path: str, values: Json) -> str | None:
    """Gemini's `thoughtSignature`, where Google's compatibility layer has it."""
    extra = object_at(values, "extra_content", path)
    here = within(path, "extra_content")
    google = None if extra is None else object_at(extra, "google", here)
    return None if google is None else text_at(google, "thought_signature", within(here, "google"))


def _sign(parts: list[Part], signature: str) -> None:
    texts = [part for part in parts if isinstance(part, Text)]
    if texts:
        texts[-1].signature = signature
    else:
        parts.append(Text("", signature=signature))
