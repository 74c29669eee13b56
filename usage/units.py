"""Units: what a call used, in the quantities that rates price."""

from typing import NamedTuple


class Units(NamedTuple):
    """Whole numbers, never negative. Audio is counted in milliseconds; every call counts as one call."""

    tokens_in: int = 0
    tokens_out: int = 0
    images: int = 0
    audio_ms: int = 0
    characters: int = 0
    calls: int = 1
