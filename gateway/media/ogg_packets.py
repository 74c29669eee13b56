"""An OGG file's length: what its pages' positions state, beside all packets of all its pages.

Every page is looked at, wherever it stands: a file may be several, one behind another, with positions of their own, and
a decoder that finds a page damaged looks for the next one inside it. Source: RFC 3533.
"""

from struct import unpack_from
from typing import BinaryIO

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.media.flac_frames import MAX_HEADER_BYTES
from gateway.media.ogg_codecs import Codec, codec_of
from gateway.media.sound_length import BrokenSound, SoundLength, Tally, milliseconds, reconciled

_MARK = b"OggS"
_HEADER_BYTES = 27
_MAX_PAGE_BYTES = _HEADER_BYTES + 255 + 255 * 255
_READ_BYTES = 262_144
_CONTINUED = 1
_BEGINS = 2
_MAX_STREAMS = 1_000
_HEAD_BYTES = 128


class _Stream:
    """What has been seen of one stream. It has a second codec where another stream took its number."""

    __slots__ = ("codecs", "headers_left", "position")

    def __init__(self) -> None:
        self.codecs: dict[str, Codec] = {}
        self.headers_left = 0
        self.position = 0

    def begin(self, first: bytes) -> None:
        codec = codec_of(first)
        if codec is not None and codec.name not in self.codecs:
            self.codecs[codec.name] = codec
            self.headers_left = codec.headers

    def stated_ms(self) -> int:
        """Where its last page says that it ends."""
        codec = next(iter(self.codecs.values()))
        return milliseconds(max(self.position - codec.skipped, 0), codec.rate)


def ogg_length(file: BinaryIO, start: int, end: int) -> SoundLength:
    """The length of the pages between two offsets. Raises BrokenSound for too many packets or streams."""
    tally = Tally()
    streams: dict[int, _Stream] = {}
    at = start
    while at < end:
        file.seek(at)
        data = file.read(min(_READ_BYTES, end - at))
        stop = len(data) if at + len(data) >= end else len(data) - _MAX_PAGE_BYTES
        if stop <= 0:
            break
        found = data.find(_MARK)
        while 0 <= found < stop:
            _take_page(data, found, streams, tally)
            found = data.find(_MARK, found + len(_MARK))
        at += stop
    known = [stream for stream in streams.values() if stream.codecs]
    if not known:
        return SoundLength(None, max(end - start, tally.unread_bytes))
    stated_ms = sum(stream.stated_ms() for stream in known)
    tally.at_most = all(codec.at_most for stream in known for codec in stream.codecs.values())
    return reconciled(stated_ms or None, tally)


def _take_page(data: bytes, at: int, streams: dict[int, _Stream], tally: Tally) -> None:
    """Count the packets that begin in the page at this offset."""
    tally.count_pieces(1)
    body = at + _HEADER_BYTES
    if body > len(data) or data[at + 4] != 0:
        return
    flags, position, serial = (
        data[at + 5],
        unpack_from("<q", data, at + 6)[0],
        unpack_from("<I", data, at + 14)[0],
    )
    lacing = data[body : body + data[at + 26]]
    body += len(lacing)
    stream = streams.get(serial)
    if stream is None:
        if len(streams) >= _MAX_STREAMS:
            raise BrokenSound(_("the OGG file has more streams than any recording"))
        stream = streams[serial] = _Stream()
        stream.begin(data[body : body + _HEAD_BYTES])
    elif flags & _BEGINS:
        stream.begin(data[body : body + _HEAD_BYTES])
    if position > 0:
        stream.position = position
    if not stream.codecs:
        tally.unread_bytes += sum(lacing)
        return
    _take_packets(data, body, lacing, not flags & _CONTINUED, stream, tally)


def _take_packets(data: bytes, at: int, lacing: bytes, begins: bool, stream: _Stream, tally: Tally) -> None:
    """Count by where packets begin: one that goes on in the next page is counted here, and only here."""
    counts: dict[tuple[int, int], int] = {}
    codecs = list(stream.codecs.values())
    begun = at
    for index, size in enumerate(lacing):
        at += size
        if size == 255 and index < len(lacing) - 1:
            continue
        if begins and at > begun:
            if stream.headers_left:
                stream.headers_left -= 1
            else:
                played = _longest(codecs, data[begun : min(at, begun + MAX_HEADER_BYTES)])
                counts[played] = counts.get(played, 0) + 1
        begins, begun = True, at
    for (samples, rate), count in counts.items():
        tally.add(samples * count, rate, count)


def _longest(codecs: list[Codec], packet: bytes) -> tuple[int, int]:
    measured = [codec.measure(packet) for codec in codecs]
    return measured[0] if len(measured) == 1 else max(measured, key=lambda played: played[0] / played[1])
