"""What the blocks of a WebM's track play, by the track's codec. Source: the Matroska codec specifications."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from gateway.media.aac_config import aac_frame_ms
from gateway.media.flac_frames import MAX_BLOCK_SAMPLES, block_at
from gateway.media.mp3_frames import mp3_frame_at
from gateway.media.ogg_codecs import codec_of
from gateway.media.opus_packets import MAX_PACKET_SAMPLES, OPUS_RATE, opus_samples

Played = tuple[int, int]
# A frame's first bytes and its size in bytes: samples, and how many of them make a second.
MeasureFrame = Callable[[bytes, int], Played]
FRAME_HEAD_BYTES = 16
_LONGEST_MP3_FRAME = (576, 8_000)
_LOWEST_FLAC_RATE = 8_000


@dataclass(frozen=True, slots=True)
class BlockCodec:
    """How frames are measured: one by one, or as `longest` where several share a block, if that is not its bytes alone.

    With `at_most`, all of them are measured at their longest.
    """

    measure: MeasureFrame
    longest: Played | None
    at_most: bool = False


@dataclass(slots=True)
class TrackEntry:
    """What a track says of itself."""

    number: int = 0
    kind: int = 0
    codec: str = ""
    private: bytes = b""
    rate: float = 8_000.0
    channels: int = 1
    bits: int = 0
    is_packed: bool = False


def block_codec(entry: TrackEntry) -> BlockCodec | None:
    """How the track's blocks are measured; None for a codec that is not known here."""
    name = entry.codec
    if name == "A_OPUS":
        return BlockCodec(lambda head, _: (opus_samples(head), OPUS_RATE), (MAX_PACKET_SAMPLES, OPUS_RATE))
    if name == "A_VORBIS":
        codec = codec_of(entry.private[max(entry.private.find(b"\x01vorbis"), 0) :])
        if codec is None:
            return None
        packet = codec.measure(b"")
        return BlockCodec(lambda head, _: packet, packet, codec.at_most)
    if name == "A_FLAC":
        rate = int.from_bytes(entry.private[18:21], "big") >> 4 or _LOWEST_FLAC_RATE
        return BlockCodec(lambda head, _: _flac(head, rate), (MAX_BLOCK_SAMPLES, rate))
    if name == "A_MPEG/L3":
        return BlockCodec(_mp3, _LONGEST_MP3_FRAME)
    if name.startswith("A_AAC"):
        frame_ms = aac_frame_ms(entry.private) if entry.private else Fraction(1024_000, 7_350)
        if frame_ms is None:
            return None
        frame = (frame_ms.numerator, frame_ms.denominator * 1000)
        return BlockCodec(lambda head, _: frame, frame)
    if name.startswith("A_PCM/"):
        bytes_a_second = int(entry.rate) * entry.channels * -(-entry.bits // 8)
        return BlockCodec(lambda _, size: (size, bytes_a_second), None) if bytes_a_second > 0 else None
    return None


def _flac(head: bytes, stated_rate: int) -> Played:
    block = block_at(head, 0, stated_rate)
    return (MAX_BLOCK_SAMPLES, stated_rate) if block is None else (block.samples, block.rate)


def _mp3(head: bytes, size_bytes: int) -> Played:
    """One frame; a block that is larger, or holds something else, is bounded by a millisecond a byte."""
    frame = mp3_frame_at(head, 0)
    if frame is None or frame.size_bytes < size_bytes:
        return size_bytes, 1000
    return frame.samples, frame.rate
