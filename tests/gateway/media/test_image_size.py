"""Sizes read from the images' headers, never by decoding."""

import io

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


def test_an_image_without_pixels_is_broken() -> None:
    with pytest.raises(BrokenImage):
        measured(made.png(0, 10))


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
