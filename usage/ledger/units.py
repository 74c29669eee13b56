"""Units: what a call used, in the quantities that rates price."""

from collections.abc import Mapping
from typing import NamedTuple

# The parts that are counted of a whole besides (ADR 32); no token is in two of them. A rate without a price for a part
# prices it as the rest of its whole. The first named are those that cost the most.
PARTS: Mapping[str, tuple[str, ...]] = {
    "tokens_in": ("cache_write_1h_tokens", "cache_write_tokens", "audio_tokens_in", "cache_read_tokens"),
    "tokens_out": ("audio_tokens_out", "reasoning_tokens"),
}
WHOLE_OF: Mapping[str, str] = {part: whole for whole, parts in PARTS.items() for part in parts}


class Units(NamedTuple):
    """Whole numbers, never negative. Audio and video are counted in milliseconds; every call is one call.

    `tokens_in` is the whole prompt, and `tokens_out` all that was generated: each token once, whether or not it is in
    a part (`PARTS`) too. `cache_write_tokens` were written to a cache that keeps them for minutes,
    `cache_write_1h_tokens` to one that keeps them for an hour. `pixel_steps` is width × height × steps, over all
    images: what an image's generation takes.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    images: int = 0
    audio_ms: int = 0
    characters: int = 0
    calls: int = 1
    pixel_steps: int = 0
    video_ms: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    audio_tokens_in: int = 0
    audio_tokens_out: int = 0

    def consistent(self) -> "Units":
        """These units, with no part larger than what its whole leaves for it."""
        if (
            self.cache_read_tokens
            + self.cache_write_tokens
            + self.cache_write_1h_tokens
            + self.audio_tokens_in
            <= self.tokens_in
        ) and self.reasoning_tokens + self.audio_tokens_out <= self.tokens_out:
            return self
        kept: dict[str, int] = {}
        for whole, parts in PARTS.items():
            left: int = getattr(self, whole)
            for part in parts:
                kept[part] = min(getattr(self, part), left)
                left -= kept[part]
        return self._replace(**kept)

    def parts(self) -> dict[str, int] | None:
        """The parts that are not empty, by name; None where there is none."""
        if self[FIRST_PART:] == _NO_PARTS:
            return None
        consistent = self.consistent()
        return {part: count for part in WHOLE_OF if (count := getattr(consistent, part))}


FIRST_PART = Units._fields.index("cache_read_tokens")
# A table's column of a part is null where the part is empty: that takes no room.
NULLABLE_UNITS = Units._fields[FIRST_PART:]
_NO_PARTS = Units()[FIRST_PART:]
assert set(NULLABLE_UNITS) == set(WHOLE_OF), "what follows the first part is a part"
