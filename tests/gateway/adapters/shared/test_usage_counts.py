"""What an upstream says it counted is read in every way servers say it, and never believed where it cannot be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.shared import embeddings
from gateway.adapters.shared.requests import EmbeddingRequest
from gateway.adapters.shared.usage_counts import larger, read_counts, reported_input
from gateway.dialects.counts import MOST_COUNTED, count_of
from usage.ledger.units import Units


@pytest.mark.parametrize(
    ("value", "count"),
    [(5, 5), (5.0, 5), ("5", 5), (0, 0), (10**30, MOST_COUNTED), (1e300, MOST_COUNTED)]
    + [
        (wrong, None)
        for wrong in (None, True, -1, 5.5, -1.0, float("nan"), float("inf"), "", "five", "-5", "5.0")
    ]
    + [("٥", None), ("9" * 30, None), ([5], None), ({"a": 5}, None)],
)
def test_a_count_is_a_whole_number_however_it_is_written(value: Any, count: int | None) -> None:
    assert count_of(value) == count


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}, (9, 5)),
        ({"prompt_tokens": 9.0, "completion_tokens": "5"}, (9, 5)),
        ({"input_tokens": 9, "output_tokens": 5}, (9, 5)),
        ({"prompt_tokens": 0, "input_tokens": 9, "completion_tokens": 0, "output_tokens": 5}, (9, 5)),
        # Reasoning outside the output: xAI, told; Gemini's layer, only in the total; without a total.
        (
            {
                "prompt_tokens": 36,
                "completion_tokens": 10,
                "total_tokens": 736,
                "completion_tokens_details": {"reasoning_tokens": 690},
            },
            (36, 700),
        ),
        (
            {
                "prompt_tokens": 20,
                "completion_tokens": 7,
                "total_tokens": 30,
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            (20, 10),
        ),
        ({"prompt_tokens": 36, "completion_tokens": 10, "total_tokens": 736}, (36, 700)),
        ({"prompt_tokens": 36, "completion_tokens": 10, "reasoning_tokens": 690}, (36, 700)),
        # Reasoning within the output, as OpenAI counts; a total that says no more.
        (
            {
                "prompt_tokens": 36,
                "completion_tokens": 700,
                "total_tokens": 736,
                "completion_tokens_details": {"reasoning_tokens": 690},
            },
            (36, 700),
        ),
        # A total beyond what the told reasoning explains is not believed.
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 10,
                "total_tokens": 9000,
                "completion_tokens_details": {"reasoning_tokens": 4},
            },
            (9, 14),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 3}, (9, 5)),
        ({"prompt_tokens": 9, "total_tokens": 14}, (9, 5)),
        ({"completion_tokens": 5, "total_tokens": 14}, (9, 5)),
        (
            {"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 100}},
            (109, 5),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": [1]}, (9, 5)),
        (None, None),
        ([], None),
        ({}, None),
        ({"prompt_tokens": 9}, None),
        ({"total_tokens": 14}, None),
        ({"prompt_tokens": -1, "completion_tokens": 5}, None),
    ],
)
def test_the_largest_consistent_reading_is_taken(usage: Any, counts: tuple[int, int] | None) -> None:
    found = read_counts(usage)
    assert (found and (found.tokens_in, found.tokens_out)) == counts


@pytest.mark.parametrize(
    ("usage", "units"),
    [
        # OpenAI: within the prompt's count, and DeepSeek's name for it.
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 50,
                "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 10},
                "completion_tokens_details": {"reasoning_tokens": 30, "audio_tokens": 5},
            },
            Units(100, 50, cache_read_tokens=60, audio_tokens_in=10, reasoning_tokens=30, audio_tokens_out=5),
        ),
        (
            {"prompt_tokens": 100, "completion_tokens": 5, "prompt_cache_hit_tokens": 60},
            Units(100, 5, cache_read_tokens=60),
        ),
        # Anthropic's names alone: beside the input's count.
        (
            {
                "input_tokens": 10,
                "output_tokens": 5,
                "cache_read_input_tokens": 60,
                "cache_creation_input_tokens": 30,
                "cache_creation": {"ephemeral_1h_input_tokens": 20},
            },
            Units(100, 5, cache_read_tokens=60, cache_write_tokens=10, cache_write_1h_tokens=20),
        ),
        # LiteLLM's: both names, and all of it within the prompt's count.
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 5,
                "cache_read_input_tokens": 60,
                "cache_creation_input_tokens": 30,
                "prompt_tokens_details": {"cached_tokens": 60},
            },
            Units(100, 5, cache_read_tokens=60, cache_write_tokens=30),
        ),
    ],
)
def test_a_cached_token_is_counted_once_however_it_is_told(usage: dict[str, Any], units: Units) -> None:
    assert read_counts(usage) == units


def test_later_counts_of_a_stream_add_to_earlier_ones_and_take_nothing_away() -> None:
    first = Units(100, 1, cache_read_tokens=60)
    assert larger(Units(0, 9, reasoning_tokens=4), first) == Units(
        100, 9, cache_read_tokens=60, reasoning_tokens=4
    )
    assert larger(Units(100, 9), first) == Units(100, 9, cache_read_tokens=60)
    assert larger(Units(120, 0, cache_read_tokens=80), first) == Units(120, 1, cache_read_tokens=80)
    assert larger(first, None) == first


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["reasoning_tokens", "a"]), inner)
    ),
    max_leaves=5,
)
NAMES = ["prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens"]
NAMES += ["completion_tokens_details", "prompt_tokens_details", "reasoning_tokens"]


@given(st.dictionaries(st.sampled_from(NAMES), json_values))
def test_any_usage_is_read_to_counts_that_the_books_can_hold(usage: dict[str, Any]) -> None:
    counts = read_counts(usage)
    assert counts is None or all(0 <= count <= MOST_COUNTED for count in counts)


def asking(content: Any = "Hello you", **fields: Any) -> ChatRequest:
    return ChatRequest({"messages": [{"role": "user", "content": content}], **fields}, 100, False, False)


@pytest.mark.parametrize(
    ("counts", "said", "units", "estimated"),
    [
        ((3, 10), 40, (3, 10), False),
        ((3, 0), 0, (3, 0), False),
        ((0, 0), 40, (3, 10), True),
        ((3, 0), 40, (3, 10), True),
        ((0, 10), 40, (3, 10), True),
        ((3, 1), 4000, (3, 1000), True),
        ((3, 100), 4000, (3, 100), False),
        ((10**9, 10), 40, (10**9, 10), False),
        (None, 40, (3, 10), True),
    ],
)
def test_counts_that_cannot_be_so_are_replaced_by_guesses(
    counts: tuple[int, int] | None, said: int, units: tuple[int, int], estimated: bool
) -> None:
    found = asking().metered(None if counts is None else Units(*counts), said)
    assert found == (Units(tokens_in=units[0], tokens_out=units[1]), estimated)


def test_a_prompt_cannot_be_fewer_tokens_than_its_text_allows() -> None:
    request = asking("word " * 1000)
    request.size_bytes = 5100
    assert request.metered(Units(1, 5), 4)[0].tokens_in == 1250
    assert request.metered(Units(900, 5), 4) == (Units(tokens_in=900, tokens_out=5), False)


def test_an_images_bytes_are_no_text() -> None:
    url = "data:image/png;base64," + "A" * 100_000
    request = asking([{"type": "text", "text": "read"}, {"type": "image_url", "image_url": {"url": url}}])
    request.size_bytes = 100_100
    assert request.metered(Units(86, 5), 4) == (Units(tokens_in=86, tokens_out=5), False)


@pytest.mark.parametrize(("counts", "units"), [((10, 0), (10, 10)), ((1, 25), (3, 25)), (None, (3, 10))])
def test_an_answer_that_broke_off_costs_the_larger_of_count_and_guess(
    counts: tuple[int, int] | None, units: tuple[int, int]
) -> None:
    found = asking().metered(None if counts is None else Units(*counts), 40, to_its_end=False)
    assert found == (Units(tokens_in=units[0], tokens_out=units[1]), True)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 5, "total_tokens": 5}, 5),
        ({"total_tokens": 5}, 5),
        ({"prompt_tokens": 5.0}, 5),
        ({"prompt_tokens": "5"}, 5),
        ({"prompt_tokens": 0, "total_tokens": 5}, 5),
        ({"prompt_tokens": 0, "total_tokens": 0}, None),
        ({"prompt_tokens": -5}, None),
        (None, None),
        ("5", None),
    ],
)
def test_input_alone_is_read_alike(usage: Any, tokens: int | None) -> None:
    assert reported_input(usage, embeddings.weight(EmbeddingRequest(["hello there", "you"]))) == tokens


def test_input_alone_is_not_believed_where_it_cannot_be_so() -> None:
    weight = embeddings.weight(EmbeddingRequest(["word " * 1000]))
    assert reported_input({"prompt_tokens": 1}, weight) is None
    assert reported_input({"prompt_tokens": 900}, weight) == 900


@given(
    st.fixed_dictionaries(
        {
            name: st.integers(-5, 20)
            | st.sampled_from(["5", 5.0, None, True, MOST_COUNTED, MOST_COUNTED + 1])
            for name in ("prompt_tokens", "completion_tokens", "total_tokens")
        }
    )
)
def test_counts_told_plainly_are_read_as_those_told_with_more(usage: dict[str, Any]) -> None:
    assert read_counts(usage) == read_counts({**usage, "service_tier": "default"})
