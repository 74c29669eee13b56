"""Small files of every kind, made by hand, for tests."""

import struct


def wav(ms: int = 1000, *, rate: int = 8_000, bits: int = 16, channels: int = 1, data_size: int | None = None,
        before: bytes = b"") -> bytes:  # fmt: skip
    block = channels * bits // 8
    samples = bytes(rate * ms // 1000 * block)
    layout = struct.pack("<HHIIHH", 1, channels, rate, rate * block, block, bits)
    content = b"WAVE" + b"fmt " + struct.pack("<I", 16) + layout + before
    content += b"data" + struct.pack("<I", len(samples) if data_size is None else data_size) + samples
    return b"RIFF" + struct.pack("<I", len(content)) + content


def flac(samples: int, rate: int = 16_000) -> bytes:
    packed = rate << 44 | 15 << 36 | samples
    stream_info = struct.pack(">HH", 4096, 4096) + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    return b"fLaC" + b"\x80" + len(stream_info).to_bytes(3, "big") + stream_info + bytes(64)


def ogg_page(granule: int, body: bytes) -> bytes:
    segments = bytes([255] * (len(body) // 255) + [len(body) % 255])
    return b"OggS\x00\x02" + struct.pack("<qIIIB", granule, 1, 0, 0, len(segments)) + segments + body


def opus(granule: int, skipped: int = 312) -> bytes:
    head = b"OpusHead\x01\x01" + struct.pack("<HIhB", skipped, 48_000, 0, 0)
    return ogg_page(0, head) + ogg_page(0, b"OpusTags" + bytes(16)) + ogg_page(granule, bytes(200))


def vorbis(granule: int, rate: int = 44_100) -> bytes:
    head = b"\x01vorbis" + struct.pack("<IBIiii", 0, 1, rate, 0, 128_000, 0) + b"\xb8\x01"
    return ogg_page(0, head) + ogg_page(granule, bytes(300))


# MPEG-2 layer III, 32 kbit/s, 24 kHz, mono: 96 bytes and 24 ms a frame.
MP3_FRAME = b"\xff\xf3\x44\xc0" + bytes(92)


def mp3(frames: int, *, tag: bytes = b"") -> bytes:
    return tag + MP3_FRAME * frames


def mp3_with_index(frames: int) -> bytes:
    # MPEG-1 layer III, 128 kbit/s, 44.1 kHz, stereo: 417 bytes, side information of 32.
    first = b"\xff\xfb\x90\x00" + bytes(32) + b"Xing" + struct.pack(">II", 1, frames)
    return first.ljust(417, b"\x00") + (b"\xff\xfb\x90\x00" + bytes(413)) * 3


def m4a(ms: int, *, moov_last: bool = True, version: int = 0) -> bytes:
    if version == 1:
        fields = struct.pack(">BxxxQQIQ", 1, 0, 0, 1000, ms)
    else:
        fields = struct.pack(">BxxxIIII", 0, 0, 0, 1000, ms)
    moov = box(b"moov", box(b"free", bytes(4)) + box(b"mvhd", fields.ljust(100, b"\x00")))
    mdat = box(b"mdat", bytes(5_000))
    ftyp = box(b"ftyp", b"M4A \x00\x00\x00\x00M4A isom")
    return ftyp + (mdat + moov if moov_last else moov + mdat)


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header + bytes(40)


def jpeg(width: int, height: int, *, profile_bytes: int = 40_000) -> bytes:
    profile = b"\xff\xe2" + struct.pack(">H", 2 + profile_bytes) + bytes(profile_bytes)
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)
    return b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + b"JFIF\x00" + bytes(9) + profile + frame


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + bytes(20)


def webp(width: int, height: int, form: bytes) -> bytes:
    sides = {
        b"VP8X": bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"),
        b"VP8L": b"\x2f" + (width - 1 | height - 1 << 14).to_bytes(4, "little"),
        b"VP8 ": b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height),
    }[form]
    chunk = form + struct.pack("<I", len(sides)) + sides
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk + bytes(24)
