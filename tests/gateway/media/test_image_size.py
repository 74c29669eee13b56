"""Sizes read from the images' headers, never by decoding."""

import io
import struct

import media_files as made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.image_size import BrokenImage, image_size
from gateway.media.kinds import kind_of

IMAGES = {
    "png": made.png(640, 480),
    "jpeg": made.jpeg(640, 480),
    "gif": made.gif(640, 480),
    "webp, lossy": made.webp(640, 480, b"VP8 "),
    "webp, lossless": made.webp(640, 480, b"VP8L"),
    "webp, extended": made.webp(640, 480, b"VP8X"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_the_size_is_read_from_the_header(name: str) -> None:
    assert measured(IMAGES[name]) == (640, 480)


@pytest.mark.parametrize("name", IMAGES)
def test_a_cut_header_is_broken(name: str) -> None:
    with pytest.raises(BrokenImage):
        measured(IMAGES[name][:12] if name != "jpeg" else IMAGES[name][:5_000])


def test_a_bomb_is_known_by_its_own_figures() -> None:
    assert measured(made.png(100_000, 100_000)) == (100_000, 100_000)
    assert measured(made.gif(40_000, 1_300)) == (40_000, 1_300)


def test_an_image_without_pixels_is_broken() -> None:
    with pytest.raises(BrokenImage):
        measured(made.png(0, 10))


def gif_with_frame(
    left: int, top: int, width: int, height: int, *, colours: int = 0, before: bytes = b""
) -> bytes:
    """A GIF whose screen is 4 × 3, with a frame on it, or beyond it."""
    flags = 0x80 | colours if colours else 0
    head = b"GIF89a" + struct.pack("<HHBBB", 4, 3, flags, 0, 0) + bytes(3 << colours + 1 if colours else 0)
    return head + before + b"," + struct.pack("<HHHHB", left, top, width, height, 0) + bytes(20)


GIF_COMMENT = b"!\xfe" + (b"\xff" + b"," * 255) * 3 + b"\0"


@pytest.mark.parametrize(
    ("frame", "size"),
    [
        (gif_with_frame(0, 0, 4, 3), (4, 3)),
        (gif_with_frame(0, 0, 2, 2), (4, 3)),
        (gif_with_frame(0, 0, 9_000, 8_000), (9_000, 8_000)),
        (gif_with_frame(60_000, 1, 60_000, 1), (120_000, 3)),
        (gif_with_frame(0, 0, 9_000, 8_000, colours=7), (9_000, 8_000)),
        (gif_with_frame(0, 0, 9_000, 8_000, before=GIF_COMMENT), (9_000, 8_000)),
        (gif_with_frame(0, 0, 9_000, 8_000, before=b"\0x"), (9_000, 8_000)),
        (gif_with_frame(0, 0, 9_000, 8_000, before=b";"), (4, 3)),
        (b"GIF89a" + struct.pack("<HHBBB", 4, 3, 0, 0, 0) + b"!\xfe\x05ab", (4, 3)),
    ],
    ids=["as large", "smaller", "larger", "far out", "colours", "a comment", "rubbish", "the end", "cut"],
)
def test_a_gif_is_as_large_as_its_first_frame(frame: bytes, size: tuple[int, int]) -> None:
    assert measured(frame) == size


def test_a_gif_whose_first_frame_never_comes_is_broken() -> None:
    with pytest.raises(BrokenImage):
        measured(gif_with_frame(0, 0, 1, 1, before=GIF_COMMENT[:2] + b"\x01x" * 1_000_000))


@pytest.mark.parametrize("mark", [0x00, 0x01, 0x02, 0xC8, 0xD0, 0xD8, 0xDC, 0xF0])
def test_no_mark_without_a_length_hides_a_jpeg_s_size(mark: int) -> None:
    """Who takes the two bytes after the mark for its length finds the small frame, who does not, the large one."""
    before = b"\xff\xd8\xff" + bytes([mark])
    small, large = (made.jpeg(side, side, profile_bytes=0)[2:] for side in (8, 10_000))
    table = (b"\xff\xc4\xff\xff".ljust(0xFFC4, b"\0") + small).ljust(2 + 0xFFFF, b"\0")
    with pytest.raises(BrokenImage):
        measured(before + table + large)


@given(st.sampled_from(sorted(IMAGES)), st.data())
def test_no_damage_does_more_than_break_an_image(name: str, data: st.DataObject) -> None:
    damaged = bytearray(IMAGES[name])
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(12, min(len(damaged), 60) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(damaged[: data.draw(st.integers(12, len(damaged)))])
    try:
        assert min(measured(cut)) > 0
    except BrokenImage:
        pass


def measured(data: bytes) -> tuple[int, int]:
    kind = kind_of(data[:64])
    assert kind is not None
    return image_size(io.BytesIO(data), kind)
