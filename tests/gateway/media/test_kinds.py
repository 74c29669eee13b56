"""Types told by bytes."""

import media_files as made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.kinds import AUDIO_KINDS, EXTENSIONS, IMAGE_KINDS, kind_of, looks_like

KNOWN = [
    (made.wav(), "audio/wav"),
    (b"RF64" + made.wav()[4:], "audio/wav"),
    (made.mp3(3), "audio/mpeg"),
    (made.mp3(3, tag=b"ID3\x04\x00\x00\x00\x00\x00\x00"), "audio/mpeg"),
    (made.flac(1), "audio/flac"),
    (made.opus(48_000), "audio/ogg"),
    (made.m4a(1), "audio/mp4"),
    (b"\x1a\x45\xdf\xa3" + bytes(60), "audio/webm"),
    (b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(60), "audio/aac"),
    (made.png(1, 1), "image/png"),
    (made.jpeg(1, 1), "image/jpeg"),
    (made.gif(1, 1), "image/gif"),
    (made.webp(1, 1, b"VP8X"), "image/webp"),
]
UNKNOWN = [
    b"",
    b"%PDF-1.7\n" + bytes(60),
    b"plain text that goes on for a while",
    b"<!doctype html><html></html>",
    b"PK\x03\x04" + bytes(60),
    b"\xff\xfe" + "utf-16 text".encode("utf-16-le"),
    b"RIFF\x00\x00\x00\x00AVI " + bytes(40),
]


@pytest.mark.parametrize(("data", "kind"), KNOWN, ids=[kind for _, kind in KNOWN])
def test_kinds_are_told_by_their_first_bytes(data: bytes, kind: str) -> None:
    assert kind_of(data[:64]) == kind
    assert looks_like(kind, data[:64])


@pytest.mark.parametrize("data", UNKNOWN, ids=range(len(UNKNOWN)))
def test_anything_else_is_nothing_to_us(data: bytes) -> None:
    assert kind_of(data[:64]) is None


@given(st.binary(max_size=64))
def test_any_bytes_are_looked_at_without_trouble(head: bytes) -> None:
    assert kind_of(head) in {None, *EXTENSIONS}


def test_every_kind_has_an_extension() -> None:
    assert set(EXTENSIONS) == AUDIO_KINDS | IMAGE_KINDS


def test_an_answer_must_look_like_what_it_is_announced_as() -> None:
    assert not looks_like("audio/wav", b"garbage garbage garbage")
    assert not looks_like("image/png", made.jpeg(1, 1)[:64])
    assert looks_like("audio/x-wav; codecs=1", made.wav()[:64])
    assert looks_like("audio/pcm", bytes(64)), "raw samples have no signature"
    assert looks_like("audio/wav", b"RI"), "too little to tell"
