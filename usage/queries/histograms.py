"""Percentiles from the histograms of `usage/sql/latency_mark_v1.sql`. Pure.

A histogram is a whole number whose every twelve decimal digits count one bucket, the lowest bucket last. It comes as
PostgreSQL sends a numeric: a header and digits to the base of 10,000, of which three make a bucket. Nothing here loops
over them in Python: a chart has thousands of histograms.
"""

import sys
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from math import ceil

# numeric_send: the number of digits, the first one's power of 10,000, the sign, and how many decimal places are shown.
_HEADER_WORDS = 4
_WEIGHT = 1
MAX_LATENCY_MS = 2**31 - 1
EXACT_UP_TO_MS = 100


def _buckets() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Where each bucket starts, and the middle that stands for it: at most 2 % from both of its ends."""
    starts, middles = [], []
    start = 0
    while start <= MAX_LATENCY_MS:
        middle = start if start <= EXACT_UP_TO_MS else start * 102 // 100
        end = start if start <= EXACT_UP_TO_MS else middle * 100 // 98
        starts.append(start)
        middles.append(middle)
        start = end + 1
    return tuple(starts), tuple(middles)


STARTS_MS, MIDDLES_MS = _buckets()


def bucket_of(latency_ms: int) -> int:
    """The number of the bucket that a latency falls into."""
    return bisect_right(STARTS_MS, latency_ms) - 1


def counts(histogram: bytes | None) -> list[int]:
    """How many latencies each bucket has, from 0 ms on; empty for no histogram."""
    lowest, found = _filled(histogram)
    return [0] * lowest + list(found)


def _filled(histogram: bytes | None) -> tuple[int, Sequence[int]]:
    """The number of the lowest bucket that is sent, and the counts from it on."""
    digits = array("H", histogram or b"")
    if sys.byteorder == "little":
        digits.byteswap()
    header, digits = digits[:_HEADER_WORDS], digits[_HEADER_WORDS:]
    if not digits:
        return 0, digits
    # PostgreSQL sends no zeros at either end: those that fill the first and the last bucket are put back.
    weight = header[_WEIGHT]
    digits = _zeros(2 - weight % 3) + digits
    digits.extend(_zeros(-len(digits) % 3))
    high, middle, low = digits[0::3], digits[1::3], digits[2::3]
    found: Sequence[int] = low
    if any(high) or any(middle):
        found = [a * 10**8 + b * 10**4 + c for a, b, c in zip(high, middle, low, strict=True)]
    return weight // 3 + 1 - len(found), found[::-1]


def _zeros(count: int) -> "array[int]":
    return array("H", bytes(2 * count))


def percentiles(histogram: bytes | None, shares: Sequence[float]) -> list[int | None]:
    """For each share the latency that so many calls did not exceed: exact up to 100 ms, then within 2 %."""
    lowest, found = _filled(histogram)
    if not found:
        return [None for _ in shares]
    running = list(accumulate(found))
    total = running[-1]
    # Rounded before the ceiling: 0.95 of 20 is 19, not the 19.000000000000004 of a float.
    return [MIDDLES_MS[lowest + bisect_right(running, ceil(round(share * total, 6)) - 1)] for share in shares]
