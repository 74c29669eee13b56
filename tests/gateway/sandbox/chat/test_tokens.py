"""The one rule of counting."""

import pytest

from gateway.sandbox.chat import tokens


@pytest.mark.parametrize(
    ("texts", "expected"),
    [([""], 0), (["a"], 1), (["abcd"], 1), (["ab", "cde"], 2), (["한"], 1), (["한글"], 2)],
)
def test_bytes_are_summed_first_and_rounded_up_once(texts, expected):
    assert tokens.count(texts) == expected


@pytest.mark.parametrize("wanted", [0, 1, 7, 500])
def test_filler_is_exactly_as_long_as_asked(wanted):
    assert tokens.count([tokens.filler(wanted)]) == wanted


@pytest.mark.parametrize("limit", range(6))
def test_cut_never_passes_the_limit_and_never_splits_a_character(limit):
    short = tokens.cut("한국어 text", limit)
    assert "한국어 text".startswith(short)
    assert tokens.count([short]) <= limit
