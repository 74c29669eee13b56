"""Lengths read from the files' own structure."""

import io
import struct
import time

import media_files as made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.audio_length import BrokenSound, SoundLength, sound_length
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
    "aac": (made.adts(50), 3_200),
    "m4a in fragments": (made.fragmented_m4a(4, 25), 6_400),
    "webm of a recorder": (made.webm(150), 3_000),
    "webm with a duration": (made.webm(150, duration_ms=2_990.0), 2_990),
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


# A tag of sixteen bytes begins.
TAG = b"ID3\x04\x00\x00\x00\x00\x00\x10"
# An element of nothing, which says that it is larger than the file.
VOID_TO_THE_END = made.element("ec", b"", size=b"\x01\x00\x00\x00\x7f\xff\xff\xff")
# A header that states less than what the file plays, and what a decoder makes of it, in milliseconds.
LIES = {
    "a FLAC that states 160 samples": (made.flac(160, played=20_000_000), 1_250_000),
    "the same behind a tag": (TAG + bytes(16) + made.flac(160, played=1_600_000), 100_000),
    "two FLAC files": (made.flac(160) + made.flac(160, played=1_600_000), 100_010),
    "a FLAC behind other bytes": (made.flac(0) + bytes(300_000) + made.flac_frames(1_600_000), 100_000),
    "an M4A that states a second": (made.m4a(1_000, played_ms=600_000), 600_000),
    "an M4A that is played again and again": (made.m4a(10_000, edits=50), 500_000),
    "an M4A in fragments": (made.fragmented_m4a(1_000, 25), 1_600_000),
    "two M4A files": (made.m4a(64) + made.m4a(64, played_ms=640_000), 640_000),
    "an OGG whose last page states nothing": (made.opus(312, packets=30_000), 600_000),
    "two OGG files": (made.opus(3_000_000) + made.opus(960, packets=5_000, serial=2), 162_500),
    "two OGG streams of one number": (made.opus(960, packets=5_000) + made.opus(960, packets=5_000), 200_000),
    "an OGG within a damaged page": (made.opus(960) + b"OggS\x00" + made.opus(960, packets=100)[4:] * 2, 4_000),
    "an MP3 whose index states three frames": (made.mp3_with_index(3, played=20_000), 522_448),
    "two MP3 files": (made.mp3_with_index(3, played=3) + b"ID3" + bytes(100) + made.mp3(10_000), 240_078),
    "an MP3 behind a tag of rubbish": (TAG + b"\xff" * 16 + made.mp3(1_000), 24_000),
    "a WAV with a second chunk of sound": (made.wav(100) + made.wav(20_000)[36:], 20_100),
    "a WebM that states ten milliseconds": (made.webm(15_000, duration_ms=10.0), 300_000),
    "a WebM whose blocks are all of one moment": (made.webm(15_000, duration_ms=10.0, tick_ms=0), 300_000),
    "a WebM of packets longer than it says": (made.webm(500, tick_ms=1, packet=b"\x4b\x02" + bytes(90)), 20_000),
    "two WebM files": (made.webm(50) + made.webm(1_000), 21_000),
    "a WebM whose clusters are hidden": (made.webm(0) + VOID_TO_THE_END + made.webm(500), 10_000),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_header_that_lies_does_not_lower_what_is_held(name: str) -> None:
    data, played_ms = LIES[name]

    length = looked_into(data)

    assert length.most_ms >= played_ms
    assert length.ms is None or length.ms >= played_ms - 50  # what is charged where the upstream says nothing


@pytest.mark.parametrize("name", LENGTHS)
def test_an_honest_file_is_held_for_little_more_than_it_plays(name: str) -> None:
    data, expected_ms = LENGTHS[name]

    assert expected_ms <= looked_into(data).most_ms <= expected_ms + 600


@pytest.mark.parametrize(
    ("data", "bytes_of_sound"),
    [
        (made.flac(160)[:42] + bytes(5_000_000), 5_000_000),
        (b"\x1a\x45\xdf\xa3" + bytes(100_000), 100_000),
        (made.m4a(10)[:28] + bytes(100_000), 100_000),
        (made.ogg_page(5, b"Speex   " + bytes(60)) + made.ogg_page(5, bytes(20_000)), 20_000),
        (made.mp3(100) + bytes(100_000), 100_000),
        (b"\xff\xf1\x60\x40\x05\x00\x00" + bytes(100_000), 99_000),
    ],
    ids=["flac", "webm", "mp4", "ogg", "mp3", "aac"],
)
def test_what_cannot_be_walked_is_bounded_by_its_size(data: bytes, bytes_of_sound: int) -> None:
    assert looked_into(data).most_ms >= bytes_of_sound


def test_a_wav_that_claims_many_bytes_a_second_is_bounded_by_its_size() -> None:
    layout = struct.pack("<HHIIHH", 0x2000, 1, 8_000, 0xFFFFFFFF, 1, 0)
    data = (
        b"RIFF\x00\x00\x00\x00WAVEfmt "
        + struct.pack("<I", 16)
        + layout
        + b"data"
        + struct.pack("<I", 50_000)
        + bytes(50_000)
    )

    assert looked_into(data) == SoundLength(None, 50_000)


@pytest.mark.parametrize("subformat", [0x55, 1], ids=["MP3", "samples"])
def test_a_wav_is_measured_by_its_inner_format(subformat: int) -> None:
    layout = struct.pack("<HHIIHHHHIH", 0xFFFE, 2, 48_000, 10**9, 4, 16, 22, 16, 3, subformat) + bytes(14)
    sound = made.mp3(1_000)
    head = b"RIFF\x00\x00\x00\x00WAVEfmt " + struct.pack("<I", len(layout)) + layout

    length = looked_into(head + b"data" + struct.pack("<I", len(sound)) + sound)

    assert length.ms == (24_000 if subformat == 0x55 else 500)


@pytest.mark.parametrize(
    "data",
    [
        made.flac(160) + b"\xff\xf8\x15\x00\x00\x99" * 1_100_000,
        made.mp3(2) + b"\xff" * 2_200_000,
        made.adts(1_100_000, size=7),
        made.opus(960) + made.ogg_page(0, *[b"\x00"] * 250, begins=False) * 4_500,
        made.m4a(10) + b"\x00\x00\x00\x08free" * 1_100_000,
        made.webm(0) + b"\x1f\x43\xb6\x75\x80" * 1_100_000,
    ],
    ids=["flac", "mp3", "aac", "ogg", "mp4", "webm"],
)
def test_a_file_in_countless_pieces_is_refused_in_time(data: bytes) -> None:
    started = time.process_time()

    with pytest.raises(BrokenSound, match="more pieces"):
        looked_into(data)

    assert time.process_time() - started < 20  # a second or two, on a machine that is doing nothing else


def test_boxes_within_boxes_end_nowhere_in_particular() -> None:
    inner = b""
    for _ in range(3_000):
        inner = made.box(b"mdia", inner)

    assert looked_into(made.m4a(10)[:28] + made.box(b"moov", made.box(b"trak", inner))).ms is None


def test_packed_webm_is_refused() -> None:
    kind = made.element("83", b"\x02")
    packed = made.webm(10).replace(kind, made.element("6d80", b"") + kind)

    with pytest.raises(BrokenSound):
        looked_into(packed)


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
    return looked_into(data).ms


def looked_into(data: bytes) -> SoundLength:
    kind = kind_of(data[:64])
    assert kind is not None
    return sound_length(io.BytesIO(data), kind, len(data))
