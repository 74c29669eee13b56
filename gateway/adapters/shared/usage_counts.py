"""What upstreams say they counted, in any of the ways they say it, and whether that can be so.

Sources: OpenAI's API reference (`usage`, `completion_tokens_details`); xAI's and Gemini's compatibility layers, where
reasoning stands outside `completion_tokens` and shows only in `total_tokens`; Groq's `x_groq`; vLLM's continuous
usage; Moonshot's usage inside a choice. How they are weighed: see ADR 18.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.dialects.counts import MOST_COUNTED, count_of

# The longest tokens are runs of blanks; no text reaches this many bytes a token on average.
MOST_WEIGHT_PER_TOKEN = 64
# Servers of embeddings and rankings cut each text to what their model takes; none in use takes less. CLIP takes 77.
SHORTEST_INPUT_TOKENS = 64


class Counts(NamedTuple):
    """Tokens as an upstream reports them."""

    tokens_in: int
    tokens_out: int

    def largest(self, other: "Counts | None") -> "Counts":
        """The larger of two readings: counts of a stream only grow, and a last one of zeros is no correction."""
        if other is None:
            return self
        return Counts(max(self.tokens_in, other.tokens_in), max(self.tokens_out, other.tokens_out))


def counts_that_can_be(tokens_in: int, tokens_out: int) -> Counts:
    """Sums of counts, none larger than the books can hold."""
    return Counts(min(tokens_in, MOST_COUNTED), min(tokens_out, MOST_COUNTED))


def read_counts(usage: object) -> Counts | None:
    """The largest reading of a chat's usage object that is consistent; None where there is none that makes sense.

    Input is `prompt_tokens` or `input_tokens`, output `completion_tokens` or `output_tokens`; where one is missing
    it is what the other leaves of the total. A part (reasoning, cached input) that is larger than the count that
    should contain it is added to that count; so are Anthropic's cache tokens. Where the total exceeds input and output
    together, the rest is taken for uncounted output, up to the reasoning where that is given.
    """
    if not isinstance(usage, Mapping):
        return None
    if (plain := _plainly_told(usage)) is not None:
        return plain
    tokens_in = _largest(usage, "prompt_tokens", "input_tokens")
    tokens_out = _largest(usage, "completion_tokens", "output_tokens")
    total = count_of(usage.get("total_tokens"))
    if total is not None and tokens_in is not None and tokens_out is None and total >= tokens_in:
        tokens_out = total - tokens_in
    elif total is not None and tokens_out is not None and tokens_in is None and total >= tokens_out:
        tokens_in = total - tokens_out
    if tokens_in is None or tokens_out is None:
        return None
    tokens_in += _cached_outside(usage, tokens_in)
    reasoning = _part(usage, ("completion_tokens_details", "output_tokens_details"), "reasoning_tokens")
    if reasoning > tokens_out:
        tokens_out += reasoning
    elif total is not None and total > tokens_in + tokens_out:
        uncounted = total - tokens_in - tokens_out
        tokens_out += min(uncounted, reasoning) if reasoning else uncounted
    return counts_that_can_be(tokens_in, tokens_out)


def _plainly_told(usage: Mapping[str, Any]) -> Counts | None:
    """The counts of a usage object as most servers write it, at a tenth of the cost; None where it says more."""
    if len(usage) == 3:
        tokens_in, tokens_out = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if (
            type(tokens_in) is type(tokens_out) is int
            and 0 <= tokens_in <= MOST_COUNTED
            and 0 <= tokens_out <= MOST_COUNTED
            and usage.get("total_tokens") == tokens_in + tokens_out
        ):
            return Counts(tokens_in, tokens_out)
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


def _cached_outside(usage: Mapping[str, Any], tokens_in: int) -> int:
    """Input tokens from a cache that are not among `tokens_in`.

    Anthropic's `input_tokens` leave out what was read from its cache and written there ("Tracking cache performance").
    Servers that send OpenAI's `prompt_tokens` as well have included both.
    """
    names = ("cache_read_input_tokens", "cache_creation_input_tokens")
    beside = sum(count_of(usage.get(name)) or 0 for name in names)
    if usage.get("prompt_tokens") is None and beside:
        return beside
    cached = _part(usage, ("prompt_tokens_details", "input_tokens_details"), "cached_tokens")
    largest = max(cached, beside)
    return largest if largest > tokens_in else 0


def _largest(usage: Mapping[str, Any], *names: str) -> int | None:
    found = [count for name in names if (count := count_of(usage.get(name))) is not None]
    return max(found, default=None)


def _part(usage: Mapping[str, Any], groups: tuple[str, ...], name: str) -> int:
    """A part of a count, told in one of the groups or beside the counts; 0 where it is not told."""
    tellers = [usage, *(usage.get(group) for group in groups)]
    found = [count_of(teller.get(name)) for teller in tellers if isinstance(teller, Mapping)]
    return max((count for count in found if count is not None), default=0)
