"""Rates: what units cost, in exact integer arithmetic.

A call's cost is the exact sum of its priced units, rounded up once to a whole micro-credit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

from aio_platform.credits import MAX_MICROCREDITS, parse_credits
from usage.ledger.units import Units

PRICED_UNITS = Units._fields
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
    _divisor: int

    @classmethod
    def of(cls, rate_id: int, name: str, version: int, prices: tuple[Price, ...]) -> "Rate":
        divisor = lcm(*(price.per for price in prices)) if prices else 1
        weights = tuple(
            (PRICED_UNITS.index(price.unit), price.microcredits * (divisor // price.per)) for price in prices
        )
        return cls(rate_id, name, version, prices, weights, divisor)

    def cost_microcredits(self, units: Units) -> int:
        """The price of these units in micro-credits: their exact sum, rounded up once."""
        total = 0
        for index, weight in self._weights:
            total += units[index] * weight
        return -(-total // self._divisor)

    def as_json(self) -> dict[str, Any]:
        """The stored form: `{unit: {"microcredits": n, "per": m}}`."""
        return {price.unit: {"microcredits": price.microcredits, "per": price.per} for price in self.prices}

    def derivation(self, units: Units) -> list[dict[str, Any]]:
        """For a receipt, one dictionary for each priced unit: its quantity, its price, and what it adds to the cost.

        `microcredits` is that addition as a decimal text, not rounded.
        """
        lines = []
        for price in self.prices:
            quantity = units[PRICED_UNITS.index(price.unit)]
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
