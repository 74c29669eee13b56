"""Small files of every kind, made by hand, for tests."""

import struct
from functools import cache


def wav(ms: int = 1000, *, rate: int = 8_000, bits: int = 16, channels: int = 1, data_size: int | None = None,
        before: bytes = b"") -> bytes:  # fmt: skip
    block = channels * bits // 8
    samples = bytes(rate * ms // 1000 * block)
    layout = struct.pack("<HHIIHH", 1, channels, rate, rate * block, block, bits)
    content = b"WAVE" + b"fmt " + struct.pack("<I", 16) + layout + before
    content += b"data" + struct.pack("<I", len(samples) if data_size is None else data_size) + samples
    return b"RIFF" + struct.pack("<I", len(content)) + content


def flac(samples: int, rate: int = 16_000, *, played: int | None = None) -> bytes:
    """Silence. The header states `samples`; `played` are in its frames, as many unless it lies."""
    packed = rate << 44 | 15 << 36 | samples
    stream_info = struct.pack(">HH", 4096, 4096) + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    head = b"fLaC" + b"\x80" + len(stream_info).to_bytes(3, "big") + stream_info
    return head + flac_frames(samples if played is None else played)


def flac_frames(samples: int) -> bytes:
    """Frames of 4,096 samples and what is left, one channel of 16 bits, each a constant: silence."""
    frames, number = b"", 0
    while samples > 0:
        block = min(samples, 4_096)
        header = b"\xff\xf8" + b"\x70\x08" + chr(number).encode() + struct.pack(">H", block - 1)
        frame = header + bytes([crc(header, 0x07, 8)]) + b"\x00\x00\x00"
        frames += frame + crc(frame, 0x8005, 16).to_bytes(2, "big")
        samples, number = samples - block, number + 1
    return frames


def crc(data: bytes, polynomial: int, bits: int) -> int:
    """A checksum, most significant bit first, as FLAC and OGG have them."""
    table, mask, value = crc_table(polynomial, bits), (1 << bits) - 1, 0
    for byte in data:
        value = value << 8 & mask ^ table[value >> bits - 8 ^ byte]
    return value


@cache
def crc_table(polynomial: int, bits: int) -> list[int]:
    """What each byte does to a checksum."""
    table, top, mask = [], 1 << bits - 1, (1 << bits) - 1
    for byte in range(256):
        value = byte << bits - 8
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
        table.append(value)
    return table


def ogg_page(granule: int, *packets: bytes, serial: int = 1, begins: bool = True) -> bytes:
    lacing = b"".join(bytes([255] * (len(packet) // 255) + [len(packet) % 255]) for packet in packets)
    body = b"".join(packets)
    head = b"OggS\x00" + (b"\x02" if begins else b"\x00") + struct.pack("<qII", granule, serial, 0)
    tail = bytes([len(lacing)]) + lacing + body
    return head + struct.pack("<I", crc(head + bytes(4) + tail, 0x04C11DB7, 32)) + tail


# 20 ms of SILK, one frame.
OPUS_PACKET = b"\x48" + bytes(40)


def opus(granule: int, skipped: int = 312, *, packets: int | None = None, serial: int = 1) -> bytes:
    """Opus whose last page states a position of `granule`, with packets of 20 ms for it, or another number of them."""
    count = -(-granule // 960) if packets is None else packets
    head = b"OpusHead\x01\x01" + struct.pack("<HIhB", skipped, 48_000, 0, 0)
    pages = ogg_page(0, head, serial=serial) + ogg_page(
        0, b"OpusTags" + bytes(16), serial=serial, begins=False
    )
    while count > 0:
        here, count = min(count, 50), max(count - 50, 0)
        pages += ogg_page(granule, *[OPUS_PACKET] * here, serial=serial, begins=False)
    return pages


def vorbis(granule: int, rate: int = 44_100) -> bytes:
    """Vorbis whose last page states a position of `granule`, with long packets for it."""
    head = b"\x01vorbis" + struct.pack("<IBIiii", 0, 1, rate, 0, 128_000, 0) + b"\xb8\x01"
    pages = ogg_page(0, head) + ogg_page(
        0, b"\x03vorbis" + bytes(20), b"\x05vorbis" + bytes(300), begins=False
    )
    count = -(-granule // 1024)
    while count > 0:
        here, count = min(count, 100), max(count - 100, 0)
        pages += ogg_page(granule, *[bytes(20)] * here, begins=False)
    return pages


# MPEG-2 layer III, 32 kbit/s, 24 kHz, mono: 96 bytes and 24 ms a frame.
MP3_FRAME = b"\xff\xf3\x44\xc0" + bytes(92)


def mp3(frames: int, *, tag: bytes = b"") -> bytes:
    return tag + MP3_FRAME * frames


def mp3_with_index(frames: int, *, played: int | None = None) -> bytes:
    """MP3 whose index states `frames`; `played` follow it, as many unless it lies."""
    # MPEG-1 layer III, 128 kbit/s, 44.1 kHz, stereo: 417 bytes, side information of 32.
    first = b"\xff\xfb\x90\x00" + bytes(32) + b"Xing" + struct.pack(">II", 1, frames)
    played = frames if played is None else played
    return first.ljust(417, b"\x00") + (b"\xff\xfb\x90\x00" + bytes(413)) * played


AAC_RATE_INDEX, AAC_RATE = 8, 16_000


def adts(frames: int, *, size: int = 40) -> bytes:
    """Bare AAC at 16 kHz, 64 ms a frame."""
    head = bytes(
        [0xFF, 0xF1, 0x40 | AAC_RATE_INDEX << 2, 0x40 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5, 0]
    )
    return (head + bytes(size - 7)) * frames


def m4a(
    ms: int, *, moov_last: bool = True, version: int = 0, played_ms: int | None = None, edits: int = 0
) -> bytes:
    """AAC at 16 kHz. Header and track state `ms`; the index lists samples of 64 ms for it, or for `played_ms`."""
    count = -(-(ms if played_ms is None else played_ms) * AAC_RATE // 1000 // 1024)
    movie = box(b"mvhd", timed(ms, version).ljust(100, b"\x00"))
    esds = b"\x03\x19\x00\x00\x00\x04\x11\x40\x15" + bytes(11)
    esds += b"\x05\x02" + (2 << 11 | AAC_RATE_INDEX << 7 | 1 << 3).to_bytes(2, "big") + b"\x06\x01\x02"
    entry = (
        bytes(7)
        + b"\x01"
        + bytes(8)
        + struct.pack(">HHIHH", 1, 16, 0, AAC_RATE, 0)
        + box(b"esds", bytes(4) + esds)
    )
    index = box(b"stsd", struct.pack(">II", 0, 1) + box(b"mp4a", entry))
    index += box(b"stts", struct.pack(">IIII", 0, 1, count, ms // max(count, 1)))
    index += box(b"stsz", struct.pack(">III", 0, 10, count))
    handler = box(b"hdlr", bytes(8) + b"soun" + bytes(13))
    media = box(b"mdhd", timed(ms, version)) + handler + box(b"minf", box(b"stbl", index))
    track = box(b"tkhd", bytes(12) + struct.pack(">I", 1) + bytes(68)) + box(b"mdia", media)
    if edits:
        entries = struct.pack(">IiI", ms, 0, 0x10000) * edits
        track += box(b"edts", box(b"elst", struct.pack(">II", 0, edits) + entries))
    moov = box(b"moov", box(b"free", bytes(4)) + movie + box(b"trak", track))
    mdat = box(b"mdat", bytes(10 * count))
    ftyp = box(b"ftyp", b"M4A \x00\x00\x00\x00M4A isom")
    return ftyp + (mdat + moov if moov_last else moov + mdat)


def timed(ms: int, version: int = 0) -> bytes:
    """The fields that mvhd and mdhd begin with, in thousandths of a second."""
    if version == 1:
        return struct.pack(">BxxxQQIQ", 1, 0, 0, 1000, ms) + bytes(4)
    return struct.pack(">BxxxIIII", 0, 0, 0, 1000, ms) + bytes(4)


def fragmented_m4a(fragments: int, samples: int) -> bytes:
    """AAC at 16 kHz in fragments, as browsers record it: the header states no length."""
    whole = m4a(0, moov_last=False)
    mvex = box(b"mvex", box(b"trex", bytes(4) + struct.pack(">IIIII", 1, 1, 64, 0, 0)))
    at = whole.index(b"moov") - 4
    (size,) = struct.unpack(">I", whole[at : at + 4])
    begins = whole[:at] + box(b"moov", whole[at + 8 : at + size] + mvex)
    run = box(b"trun", struct.pack(">II", 0, samples))
    traf = box(b"traf", box(b"tfhd", struct.pack(">II", 0, 1)) + run)
    return (
        begins + (box(b"moof", box(b"mfhd", bytes(8)) + traf) + box(b"mdat", bytes(10 * samples))) * fragments
    )


UNKNOWN_SIZE = b"\x01" + b"\xff" * 7


def element(name: str, content: bytes, *, size: bytes | None = None) -> bytes:
    """An element of EBML, by its identifier in hexadecimal."""
    return (
        bytes.fromhex(name) + (struct.pack(">Q", 1 << 56 | len(content)) if size is None else size) + content
    )


def webm(
    packets: int,
    *,
    duration_ms: float | None = None,
    cluster_packets: int = 50,
    tick_ms: int = 20,
    packet: bytes = OPUS_PACKET,
) -> bytes:
    """Opus packets as a browser's MediaRecorder writes them: clusters of unknown size, and no duration unless one is
    given. `tick_ms` is what their times say that they last."""
    info = element("2ad7b1", (1_000_000).to_bytes(3, "big"))
    if duration_ms is not None:
        info += element("4489", struct.pack(">d", duration_ms))
    track = element("d7", b"\x01") + element("83", b"\x02") + element("86", b"A_OPUS")
    track += element("e1", element("b5", struct.pack(">f", 48_000)) + element("9f", b"\x01"))
    written = [element("1a45dfa3", element("4282", b"webm")), element("18538067", b"", size=UNKNOWN_SIZE)]
    written += [element("1549a966", info), element("1654ae6b", element("ae", track))]
    for first in range(0, packets, cluster_packets):
        written.append(element("1f43b675", b"", size=UNKNOWN_SIZE))
        written.append(element("e7", (first * tick_ms).to_bytes(4, "big")))
        for index in range(min(cluster_packets, packets - first)):
            written.append(element("a3", b"\x81" + struct.pack(">hB", index * tick_ms, 0x80) + packet))
    return b"".join(written)


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
