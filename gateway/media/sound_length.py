"""What is known of how long a sound plays, and how the pieces of a file are counted up to that."""

from typing import NamedTuple

from aio_platform.i18n.translatable import gettext_noop as _

# Nothing that is uploaded here plays longer: a figure beyond it is not believed.
LONGEST_MS = 7 * 24 * 3600 * 1000
# A file may be cut into this many frames, packets, blocks or boxes. A hostile one is in smaller pieces than any
# recording; counting stops there, so that no upload keeps a thread busy for longer than two seconds or so.
MAX_PIECES = 1_000_000
# Encoders put silence before and behind a sound, and leave it out of the header: less than this, by any of them.
PADDING_MS = 500
# 512 kbit/s: what is compressed has no more.
MOST_BYTES_A_MS = 64


class BrokenSound(ValueError):
    """The file contradicts its own headers, or ends before they say; the message tells the caller which."""


class SoundLength(NamedTuple):
    """Milliseconds, rounded up: `ms` as far as the file tells, `most_ms` as many as a decoder can make of it.

    A header is only a claim, so `most_ms` is never less than what the file's frames, packets or blocks come to, plus a
    millisecond for every byte that is none of these: 8 kbit/s, below which nobody records.
    """

    ms: int | None
    most_ms: int


class Tally:
    """What the pieces of a file play together, whatever rates they have. Exact; raises BrokenSound for too many."""

    __slots__ = ("_samples", "at_most", "pieces", "unread_bytes")

    def __init__(self) -> None:
        self._samples: dict[int, int] = {}
        self.pieces = 0
        # Bytes of sound that are no piece, in which a decoder may see what we do not.
        self.unread_bytes = 0
        # Whether pieces were counted at their longest, because only decoding them would tell.
        self.at_most = False

    def add(self, samples: int, rate: int, pieces: int = 1) -> None:
        """Count so many samples at so many a second."""
        self.count_pieces(pieces)
        self._samples[rate] = self._samples.get(rate, 0) + samples

    def count_pieces(self, pieces: int) -> None:
        """Count pieces without a sound of their own. Raises BrokenSound beyond MAX_PIECES."""
        self.pieces += pieces
        if self.pieces > MAX_PIECES:
            raise BrokenSound(_("the file is cut into more pieces than any recording"))

    @property
    def ms(self) -> int:
        """All of it, rounded up."""
        return sum(milliseconds(samples, rate) for rate, samples in self._samples.items())

    @property
    def is_empty(self) -> bool:
        """Whether no piece of sound was counted."""
        return not self._samples


def milliseconds(count: int, a_second: int) -> int:
    """So many samples in milliseconds, rounded up."""
    return -(-count * 1000 // a_second)


def believable(stated_ms: int | None, unread_bytes: int) -> int | None:
    """A header's figure where nothing could be counted: None where it would make so many bytes a second as no codec."""
    return None if stated_ms is None or stated_ms * MOST_BYTES_A_MS < unread_bytes else stated_ms


def reconciled(stated_ms: int | None, counted: Tally) -> SoundLength:
    """What a header states beside what was counted: the header's figure where both agree, else the larger one.

    They agree within PADDING_MS. What was counted `at_most` is up to twice what is played.
    """
    counted_ms = counted.ms
    if counted.is_empty:
        ms = believable(stated_ms, counted.unread_bytes)
    elif stated_ms is None:
        ms = counted_ms
    else:
        least_ms = counted_ms // 2 if counted.at_most else counted_ms - PADDING_MS
        ms = stated_ms if least_ms <= stated_ms <= counted_ms else max(stated_ms, counted_ms)
    return SoundLength(ms, max(ms or 0, counted_ms) + counted.unread_bytes)
