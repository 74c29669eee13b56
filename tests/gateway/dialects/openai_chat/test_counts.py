"""Every token of a usage object is counted once, whatever the server calls it."""

from typing import Any

import pytest
from hypothesis import given, settings

from gateway.adapters.shared import usage_counts
from gateway.dialects.counts import MOST_COUNTED
from gateway.dialects.openai_chat.counts import read_counts, write_counts
from gateway.dialects.reply import TokenCounts
from tests.gateway.dialects.conversations import token_counts
from tests.gateway.dialects.openai_chat.wild_json import USAGES

REAL_COUNTS = TokenCounts(100, 50, out=30, reasoning=10)


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (None, None),
        ({}, None),
        ({"prompt_tokens": 5}, None),
        ({"prompt_tokens": "5", "completion_tokens": 3.0}, TokenCounts(5, out=3)),
        ({"prompt_tokens": 5, "total_tokens": 8}, TokenCounts(5, out=3)),
        (
            {
                "prompt_tokens": 150,
                "completion_tokens": 30,
                "total_tokens": 180,
                "prompt_tokens_details": {"cached_tokens": 50, "audio_tokens": 7},
                "completion_tokens_details": {"reasoning_tokens": 10, "audio_tokens": 4},
            },
            REAL_COUNTS._replace(audio_in=7, audio_out=4),
        ),
        # DeepSeek and Moonshot tell of the cache beside the counts.
        (
            {"prompt_tokens": 64, "completion_tokens": 9, "prompt_cache_hit_tokens": 60},
            TokenCounts(4, 60, out=9),
        ),
        ({"prompt_tokens": 64, "completion_tokens": 9, "cached_tokens": 60}, TokenCounts(4, 60, out=9)),
        # OpenRouter's prompt has what was written to the cache in it.
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 1,
                "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 30},
            },
            TokenCounts(50, 20, 30, out=1),
        ),
        # Anthropic's names alone leave the cache out of the input; LiteLLM's prompt has it in.
        (
            {
                "input_tokens": 10,
                "output_tokens": 1,
                "cache_read_input_tokens": 90,
                "cache_creation_input_tokens": 5,
            },
            TokenCounts(10, 90, 5, out=1),
        ),
        (
            {
                "prompt_tokens": 105,
                "completion_tokens": 1,
                "cache_read_input_tokens": 90,
                "cache_creation_input_tokens": 5,
            },
            TokenCounts(10, 90, 5, out=1),
        ),
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 1,
                "cache_creation_input_tokens": 60,
                "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 40},
            },
            TokenCounts(40, 0, 20, 40, out=1),
        ),
        # More cached than there is prompt: it was counted beside it.
        (
            {"prompt_tokens": 3, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 90}},
            TokenCounts(3, 90, out=1),
        ),
        # Reasoning outside the completion.
        (
            {
                "prompt_tokens": 3,
                "completion_tokens": 1,
                "completion_tokens_details": {"reasoning_tokens": 50},
            },
            TokenCounts(3, out=51, reasoning=50),
        ),
    ],
)
def test_every_token_is_counted_once(usage: Any, counts: TokenCounts | None) -> None:
    assert read_counts(usage) == counts


@settings(max_examples=500)
@given(USAGES)
def test_the_whole_is_what_the_path_of_the_same_dialect_counts(usage: Any) -> None:
    counts, plainly = read_counts(usage), usage_counts.read_counts(usage)
    assert (counts is None) == (plainly is None)
    if counts is not None and plainly is not None:
        most = MOST_COUNTED
        assert (min(counts.tokens_in, most), counts.out) == (plainly.tokens_in, plainly.tokens_out)


@given(token_counts(cache_writes=True, audio=True))
def test_counts_that_are_written_read_back_the_same(counts: TokenCounts) -> None:
    assert read_counts(write_counts(counts)) == counts
