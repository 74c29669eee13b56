"""Counts as upstreams write them, whatever they count and in whichever dialect."""

from math import isfinite

# What the books can hold, whatever an upstream claims.
MOST_COUNTED = 10**15


def count_of(value: object) -> int | None:
    """A count as a whole number, also where it is written as 5.0 or "5"; None for anything else."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdecimal() and len(value) < 20):
            return None
        value = int(value)
    elif isinstance(value, float):
        if not isfinite(value) or value != int(value):
            return None
        value = int(value)
    if type(value) is not int or value < 0:
        return None
    return min(value, MOST_COUNTED)
