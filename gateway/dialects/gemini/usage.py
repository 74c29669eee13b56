"""What Gemini says it counted, `usageMetadata`, read and written.

Source: `GenerateContentResponseUsageMetadata` in python-genai's types. `promptTokenCount` includes what came from the
cache, `candidatesTokenCount` leaves the thoughts out, and `toolUsePromptTokenCount` (what Google's own tools brought
in) stands beside both. A count of 0 is left out.
"""

from collections.abc import Mapping
from typing import Any

from gateway.dialects.counts import MOST_COUNTED
from gateway.dialects.gemini.fields import snake, whole_number
from gateway.dialects.reply import TokenCounts


def read_counts(usage: object, web_searches: int = 0) -> TokenCounts | None:
    """The counts of a `usageMetadata`; None where it says nothing of the prompt, not even by the total.

    Sound that came from the cache is among the cached tokens, and not counted once more as sound.
    """
    if not isinstance(usage, Mapping):
        return None
    total, prompt = _count(usage, "totalTokenCount"), _count(usage, "promptTokenCount")
    answer, thoughts = _count(usage, "candidatesTokenCount") or 0, _count(usage, "thoughtsTokenCount") or 0
    brought_in = _count(usage, "toolUsePromptTokenCount") or 0
    out = answer + thoughts
    if prompt is None:
        if total is None:
            return None
        prompt = max(total - out - brought_in, 0)
    whole_prompt = prompt + brought_in
    if total is not None:
        # Servers that speak this dialect for others leave thoughts out of everything but the total.
        out = max(out, total - whole_prompt)
    cached = min(_count(usage, "cachedContentTokenCount") or 0, MOST_COUNTED)
    heard = _sound(usage, "promptTokensDetails") + _sound(usage, "toolUsePromptTokensDetails")
    uncached = max(whole_prompt - cached, 0)
    out = min(out, MOST_COUNTED)
    return TokenCounts(
        uncached_in=min(uncached, MOST_COUNTED),
        cache_read=cached,
        out=out,
        reasoning=min(thoughts, out),
        audio_in=min(max(heard - _sound(usage, "cacheTokensDetails"), 0), uncached, MOST_COUNTED),
        audio_out=min(_sound(usage, "candidatesTokensDetails"), out),
        web_searches=web_searches,
    )


def _count(usage: Mapping[str, Any], name: str) -> int | None:
    value = usage.get(name)
    count = whole_number(usage.get(snake(name)) if value is None else value)
    return None if count is None or count < 0 else min(count, MOST_COUNTED)


def _sound(usage: Mapping[str, Any], name: str) -> int:
    details = usage.get(name) or usage.get(snake(name))
    return sum(
        _count(detail, "tokenCount") or 0
        for detail in (details if isinstance(details, list) else ())
        if isinstance(detail, Mapping) and str(detail.get("modality")).upper() == "AUDIO"
    )


def written_counts(counts: TokenCounts) -> dict[str, Any]:
    """The `usageMetadata` that says the same."""
    written: dict[str, Any] = {
        "promptTokenCount": counts.tokens_in,
        "candidatesTokenCount": counts.out - counts.reasoning,
        "totalTokenCount": counts.tokens_in + counts.out,
    }
    if counts.cache_read:
        written["cachedContentTokenCount"] = counts.cache_read
    if counts.reasoning:
        written["thoughtsTokenCount"] = counts.reasoning
    if counts.audio_in:
        written["promptTokensDetails"] = _details(counts.tokens_in, counts.audio_in)
    if counts.audio_out:
        written["candidatesTokensDetails"] = _details(counts.out - counts.reasoning, counts.audio_out)
    return written


def _details(whole: int, sound: int) -> list[dict[str, Any]]:
    rest = [{"modality": "TEXT", "tokenCount": whole - sound}] if whole > sound else []
    return [*rest, {"modality": "AUDIO", "tokenCount": sound}]
