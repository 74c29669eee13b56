"""PNG files by hand: real, decodable, cheap to make, and carrying the prompt in a text chunk."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from gateway.sandbox.chat import prose

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_SIDE = 4096
_PALETTE_COLOURS = 16


def draw(width: int, height: int, prompt: str, seed: int = 0) -> bytes:
    """A PNG of exactly `width` x `height` whose stripes depend on prompt and seed, with both inside it.

    Rows repeat in bands and pixels are palette indexes, so a megapixel compresses in a few milliseconds.
    """
    mark = prose.digest(prompt, str(seed))
    palette = b"".join(
        bytes((mark[i % 16] ^ (i * 16), mark[(i + 5) % 16] ^ (i * 8), mark[(i + 9) % 16])) for i in range(16)
    )
    stripe = max(width // _PALETTE_COLOURS, 1)
    colours = [(mark[i % 16] + i) % _PALETTE_COLOURS for i in range(width // stripe + 1)]
    one_row = b"".join(bytes([colour]) * stripe for colour in colours)
    rows: list[bytes] = []
    band = max(height // 8, 1)
    for top in range(0, height, band):
        shift = mark[(top // band) % 16] % max(width - 1, 1)
        row = b"\x00" + (one_row[shift:] + one_row)[:width]
        rows.append(row * min(band, height - top))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return SIGNATURE + b"".join(
        (
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", palette),
            _text_chunk("prompt", prompt),
            _text_chunk("seed", str(seed)),
            _chunk(b"IDAT", zlib.compress(b"".join(rows), 1)),
            _chunk(b"IEND", b""),
        )
    )


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG; None for anything else."""
    if not data.startswith(SIGNATURE) or len(data) < 33:
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def text_of(data: bytes, keyword: str) -> str | None:
    """The text a PNG carries under `keyword` (tEXt or uncompressed iTXt); None where there is none."""
    wanted = keyword.encode("latin-1")
    for kind, content in _chunks(data):
        name, _, value = content.partition(b"\x00")
        if name != wanted:
            continue
        if kind == b"tEXt":
            return value.decode("latin-1")
        if kind == b"iTXt" and value[:1] == b"\x00":
            return value[2:].split(b"\x00", 2)[2].decode("utf-8", "replace")
    return None


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def _text_chunk(keyword: str, text: str) -> bytes:
    """tEXt where Latin-1 can hold the text, else iTXt, which is its UTF-8 twin."""
    name = keyword.encode("latin-1") + b"\x00"
    try:
        return _chunk(b"tEXt", name + text.encode("latin-1"))
    except UnicodeEncodeError:
        return _chunk(b"iTXt", name + b"\x00\x00\x00\x00" + text.encode("utf-8", "replace"))


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
