"""A WebM file's length: what its header states, beside the times of its blocks and what the blocks play.

A browser's MediaRecorder states no length and leaves clusters open: they end where the next one begins. So everything
that can hold blocks is gone into, whatever size it states, and a cluster is looked for wherever its mark stands: a
decoder that loses the thread does the same. Source: RFC 9559.
"""

from fractions import Fraction
from math import ceil
from typing import BinaryIO

from gateway.media.ebml import (
    MAX_HEADER_BYTES,
    UNKNOWN_SIZE,
    Window,
    element_at,
    floating,
    number_at,
    unsigned,
)
from gateway.media.sound_length import BrokenSound, SoundLength, Tally, reconciled
from gateway.media.webm_codecs import FRAME_HEAD_BYTES, BlockCodec, TrackEntry, block_codec

_SEGMENT, _INFO, _TRACKS, _TRACK, _AUDIO = 0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0xE1
_CLUSTER, _BLOCK_GROUP, _BLOCK, _SIMPLE_BLOCK = 0x1F43B675, 0xA0, 0xA1, 0xA3
_TIME_SCALE, _DURATION, _CLUSTER_TIME = 0x2AD7B1, 0x4489, 0xE7
_NUMBER, _KIND, _CODEC, _PRIVATE, _ENCODINGS = 0xD7, 0x83, 0x86, 0x63A2, 0x6D80
_RATE, _CHANNELS, _BITS = 0xB5, 0x9F, 0x6264
_GONE_INTO = frozenset({_SEGMENT, _INFO, _TRACKS, _TRACK, _AUDIO, _CLUSTER, _BLOCK_GROUP})
_BLOCKS = frozenset({_BLOCK, _SIMPLE_BLOCK})
_OF_TRACKS = frozenset({_NUMBER, _KIND, _CODEC, _PRIVATE, _RATE, _CHANNELS, _BITS})
_VALUES = _OF_TRACKS | {_TIME_SCALE, _DURATION, _CLUSTER_TIME}
_CLUSTER_MARK = b"\x1f\x43\xb6\x75"
_SOUND = 2
_USUAL_TIME_SCALE_NS = 1_000_000
_BLOCK_HEAD_BYTES = 12 + FRAME_HEAD_BYTES
_MAX_VALUE_BYTES = 16_384
_MAX_TRACKS = 1_000
_LACED = 0x06


def webm_length(file: BinaryIO, start: int, end: int) -> SoundLength:
    """The length of the file between two offsets. Raises BrokenSound for more pieces than any recording has."""
    reading = _Reading()
    window = Window(file, end)
    part = start
    while part < end:
        part_end = window.find(_CLUSTER_MARK, part + 1)
        _read_part(window, part, part_end, reading)
        part = part_end
    if not reading.has_blocks:
        return SoundLength(None, end - start)
    return reading.length()


def _read_part(window: Window, at: int, end: int, reading: "_Reading") -> None:
    """The elements up to the next cluster; what makes no sense ends them, and counts as unread."""
    while at < end:
        index = window.index_of(at, MAX_HEADER_BYTES + _BLOCK_HEAD_BYTES)
        element = element_at(window.data, index)
        if element is None:
            reading.tally.unread_bytes += end - at
            return
        reading.tally.count_pieces(1)
        at += element.header_bytes
        if element.name in _GONE_INTO:
            if element.name == _TRACK:
                reading.begin_track()
            continue
        size = element.size_bytes
        if size == UNKNOWN_SIZE:
            reading.tally.unread_bytes += end - at
            return
        if element.name in _BLOCKS:
            index += element.header_bytes
            reading.take_block(window.data[index : index + min(_BLOCK_HEAD_BYTES, size)], size)
        elif element.name in _VALUES and size <= _MAX_VALUE_BYTES:
            index = window.index_of(at, size)
            reading.take_value(element.name, window.data[index : index + size])
        elif element.name == _ENCODINGS:
            reading.pack_track()
        at += size


