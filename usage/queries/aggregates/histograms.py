"""Percentiles from the histograms of `usage/sql/functions/latency_mark_v1.sql`. Pure.

A histogram is a whole number whose every twelve decimal digits count one bucket, the lowest bucket last. It comes as
PostgreSQL sends a numeric: a header and digits to the base of 10,000, of which three make a bucket. Nothing here loops
over them in Python: a chart has thousands of histograms.
"""

import sys
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

# numeric_send: the number of digits, the first one's power of 10,000, the sign, and how many decimal places are shown.
_HEADER_BYTES = 8
_WEIGHT = slice(2, 4)
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
    if histogram is None or len(histogram) == _HEADER_BYTES:
        return 0, ()
    # PostgreSQL sends no zeros at either end: those that fill the first and the last bucket are put back.
    weight = int.from_bytes(histogram[_WEIGHT], "big")
    size = len(histogram) - _HEADER_BYTES
    before, after = 2 * (2 - weight % 3), -(size // 2 + 2 - weight % 3) % 3 * 2
    digits = array("H", b"\0" * before + histogram[_HEADER_BYTES:] + b"\0" * after)
    if sys.byteorder == "little":
        digits.byteswap()
    high, middle, low = digits[-3::-3], digits[-2::-3], digits[::-3]
    found: Sequence[int] = low
    if middle.tobytes().strip(b"\0") or high.tobytes().strip(b"\0"):
        found = [a * 10**8 + b * 10**4 + c for a, b, c in zip(high, middle, low, strict=True)]
    return weight // 3 + 1 - len(found), found


def percentiles(histogram: bytes | None, shares: Sequence[float]) -> list[int | None]:
    """For each share the latency that so many calls did not exceed: exact up to 100 ms, then within 2 %.

    A share is whole thousandths.
    """
    lowest, found = _filled(histogram)
    if not found:
        return [None for _ in shares]
    running = list(accumulate(found))
    total = running[-1]
    # Shares are thousandths, in whole numbers: 0.95 of 20 is 19, not the 19.000000000000004 of a float.
    ranks = [(total * round(share * 1000) + 999) // 1000 for share in shares]
    return [MIDDLES_MS[lowest + bisect_right(running, rank - 1)] for rank in ranks]
