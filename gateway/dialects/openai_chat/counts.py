"""Usage objects: what upstreams say they counted, each token once, and how a caller is told.

Sources: OpenAI's API reference; DeepSeek (`prompt_cache_hit_tokens`), Moonshot (`cached_tokens` beside the counts),
OpenRouter (`cache_write_tokens`), LiteLLM (Anthropic's names beside OpenAI's), xAI and Google's compatibility layer
(reasoning outside `completion_tokens`, seen in `total_tokens` alone).
"""

from collections.abc import Mapping
from typing import Any

from gateway.dialects.counts import MOST_COUNTED, count_of
from gateway.dialects.reply import TokenCounts


def read_counts(usage: object) -> TokenCounts | None:
    """The counts; None where it tells neither the prompt's nor the answer's tokens.

    Where one of them is missing it is what the other leaves of the total.
    """
    if not isinstance(usage, Mapping):
        return None
    tokens_in = _largest(usage, "prompt_tokens", "input_tokens")
    out = _largest(usage, "completion_tokens", "output_tokens")
    total = count_of(usage.get("total_tokens"))
    if total is not None and tokens_in is not None and out is None and total >= tokens_in:
        out = total - tokens_in
    elif total is not None and out is not None and tokens_in is None and total >= out:
        tokens_in = total - out
    if tokens_in is None or out is None:
        return None
    prompt = _prompt_counts(usage, tokens_in)
    reasoning = _part(usage, _OUT_DETAILS, "reasoning_tokens")
    if reasoning > out:
        out += reasoning
    elif total is not None and total > prompt.tokens_in + out:
        uncounted = total - prompt.tokens_in - out
        out += min(uncounted, reasoning) if reasoning else uncounted
    searches = usage.get("server_tool_use")
    return prompt._replace(
        out=min(out, MOST_COUNTED),
        reasoning=reasoning,
        # Sound from the cache is counted as cached alone.
        audio_in=min(_part(usage, _IN_DETAILS, "audio_tokens", beside=False), prompt.uncached_in),
        audio_out=min(_part(usage, _OUT_DETAILS, "audio_tokens", beside=False), out),
        web_searches=_largest(searches, "web_search_requests") or 0 if isinstance(searches, Mapping) else 0,
    )


_IN_DETAILS = ("prompt_tokens_details", "input_tokens_details")
_OUT_DETAILS = ("completion_tokens_details", "output_tokens_details")


def _prompt_counts(usage: Mapping[str, Any], tokens_in: int) -> TokenCounts:
    """The prompt's counts. `tokens_in` has the cached ones in it, but where Anthropic's names stand alone.

    It cannot have them where they are more: then they were counted beside it.
    """
    anthropic_read = count_of(usage.get("cache_read_input_tokens")) or 0
    anthropic_written = count_of(usage.get("cache_creation_input_tokens")) or 0
    beside = anthropic_read + anthropic_written
    cached = max(
        _part(usage, _IN_DETAILS, "cached_tokens"), count_of(usage.get("prompt_cache_hit_tokens")) or 0
    )
    if beside and (usage.get("prompt_tokens") is None or beside > max(tokens_in, cached)):
        read, written = anthropic_read, anthropic_written
    elif cached > tokens_in:
        read, written = cached, 0
    else:
        told = (_part(usage, _IN_DETAILS, name) for name in ("cache_write_tokens", "cache_creation_tokens"))
        read = max(cached, anthropic_read)
        written = min(max(anthropic_written, *told), tokens_in - read)
        tokens_in -= read + written
    hour = min(written, _part(usage, ("cache_creation",), "ephemeral_1h_input_tokens", beside=False))
    return TokenCounts(tokens_in, read, cache_write_5m=written - hour, cache_write_1h=hour)


def larger(new: TokenCounts, old: TokenCounts | None) -> TokenCounts:
    """The larger of two readings, the prompt's and the answer's: a last one of zeros is no correction."""
    if old is None:
        return new
    if new.tokens_in < old.tokens_in:
        kept = ("uncached_in", "cache_read", "cache_write_5m", "cache_write_1h", "audio_in")
        new = new._replace(**{name: getattr(old, name) for name in kept})
    if new.out < old.out:
        new = new._replace(out=old.out, reasoning=old.reasoning, audio_out=old.audio_out)
    return new


def write_counts(counts: TokenCounts) -> dict[str, Any]:
    """The usage object. Cached tokens are part of `prompt_tokens`, as OpenAI counts them."""
    prompt_details = {"cached_tokens": counts.cache_read, "audio_tokens": counts.audio_in}
    written = counts.cache_write_5m + counts.cache_write_1h
    if written:
        prompt_details["cache_write_tokens"] = written
    usage: dict[str, Any] = {
        "prompt_tokens": counts.tokens_in,
        "completion_tokens": counts.out,
        "total_tokens": counts.tokens_in + counts.out,
        "prompt_tokens_details": prompt_details,
        "completion_tokens_details": {
            "reasoning_tokens": counts.reasoning,
            "audio_tokens": counts.audio_out,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    if counts.cache_write_1h:
        usage["cache_creation"] = {
            "ephemeral_5m_input_tokens": counts.cache_write_5m,
            "ephemeral_1h_input_tokens": counts.cache_write_1h,
        }
    if counts.web_searches:
        usage["server_tool_use"] = {"web_search_requests": counts.web_searches}
    return usage


def _largest(usage: Mapping[str, Any], *names: str) -> int | None:
    found = [count for name in names if (count := count_of(usage.get(name))) is not None]
    return max(found, default=None)


def _part(usage: Mapping[str, Any], groups: tuple[str, ...], name: str, *, beside: bool = True) -> int:
    """A part of a count, told in one of the groups or, where `beside`, beside the counts; 0 where it is not told."""
    tellers = [*([usage] if beside else []), *(usage.get(group) for group in groups)]
    found = [count_of(teller.get(name)) for teller in tellers if isinstance(teller, Mapping)]
    return max((count for count in found if count is not None), default=0)
