"""Where the bytes of images and documents are, as Anthropic writes it."""

import binascii
from collections.abc import Mapping
from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.anthropic_messages.fields import Fields
from gateway.dialects.conversation import Document, Image, Source
from gateway.dialects.dialect import bad_field

IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
PDF = "application/pdf"

# How the base64 of an image begins, where nobody said what it is.
_IMAGE_BEGINNINGS = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
}


def read_image_source(block: Fields) -> Source:
    """The source of an image block. Raises InvalidRequest."""
    source = block.required_object("source")
    kind = source.required_choice("type", ("base64", "url", "file"))
    if kind == "base64":
        media_type = source.required_choice("media_type", IMAGE_TYPES)
        return Source(base64=_base64_of(source), media_type=media_type)
    return _remote_source(source, kind)


def read_document_source(source: Fields, kind: str) -> Source:
    """The source of a document block of `kind` base64, url or file. Raises InvalidRequest."""
    if kind == "base64":
        source.required_choice("media_type", (PDF,))
        return Source(base64=_base64_of(source), media_type=PDF)
    return _remote_source(source, kind)


def _remote_source(source: Fields, kind: str) -> Source:
    if kind == "file":
        return Source(file_id=source.name("file_id"))
    url = source.name("url")
    if not url.startswith(("https://", "http://")):
        raise bad_field(source.at("url"), _("expected an http(s) URL"))
    return Source(url=url)


def _base64_of(source: Fields) -> str:
    data = source.name("data")
    if decoded(data) is None:
        raise bad_field(source.at("data"), _("expected base64"))
    return data


def decoded(data: str) -> bytes | None:
    """The bytes of a base64 text; None where it is none."""
    try:
        return binascii.a2b_base64(data, strict_mode=True) or None
    except ValueError:
        return None


def write_image(image: Image) -> dict[str, Any] | None:
    """An image block without its cache mark; None where Anthropic takes no such image."""
    source = _unpacked(image.source)
    if source.base64 is not None:
        media_type = source.media_type or _image_type_of(source.base64)
        if media_type == "image/jpg":
            media_type = "image/jpeg"
        if media_type not in IMAGE_TYPES:
            return None
        return {"type": "image", "source": _base64_source(media_type, source.base64)}
    if source.url is not None:
        return {"type": "image", "source": {"type": "url", "url": source.url}}
    return None


def write_document(document: Document) -> dict[str, Any] | None:
    """A document block without its cache mark; None where Anthropic takes no such file."""
    source = _document_source(document)
    if source is None:
        return None
    block: dict[str, Any] = {"type": "document", "source": source}
    if document.file_name is not None:
        block["title"] = document.file_name
    if document.context is not None:
        block["context"] = document.context
    if document.cites:
        block["citations"] = {"enabled": True}
    return block


def _document_source(document: Document) -> dict[str, Any] | None:
    if document.text is not None:
        return _text_source(document.text)
    if document.source is None:
        return None
    source = _unpacked(document.source)
    media_type = source.media_type or PDF
    if source.base64 is not None:
        if media_type == PDF:
            return _base64_source(PDF, source.base64)
        text = _text_in(media_type, source.base64)
        return None if text is None else _text_source(text)
    if source.url is not None and media_type == PDF:
        return {"type": "url", "url": source.url}
    return None


def _text_source(text: str) -> dict[str, Any]:
    return {"type": "text", "media_type": "text/plain", "data": text}


def _base64_source(media_type: str, data: str) -> dict[str, Any]:
    return {"type": "base64", "media_type": media_type, "data": data}


def _text_in(media_type: str, data: str) -> str | None:
    """What a file of text says: Anthropic takes its words instead of its bytes."""
    if not media_type.startswith("text/") and media_type != "application/json":
        return None
    content = decoded(data)
    if content is None:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _unpacked(source: Source) -> Source:
    """A data URL as the base64 that is in it."""
    if source.url is None or not source.url.startswith("data:"):
        return source
    head, _comma, data = source.url.removeprefix("data:").partition(",")
    media_type, *flags = head.split(";")
    return Source(base64=data, media_type=media_type or source.media_type) if "base64" in flags else Source()


def _image_type_of(data: str) -> str | None:
    return next((kind for beginning, kind in _IMAGE_BEGINNINGS.items() if data.startswith(beginning)), None)


def source_texts(source: Mapping[str, Any], path: str) -> list[str] | None:
    """The texts of a document that is made of blocks; None where one of them is an image. Raises InvalidRequest."""
    content = source.get("content")
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        raise bad_field(f"{path}.content", _("expected a string or a list"))
    texts = []
    for index, each in enumerate(content):
        block = Fields.of(each, f"{path}.content.{index}")
        if block.required_text("type") != "text":
            return None
        texts.append(block.required_text("text"))
    return texts
