"""Parts of a message's content, read from a request and written into one."""

from collections.abc import Callable, Mapping
from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import (
    Audio,
    DialectName,
    Document,
    Image,
    Native,
    OtherField,
    Part,
    Reasoning,
    Refusal,
    Source,
    Text,
)
from gateway.dialects.dialect import Loss, bad_field
from gateway.dialects.openai_chat.fields import (
    Json,
    as_object,
    checked_base64,
    leftovers,
    missing,
    object_at,
    one_of_at,
    required_object_at,
    required_text_at,
    text_at,
    within,
)

WEB = ("https://", "http://")
IMAGE_DETAILS = ("low", "high", "auto", "original")
# OpenRouter and LiteLLM mark what shall be kept as Anthropic does; OpenAI has a mark of its own.
CACHE_MARKS = ("cache_control", "prompt_cache_breakpoint")
TEXT_ALONE = ("text",)
OF_THE_USER = ("text", "image_url", "input_audio", "file", "refusal")
OF_A_TOOL = ("text", "image_url", "file")
OF_THE_ASSISTANT = ("text", "refusal", "image_url", "thinking")
# Where a part of a type that is not known here may be one that the upstream knows.
OPEN = (OF_THE_USER, OF_THE_ASSISTANT)
# What a model's sound is called in a request, where its media type has another name.
AUDIO_FORMATS = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mp4": "m4a"}


def read_content(content: object, path: str, kinds: tuple[str, ...], other: list[OtherField]) -> list[Part]:
    """The parts of a content that is a text or a list; what has no place in them is added to `other`."""
    if isinstance(content, str):
        return [Text(content, path=path)]
    if not isinstance(content, list):
        raise bad_field(path, _("expected a string or a list"))
    if not content:
        raise bad_field(path, _("must not be empty"))
    return [_read_part(part, within(path, index), kinds, other) for index, part in enumerate(content)]


def cache_ttl_of(values: Json, path: str) -> str | None:
    """How long the model shall keep what ends here, where that is marked."""
    if (mark := object_at(values, "cache_control", path)) is not None:
        return one_of_at(mark, "ttl", within(path, "cache_control"), ("5m", "1h")) or "5m"
    return None if object_at(values, "prompt_cache_breakpoint", path) is None else "5m"


def source_of(url: str, path: str, media_prefix: str = "") -> Source:
    """Where a web address or data URL points. Raises InvalidRequest for any other."""
    if url.startswith(WEB) and len(url) > len("https://"):
        return Source(url=url)
    head, comma, data = url.partition(",")
    media_type, *settings = head.removeprefix("data:").split(";")
    is_kind = media_type.startswith(media_prefix) and "/" in media_type
    if url.startswith("data:") and comma and is_kind and settings[-1:] == ["base64"]:
        return Source(base64=checked_base64(data, path), media_type=media_type)
    if media_prefix == "image/":
        raise bad_field(path, _("expected an http(s) or data:image/ URL"))
    raise bad_field(path, _("expected an http(s) or base64 data URL"))


def _read_part(value: object, path: str, kinds: tuple[str, ...], other: list[OtherField]) -> Part:
    values = as_object(value, path)
    kind = required_text_at(values, "type", path)
    if kind not in kinds:
        if kinds in OPEN and kind not in _READERS:
            return Native(DialectName.OPENAI_CHAT, dict(values), path=path)
        raise bad_field(within(path, "type"), _("must be one of %(choices)s"), choices=", ".join(kinds))
    part = _READERS[kind](values, path)
    part.cache_ttl, part.path = cache_ttl_of(values, path), path
    known = ("type", kind, *CACHE_MARKS, *_BESIDE.get(kind, ()))
    other += leftovers(values, known, path, ("annotations", "index"))
    return part


def _text(values: Json, path: str) -> Text:
    return Text(required_text_at(values, "text", path, may_be_empty=True))


def _refusal(values: Json, path: str) -> Refusal:
    return Refusal(required_text_at(values, "refusal", path, may_be_empty=True))


def _image(values: Json, path: str) -> Image:
    if isinstance(values.get("image_url"), str):
        return Image(source_of(values["image_url"], within(path, "image_url"), "image/"))
    image, path = required_object_at(values, "image_url", path), within(path, "image_url")
    source = source_of(required_text_at(image, "url", path), within(path, "url"), "image/")
    return Image(source, detail=one_of_at(image, "detail", path, IMAGE_DETAILS))


