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
from usage.ledger.rates import PRICED_UNITS, BadPrice, Price, Rate, Tier, parse_prices, prices_from_json
from usage.ledger.units import PARTS, WHOLE_OF, Units

ANY_QUANTITIES = st.builds(Units, *[st.integers(0, 10**9)] * len(PRICED_UNITS))
# Parts within their wholes.
QUANTITIES = ANY_QUANTITIES.map(
    lambda units: units._replace(
        **{
            whole: getattr(units, whole) + sum(getattr(units, part) for part in parts)
            for whole, parts in PARTS.items()
        }
    )
)
ONE_PRICE_LISTS = st.dictionaries(
    st.sampled_from(PRICED_UNITS), st.tuples(st.integers(0, 10**12), st.integers(1, 10**9))
).map(
    lambda table: tuple(Price(unit, microcredits, per) for unit, (microcredits, per) in sorted(table.items()))
)


AMOUNTS = st.tuples(st.integers(0, 10**12), st.integers(1, 10**9))
# Few lengths, so that prices share some and prompts lie on either side and on them.
LENGTHS = (1, 2, 1000, 200_000, 10**9)
TIERS = st.dictionaries(st.sampled_from(LENGTHS), AMOUNTS, max_size=3).map(
    lambda table: tuple(Tier(above, *table[above]) for above in sorted(table))
)
TIERED_PRICE_LISTS = st.dictionaries(st.sampled_from(PRICED_UNITS), st.tuples(AMOUNTS, TIERS)).map(
    lambda table: tuple(Price(unit, *amount, tiers) for unit, (amount, tiers) in sorted(table.items()))
)
PRICE_LISTS = ONE_PRICE_LISTS | TIERED_PRICE_LISTS
PROMPTS = st.sampled_from([length + more for length in LENGTHS for more in (-1, 0, 1)]) | st.integers(
    0, 2 * 10**9
)


def charged_at(price: Price, tokens_in: int) -> Fraction:
    """A price for one unit in a call with so long a prompt."""
    amount = (price.microcredits, price.per)
    for tier in price.tiers:
        if tokens_in > tier.above:
            amount = (tier.microcredits, tier.per)
    return Fraction(*amount)


def exact_cost(prices: tuple[Price, ...], units: Units) -> Fraction:
    """Each token at the price of its part, or of its whole where the part has none."""
    each = {price.unit: charged_at(price, units.tokens_in) for price in prices}
    cost = Fraction(0)
    for unit, quantity in units._asdict().items():
        rest = quantity - sum(getattr(units, part) for part in PARTS.get(unit, ()))
        cost += rest * each.get(unit, each.get(WHOLE_OF.get(unit, ""), Fraction(0)))
    return cost


@given(PRICE_LISTS, QUANTITIES)
def test_a_cost_is_the_exact_sum_rounded_up_once(prices: tuple[Price, ...], units: Units) -> None:
    assert Rate.of(1, "any", 1, prices).cost_microcredits(units) == math.ceil(exact_cost(prices, units))


@given(ONE_PRICE_LISTS, QUANTITIES, QUANTITIES)
def test_more_units_never_cost_less_and_splitting_a_call_never_saves(
    prices: tuple[Price, ...], some: Units, others: Units
) -> None:
    rate = Rate.of(1, "any", 1, prices)
    together = Units(*(a + b for a, b in zip(some, others, strict=True)))
    cost = rate.cost_microcredits(together)
    assert cost >= rate.cost_microcredits(some)
    assert cost <= rate.cost_microcredits(some) + rate.cost_microcredits(others) <= cost + 1


@given(PRICE_LISTS, QUANTITIES)
def test_the_lines_of_a_receipt_come_to_the_cost(prices: tuple[Price, ...], units: Units) -> None:
    rate = Rate.of(1, "any", 1, prices)
    each = {price.unit: charged_at(price, units.tokens_in) for price in prices}
    lines = rate.derivation(units)
    assert sum((line["quantity"] * each[line["unit"]] for line in lines), Fraction(0)) == exact_cost(
        prices, units
    )
    assert all(line["quantity"] >= 0 for line in lines)


