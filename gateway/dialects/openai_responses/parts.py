"""What is in a message or in a tool's result: texts, images, files and sounds, both ways."""

import re
from collections.abc import Mapping
from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import Audio, Document, Image, Part, Refusal, Role, Source, Text
from gateway.dialects.dialect import Loss, bad_field
from gateway.dialects.openai_responses.annotations import read_annotations, write_annotation
from gateway.dialects.openai_responses.fields import Fields

MOST_PARTS = 10_000
_INPUT_KINDS = ("input_text", "input_image", "input_file")
_KINDS = (*_INPUT_KINDS, "input_audio", "output_text", "refusal")
_DETAILS = ("low", "high", "auto", "original")
_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^,]*)?;base64,", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_HTTP = ("http://", "https://")
# OpenAI caches of itself; a breakpoint asks for no certain time, and other providers' shortest is what theirs mean.
_BREAKPOINT_TTL = "5m"
_FILE_NAMES = {"application/pdf": "document.pdf", "text/plain": "document.txt"}


def read_content(message: Fields, role: Role) -> list[Part]:
    """The parts of a message. Raises InvalidRequest."""
    content = message.values.get("content")
    if content is None:
        raise bad_field(message.at("content"), _("this field is required"))
    if isinstance(content, str):
        return [Text(content, path=message.at("content"))]
    if not isinstance(content, list):
        raise bad_field(message.at("content"), _("expected a string or a list"))
    # A model may have answered with nothing.
    if not content and role is not Role.ASSISTANT:
        raise bad_field(message.at("content"), _("must not be empty"))
    return [_read_part(part, _KINDS) for part in message.objects("content", MOST_PARTS)]


def read_output(result: Fields) -> list[Text | Image | Document]:
    """What a tool gave back: a text or a list of parts. Raises InvalidRequest."""
    output = result.values.get("output")
    if output is None:
        raise bad_field(result.at("output"), _("this field is required"))
    if isinstance(output, str):
        return [Text(output, path=result.at("output"))]
    if not isinstance(output, list):
        raise bad_field(result.at("output"), _("expected a string or a list"))
    parts = [_read_part(part, _INPUT_KINDS) for part in result.objects("output", MOST_PARTS)]
    return [part for part in parts if isinstance(part, Text | Image | Document)]


def _read_part(part: Fields, kinds: tuple[str, ...]) -> Part:
    kind = part.choice("type", kinds)
    if kind is None:
        raise bad_field(part.at("type"), _("this field is required"))
    cache_ttl = None
    if part.object("prompt_cache_breakpoint") is not None:
        cache_ttl = _BREAKPOINT_TTL
    match kind:
        case "input_text":
            part.set_aside_unknown(("type", "text", "prompt_cache_breakpoint"))
            return Text(part.required_text("text"), cache_ttl=cache_ttl, path=part.path)
        case "output_text":
            # The log probabilities of an earlier answer tell a model nothing.
            part.set_aside_unknown(("type", "text", "annotations", "logprobs", "parsed"))
            annotations = [each.values for each in part.objects("annotations", MOST_PARTS)]
            return Text(part.required_text("text"), read_annotations(annotations), path=part.path)
        case "refusal":
            part.set_aside_unknown(("type", "refusal"))
            return Refusal(part.required_text("refusal"), path=part.path)
        case "input_image":
            part.set_aside_unknown(("type", "image_url", "file_id", "detail", "prompt_cache_breakpoint"))
            detail = part.choice("detail", _DETAILS)
            return Image(_read_image(part), detail, cache_ttl=cache_ttl, path=part.path)
        case "input_audio":
            part.set_aside_unknown(("type", "input_audio"))
            return _read_audio(part)
    return _read_file(part, cache_ttl)


def _read_image(part: Fields) -> Source:
    given = _given(part, ("image_url", "file_id"))
    if given == "file_id":
        return Source(file_id=part.name("file_id"))
    url = part.name("image_url")
    if url.startswith(_HTTP):
        return Source(url=url)
    match = _DATA_URL.match(url)
    if match is None or not match[1].lower().startswith("image/"):
        raise bad_field(part.at("image_url"), _("expected an http(s) or data:image/ URL"))
    return _held(url[match.end() :], match[1].lower(), part.at("image_url"))