class _Reading:
    """What has been read of a file so far."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.has_blocks = False
        self._scale_ns = _USUAL_TIME_SCALE_NS
        self._duration = 0.0
        self._entries: list[TrackEntry] = []
        self._codecs: dict[int, BlockCodec | None] = {}
        self._silent: set[int] = set()
        self._cluster_time = 0
        self._times: tuple[int, int] | None = None

    def begin_track(self) -> None:
        """A track's description begins."""
        self._entries.append(TrackEntry())
        if len(self._entries) > _MAX_TRACKS:
            raise BrokenSound("the WebM file has more tracks than any recording")

    def pack_track(self) -> None:
        """The track's frames are compressed once more, or encrypted: nothing can be read from them."""
        if self._entries:
            self._entries[-1].is_packed = True

    def take_value(self, name: int, value: bytes) -> None:
        """An element that holds a number or a text."""
        if name == _TIME_SCALE:
            self._scale_ns = unsigned(value) or self._scale_ns
        elif name == _DURATION:
            self._duration = max(self._duration, floating(value))
        elif name == _CLUSTER_TIME:
            self._cluster_time = unsigned(value)
        elif self._entries:
            _describe(self._entries[-1], name, value)
            self._codecs.clear()
            self._silent.clear()

    def take_block(self, head: bytes, size: int) -> None:
        """A block, of which these are the first bytes: its track, its time within the cluster, and its frames."""
        number, at = number_at(head, 0)
        if at == 0 or at + 3 > len(head):
            self.tally.unread_bytes += size
            return
        self.has_blocks = True
        if number not in self._codecs:
            self._codecs[number] = self._codec_of(number)
        if number in self._silent:
            return
        time = self._cluster_time + int.from_bytes(head[at : at + 2], "big", signed=True)
        first, last = self._times or (time, time)
        self._times = (min(first, time), max(last, time))
        self._take_frames(self._codecs[number], head[at + 2] & _LACED, head[at + 3 :], size - at - 3)

    def _take_frames(self, codec: BlockCodec | None, laced: int, head: bytes, size: int) -> None:
        if codec is None:
            self.tally.unread_bytes += size
        elif not laced or codec.longest is None:
            self.tally.add(*codec.measure(head, size))
        else:
            frames = head[0] + 1 if head else 0
            samples, rate = codec.longest
            self.tally.add(samples * frames, rate, frames)

    def _codec_of(self, number: int) -> BlockCodec | None:
        """How a track's blocks are measured.

        Raises BrokenSound where two tracks have one number, and where the sound is packed.
        """
        found = [entry for entry in self._entries if entry.number == number]
        if any(entry != found[0] for entry in found):
            raise BrokenSound("two of the WebM file's tracks have one number")
        if not found:
            return None
        if found[0].kind not in (0, _SOUND):
            self._silent.add(number)
            return None
        if found[0].is_packed:
            raise BrokenSound("the WebM file's sound is packed in a way that is not taken")
        return block_codec(found[0])

    def length(self) -> SoundLength:
        """The header's length where there is one, beside the time between the first block and the last."""
        first, last = self._times or (0, 0)
        timed_ms = ceil(Fraction((last - first) * self._scale_ns, 1_000_000))
        self.tally.at_most = all(codec.at_most for codec in self._codecs.values() if codec is not None)
        stated_ms = ceil(Fraction(self._duration) * self._scale_ns / 1_000_000)
        if stated_ms == 0 and timed_ms <= self.tally.ms:
            # Times say when the last block begins; what is counted, when it ends.
            return reconciled(None, self.tally)
        return reconciled(max(stated_ms, timed_ms), self.tally)


def _describe(entry: TrackEntry, name: int, value: bytes) -> None:
    if name == _CODEC:
        entry.codec = value[:64].decode("ascii", "replace").rstrip("\0")
    elif name == _PRIVATE:
        entry.private = value
    elif name == _RATE:
        entry.rate = floating(value)
    elif name == _NUMBER:
        entry.number = unsigned(value)
    elif name == _KIND:
        entry.kind = unsigned(value)
    elif name == _CHANNELS:
        entry.channels = unsigned(value)
    elif name == _BITS:
        entry.bits = unsigned(value)
