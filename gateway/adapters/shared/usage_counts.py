"""What upstreams say they counted, as units, and whether that can be so.

How a chat's counts are read: `gateway/dialects/openai_chat/counts.py`. How they are weighed: see ADR 18.
"""

from collections.abc import Mapping
from typing import Any

from gateway.dialects.counts import MOST_COUNTED, count_of
from gateway.dialects.openai_chat import counts as openai_counts
from gateway.dialects.reply import TokenCounts
from usage.ledger.units import PARTS, Units

# The longest tokens are runs of blanks; no text reaches this many bytes a token on average.
MOST_WEIGHT_PER_TOKEN = 64
# Servers of embeddings and rankings cut each text to what their model takes; none in use takes less. CLIP takes 77.
SHORTEST_INPUT_TOKENS = 64


def units_of(counts: TokenCounts) -> Units:
    """The units of counts: wholes that the books can hold, with no part larger than its whole."""
    return Units(
        tokens_in=min(counts.tokens_in, MOST_COUNTED),
        tokens_out=min(counts.out, MOST_COUNTED),
        cache_read_tokens=counts.cache_read,
        cache_write_tokens=counts.cache_write_5m,
        cache_write_1h_tokens=counts.cache_write_1h,
        reasoning_tokens=counts.reasoning,
        audio_tokens_in=counts.audio_in,
        audio_tokens_out=counts.audio_out,
    ).consistent()


def larger(new: Units, old: Units | None) -> Units:
    """The larger of two readings, of the prompt and of the answer: counts of a stream only grow.

    A last reading of zeros is no correction, and one of the whole alone does not take its parts away.
    """
    if old is None:
        return new
    for whole, parts in PARTS.items():
        count, counted = getattr(new, whole), getattr(old, whole)
        if count < counted or (count == counted and not any(getattr(new, part) for part in parts)):
            new = new._replace(**{name: getattr(old, name) for name in (whole, *parts)})
    return new


def read_counts(usage: object) -> Units | None:
    """The units of a chat's usage object, each token once; None where there are none that make sense.

    Cached tokens are in `tokens_in` once, whether the server counts them within the prompt or beside it. A part that is
    larger than the count that should contain it is added to that count. Where the total exceeds input and output
    together, the rest is taken for uncounted output, up to the reasoning where that is given.
    """
    if not isinstance(usage, Mapping):
        return None
    if (plain := _plainly_told(usage)) is not None:
        return plain
    counts = openai_counts.read_counts(usage)
    return None if counts is None else units_of(counts)


def _plainly_told(usage: Mapping[str, Any]) -> Units | None:
    """The counts of a usage object as most servers write it, at a tenth of the cost; None where it says more."""
    if len(usage) == 3:
        tokens_in, tokens_out = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if (
            type(tokens_in) is type(tokens_out) is int
            and 0 <= tokens_in <= MOST_COUNTED
            and 0 <= tokens_out <= MOST_COUNTED
            and usage.get("total_tokens") == tokens_in + tokens_out
        ):
            return Units(tokens_in, tokens_out)
    return None


def reported_input(usage: object, weight: int) -> int | None:
    """Input tokens of a usage object where there is no output; None where there are none that can be so.

    `weight` is the least that was read. OpenAI and vLLM say `prompt_tokens`; Jina's rerank says only `total_tokens`,
    which is the same there.
    """
    if not isinstance(usage, Mapping):
        return None
    return believed(_largest(usage, "prompt_tokens", "input_tokens", "total_tokens"), weight)


def believed(tokens: int | None, weight: int) -> int | None:
    """The tokens that an upstream says an input of this weight was, or None where that cannot be so."""
    return tokens if tokens and is_possible(tokens, weight) else None


def is_possible(tokens: int, weight: int) -> bool:
    """Whether a text of this weight can be so few tokens."""
    return tokens * MOST_WEIGHT_PER_TOKEN >= weight


def least_weight_of_cut(weight: int) -> int:
    """What is left to weigh of a text of this weight where the server may have cut it."""
    return min(weight, SHORTEST_INPUT_TOKENS * MOST_WEIGHT_PER_TOKEN)


def _largest(usage: Mapping[str, Any], *names: str) -> int | None:
    found = [count for name in names if (count := count_of(usage.get(name))) is not None]
    return max(found, default=None)
