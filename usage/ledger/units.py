"""Units: what a call used, in the quantities that rates price."""

from typing import NamedTuple


class Units(NamedTuple):
    """Whole numbers, never negative. Audio and video are counted in milliseconds; every call is one call.

    `pixel_steps` is width × height × steps, over all images: what an image's generation takes.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    images: int = 0
    audio_ms: int = 0
    characters: int = 0
    calls: int = 1
    pixel_steps: int = 0
    video_ms: int = 0
