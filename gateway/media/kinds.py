"""What a file really is, by its first bytes: never by its name or by what its sender calls it.

Only what the endpoints take is known; everything else is nothing to us.
"""

HEAD_BYTES = 64
AUDIO_KINDS = frozenset(
    {
        "audio/wav",
        "audio/mpeg",
        "audio/flac",
        "audio/ogg",
        "audio/mp4",
        "audio/webm",
        "audio/aac",
    }
)
IMAGE_KINDS = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
EXTENSIONS = {
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/mp4": "m4a",
    "audio/webm": "webm",
    "audio/aac": "aac",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
}
# Other names under which servers announce a kind.
SAME_AS = {
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/mp3": "audio/mpeg",
    "audio/x-mp3": "audio/mpeg",
    "audio/x-flac": "audio/flac",
    "audio/opus": "audio/ogg",
    "application/ogg": "audio/ogg",
    "audio/m4a": "audio/mp4",
    "audio/x-m4a": "audio/mp4",
    "audio/x-aac": "audio/aac",
    "audio/aacp": "audio/aac",
    "image/jpg": "image/jpeg",
}
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\x1a\x45\xdf\xa3", "audio/webm"),
)


def kind_of(head: bytes) -> str | None:
    """The file's media type from its first HEAD_BYTES, or None for what no endpoint takes."""
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return "audio/mp4"
    if len(head) >= 4 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return _mpeg_frame_kind(head)
    return None


def _mpeg_frame_kind(head: bytes) -> str | None:
    """MP3 and AAC share their first eleven bits; the layer tells them apart (0: AAC, 1: MP3)."""
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if layer == 0:
        return "audio/aac" if head[1] & 0xF0 == 0xF0 and head[2] >> 2 & 0xF < 13 else None
    plausible = layer == 1 and version != 1 and head[2] >> 4 not in (0, 15) and head[2] >> 2 & 3 != 3
    return "audio/mpeg" if plausible else None


def looks_like(content_type: str, head: bytes) -> bool:
    """Whether an answer's first bytes can be what it is announced as.

    True for types without a signature, such as raw samples, and where too little has come to tell.
    """
    announced = content_type.partition(";")[0].strip().lower()
    announced = SAME_AS.get(announced, announced)
    if announced not in EXTENSIONS or len(head) < 12:
        return True
    return kind_of(head) == announced