def _audio(values: Json, path: str) -> Audio:
    audio, path = required_object_at(values, "input_audio", path), within(path, "input_audio")
    data = checked_base64(required_text_at(audio, "data", path), within(path, "data"))
    kind = required_text_at(audio, "format", path)
    return Audio(Source(base64=data, media_type=f"audio/{kind}"), format=kind)


def _file(values: Json, path: str) -> Document:
    file, path = required_object_at(values, "file", path), within(path, "file")
    data, file_id = text_at(file, "file_data", path), text_at(file, "file_id", path)
    name, media_type = text_at(file, "filename", path), text_at(file, "format", path)
    if data and not file_id:
        source = _file_source(data, within(path, "file_data"), name)
    elif file_id and not data:
        # LiteLLM lets an address stand for an id.
        source = Source(url=file_id) if file_id.startswith(WEB) else Source(file_id=file_id)
    elif data:
        raise bad_field(path, _("give either %(one)s or %(other)s"), one="file_data", other="file_id")
    else:
        raise missing(within(path, "file_data"))
    source.media_type = source.media_type or media_type
    return Document(source=source, file_name=name)


def _file_source(data: str, path: str, name: str | None) -> Source:
    if data.startswith(("data:", *WEB)):
        return source_of(data, path)
    is_pdf = (name or "").lower().endswith(".pdf")
    return Source(base64=checked_base64(data, path), media_type="application/pdf" if is_pdf else None)


def _thinking(values: Json, path: str) -> Reasoning:
    """Mistral's thoughts: a text, or a list of texts."""
    said = values.get("thinking")
    if isinstance(said, list):
        pieces = [as_object(each, within(within(path, "thinking"), place)) for place, each in enumerate(said)]
        said = "".join(text_at(each, "text", within(path, "thinking")) or "" for each in pieces)
    elif not isinstance(said, str):
        raise bad_field(within(path, "thinking"), _("expected a string or a list"))
    signature = text_at(values, "signature", path)
    return Reasoning(
        text=said, signature=signature, made_by=DialectName.ANTHROPIC_MESSAGES if signature else None
    )


_READERS: Mapping[str, Callable[[Json, str], Text | Refusal | Image | Audio | Document | Reasoning]] = {
    "text": _text,
    "refusal": _refusal,
    "image_url": _image,
    "input_audio": _audio,
    "file": _file,
    "thinking": _thinking,
}
_BESIDE = {"thinking": ("signature", "closed")}


def data_url(source: Source, default_type: str) -> str:
    """The source as a URL; it has an address or bytes."""
    return source.url or f"data:{source.media_type or default_type};base64,{source.base64}"


def write_part(part: Part, losses: list[Loss]) -> dict[str, Any] | None:
    """The part as a user's content has it; None, with a loss, where there is no way to say it."""
    match part:
        case Text(text=text):
            return {"type": "text", "text": text}
        case Refusal(text=text):
            return {"type": "refusal", "refusal": text}
        case Image(source=source, detail=detail) if source.file_id is None:
            image = {"url": data_url(source, "image/png")} | ({"detail": detail} if detail else {})
            return {"type": "image_url", "image_url": image}
        case Audio(source=Source(base64=str(data), media_type=media_type)):
            kind = (
                part.format
                or AUDIO_FORMATS.get(media_type or "")
                or (media_type or "audio/wav").split("/")[1]
            )
            return {"type": "input_audio", "input_audio": {"data": data, "format": kind}}
        case Document():
            return _write_document(part, losses)
        case Native(dialect=DialectName.OPENAI_CHAT, values=values):
            return dict(values)
    losses.append(Loss(part.path, changes_meaning=True))
    return None


def _write_document(part: Document, losses: list[Loss]) -> dict[str, Any] | None:
    """A file, or a text with its title and what is said about it before it."""
    if part.cites:
        # No server of this dialect cites documents; the answer is the same without.
        losses.append(Loss(part.path, changes_meaning=False))
    if part.text is not None:
        said = [each for each in (part.file_name, part.context, part.text) if each]
        return {"type": "text", "text": "\n\n".join(said)}
    source = part.source
    if source is None or source.base64 is None:
        # OpenAI reads no addresses, and nobody can tell whose an id is.
        losses.append(Loss(part.path, changes_meaning=True))
        return None
    if part.context is not None:
        losses.append(Loss(part.path, changes_meaning=True))
    # OpenAI refuses bytes without a name.
    name = part.file_name or "document.pdf"
    return {"type": "file", "file": {"filename": name, "file_data": data_url(source, "application/pdf")}}
