"""What the packets of an OGG stream play, by what the stream's first packet says that they are.

Sources: RFC 7845 (Opus), the Vorbis I specification (4.2.2), RFC 9639 section 10.1 (FLAC), speex_header.h (Speex).
"""

from collections.abc import Callable
from dataclasses import dataclass
from struct import unpack_from

from gateway.media.flac_frames import MAX_BLOCK_SAMPLES, MAX_HEADER_BYTES, block_at
from gateway.media.opus_packets import OPUS_RATE, opus_samples

# The first bytes of a packet, MAX_HEADER_BYTES where it has as many: samples, and how many of them make a second.
Measure = Callable[[bytes], tuple[int, int]]
# Where the stream names no rate: the lower, the longer.
_LOWEST_RATE = 8_000
_SPEEX_HEADER_BYTES = 68
_MAX_SPEEX_SAMPLES = 640 * 64


@dataclass(frozen=True, slots=True)
class Codec:
    """How one stream's packets are measured.

    `headers` is how many of them come before the sound, `skipped` how many samples are cut off its beginning; with
    `at_most`, packets are measured at their longest.
    """

    name: str
    rate: int
    headers: int
    measure: Measure
    skipped: int = 0
    at_most: bool = False


def codec_of(first: bytes) -> Codec | None:
    """The codec whose stream this packet begins; None for one that is not known here."""
    if first.startswith(b"OpusHead") and len(first) >= 12:
        return Codec("opus", OPUS_RATE, 2, _opus, unpack_from("<H", first, 10)[0])
    if first.startswith(b"\x01vorbis") and len(first) >= 29:
        return _vorbis(unpack_from("<I", first, 12)[0], first[28] >> 4)
    if first.startswith(b"\x7fFLAC"):
        stated = int.from_bytes(first[27:30], "big") >> 4
        return Codec("flac", stated or _LOWEST_RATE, 0, _flac(stated or _LOWEST_RATE))
    if first.startswith(b"fLaC"):
        return Codec("flac", _LOWEST_RATE, 0, _flac(_LOWEST_RATE))
    if first.startswith(b"Speex   ") and len(first) >= _SPEEX_HEADER_BYTES:
        return _speex(*(unpack_from("<I", first, at)[0] for at in (36, 56, 64)))
    return None


def _opus(packet: bytes) -> tuple[int, int]:
    return opus_samples(packet), OPUS_RATE


def _vorbis(rate: int, block_size_bits: int) -> Codec | None:
    """Every packet as a long block: which are short, only the decoder's tables tell, and most are long."""
    if rate == 0:
        return None
    samples = (1 << block_size_bits) // 2

    def measure(packet: bytes) -> tuple[int, int]:
        return samples, rate

    return Codec("vorbis", rate, 3, measure, at_most=True)


def _flac(stated_rate: int) -> Measure:
    def measure(packet: bytes) -> tuple[int, int]:
        block = block_at(packet, 0, stated_rate)
        if block is None and 0 < len(packet) < MAX_HEADER_BYTES:
            # Its header goes on in the next page, where it is not looked for.
            return MAX_BLOCK_SAMPLES, stated_rate
        return (0, stated_rate) if block is None else (block.samples, block.rate)

    return measure


def _speex(rate: int, frame_samples: int, frames: int) -> Codec | None:
    if rate == 0 or not 0 < frame_samples * frames <= _MAX_SPEEX_SAMPLES:
        return None

    def measure(packet: bytes) -> tuple[int, int]:
        return frame_samples * frames, rate

    return Codec("speex", rate, 2, measure)
