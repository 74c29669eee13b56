"""An answer's object of usage, both ways."""

from collections.abc import Mapping
from typing import Any

from gateway.dialects.counts import count_of
from gateway.dialects.reply import TokenCounts


def _count(value: object) -> int:
    """A count; 0 for what is none."""
    return count_of(value) or 0


def read_usage(usage: object, web_searches: int = 0) -> TokenCounts | None:
    """The counts of an answer; None where there are none.

    OpenAI's prompt counts have what was read from its cache, and what was written there, within them. A part that is
    larger than what should contain it stands beside it, as other servers' do. Cache entries live for half an hour;
    those are counted with the short ones.
    """
    if not isinstance(usage, Mapping) or ("input_tokens" not in usage and "output_tokens" not in usage):
        return None
    tokens_in, out = _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))
    details_in = _details(usage, "input_tokens_details")
    details_out = _details(usage, "output_tokens_details")
    cached, written = (
        _count(details_in.get("cached_tokens")),
        _count(details_in.get("cache_write_tokens")),
    )
    reasoning = _count(details_out.get("reasoning_tokens"))
    rest = _count(usage.get("total_tokens")) - tokens_in - out
    if reasoning > out:
        out += reasoning
    elif rest > 0:
        # xAI's leave the reasoning out of what was generated.
        out += min(rest, reasoning) if reasoning else rest
    return TokenCounts(
        uncached_in=tokens_in - cached - written if cached + written <= tokens_in else tokens_in,
        cache_read=cached,
        cache_write_5m=written,
        out=out,
        reasoning=reasoning,
        audio_in=min(_count(details_in.get("audio_tokens")), tokens_in),
        audio_out=min(_count(details_out.get("audio_tokens")), out),
        web_searches=web_searches,
    )


def write_usage(counts: TokenCounts | None) -> dict[str, Any] | None:
    """The object of usage; None where nothing was counted."""
    if counts is None:
        return None
    return {
        "input_tokens": counts.tokens_in,
        "input_tokens_details": {
            "cached_tokens": counts.cache_read,
            "cache_write_tokens": counts.cache_write_5m + counts.cache_write_1h,
        },
        "output_tokens": counts.out,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning},
        "total_tokens": counts.tokens_in + counts.out,
    }


def _details(usage: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    details = usage.get(name)
    return details if isinstance(details, Mapping) else {}
