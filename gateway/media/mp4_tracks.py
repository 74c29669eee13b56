"""An MP4's length: what its headers state, beside the samples of its tracks, in one index or in fragments.

A decoder plays the samples that the index lists, each for as long as its codec says, and edit lists may repeat them. A
file without a usable index is bounded by its size. Source: ISO/IEC 14496-12.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from operator import mul
from struct import unpack_from
from sys import byteorder
from typing import BinaryIO

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.media.flac_frames import count_frames
from gateway.media.mp4_boxes import Box, boxes_in, boxes_of_file, read_index
from gateway.media.mp4_codecs import SampleTime, sample_time
from gateway.media.sound_length import MAX_PIECES, PADDING_MS, BrokenSound, SoundLength, Tally, believable

_UNKNOWN = frozenset({0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF})
_PARTS = frozenset({b"trak", b"mdia", b"minf", b"stbl", b"edts", b"mvex"})
_FLAC_RATE = 8_000
_MAX_CODECS = 100
_MAX_DEPTH = 10
# Opus has packets of 120 ms and usually of 20, MP3 frames of 72 and 26: so many times what is counted at most.
_LONGEST_TO_USUAL = 6


@dataclass(slots=True)
class _Track:
    """What has been read of one track. Durations are in its own time scale."""

    handler: bytes = b""
    scale: int = 0
    stated: int = 0
    listed: int = 0
    edited_in_movie_scale: int = 0
    edits: int = 0
    samples: int = 0
    default_duration: int = 0
    codecs: list[bytes] = field(default_factory=list)
    times: list[SampleTime | None] = field(default_factory=list)

    def stated_ms(self) -> Fraction:
        """By its header or its table of durations, whichever is longer."""
        return _ms(max(self.stated, self.listed), self.scale)

    def edited_ms(self, movie_scale: int) -> Fraction:
        """By its edit list, each of whose entries may play a sample longer than it says."""
        longest = max((time.ms for time in self.times if time is not None), default=Fraction(0))
        return _ms(self.edited_in_movie_scale, movie_scale) + longest * max(self.edits - 1, 0)

    def counted_ms(self) -> tuple[Fraction, bool]:
        """By its samples and its codec, and whether that is exact."""
        known = [time for time in self.times if time is not None]
        longest = max((time.ms for time in known), default=Fraction(0))
        return longest * self.samples, bool(known) and all(time.is_exact for time in known)

    @property
    def is_understood(self) -> bool:
        """Whether its samples can be bounded by their number."""
        return self.samples > 0 and bool(self.times) and None not in self.times


class _Movie:
    """Every index that a file has, added up: decoders differ in which of several they take."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.scale = 0
        self.stated_ms = Fraction(0)
        self.tracks: dict[int, _Track] = {}

    def take_index(self, data: bytes) -> None:
        """A moov box: its tracks, and what fragments inherit from it."""
        for box in boxes_in(data, 0, len(data), self.tally):
            if box.name == b"mvhd":
                scale, length = _scaled_length(data, box)
                self.scale = _coarser(self.scale, scale)
                self.stated_ms = max(self.stated_ms, _ms(length, scale))
            elif box.name == b"trak":
                self._take_track(data, box)
            elif box.name == b"mvex":
                for extends in boxes_in(data, box.start, box.end, self.tally):
                    if extends.name == b"trex" and extends.end - extends.start >= 20:
                        track_id, duration = unpack_from(">I4xI", data, extends.start + 4)
                        track = self._track(track_id)
                        track.default_duration = max(track.default_duration, duration)

    def _track(self, track_id: int) -> _Track:
        return self.tracks.setdefault(track_id, _Track())

    def _take_track(self, data: bytes, trak: Box) -> None:
        found = list(self._parts(data, trak))
        track_id = next((_track_id(data, box) for box in found if box.name == b"tkhd"), 0)
        track = self._track(track_id)
        for box in found:
            reader = _READERS.get(box.name)
            if reader is not None:
                self.tally.count_pieces(reader(track, data, box))

    def _parts(self, data: bytes, parent: Box, depth: int = 0) -> Iterator[Box]:
        for box in boxes_in(data, parent.start, parent.end, self.tally):
            yield box
            if box.name in _PARTS and depth < _MAX_DEPTH:
                yield from self._parts(data, box, depth + 1)

    def take_fragment(self, data: bytes) -> None:
        """A moof box: the samples that it adds to tracks."""
        for part in boxes_in(data, 0, len(data), self.tally):
            if part.name != b"traf":
                continue
            track, duration = _Track(), 0
            for box in boxes_in(data, part.start, part.end, self.tally):
                if box.name == b"tfhd" and box.end - box.start >= 8:
                    flags, track_id = unpack_from(">II", data, box.start)
                    track = self._track(track_id)
                    duration = _fragment_default(data, box, flags, track.default_duration)
                elif box.name == b"trun" and box.end - box.start >= 8:
                    self.tally.count_pieces(_take_run(track, data, box, duration))

    def sound_tracks(self) -> list[_Track]:
        """Those that are said to be sound; all of them where none is."""
        tracks = list(self.tracks.values())
        return [track for track in tracks if track.handler == b"soun"] or tracks


