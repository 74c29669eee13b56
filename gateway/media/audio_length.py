"""How long a sound is: what its file's header states, beside all that a decoder would find in the file.

Headers are written by callers, and what a call costs must not hang on them alone (see ADR 21), as it would with a
library (see ADR 27). Nothing is decoded; a file is read once from its beginning to its end, a quarter of a megabyte at
a time.
"""

from collections.abc import Callable
from typing import BinaryIO

from aio_platform.i18n.translatable import gettext_noop
from gateway.media.adts_frames import adts_length
from gateway.media.flac_frames import flac_length
from gateway.media.kinds import AUDIO_KINDS, HEAD_BYTES, kind_of
from gateway.media.mp3_frames import mp3_length
from gateway.media.mp4_tracks import mp4_length
from gateway.media.ogg_packets import ogg_length
from gateway.media.sound_length import LONGEST_MS, BrokenSound, SoundLength
from gateway.media.wav_chunks import wav_length
from gateway.media.webm_blocks import webm_length

__all__ = ["BrokenSound", "SoundLength", "sound_length"]

_MAX_TAGS = 16


def sound_length(file: BinaryIO, kind: str, size_bytes: int) -> SoundLength:
    """How long the sound in `file` plays, as far as it tells and at most.

    Raises BrokenSound for a WAV or FLAC that is cut short or has no usable header, for one of no length, and for a file
    that is in more pieces than any recording or claims an impossible length.
    """
    start = 0
    if kind == "audio/mpeg":
        start = _end_of_tags(file)
        file.seek(start)
        # Decoders pass over a tag, whatever kind of sound follows it.
        behind = kind_of(file.read(HEAD_BYTES))
        kind = behind if behind in AUDIO_KINDS else kind
    length = _READERS[kind](file, start, size_bytes)
    if length.ms is not None and length.ms > LONGEST_MS:
        raise BrokenSound(gettext_noop("the file's header gives it an impossible length"))
    return length


def _end_of_tags(file: BinaryIO) -> int:
    """Where the last of the ID3v2 tags ends with which the file begins; 0 where it begins with none."""
    at = 0
    for _ in range(_MAX_TAGS):
        file.seek(at)
        head = file.read(10)
        if head[:3] != b"ID3" or len(head) < 10:
            break
        size = 0
        for byte in head[6:10]:
            size = size << 7 | byte & 0x7F
        at += 10 + size + (10 if head[5] & 0x10 else 0)
    return at


_READERS: dict[str, Callable[[BinaryIO, int, int], SoundLength]] = {
    "audio/wav": wav_length,
    "audio/flac": flac_length,
    "audio/ogg": ogg_length,
    "audio/mp4": mp4_length,
    "audio/mpeg": mp3_length,
    "audio/aac": adts_length,
    "audio/webm": webm_length,
}
