"""From a model's canonical parameters to what is billed for them: whole units, the same for every equal request."""

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import Any

from gateway.task_models.declarations import Factor, Model
from usage.ledger.units import Units


def billed_units(model: Model, parameters: Mapping[str, Any]) -> Units:
    """Each declared unit as the product of its factors, rounded up once; one call besides, unless declared."""
    quantities = {}
    for unit, factors in model.units.items():
        product = Fraction(1)
        for factor in factors:
            product *= _value(factor, parameters)
        quantities[unit] = ceil(product)
    return Units(**quantities)


def _value(factor: Factor, parameters: Mapping[str, Any]) -> Fraction:
    if factor.parameter is None:
        return Fraction(factor.constant)
    value = parameters[factor.parameter]
    if factor.characters:
        return Fraction(_characters(value))
    if factor.values is not None:
        return Fraction(factor.values[str(value).lower() if isinstance(value, bool) else value])
    return Fraction(str(value))


def _characters(value: str | list[dict[str, str]]) -> int:
    """Unicode characters, as they were sent."""
    return len(value) if isinstance(value, str) else sum(len(line["text"]) for line in value)
