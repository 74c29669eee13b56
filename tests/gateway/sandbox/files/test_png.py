"""PNG files that any decoder accepts."""

import struct
import time
import zlib

import pytest

from gateway.sandbox.files import png


def decode(data):
    """Width, height and raw scanlines, by the PNG specification; every checksum is verified."""
    assert data.startswith(png.SIGNATURE)
    at, packed, header = 8, b"", None
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + content)
        header = struct.unpack(">IIBBBBB", content) if kind == b"IHDR" else header
        packed += content if kind == b"IDAT" else b""
        at += 12 + length
    return header[0], header[1], zlib.decompress(packed)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 13), (64, 64), (1024, 768), (3, 2000)])
def test_image_has_exactly_the_size_asked_for(width, height):
    data = png.draw(width, height, "a fox")
    assert png.size_of(data) == (width, height)
    seen_width, seen_height, scanlines = decode(data)
    assert (seen_width, seen_height) == (width, height)
    assert len(scanlines) == (width + 1) * height
    assert max(scanlines) < 16


@pytest.mark.parametrize("prompt", ["a fox", "une forêt", "여우 한 마리", ""])
def test_prompt_is_read_back(prompt):
    assert png.text_of(png.draw(4, 4, prompt), "prompt") == prompt


def test_same_prompt_and_seed_give_the_same_bytes():
    assert png.draw(32, 32, "fox", 1) == png.draw(32, 32, "fox", 1)
    assert png.draw(32, 32, "fox", 1) != png.draw(32, 32, "fox", 2)


def test_a_megapixel_is_drawn_quickly_and_small():
    before = time.process_time()
    data = png.draw(1024, 1024, "fox")
    assert time.process_time() - before < 0.1
    assert len(data) < 50_000


@pytest.mark.parametrize("data", [b"", b"GIF89a", png.SIGNATURE, png.SIGNATURE + b"\x00" * 5])
def test_other_bytes_are_no_image(data):
    assert png.size_of(data) is None
    assert png.text_of(data, "prompt") is None
