"""A result is what its bytes say; its server's word decides only between kinds that start alike."""

import pytest

from gateway.results.sniffing import UNKNOWN, content_type_of, extension_of


def box(brand: bytes) -> bytes:
    return b"\0\0\0\x20ftyp" + brand + b"\0\0\2\0" * 4


@pytest.mark.parametrize(
    ("head", "announced", "expected", "extension"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 8, "text/html", "image/png", "png"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 12, "", "image/jpeg", "jpg"),
        (box(b"isom"), "video/mp4", "video/mp4", "mp4"),
        (box(b"isom"), "", "video/mp4", "mp4"),
        (box(b"isom"), "audio/x-m4a; q=1", "audio/mp4", "m4a"),
        (box(b"M4A "), "video/mp4", "audio/mp4", "m4a"),
        (box(b"qt  "), "", "video/quicktime", "mov"),
        (box(b"avif"), "", "image/avif", "avif"),
        (b"\x1a\x45\xdf\xa3" + b"\0" * 12, "video/webm", "video/webm", "webm"),
        (b"\x1a\x45\xdf\xa3" + b"\0" * 12, "audio/webm", "audio/webm", "webm"),
        (b"ID3\4" + b"\0" * 12, "", "audio/mpeg", "mp3"),
        (b"RIFF\0\0\0\0WAVEfmt ", "", "audio/wav", "wav"),
        (b"<!doctype html><script>", "image/png", UNKNOWN, "bin"),
        (b"<svg onload=x>", "image/svg+xml", UNKNOWN, "bin"),
        (b"%PDF-1.7", "application/pdf", UNKNOWN, "bin"),
        (b"", "image/png", UNKNOWN, "bin"),
    ],
)
def test_the_first_bytes_decide(head: bytes, announced: str, expected: str, extension: str) -> None:
    assert content_type_of(head, announced) == expected
    assert extension_of(expected) == extension