def _read_file(part: Fields, cache_ttl: str | None) -> Document:
    names = ("type", "file_data", "file_url", "file_id", "filename", "detail", "prompt_cache_breakpoint")
    part.set_aside_unknown(names)
    # How finely pages are looked at; nobody else can be told.
    part.set_aside("detail", harmless=True, nothing=("auto",))
    file_name = part.text("filename")
    given = _given(part, ("file_data", "file_url", "file_id"))
    value = part.name(given)
    if given == "file_id":
        source = Source(file_id=value)
    elif given == "file_url":
        if not value.startswith(_HTTP):
            raise bad_field(part.at(given), _("expected an http(s) URL"))
        source = Source(url=value)
    elif (match := _DATA_URL.match(value)) is not None:
        source = _held(value[match.end() :], match[1].lower() or None, part.at(given))
    else:
        is_pdf = file_name is not None and file_name.lower().endswith(".pdf")
        source = _held(value, "application/pdf" if is_pdf else None, part.at(given))
    return Document(source, file_name=file_name, cache_ttl=cache_ttl, path=part.path)


def _read_audio(part: Fields) -> Audio:
    audio = part.required_object("input_audio")
    audio.set_aside_unknown(("data", "format"))
    kind = audio.name("format")
    return Audio(_held(audio.name("data"), f"audio/{kind}", audio.at("data")), kind, path=part.path)


def _given(part: Fields, names: tuple[str, ...]) -> str:
    """Which of these fields is given. Raises InvalidRequest unless it is exactly one."""
    given = [name for name in names if part.text(name) is not None]
    if not given:
        raise bad_field(part.at(names[0]), _("this field is required"))
    if len(given) > 1:
        raise bad_field(part.path, _("give either %(one)s or %(other)s"), one=given[0], other=given[1])
    return given[0]


def _held(data: str, media_type: str | None, path: str) -> Source:
    if not _BASE64.fullmatch(data) or len(data.rstrip("=")) % 4 == 1:
        raise bad_field(path, _("expected base64"))
    return Source(base64=data, media_type=media_type)


def write_input_part(part: Part, losses: list[Loss]) -> dict[str, Any] | None:
    """A part of what a user says or a tool gave back; None, with its loss, for what cannot be said there."""
    if part.cache_ttl is not None:
        # OpenAI finds what to keep by itself.
        losses.append(Loss(part.path, changes_meaning=False))
    match part:
        case Text():
            note_lost_proof(part, losses)
            return {"type": "input_text", "text": part.text}
        case Image(source=source):
            detail = {} if part.detail is None else {"detail": part.detail}
            if source.file_id is not None:
                return {"type": "input_image", "file_id": source.file_id, **detail}
            return {"type": "input_image", "image_url": url_of(source, "image/png"), **detail}
        case Audio(source=source) if source.base64 is not None:
            kind = part.format or (source.media_type or "").rpartition("/")[2] or "wav"
            return {"type": "input_audio", "input_audio": {"data": source.base64, "format": kind}}
        case Document():
            return _write_document(part, losses)
        case Refusal(text=text):
            return {"type": "input_text", "text": text}
    losses.append(Loss(part.path, changes_meaning=True))
    return None


def write_output_part(part: Text | Refusal, losses: list[Loss]) -> dict[str, Any]:
    """A part of what the model has said before."""
    if part.cache_ttl is not None:
        losses.append(Loss(part.path, changes_meaning=False))
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    note_lost_proof(part, losses)
    annotations = [write_annotation(each, len(part.text)) for each in part.citations]
    told = [each for each in annotations if each is not None]
    if len(told) < len(annotations):
        losses.append(Loss(part.path, changes_meaning=False))
    return {"type": "output_text", "text": part.text, "annotations": told}


def note_lost_proof(part: Text, losses: list[Loss]) -> None:
    """A signature is another provider's: the model needs none of it to go on."""
    if part.signature is not None:
        losses.append(Loss(part.path, changes_meaning=False))


def url_of(source: Source, media_type: str) -> str:
    """Where the bytes are, or the bytes themselves as a data URL."""
    if source.base64 is None:
        return source.url or ""
    return f"data:{source.media_type or media_type};base64,{source.base64}"


def _write_document(part: Document, losses: list[Loss]) -> dict[str, Any]:
    if part.cites:
        # The answer is the same, without its references.
        losses.append(Loss(part.path, changes_meaning=False))
    if part.source is None:
        said = (part.file_name, part.context, part.text)
        return {"type": "input_text", "text": "\n\n".join(text for text in said if text)}
    if part.context is not None:
        losses.append(Loss(part.path, changes_meaning=True))
    source, written = part.source, {"type": "input_file"}
    if part.file_name is not None:
        written["filename"] = part.file_name
    if source.file_id is not None:
        return written | {"file_id": source.file_id}
    if source.base64 is None:
        return written | {"file_url": source.url or ""}
    # Its bytes need a name, which is told to the model.
    written.setdefault("filename", _FILE_NAMES.get(source.media_type or "", "document"))
    data = source.base64 if source.media_type is None else url_of(source, source.media_type)
    return written | {"file_data": data}


def text_of(part: Mapping[str, Any], name: str) -> str:
    """A text of an upstream's part; empty where it is none."""
    value = part.get(name)
    return value if isinstance(value, str) else ""
