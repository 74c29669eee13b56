"""Credits in words of people and in whole micro-credits: nothing is lost on the way, nothing is guessed."""

import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_platform.credits import MAX_MICROCREDITS, format_credits, json_credits, parse_credits

amounts = st.integers(-MAX_MICROCREDITS, MAX_MICROCREDITS)


@given(amounts)
def test_what_is_written_is_read_back(microcredits: int) -> None:
    assert parse_credits(format_credits(microcredits)) == microcredits


@given(amounts)
def test_the_written_form_is_a_plain_decimal_of_that_value(microcredits: int) -> None:
    text = format_credits(microcredits)
    assert Decimal(text) * 1_000_000 == microcredits
    assert set(text) <= set("-.0123456789")
    whole, _, fraction = text.partition(".")
    assert len(fraction) <= 6
    assert not fraction.endswith("0")
    assert whole.lstrip("-") == str(int(whole.lstrip("-")))


@given(amounts, st.integers(0, 30))
def test_trailing_zeros_change_nothing(microcredits: int, zeros: int) -> None:
    text = format_credits(microcredits)
    padded = (text if "." in text else text + ".0") + "0" * zeros
    assert parse_credits(padded) == microcredits


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_every_decimal_is_read_exactly_or_refused(value: Decimal) -> None:
    try:
        microcredits = parse_credits(str(value))
    except ValueError:
        return
    assert Decimal(microcredits) == value * 1_000_000
    assert abs(microcredits) <= MAX_MICROCREDITS


@given(st.text())
def test_any_text_is_read_or_refused_with_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert abs(parse_credits(text)) <= MAX_MICROCREDITS


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "decimal number"),
        ("ten", "decimal number"),
        ("1,5", "decimal number"),
        ("1 000", "decimal number"),
        ("0x10", "decimal number"),
        ("--1", "decimal number"),
        ("nan", "finite"),
        ("sNaN", "finite"),
        ("inf", "finite"),
        ("-Infinity", "finite"),
        ("0.0000001", "six decimals"),
        ("1.0000001", "six decimals"),
        ("-0.0000009", "six decimals"),
        ("1e-7", "six decimals"),
        ("1e-400", "six decimals"),
        ("1e-99999999", "six decimals"),
        ("0." + "0" * 300 + "1", "six decimals"),
        ("1000000000000.000001", "below"),
        ("-1000000000000.000001", "below"),
        ("1e13", "below"),
        ("1e999999", "below"),
        ("9" * 5000, "below"),
    ],
)
def test_a_bad_amount_is_refused_and_the_message_says_why(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_credits(text)


def test_surrounding_space_and_exponents_are_understood() -> None:
    assert parse_credits(" 2.5\n") == 2_500_000
    assert parse_credits("1e3") == 1_000_000_000
    assert parse_credits("-0") == 0
    assert parse_credits("1e-6") == 1


@given(amounts)
def test_json_shows_whole_credits_as_integers_and_the_rest_as_the_nearest_number(microcredits: int) -> None:
    shown = json.loads(json.dumps(json_credits(microcredits)))
    if microcredits % 1_000_000 == 0:
        assert type(shown) is int
        assert shown * 1_000_000 == microcredits
    else:
        assert shown == float(Decimal(microcredits) / 1_000_000)


@given(st.integers(-(10**15), 10**15))
def test_amounts_of_fifteen_digits_are_exact_in_json(microcredits: int) -> None:
    assert parse_credits(str(json_credits(microcredits))) == microcredits