def mp4_length(file: BinaryIO, start: int, end: int) -> SoundLength:
    """The length of the boxes between two offsets. Raises BrokenSound for an index of an absurd size."""
    tally = Tally()
    movie = _Movie(tally)
    for box in boxes_of_file(file, start, end, tally):
        if box.name == b"moov":
            movie.take_index(read_index(file, box))
        elif box.name == b"moof":
            movie.take_fragment(read_index(file, box))
    tracks = movie.sound_tracks()
    stated = counted = Fraction(0)
    is_exact = is_understood = len(tracks) > 0
    for track in tracks:
        stated = max(stated, track.stated_ms(), track.edited_ms(movie.scale))
        if b"fLaC" in track.codecs:
            frames = count_frames(file, start, end, _FLAC_RATE, end)
            counted = max(counted, Fraction(frames.ms))
            continue
        track_ms, track_is_exact = track.counted_ms()
        counted = max(counted, track_ms)
        is_exact, is_understood = is_exact and track_is_exact, is_understood and track.is_understood
    return _length(movie.stated_ms, stated, counted, is_exact, 0 if is_understood else end - start, tally)


def _length(
    header: Fraction, stated: Fraction, counted: Fraction, is_exact: bool, size_ms: int, tally: Tally
) -> SoundLength:
    """The header's figure where the tracks agree with it, else the largest; `size_ms` bounds what is not understood."""
    known = max(stated, counted if is_exact else counted / _LONGEST_TO_USUAL)
    agree = header > 0 and header <= known <= header + PADDING_MS
    ms = ceil(header if agree else max(header, known)) or None
    most = max(header, stated, counted, Fraction(size_ms)) + tally.unread_bytes
    return SoundLength(believable(ms, size_ms), ceil(most))


def _ms(count: int, scale: int) -> Fraction:
    return Fraction(count * 1000, scale) if scale and count not in _UNKNOWN else Fraction(0)


def _coarser(scale: int, other: int) -> int:
    """Of two time scales the one in which a duration is longer: a file may state several."""
    return min(scale, other) if scale and other else scale or other


def _scaled_length(data: bytes, box: Box) -> tuple[int, int]:
    """Time scale and duration of an mvhd or mdhd box, in either of its versions; zeros for one that is cut short."""
    size = box.end - box.start
    if size >= 32 and data[box.start] == 1:
        scale, length = unpack_from(">IQ", data, box.start + 20)
    elif size >= 20 and data[box.start] != 1:
        scale, length = unpack_from(">II", data, box.start + 12)
    else:
        return 0, 0
    return scale, length


def _track_id(data: bytes, box: Box) -> int:
    at = box.start + (20 if data[box.start : box.start + 1] == b"\x01" else 12)
    return int(unpack_from(">I", data, at)[0]) if at + 4 <= box.end else 0


