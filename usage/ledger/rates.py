"""Rates: what units cost, in exact integer arithmetic.

A call's cost is the exact sum of its priced units, rounded up once to a whole micro-credit. A part of a whole (see
`usage.ledger.units.PARTS`) costs its own price where the rate has one, and otherwise what the rest of its whole costs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

from aio_platform.credits import MAX_MICROCREDITS, parse_credits
from usage.ledger.units import PARTS, WHOLE_OF, Units

PRICED_UNITS = Units._fields
# Weights of units, and the divisor of their sum; see `unit_weights`.
WeighedUnits = tuple[dict[str, int], int]
MAX_PER = 1_000_000_000


class BadPrice(ValueError):
    """A price that cannot be charged; the message says which unit and what was expected."""

    def __init__(self, unit: str, message: str) -> None:
        super().__init__(f"{unit}: {message}")
        self.unit = unit


@dataclass(frozen=True, slots=True)
class Price:
    """`microcredits` for every `per` units of the kind `unit`."""

    unit: str
    microcredits: int
    per: int


@dataclass(frozen=True, slots=True)
class Rate:
    """A published version of a named price list. Immutable; holds are pinned to its id."""

    id: int
    name: str
    version: int
    prices: tuple[Price, ...]
    _weights: tuple[tuple[int, int], ...]
    _dearest: tuple[tuple[int, int], ...]
    _divisor: int
    _prices_parts: bool

    @classmethod
    def of(cls, rate_id: int, name: str, version: int, prices: tuple[Price, ...]) -> "Rate":
        weights, divisor = unit_weights(prices)
        dearest = dict(weights)
        for whole, parts in PARTS.items():
            # A part's weight is what it costs more than the rest of its whole, or less.
            more = max(0, *(dearest.pop(part, 0) for part in parts))
            dearest[whole] = dearest.get(whole, 0) + more
        return cls(
            rate_id,
            name,
            version,
            prices,
            _by_index(weights),
            _by_index(dearest),
            divisor,
            any(price.unit in WHOLE_OF for price in prices),
        )

    def cost_microcredits(self, units: Units) -> int:
        """The price of these units in micro-credits: their exact sum, rounded up once."""
        if self._prices_parts:
            units = units.consistent()
        return self._rounded_sum(self._weights, units)

    def ceiling_microcredits(self, units: Units) -> int:
        """The most that units can cost which are no more than these, whatever parts they have."""
        return self._rounded_sum(self._dearest, units)

    def _rounded_sum(self, weights: tuple[tuple[int, int], ...], units: Units) -> int:
        total = 0
        for index, weight in weights:
            total += units[index] * weight
        return -(-total // self._divisor)

    def as_json(self) -> dict[str, Any]:
        """The stored form: `{unit: {"microcredits": n, "per": m}}`."""
        return {price.unit: {"microcredits": price.microcredits, "per": price.per} for price in self.prices}

    def derivation(self, units: Units) -> list[dict[str, Any]]:
        """For a receipt, one dictionary for each priced unit: its quantity, its price, and what it adds to the cost.

        The quantity of a whole leaves out its parts that have a price of their own; those have a dictionary each unless
        they are empty. `microcredits` is that addition as a decimal text, not rounded.
        """
        units = units.consistent()
        own_price = {price.unit for price in self.prices}
        lines = []
        for price in self.prices:
            quantity: int = getattr(units, price.unit)
            if price.unit in WHOLE_OF and not quantity:
                continue
            quantity -= sum(getattr(units, part) for part in PARTS.get(price.unit, ()) if part in own_price)
            share = Fraction(quantity * price.microcredits, price.per)
            lines.append(
                {
                    "unit": price.unit,
                    "quantity": quantity,
                    "price_microcredits": price.microcredits,
                    "per": price.per,
                    "microcredits": format(Decimal(share.numerator) / Decimal(share.denominator), "f"),
                }
            )
        return lines


def unit_weights(prices: Iterable[Price]) -> WeighedUnits:
    """What units cost as whole numbers over one divisor: the sum of unit times weight, divided by it, is the cost.

    A part's weight is what it costs more than the rest of its whole, and so below zero where it costs less.
    """
    by_unit = {price.unit: price for price in prices}
    divisor = lcm(*(price.per for price in by_unit.values()))
    own = {unit: price.microcredits * (divisor // price.per) for unit, price in by_unit.items()}
    return {unit: weight - own.get(WHOLE_OF.get(unit, ""), 0) for unit, weight in own.items()}, divisor


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
        if not isinstance(given, Mapping) or set(given) - {"credits", "per"} or "credits" not in given:
            raise BadPrice(unit, 'expected { credits = "0.5", per = 1000 }')
        try:
            microcredits = parse_credits(str(given["credits"]))
        except ValueError as error:
            raise BadPrice(unit, str(error)) from None
        if microcredits < 0:
            raise BadPrice(unit, "a price cannot be negative")
        if microcredits > MAX_MICROCREDITS // 1_000_000:
            raise BadPrice(unit, "a price must be below 1,000,000 credits")
        per = given.get("per", 1)
        if not isinstance(per, int) or isinstance(per, bool) or not 1 <= per <= MAX_PER:
            raise BadPrice(unit, f"per must be a whole number from 1 to {MAX_PER:,}")
        prices.append(Price(unit, microcredits, per))
    return tuple(prices)


def prices_from_json(stored: Mapping[str, Any]) -> tuple[Price, ...]:
    """The inverse of `Rate.as_json`, for rows of usage_rate."""
    return tuple(
        Price(unit, int(price["microcredits"]), int(price["per"])) for unit, price in sorted(stored.items())
    )
