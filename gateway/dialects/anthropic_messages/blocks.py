"""Reads the content blocks of a caller's request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import orjson

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.anthropic_messages.citations import read_citation
from gateway.dialects.anthropic_messages.fields import Fields
from gateway.dialects.anthropic_messages.sources import (
    read_document_source,
    read_image_source,
    source_texts,
)
from gateway.dialects.anthropic_messages.thoughts import read_thinking
from gateway.dialects.conversation import (
    Citation,
    DialectName,
    Document,
    Image,
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

# What only one of the roles can say.
_OF_ROLE = {
    "tool_result": Role.USER,
    "tool_use": Role.ASSISTANT,
    "thinking": Role.ASSISTANT,
    "redacted_thinking": Role.ASSISTANT,
}
TTLS = ("5m", "1h")


@dataclass(slots=True)
class BlockReader:
    """Reads blocks, and keeps in `other` what the inner form has no place for."""

    other: list[OtherField] = field(default_factory=list)

    def read_content(self, message: Fields, role: Role) -> list[Part]:
        """What a message says. Empty texts are refused as Anthropic does. Raises InvalidRequest."""
        content = message.values.get("content")
        path = message.at("content")
        if isinstance(content, str):
            return [Text(content, path=path)] if content else []
        if content is None:
            raise bad_field(path, _("this field is required"))
        if not isinstance(content, list):
            raise bad_field(path, _("expected a string or a list"))
        return [self._read(Fields.of(each, f"{path}.{index}"), role) for index, each in enumerate(content)]

    def read_texts(self, owner: Fields, name: str) -> list[Part]:
        """A field that is a string or text blocks, without the empty ones. Raises InvalidRequest."""
        content = owner.values.get(name)
        path = owner.at(name)
        if content is None or isinstance(content, str):
            return [Text(content, path=path)] if content else []
        if not isinstance(content, list):
            raise bad_field(path, _("expected a string or a list"))
        blocks = [Fields.of(each, f"{path}.{index}") for index, each in enumerate(content)]
        for block in blocks:
            block.required_choice("type", ("text",))
        return [self._text(block) for block in blocks if block.values.get("text") != ""]

    def cache_ttl(self, owner: Fields) -> str | None:
        """How long what ends here is to be kept: five minutes unless it says an hour. Raises InvalidRequest."""
        mark = owner.object("cache_control")
        if mark is None:
            return None
        mark.required_choice("type", ("ephemeral",))
        # Whose the kept text is, as in Claude Code's `scope`, changes no answer.
        self.other += mark.others(("type", "ttl"), harmless=True)
        return mark.choice("ttl", TTLS) or "5m"

    def _read(self, block: Fields, role: Role) -> Part:
        kind = block.required_text("type")
        if _OF_ROLE.get(kind, role) is not role:
            raise bad_field(
                block.at("type"),
                _("%(kind)s is said by the %(role)s only"),
                kind=kind,
                role=_OF_ROLE[kind].value,
            )
        reader = _READERS.get(kind)
        part = reader(self, block) if reader else None
        return self._native(block) if part is None else part

    def _native(self, block: Fields) -> Native:
        return Native(DialectName.ANTHROPIC_MESSAGES, block.values, path=block.path)

    def _keep_others(self, block: Fields, *known: str) -> None:
        self.other += block.others(("type", "cache_control", *known))

    def _text(self, block: Fields) -> Text:
        text = block.name("text")
        self._keep_others(block, "text", "citations")
        return Text(text, _citations(block), cache_ttl=self.cache_ttl(block), path=block.path)

    def _image(self, block: Fields) -> Image:
        self._keep_others(block, "source")
        return Image(read_image_source(block), cache_ttl=self.cache_ttl(block), path=block.path)

    def _document(self, block: Fields) -> Document | None:
        """A document; None for one with images in it."""
        source = block.required_object("source")
        kind = source.required_choice("type", ("base64", "url", "file", "text", "content"))
        document = Document(
            file_name=block.text("title"),
            context=block.text("context"),
            cites=self._cites(block),
            path=block.path,
        )
        if kind == "text":
            document.text = source.required_text("data")
        elif kind == "content":
            texts = source_texts(source.values, source.path)
            if texts is None:
                return None
            document.text = "\n\n".join(texts)
        else:
            document.source = read_document_source(source, kind)
        document.cache_ttl = self.cache_ttl(block)
        self._keep_others(block, "source", "title", "context", "citations")
        return document

    def _search_result(self, block: Fields) -> Document:
        """A page that was found, as a document: its address is told as the context."""
        texts = [part.text for part in self.read_texts(block, "content") if isinstance(part, Text)]
        self._keep_others(block, "content", "source", "title", "citations")
        return Document(
            text="\n\n".join(texts),
            file_name=block.required_text("title"),
            context=block.required_text("source"),
            cites=self._cites(block),
            cache_ttl=self.cache_ttl(block),
            path=block.path,
        )

    def _cites(self, block: Fields) -> bool:
        citations = block.object("citations")
        return citations is not None and citations.flag("enabled") is True

    def _tool_use(self, block: Fields) -> ToolCall | None:
        """A call; None for one that a program of the provider's made."""
        call = ToolCall(
            block.name("id"),
            block.name("name"),
            _json_text(block.required_object("input")),
            cache_ttl=self.cache_ttl(block),
            path=block.path,
        )
        if block.values.get("caller") not in (None, {"type": "direct"}):
            return None
        self._keep_others(block, "id", "name", "input", "caller")
        return call

    def _tool_result(self, block: Fields) -> ToolResult | None:
        """What a tool gave back; None where it has what only Anthropic knows."""
        call_id = block.name("tool_use_id")
        is_error = block.flag("is_error") or False
        content = block.values.get("content")
        parts = self.read_content(block, Role.USER) if content not in (None, "", []) else []
        parts = [self._found_tool(part) or part for part in parts]
        told = [part for part in parts if isinstance(part, Text | Image | Document)]
        if len(told) < len(parts):
            return None
        self._keep_others(block, "tool_use_id", "content", "is_error")
        return ToolResult(call_id, told, is_error, cache_ttl=self.cache_ttl(block), path=block.path)

    def _found_tool(self, part: Part) -> Text | None:
        """The name of a tool that the caller's own search has found; None for any other part.

        The model is to be told of its definition from here on. In other dialects it has been told of all of them.
        """
        if not isinstance(part, Native) or part.values.get("type") != "tool_reference":
            return None
        self.other.append(OtherField(part.path, part.values, is_harmless=True))
        return Text(Fields(part.values, part.path).name("tool_name"), path=part.path)

    def _thinking(self, block: Fields) -> Reasoning:
        thought = read_thinking(block.required_text("thinking"), block.required_text("signature"))
        thought.path = block.path
        self._keep_others(block, "thinking", "signature")
        return thought

    def _redacted_thinking(self, block: Fields) -> Reasoning:
        self._keep_others(block, "data")
        return Reasoning(
            encrypted=block.required_text("data"), made_by=DialectName.ANTHROPIC_MESSAGES, path=block.path
        )


def _citations(block: Fields) -> list[Citation]:
    citations = block.items("citations") or []
    return [
        read_citation(Fields.of(each, f"{block.path}.citations.{n}").values)
        for n, each in enumerate(citations)
    ]


def _json_text(given: Fields) -> str:
    try:
        return orjson.dumps(given.values).decode()
    except TypeError:
        # A number or a depth that JSON can say and no writer of it takes.
        raise bad_field(given.path, _("expected JSON that can be written again")) from None


_READERS: Mapping[str, Callable[[BlockReader, Fields], Part | None]] = {
    "text": BlockReader._text,
    "image": BlockReader._image,
    "document": BlockReader._document,
    "search_result": BlockReader._search_result,
    "tool_use": BlockReader._tool_use,
    "tool_result": BlockReader._tool_result,
    "thinking": BlockReader._thinking,
    "redacted_thinking": BlockReader._redacted_thinking,
}