def _take_mdhd(track: _Track, data: bytes, box: Box) -> int:
    scale, length = _scaled_length(data, box)
    track.scale = _coarser(track.scale, scale)
    track.stated = max(track.stated, 0 if length in _UNKNOWN else length)
    return 1


def _take_hdlr(track: _Track, data: bytes, box: Box) -> int:
    # QuickTime has a second one, of the data's handler.
    if not track.handler or data[box.start + 8 : box.start + 12] == b"soun":
        track.handler = data[box.start + 8 : box.start + 12]
    return 1


def _take_stsd(track: _Track, data: bytes, box: Box) -> int:
    at = box.start + 8
    while at + 8 <= box.end:
        size, name = unpack_from(">I4s", data, at)
        if size < 8:
            break
        track.codecs.append(name)
        track.times.append(sample_time(name, data[at + 8 : min(at + size, box.end)]))
        at += size
        if len(track.codecs) > _MAX_CODECS:
            raise BrokenSound(_("the file has more codecs than any recording"))
    return len(track.codecs)


def _take_stts(track: _Track, data: bytes, box: Box) -> int:
    numbers = _numbers(data, box.start + 8, box.end, 2 * _count(data, box.start + 4, box.end))
    track.listed += sum(map(mul, numbers[::2], numbers[1::2]))
    track.samples = max(track.samples, sum(numbers[::2]))
    return len(numbers)


def _take_sizes(track: _Track, data: bytes, box: Box) -> int:
    """The number of samples, which stsz and stz2 have in one place."""
    track.samples = max(track.samples, _count(data, box.start + 8, box.end))
    return 1


def _take_elst(track: _Track, data: bytes, box: Box) -> int:
    count = _count(data, box.start + 4, box.end)
    words = 5 if data[box.start : box.start + 1] == b"\x01" else 3
    numbers = _numbers(data, box.start + 8, box.end, count * words)
    lengths = numbers[::words]
    edited = sum(lengths) if words == 3 else (sum(lengths) << 32) + sum(numbers[1::words])
    track.edited_in_movie_scale += edited
    track.edits += len(lengths)
    return len(numbers)


def _take_run(track: _Track, data: bytes, box: Box, duration: int) -> int:
    """A trun box: so many samples, each with a duration of its own or the fragment's."""
    flags, count = unpack_from(">II", data, box.start)
    track.samples += count
    if not flags & 0x100:
        track.listed += count * duration
        return 1
    words = sum(1 for flag in (0x100, 0x200, 0x400, 0x800) if flags & flag)
    at = box.start + 8 + (4 if flags & 1 else 0) + (4 if flags & 4 else 0)
    numbers = _numbers(data, at, box.end, count * words)
    track.listed += sum(numbers[::words])
    return len(numbers)


def _fragment_default(data: bytes, box: Box, flags: int, inherited: int) -> int:
    """The duration of a fragment's samples: its own, or that of its track."""
    if not flags & 8:
        return inherited
    at = box.start + 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
    return _count(data, at, box.end)


def _count(data: bytes, at: int, end: int) -> int:
    return int(unpack_from(">I", data, at)[0]) if at + 4 <= end else 0


def _numbers(data: bytes, at: int, end: int, count: int) -> "array[int]":
    """Up to so many unsigned numbers of 32 bits, as many as are there; raises BrokenSound for more than MAX_PIECES."""
    there = max(min(count, (end - at) // 4), 0)
    if there > MAX_PIECES:
        raise BrokenSound(_("the file's index is longer than that of any recording"))
    numbers = array("I", data[at : at + 4 * there])
    if byteorder == "little":
        numbers.byteswap()
    return numbers


# Each takes a box into its track, and returns how many numbers it read.
_READERS = {
    b"mdhd": _take_mdhd,
    b"hdlr": _take_hdlr,
    b"stsd": _take_stsd,
    b"stts": _take_stts,
    b"stsz": _take_sizes,
    b"stz2": _take_sizes,
    b"elst": _take_elst,
}
