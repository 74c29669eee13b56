"""The length of bare AAC: ADTS frames, each of which tells its own size and rate.

Source: ISO/IEC 14496-3, 1.A.2 (Audio Data Transport Stream).
"""

from typing import BinaryIO

from gateway.media.aac_config import AAC_FRAME_SAMPLES, AAC_RATES
from gateway.media.frame_walk import Frame, walk_frames
from gateway.media.sound_length import SoundLength, reconciled

_HEADER_BYTES = 7


def adts_length(file: BinaryIO, start: int, end: int) -> SoundLength:
    """The length of the frames between two offsets."""
    return reconciled(None, walk_frames(file, start, end, _frame_at))


def _frame_at(data: bytes, at: int) -> Frame | None:
    """The frame that begins at this offset, if one does."""
    if at + _HEADER_BYTES > len(data) or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
        return None
    rate_index = data[at + 2] >> 2 & 0xF
    size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    if rate_index >= len(AAC_RATES) or size < _HEADER_BYTES:
        return None
    # A frame may have up to four blocks.
    return Frame(size, AAC_FRAME_SAMPLES * ((data[at + 6] & 3) + 1), AAC_RATES[rate_index])