@given(PRICE_LISTS, QUANTITIES, st.data())
def test_no_units_cost_more_than_the_ceiling_of_their_wholes(
    prices: tuple[Price, ...], most: Units, data: st.DataObject
) -> None:
    """Whatever the caches and the model make of a prompt and an answer that are no longer than they may be."""
    rate = Rate.of(1, "any", 1, prices)
    held = rate.ceiling_microcredits(most._replace(**dict.fromkeys(WHOLE_OF, 0)))
    used = {whole: data.draw(st.integers(0, getattr(most, whole))) for whole in PARTS}
    for whole, parts in PARTS.items():
        left = used[whole]
        for part in data.draw(st.permutations(parts)):
            used[part] = data.draw(st.integers(0, left))
            left -= used[part]
    assert rate.cost_microcredits(most._replace(**used)) <= held


@given(TIERED_PRICE_LISTS, QUANTITIES, PROMPTS)
def test_a_call_is_charged_by_the_tier_that_its_whole_prompt_reaches(
    prices: tuple[Price, ...], units: Units, tokens_in: int
) -> None:
    units = units._replace(tokens_in=tokens_in).consistent()
    assert Rate.of(1, "any", 1, prices).cost_microcredits(units) == math.ceil(exact_cost(prices, units))


@given(TIERED_PRICE_LISTS, QUANTITIES, PROMPTS, PROMPTS)
def test_the_ceiling_covers_every_shorter_prompt_whatever_the_tiers_are(
    prices: tuple[Price, ...], units: Units, one: int, other: int
) -> None:
    """Also where a short prompt is the dearer one."""
    rate = Rate.of(1, "any", 1, prices)
    most = units._replace(tokens_in=max(one, other), **dict.fromkeys(WHOLE_OF, 0))
    used = units._replace(tokens_in=min(one, other)).consistent()
    assert rate.cost_microcredits(used) <= rate.ceiling_microcredits(most)


def test_a_prompt_of_exactly_the_tiers_length_is_short() -> None:
    rate = Rate.of(
        1, "gemini", 1,
        parse_prices(
            {
                "tokens_in": {
                    "credits": "1.25", "per": 1_000_000, "above": [{"tokens_in": 200_000, "credits": "2.5"}],
                },
                "cache_read_tokens": {
                    "credits": "0.125", "per": 1_000_000, "above": [{"tokens_in": 200_000, "credits": "0.25"}],
                },
                "tokens_out": {
                    "credits": "10", "per": 1_000_000, "above": [{"tokens_in": 200_000, "credits": "15"}],
                },
            }
        ),
    )  # fmt: skip
    assert rate.cost_microcredits(Units(200_000, 1000)) == 250_000 + 10_000
    # All of a longer one, what was cached too: 200,001 tokens, of which 100,000 from a cache.
    longer = Units(200_001, 1000, cache_read_tokens=100_000)
    assert rate.cost_microcredits(longer) == math.ceil(100_001 * 2.5 + 100_000 * 0.25 + 15_000)
    assert [line.get("above_tokens_in") for line in rate.derivation(longer)] == [200_000] * 3
    assert rate.ceiling_microcredits(Units(200_000, 1000)) == 250_000 + 10_000
    assert rate.ceiling_microcredits(Units(200_001, 1000)) == math.ceil(200_001 * 2.5) + 15_000


@given(ONE_PRICE_LISTS, QUANTITIES)
def test_the_ceiling_is_reached_where_all_is_of_the_dearest_part(
    prices: tuple[Price, ...], most: Units
) -> None:
    rate = Rate.of(1, "any", 1, prices)
    wholes = most._replace(**dict.fromkeys(WHOLE_OF, 0))
    reached = max(
        rate.cost_microcredits(wholes._replace(**{one: wholes.tokens_in, other: wholes.tokens_out}))
        for one in (*PARTS["tokens_in"], "tokens_in")
        for other in (*PARTS["tokens_out"], "tokens_out")
    )
    assert rate.ceiling_microcredits(wholes) == reached


@given(PRICE_LISTS, ANY_QUANTITIES)
def test_parts_that_do_not_fit_their_whole_cost_no_more_than_the_whole_can(
    prices: tuple[Price, ...], units: Units
) -> None:
    rate = Rate.of(1, "any", 1, prices)
    cost = rate.cost_microcredits(units)
    assert cost == math.ceil(exact_cost(prices, units.consistent()))
    assert 0 <= cost <= rate.ceiling_microcredits(units)


