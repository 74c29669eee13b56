"""Every token is counted once, however Gemini and those who speak as it does report it."""

from typing import Any

import pytest

from gateway.dialects.gemini.usage import MOST_COUNTED, read_counts, written_counts
from gateway.dialects.reply import TokenCounts


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        # The cached tokens are among the prompt's; thoughts stand beside the answer.
        (
            {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 60,
                "candidatesTokenCount": 10,
                "thoughtsTokenCount": 25,
                "totalTokenCount": 135,
            },
            TokenCounts(uncached_in=40, cache_read=60, out=35, reasoning=25),
        ),
        # What Google's tools brought in is read by the model too.
        (
            {
                "promptTokenCount": 10,
                "toolUsePromptTokenCount": 90,
                "candidatesTokenCount": 5,
                "totalTokenCount": 105,
            },
            TokenCounts(uncached_in=100, out=5),
        ),
        # A total need not be told.
        (
            {"promptTokenCount": 1, "candidatesTokenCount": 2, "thoughtsTokenCount": 4},
            TokenCounts(uncached_in=1, out=6, reasoning=4),
        ),
        # A count of 0 is left out.
        ({"promptTokenCount": 10, "totalTokenCount": 10}, TokenCounts(uncached_in=10)),
        ({"promptTokenCount": 10}, TokenCounts(uncached_in=10)),
        # Thoughts that only the total tells.
        (
            {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 40},
            TokenCounts(uncached_in=10, out=30),
        ),
        ({"candidatesTokenCount": 5, "totalTokenCount": 15}, TokenCounts(uncached_in=10, out=5)),
        # A total that is less than its parts tells nothing.
        (
            {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 3},
            TokenCounts(uncached_in=10, out=5),
        ),
        (
            {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 50,
                "candidatesTokenCount": 20,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 20},
                    {"modality": "AUDIO", "tokenCount": 80},
                ],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 50}],
                "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 15}],
            },
            TokenCounts(uncached_in=50, cache_read=50, out=20, audio_in=30, audio_out=15),
        ),
        (
            {"prompt_token_count": "10", "candidates_token_count": 5.0, "cached_content_token_count": 4},
            TokenCounts(uncached_in=6, cache_read=4, out=5),
        ),
        ({"promptTokenCount": 1, "cachedContentTokenCount": 3}, TokenCounts(cache_read=3)),
        ({"promptTokenCount": 10**18}, TokenCounts(uncached_in=MOST_COUNTED)),
    ],
)
def test_counts_are_read(usage: dict[str, Any], expected: TokenCounts) -> None:
    assert read_counts(usage) == expected


@pytest.mark.parametrize("usage", [None, [], "5", {}, {"candidatesTokenCount": 5}, {"promptTokenCount": -1}])
def test_what_says_nothing_of_the_prompt_is_no_count(usage: Any) -> None:
    assert read_counts(usage) is None


@pytest.mark.parametrize(
    "counts",
    [
        TokenCounts(uncached_in=5, out=3),
        TokenCounts(uncached_in=40, cache_read=60, out=35, reasoning=25),
        TokenCounts(uncached_in=50, out=20, audio_in=30, audio_out=20),
        TokenCounts(),
    ],
)
def test_written_counts_read_back(counts: TokenCounts) -> None:
    assert read_counts(written_counts(counts)) == counts


def test_what_was_written_to_a_cache_is_part_of_the_prompt() -> None:
    counts = TokenCounts(uncached_in=1, cache_read=2, cache_write_5m=4, cache_write_1h=8)
    assert written_counts(counts)["promptTokenCount"] == 15
