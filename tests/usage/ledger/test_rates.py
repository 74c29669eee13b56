"""A call's price is the exact sum of its units, rounded up once, and a published price never changes."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import Error, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from usage.ledger import rate_card
from usage.ledger.rate_card import UnknownRate
from usage.ledger.rates import PRICED_UNITS, BadPrice, Price, Rate, parse_prices, prices_from_json
from usage.ledger.units import Units

QUANTITIES = st.builds(Units, *[st.integers(0, 10**9)] * len(PRICED_UNITS))
PRICE_LISTS = st.dictionaries(
    st.sampled_from(PRICED_UNITS), st.tuples(st.integers(0, 10**12), st.integers(1, 10**9))
).map(
    lambda table: tuple(Price(unit, microcredits, per) for unit, (microcredits, per) in sorted(table.items()))
)


def exact_cost(prices: tuple[Price, ...], units: Units) -> Fraction:
    return sum(
        (Fraction(getattr(units, price.unit) * price.microcredits, price.per) for price in prices),
        Fraction(0),
    )


@given(PRICE_LISTS, QUANTITIES)
def test_a_cost_is_the_exact_sum_rounded_up_once(prices: tuple[Price, ...], units: Units) -> None:
    assert Rate.of(1, "any", 1, prices).cost_microcredits(units) == math.ceil(exact_cost(prices, units))


@given(PRICE_LISTS, QUANTITIES, QUANTITIES)
def test_more_units_never_cost_less_and_splitting_a_call_never_saves(
    prices: tuple[Price, ...], some: Units, others: Units
) -> None:
    rate = Rate.of(1, "any", 1, prices)
    together = Units(*(a + b for a, b in zip(some, others, strict=True)))
    cost = rate.cost_microcredits(together)
    assert cost >= rate.cost_microcredits(some)
    assert cost <= rate.cost_microcredits(some) + rate.cost_microcredits(others) <= cost + 1


@given(PRICE_LISTS)
def test_the_stored_form_keeps_every_price(prices: tuple[Price, ...]) -> None:
    assert prices_from_json(Rate.of(1, "any", 1, prices).as_json()) == prices


@given(st.decimals(0, 999_999, places=6, allow_nan=False, allow_infinity=False), st.integers(1, 10**9))
def test_a_price_is_read_exactly_as_it_is_written(credits: Decimal, per: int) -> None:
    assert parse_prices({"images": {"credits": str(credits), "per": per}}) == (
        Price("images", int(credits * 1_000_000), per),
    )


def test_the_documented_chat_price() -> None:
    rate = Rate.of(
        1, "chat", 1,
        parse_prices(
            {"tokens_in": {"credits": "0.5", "per": 1000}, "tokens_out": {"credits": "1.5", "per": 1000}}
        ),
    )  # fmt: skip
    assert rate.cost_microcredits(Units(tokens_in=1)) == 500
    assert rate.cost_microcredits(Units(tokens_in=12, tokens_out=7)) == 6_000 + 10_500
    assert rate.cost_microcredits(Units()) == 0


@pytest.mark.parametrize(
    ("table", "unit", "message"),
    [
        ({"token": {"credits": "1"}}, "token", "not a unit"),
        ({"calls": "1"}, "calls", "expected {"),
        ({"calls": {"per": 1}}, "calls", "expected {"),
        ({"calls": {"credits": "1", "each": 1}}, "calls", "expected {"),
        ({"calls": {"credits": "-0.000001"}}, "calls", "cannot be negative"),
        ({"calls": {"credits": float("nan")}}, "calls", "finite"),
        ({"calls": {"credits": float("inf")}}, "calls", "finite"),
        ({"calls": {"credits": "0.0000001"}}, "calls", "six decimals"),
        ({"calls": {"credits": "1000001"}}, "calls", "below 1,000,000"),
        ({"calls": {"credits": "1e30"}}, "calls", "below"),
        ({"calls": {"credits": [1]}}, "calls", "decimal number"),
        ({"calls": {"credits": "1", "per": 0}}, "calls", "per must be"),
        ({"calls": {"credits": "1", "per": True}}, "calls", "per must be"),
        ({"calls": {"credits": "1", "per": 1.5}}, "calls", "per must be"),
    ],
)
def test_a_price_that_cannot_be_charged_is_refused_by_its_unit(
    table: dict[str, object], unit: str, message: str
) -> None:
    with pytest.raises(BadPrice, match=message) as raised:
        parse_prices(table)
    assert raised.value.unit == unit


@pytest.mark.django_db
def test_publishing_makes_a_version_only_where_prices_differ() -> None:
    cheap, dear = (Price("calls", 1, 1),), (Price("calls", 2, 1), Price("images", 3, 7))
    first = rate_card.publish("rates-test", cheap)
    assert rate_card.publish("rates-test", cheap) == first
    second = rate_card.publish("rates-test", dear)
    third = rate_card.publish("rates-test", cheap)
    assert (first.version, second.version, third.version) == (1, 2, 3)
    assert rate_card.find(first.id) == first
    assert rate_card.find(second.id) == second
    assert rate_card.find_published({"rates-test": dear}) == {"rates-test": second}
    assert rate_card.find_published({"rates-test": cheap}) == {"rates-test": third}


@pytest.mark.django_db
def test_what_was_not_published_is_not_found() -> None:
    published = rate_card.publish("rates-test", (Price("calls", 1, 1),))
    with pytest.raises(UnknownRate):
        rate_card.find(published.id + 1_000_000)
    with pytest.raises(UnknownRate, match="rates-test, rates-test-2"):
        rate_card.find_published({"rates-test": (Price("calls", 1, 2),), "rates-test-2": ()})
    assert rate_card.find_published({}) == {}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE usage_rate SET prices = '{}'",
        "DELETE FROM usage_rate",
        "INSERT INTO usage_rate (name, version, prices) VALUES ('rates-test', 9, '{}')",
    ],
)
def test_the_applications_role_publishes_but_cannot_rewrite(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE aio_app")
        assert rate_card.publish("rates-test", (Price("calls", 1, 1),)).id > 0
        with pytest.raises(Error, match="permission denied"), transaction.atomic():
            cursor.execute(statement)
