"""Lengths read from the files' own structure."""

import io
import struct

import media_files as made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.audio_length import BrokenSound, sound_ms
from gateway.media.kinds import AUDIO_KINDS, kind_of

LIST_CHUNK = b"LIST" + struct.pack("<I", 5) + b"INFOx" + b"\x00"
LENGTHS = {
    "wav": (made.wav(1_500), 1_500),
    "wav of 24 bits": (made.wav(250, rate=48_000, bits=24, channels=2), 250),
    "wav with a list before": (made.wav(700, before=LIST_CHUNK), 700),
    "wav of a stream": (made.wav(900, data_size=0xFFFFFFFF), 900),
    "flac": (made.flac(24_000), 1_500),
    "opus": (made.opus(48_000 + 312), 1_000),
    "vorbis": (made.vorbis(44_100 * 3), 3_000),
    "m4a": (made.m4a(4_321), 4_321),
    "m4a, header first": (made.m4a(4_321, moov_last=False), 4_321),
    "m4a, large numbers": (made.m4a(4_321, version=1), 4_321),
    "mp3": (made.mp3(125), 3_000),
    "mp3 with tags": (made.mp3(125, tag=b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128)) + b"TAG" + bytes(125), 3_000),
    "mp3 with an index": (made.mp3_with_index(1_000), 26_123),
}  # fmt: skip


@pytest.mark.parametrize("name", LENGTHS)
def test_the_length_is_read_from_the_file(name: str) -> None:
    data, expected_ms = LENGTHS[name]

    assert measured(data) == expected_ms


def test_a_long_mp3_is_measured_from_its_first_frames() -> None:
    assert measured(made.mp3(10_000)) == 240_000


@pytest.mark.parametrize(
    "data",
    [
        made.wav()[:-100],
        made.wav()[:30],
        made.wav()[:44],
        made.wav(data_size=10_000_000),
        made.wav(rate=0),
        made.flac(1)[:20],
    ],
    ids=["cut in its sound", "cut in its header", "no sound", "lying", "no rate", "flac"],
)
def test_a_cut_file_is_broken(data: bytes) -> None:
    with pytest.raises(BrokenSound):
        measured(data)


def test_what_does_not_tell_has_no_length() -> None:
    assert measured(b"\x1a\x45\xdf\xa3" + bytes(100)) is None
    assert measured(made.flac(0)) is None
    assert measured(made.ogg_page(5, b"Speex   " + bytes(60))) is None
    assert measured(b"ID3\x04\x00\x00\x00\x00\x00\x10" + bytes(100)) is None


@given(st.sampled_from(sorted(LENGTHS)), st.data())
def test_no_damage_does_more_than_break_a_file(name: str, data: st.DataObject) -> None:
    damaged = bytearray(LENGTHS[name][0])
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, min(len(damaged), 600) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    if kind_of(cut[:64]) in AUDIO_KINDS:
        try:
            length_ms = measured(cut)
        except BrokenSound:
            return
        assert length_ms is None or length_ms >= 0


def measured(data: bytes) -> int | None:
    kind = kind_of(data[:64])
    assert kind is not None
    return sound_ms(io.BytesIO(data), kind, len(data))
