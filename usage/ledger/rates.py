"""Rates: what units cost, in exact integer arithmetic.

A call's cost is the exact sum of its priced units, rounded up once to a whole micro-credit. A part of a whole (see
`usage.ledger.units.PARTS`) costs its own price where the rate has one, and otherwise what the rest of its whole costs.
Prices may have tiers by the length of the prompt: a call is charged by the tier that its whole prompt reaches.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

from aio_platform.credits import MAX_MICROCREDITS, parse_credits
from usage.ledger.units import PARTS, WHOLE_OF, Units

PRICED_UNITS = Units._fields
MAX_TIER_TOKENS = 1_000_000_000
EXPECTED = 'expected { credits = "0.5", per = 1000 }'
MAX_PER = 1_000_000_000


class BadPrice(ValueError):
    """A price that cannot be charged; the message says which unit and what was expected."""

    def __init__(self, unit: str, message: str) -> None:
        super().__init__(f"{unit}: {message}")
        self.unit = unit


@dataclass(frozen=True, slots=True)
class Tier:
    """What a unit costs in calls of more than `above` input tokens, cached ones among them."""

    above: int
    microcredits: int
    per: int


@dataclass(frozen=True, slots=True)
class Price:
    """`microcredits` for every `per` units of the kind `unit`; in calls with longer prompts what their tier says."""

    unit: str
    microcredits: int
    per: int
    tiers: tuple[Tier, ...] = ()

    @property
    def with_tiers(self) -> "tuple[Price | Tier, ...]":
        """What is charged of short prompts, and of longer ones."""
        return (self, *self.tiers)

    def in_force(self, above: int) -> "Price | Tier":
        """What is charged in calls of more input tokens than that, up to where the next tier begins."""
        return next((tier for tier in reversed(self.tiers) if tier.above <= above), self)


@dataclass(frozen=True, slots=True)
class Bracket:
    """What is charged in calls of more than `above` input tokens, up to `most` of them (None: no end).

    The sum of unit times weight, divided by `divisor`, is the cost. A part's weight is what it costs more than the rest
    of its whole, and so below zero where it costs less. The dearest weights are those of wholes that are nothing but
    their dearest part.
    """

    above: int
    most: int | None
    weights: Mapping[str, int] = field(hash=False)
    divisor: int
    weights_by_index: tuple[tuple[int, int], ...]
    dearest_by_index: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, above: int, most: int | None, prices: Iterable[Price]) -> "Bracket":
        by_unit = {price.unit: price.in_force(above) for price in prices}
        divisor = lcm(*(price.per for price in by_unit.values()))
        own = {unit: price.microcredits * (divisor // price.per) for unit, price in by_unit.items()}
        weights = {unit: weight - own.get(WHOLE_OF.get(unit, ""), 0) for unit, weight in own.items()}
        dearest = dict(weights)
        for whole, parts in PARTS.items():
            more = max(0, *(dearest.pop(part, 0) for part in parts))
            dearest[whole] = dearest.get(whole, 0) + more
        return cls(above, most, weights, divisor, _by_index(weights), _by_index(dearest))

    def ceiling_microcredits(self, units: Units) -> int:
        """The most that no more than these units can cost in this bracket."""
        if self.most is not None and units.tokens_in > self.most:
            units = units._replace(tokens_in=self.most)
        return _rounded_sum(units, self.dearest_by_index, self.divisor)


def _rounded_sum(units: Units, weights: tuple[tuple[int, int], ...], divisor: int) -> int:
    total = 0
    for index, weight in weights:
        total += units[index] * weight
    return -(-total // divisor)


@dataclass(frozen=True, slots=True)
class Rate:
    """A published version of a named price list. Immutable; holds are pinned to its id."""

    id: int
    name: str
    version: int
    prices: tuple[Price, ...]
    _brackets: tuple[Bracket, ...]
    _prices_parts: bool

    @classmethod
    def of(cls, rate_id: int, name: str, version: int, prices: tuple[Price, ...]) -> "Rate":
        prices_parts = any(price.unit in WHOLE_OF for price in prices)
        return cls(rate_id, name, version, prices, brackets_of(prices), prices_parts)

    def cost_microcredits(self, units: Units) -> int:
        """The price of these units in micro-credits: their exact sum, rounded up once."""
        if self._prices_parts:
            units = units.consistent()
        brackets = self._brackets
        bracket = brackets[0] if len(brackets) == 1 else self._bracket(units)
        return _rounded_sum(units, bracket.weights_by_index, bracket.divisor)

    def ceiling_microcredits(self, units: Units) -> int:
        """The most that units can cost which are no more than these, whatever parts they have."""
        if len(self._brackets) == 1:
            return self._brackets[0].ceiling_microcredits(units)
        reached = [
            bracket for bracket in self._brackets if bracket.above < units.tokens_in or not bracket.above
        ]
        return max(bracket.ceiling_microcredits(units) for bracket in reached)

    def _bracket(self, units: Units) -> Bracket:
        """The one that the prompt reaches; the first for no prompt."""
        longest_first = reversed(self._brackets)
        return next((each for each in longest_first if units.tokens_in > each.above), self._brackets[0])

    def as_json(self) -> dict[str, Any]:
        """The stored form: `{unit: {"microcredits": n, "per": m}}`, with tiers in `above` where there are any."""
        return {price.unit: _stored(price) for price in self.prices}

    def derivation(self, units: Units) -> list[dict[str, Any]]:
        """For a receipt, one dictionary for each priced unit: its quantity, its price, and what it adds to the cost.

        The quantity of a whole leaves out its parts that have a price of their own; those have a dictionary each unless
        they are empty. `microcredits` is that addition as a decimal text, not rounded. A price of a tier has
        `above_tokens_in` besides.
        """
        units = units.consistent()
        above = self._bracket(units).above
        own_price = {price.unit for price in self.prices}
        lines: list[dict[str, Any]] = []
        for price in self.prices:
            charged = price.in_force(above)
            quantity: int = getattr(units, price.unit)
            if price.unit in WHOLE_OF and not quantity:
                continue
            quantity -= sum(getattr(units, part) for part in PARTS.get(price.unit, ()) if part in own_price)
            share = Fraction(quantity * charged.microcredits, charged.per)
            of_tier = {"above_tokens_in": charged.above} if isinstance(charged, Tier) else {}
            lines.append(
                {
                    "unit": price.unit,
                    "quantity": quantity,
                    "price_microcredits": charged.microcredits,
                    "per": charged.per,
                    **of_tier,
                    "microcredits": format(Decimal(share.numerator) / Decimal(share.denominator), "f"),
                }
            )
        return lines


def brackets_of(prices: Iterable[Price]) -> tuple[Bracket, ...]:
    """The prices by the length of the prompt, the shortest first: one, and one more for each length of a tier."""
    prices = tuple(prices)
    lengths = sorted({0, *(tier.above for price in prices for tier in price.tiers)})
    ends = [*lengths[1:], None]
    return tuple(Bracket.of(above, most, prices) for above, most in zip(lengths, ends, strict=True))


def _by_index(weights: Mapping[str, int]) -> tuple[tuple[int, int], ...]:
    return tuple((PRICED_UNITS.index(unit), weight) for unit, weight in weights.items() if weight)


def parse_prices(table: Mapping[str, Any]) -> tuple[Price, ...]:
    """Read `{unit: {"credits": "0.5", "per": 1000}}` as a catalog writes it.

    Raises BadPrice for an unknown unit, a negative, non-finite or non-decimal price, or a bad `per`.
    """
    prices = []
    for unit, given in sorted(table.items()):
        if unit not in PRICED_UNITS:
            raise BadPrice(unit, f"not a unit; the units are {', '.join(PRICED_UNITS)}")
        if (
            not isinstance(given, Mapping)
            or set(given) - {"credits", "per", "above"}
            or "credits" not in given
        ):
            raise BadPrice(unit, EXPECTED)
        microcredits, per = _amount(unit, given), _per(unit, given.get("per", 1))
        prices.append(Price(unit, microcredits, per, _tiers(unit, given.get("above", []), per)))
    return tuple(prices)


def _amount(unit: str, given: Mapping[str, Any]) -> int:
    try:
        microcredits = parse_credits(str(given["credits"]))
    except ValueError as error:
        raise BadPrice(unit, str(error)) from None
    if microcredits < 0:
        raise BadPrice(unit, "a price cannot be negative")
    if microcredits > MAX_MICROCREDITS // 1_000_000:
        raise BadPrice(unit, "a price must be below 1,000,000 credits")
    return microcredits


def _per(unit: str, per: object) -> int:
    if not isinstance(per, int) or isinstance(per, bool) or not 1 <= per <= MAX_PER:
        raise BadPrice(unit, f"per must be a whole number from 1 to {MAX_PER:,}")
    return per


def _tiers(unit: str, given: object, per: int) -> tuple[Tier, ...]:
    """Read `[{"tokens_in": 200000, "credits": "2.5"}]`; without `per` a tier has that of the price."""
    tiers: list[Tier] = []
    for tier in given if isinstance(given, list) else [None]:
        if (
            not isinstance(tier, Mapping)
            or set(tier) - {"tokens_in", "credits", "per"}
            or "credits" not in tier
        ):
            raise BadPrice(unit, 'expected above = [{ tokens_in = 200_000, credits = "2.5" }]')
        above = tier.get("tokens_in")
        if not isinstance(above, int) or isinstance(above, bool) or not 1 <= above <= MAX_TIER_TOKENS:
            raise BadPrice(unit, f"tokens_in must be a whole number from 1 to {MAX_TIER_TOKENS:,}")
        if tiers and above <= tiers[-1].above:
            raise BadPrice(unit, "above must name longer prompts from tier to tier")
        tiers.append(Tier(above, _amount(unit, tier), _per(unit, tier.get("per", per))))
    return tuple(tiers)


def _stored(price: Price) -> dict[str, Any]:
    stored: dict[str, Any] = {"microcredits": price.microcredits, "per": price.per}
    if price.tiers:
        stored["above"] = [
            {"tokens_in": tier.above, "microcredits": tier.microcredits, "per": tier.per}
            for tier in price.tiers
        ]
    return stored


def prices_from_json(stored: Mapping[str, Any]) -> tuple[Price, ...]:
    """The inverse of `Rate.as_json`, for rows of usage_rate."""
    return tuple(
        Price(
            unit,
            int(price["microcredits"]),
            int(price["per"]),
            tuple(
                Tier(int(tier["tokens_in"]), int(tier["microcredits"]), int(tier["per"]))
                for tier in price.get("above", ())
            ),
        )
        for unit, price in sorted(stored.items())
    )
