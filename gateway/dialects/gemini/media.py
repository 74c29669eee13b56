"""Files in Gemini's parts, `inlineData` and `fileData`, and as the inner form has them."""

import binascii
import re
from typing import Any
from urllib.parse import urlsplit

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import Audio, Document, Image, Source
from gateway.dialects.dialect import bad_field
from gateway.dialects.gemini.fields import Fields

Media = Image | Audio | Document
# Files that Google holds: no other provider can fetch them.
_OWN_FILES = ("https://generativelanguage.googleapis.com/", "gs://", "files/")
_VIDEO_HOSTS = ("youtube.com", "youtu.be")
# Where Google looks with the rights of who asks: that is the platform, and not its caller.
_STORES = ("generativelanguage.googleapis.com", "cloud.google.com")
_TYPES_BY_ENDING = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "bmp": "image/bmp",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "json": "application/json",
    "wav": "audio/wav",
    "mp3": "audio/mp3",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "aac": "audio/aac",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
}
# How a file begins, in base64.
_TYPES_BY_START = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "JVBERi0": "application/pdf",
}
# Formats of sound as OpenAI names them, and their media types.
_TYPES_BY_FORMAT = {"pcm16": "audio/pcm", "mp3": "audio/mp3", "wav": "audio/wav"}
_FORMATS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "l16": "pcm16", "pcm": "pcm16", "x-flac": "flac"}
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+\s*(;.*)?")


def media_part(source: Source, path: str = "") -> Media | None:
    """The part that a file of this media type is; None for a film and for what no other dialect knows."""
    kind, _slash, detail = (source.media_type or "").lower().partition("/")
    if kind == "image":
        return Image(source=source, path=path)
    if kind == "audio":
        name = detail.partition(";")[0].strip()
        return Audio(source=source, format=_FORMATS.get(name, name), path=path)
    return Document(source=source, path=path) if kind in ("application", "text") else None


def read_inline_data(blob: Fields) -> Source:
    """The bytes that stand in a request, their base64 in the usual alphabet. Raises InvalidRequest."""
    media_type = blob.required_string("mimeType")
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise bad_field(blob.path_of("mimeType"), _("expected a media type, as in image/png"))
    data = blob.required_string("data")
    if "-" in data or "_" in data:
        data = data.replace("-", "+").replace("_", "/")
    data += "=" * (-len(data) % 4)
    try:
        binascii.a2b_base64(data, strict_mode=True)
    except (binascii.Error, ValueError):
        raise bad_field(blob.path_of("data"), _("expected base64")) from None
    return Source(base64=data, media_type=media_type)


def read_file_data(file: Fields) -> Source:
    """The file that a request points to. Raises InvalidRequest."""
    address = file.required_string("fileUri")
    if not address.startswith((*_OWN_FILES, "https://", "http://")):
        raise bad_field(file.path_of("fileUri"), _("expected an http(s) or gs:// URL"))
    return source_of_uri(address, file.string("mimeType") or None)


def source_of_uri(address: str, media_type: str | None) -> Source:
    if address.startswith(_OWN_FILES):
        return Source(file_id=address, media_type=media_type)
    if media_type is None:
        media_type = "video/mp4" if _host_of(address).endswith(_VIDEO_HOSTS) else type_by_ending(address)
    return Source(url=address, media_type=media_type)


def type_by_ending(address: str) -> str | None:
    try:
        path = urlsplit(address).path
    except ValueError:
        return None
    return _TYPES_BY_ENDING.get(path.rpartition(".")[2].lower())


def _host_of(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").removesuffix(".")
    except ValueError:
        return ""


def media_values(part: Media, source: Source) -> dict[str, Any] | None:
    """The part of Gemini's that holds the file; None for another provider's file.

    Google fetches a public address itself. It wants to know what is there: where neither the caller nor the address
    tells, the commonest type of that kind is said. An image is never told to be a film or a document, which would be
    read as thousands of images; nor is an address given that is looked up in Google's own stores.
    """
    if source.url is not None and source.url.startswith("data:"):
        head, _comma, data = source.url[5:].partition(",")
        source = Source(base64=data, media_type=source.media_type or head.partition(";")[0] or None)
    media_type = source.media_type
    if source.base64 is not None:
        media_type = media_type or _fitting(part, _type_by_start(source.base64))
        return {"inlineData": {"mimeType": media_type, "data": source.base64}}
    address = source.url
    if address is None and source.file_id is not None and source.file_id.startswith(_OWN_FILES):
        address = source.file_id
        return {"fileData": {**({"mimeType": media_type} if media_type else {}), "fileUri": address}}
    if address is None or _host_of(address).endswith((*_VIDEO_HOSTS, *_STORES)):
        return None
    media_type = media_type or _fitting(part, type_by_ending(address))
    return {"fileData": {"mimeType": media_type, "fileUri": address}}


def _fitting(part: Media, media_type: str | None) -> str:
    """The type where the part can be of it, else the commonest of the part's kind."""
    if media_type is None or (isinstance(part, Image) and not media_type.startswith("image/")):
        return _usual_type(part)
    return media_type


def _usual_type(part: Media) -> str:
    if isinstance(part, Audio):
        sound_format = part.format or "wav"
        return _TYPES_BY_FORMAT.get(sound_format, f"audio/{sound_format}")
    return "image/jpeg" if isinstance(part, Image) else "application/pdf"


def _type_by_start(data: str) -> str | None:
    return next((kind for start, kind in _TYPES_BY_START.items() if data.startswith(start)), None)