@given(ANY_QUANTITIES)
def test_what_is_kept_of_parts_fits_their_whole(units: Units) -> None:
    kept = units.consistent()
    assert kept._replace(**dict.fromkeys(WHOLE_OF, 0)) == units._replace(**dict.fromkeys(WHOLE_OF, 0))
    for whole, parts in PARTS.items():
        counts = [getattr(kept, part) for part in parts]
        assert all(0 <= count <= getattr(units, part) for count, part in zip(counts, parts, strict=True))
        assert sum(counts) <= getattr(units, whole)
    assert Units(**{**units._asdict(), **dict.fromkeys(WHOLE_OF, 0), **(units.parts() or {})}) == kept


@given(ONE_PRICE_LISTS.filter(lambda prices: not any(price.unit in WHOLE_OF for price in prices)), QUANTITIES)
def test_a_rate_without_prices_of_parts_costs_the_same_whatever_the_parts(
    prices: tuple[Price, ...], units: Units
) -> None:
    rate = Rate.of(1, "any", 1, prices)
    wholes = units._replace(**dict.fromkeys(WHOLE_OF, 0))
    assert rate.cost_microcredits(units) == rate.cost_microcredits(wholes) == rate.ceiling_microcredits(units)


def test_a_cached_token_is_counted_once() -> None:
    rate = Rate.of(
        1, "claude", 1,
        parse_prices(
            {
                "tokens_in": {"credits": "3", "per": 1_000_000},
                "tokens_out": {"credits": "15", "per": 1_000_000},
                "cache_read_tokens": {"credits": "0.3", "per": 1_000_000},
                "cache_write_tokens": {"credits": "3.75", "per": 1_000_000},
                "cache_write_1h_tokens": {"credits": "6", "per": 1_000_000},
            }
        ),
    )  # fmt: skip
    units = Units(10_000, 100, cache_read_tokens=9_000, cache_write_tokens=400, cache_write_1h_tokens=100)
    # 500 × 3 + 100 × 15 + 9,000 × 0.3 + 400 × 3.75 + 100 × 6
    assert rate.cost_microcredits(units) == 1_500 + 1_500 + 2_700 + 1_500 + 600
    assert [(line["unit"], line["quantity"]) for line in rate.derivation(units)] == [
        ("cache_read_tokens", 9_000),
        ("cache_write_1h_tokens", 100),
        ("cache_write_tokens", 400),
        ("tokens_in", 500),
        ("tokens_out", 100),
    ]
    # Every token of the prompt may be written for an hour.
    assert rate.ceiling_microcredits(Units(10_000, 100)) == 60_000 + 1_500


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
        ({"calls": {"credits": "1", "above": {}}}, "calls", "expected above"),
        ({"calls": {"credits": "1", "above": [{"tokens_in": 5}]}}, "calls", "expected above"),
        (
            {"calls": {"credits": "1", "above": [{"tokens_in": 5, "credits": "1", "x": 1}]}},
            "calls",
            "expected above",
        ),
        ({"calls": {"credits": "1", "above": [{"credits": "1"}]}}, "calls", "tokens_in must be"),
        (
            {"calls": {"credits": "1", "above": [{"tokens_in": 0, "credits": "1"}]}},
            "calls",
            "tokens_in must be",
        ),
        (
            {"calls": {"credits": "1", "above": [{"tokens_in": True, "credits": "1"}]}},
            "calls",
            "tokens_in must be",
        ),
        (
            {"calls": {"credits": "1", "above": [{"tokens_in": 5, "credits": "-1"}]}},
            "calls",
            "cannot be negative",
        ),
        (
            {"calls": {"credits": "1", "above": [{"tokens_in": 5, "credits": "1", "per": 0}]}},
            "calls",
            "per must be",
        ),
        (
            {
                "calls": {
                    "credits": "1",
                    "above": [{"tokens_in": 5, "credits": "2"}, {"tokens_in": 5, "credits": "3"}],
                }
            },
            "calls",
            "longer prompts",
        ),
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
