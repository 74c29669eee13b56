"""The kind of a result, by its first bytes. Its server's Content-Type only decides between kinds that start alike."""

from gateway.media.kinds import EXTENSIONS, SAME_AS, kind_of

HEAD_BYTES = 64
UNKNOWN = "application/octet-stream"
_VIDEO_EXTENSIONS = {"video/mp4": "mp4", "video/webm": "webm", "video/quicktime": "mov"}
_IMAGE_EXTENSIONS = {"image/avif": "avif"}
_ALL_EXTENSIONS = {**EXTENSIONS, **_VIDEO_EXTENSIONS, **_IMAGE_EXTENSIONS, UNKNOWN: "bin"}
# Containers of both pictures and sound, by the name `kind_of` has for them: which of the two cannot be seen.
_MAY_BE_VIDEO = {"audio/webm": "video/webm", "audio/mp4": "video/mp4"}
_BRANDS = {b"M4A ": "audio/mp4", b"M4B ": "audio/mp4", b"qt  ": "video/quicktime", b"avif": "image/avif"}


def content_type_of(head: bytes, announced: str) -> str:
    """The media type to serve a file under; never one that a browser runs or renders as a page."""
    if head[4:8] == b"ftyp" and head[8:12] in _BRANDS:
        return _BRANDS[head[8:12]]
    kind = kind_of(head)
    if kind is None:
        return UNKNOWN
    if kind in _MAY_BE_VIDEO:
        said = announced.partition(";")[0].strip().lower()
        return kind if SAME_AS.get(said, said) == kind else _MAY_BE_VIDEO[kind]
    return kind


def extension_of(content_type: str) -> str:
    """The file name's ending for a type that `content_type_of` gives."""
    return _ALL_EXTENSIONS[content_type]


def harmless_type(announced: str) -> str:
    """What a server calls a file, where that is one of the types that `content_type_of` gives; UNKNOWN otherwise."""
    said = announced.partition(";")[0].strip().lower()
    said = SAME_AS.get(said, said)
    return said if said in _ALL_EXTENSIONS else UNKNOWN
