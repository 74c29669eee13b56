"""What Anthropic counts, both ways. Its count of the prompt leaves out what the cache gave or took."""

from collections.abc import Mapping
from typing import Any

from gateway.dialects.counts import count_of
from gateway.dialects.reply import TokenCounts

# Runs within one answer that the counts at the top leave out: for a summary of what was said, and for advice.
_COUNTED_APART = ("compaction", "advisor_message")

SERVICE_TIERS = {"standard": "default", "priority": "priority", "batch": "batch"}


def read_usage(usage: object) -> TokenCounts | None:
    """The counts in an object of usage; None where it counts nothing."""
    if not isinstance(usage, Mapping):
        return None
    if count_of(usage.get("input_tokens")) is None and count_of(usage.get("output_tokens")) is None:
        return None
    counts = _counts_at(usage)
    iterations = usage.get("iterations")
    for run in iterations if isinstance(iterations, list) else ():
        if isinstance(run, Mapping) and run.get("type") in _COUNTED_APART:
            counts = _sum(counts, _counts_at(run))
    return counts


def _counts_at(usage: Mapping[str, Any]) -> TokenCounts:
    parts = usage.get("cache_creation")
    written_5m, written_1h = (
        _part(parts, "ephemeral_5m_input_tokens"),
        _part(parts, "ephemeral_1h_input_tokens"),
    )
    # What is in no part was kept for as long as things are where nobody says.
    written_5m += max(0, _part(usage, "cache_creation_input_tokens") - written_5m - written_1h)
    out = _part(usage, "output_tokens")
    return TokenCounts(
        uncached_in=_part(usage, "input_tokens"),
        cache_read=_part(usage, "cache_read_input_tokens"),
        cache_write_5m=written_5m,
        cache_write_1h=written_1h,
        out=out,
        reasoning=min(out, _part(usage.get("output_tokens_details"), "thinking_tokens")),
        web_searches=_part(usage.get("server_tool_use"), "web_search_requests"),
    )


def _part(counts: object, name: str) -> int:
    return (count_of(counts.get(name)) or 0) if isinstance(counts, Mapping) else 0


def _sum(one: TokenCounts, other: TokenCounts) -> TokenCounts:
    return TokenCounts(*(mine + theirs for mine, theirs in zip(one, other, strict=True)))


def grown(earlier: object, later: object) -> Any:
    """What two objects of usage of one stream say together: counts only grow, and what is not said again stays."""
    if isinstance(earlier, Mapping) and isinstance(later, Mapping):
        return {**earlier, **{name: grown(earlier.get(name), value) for name, value in later.items()}}
    before, after = count_of(earlier), count_of(later)
    if before is not None and after is not None:
        return max(before, after)
    return earlier if later is None else later


def write_usage(counts: TokenCounts | None) -> dict[str, Any]:
    """An object of usage. It is of zeros where nothing was counted: Anthropic's always has one."""
    counts = counts or TokenCounts()
    usage: dict[str, Any] = {
        "input_tokens": counts.uncached_in,
        "cache_creation_input_tokens": counts.cache_write_5m + counts.cache_write_1h,
        "cache_read_input_tokens": counts.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": counts.cache_write_5m,
            "ephemeral_1h_input_tokens": counts.cache_write_1h,
        },
        "output_tokens": counts.out,
    }
    if counts.reasoning:
        usage["output_tokens_details"] = {"thinking_tokens": counts.reasoning}
    if counts.web_searches:
        usage["server_tool_use"] = {"web_search_requests": counts.web_searches, "web_fetch_requests": 0}
    return usage


def read_tier(usage: object) -> str | None:
    """The tier that served the answer, in OpenAI's word."""
    tier = usage.get("service_tier") if isinstance(usage, Mapping) else None
    return SERVICE_TIERS.get(tier, tier) if isinstance(tier, str) else None


def write_tier(tier: str | None) -> str | None:
    """The tier in Anthropic's word; None for one that it has not."""
    return next((word for word, ours in SERVICE_TIERS.items() if ours == tier), None)
