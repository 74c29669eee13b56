"""Percentiles from the histograms of `usage/sql/latency_mark_v1.sql`. Pure.

A histogram is a whole number, as decimal text: every twelve digits count one bucket, the lowest bucket last.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from math import ceil

WIDTH = 12
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


def counts(histogram: str | None) -> list[int]:
    """How many latencies each bucket has, from 0 ms on; empty for no histogram."""
    lowest, found = _filled(histogram)
    return [0] * lowest + found


def _filled(histogram: str | None) -> tuple[int, list[int]]:
    """The number of the lowest bucket that has any, and the counts from it on."""
    if not histogram or histogram == "0":
        return 0, []
    lowest = (len(histogram) - len(histogram.rstrip("0"))) // WIDTH
    end = len(histogram) - lowest * WIDTH
    found = [int(histogram[place - WIDTH : place]) for place in range(end, WIDTH - 1, -WIDTH)]
    if end % WIDTH:
        found.append(int(histogram[: end % WIDTH]))
    return lowest, found


def percentiles(histogram: str | None, shares: Sequence[float]) -> list[int | None]:
    """For each share the latency that so many calls did not exceed: exact up to 100 ms, then within 2 %."""
    lowest, found = _filled(histogram)
    if not found:
        return [None for _ in shares]
    running = list(accumulate(found))
    total = running[-1]
    # Rounded before the ceiling: 0.95 of 20 is 19, not the 19.000000000000004 of a float.
    return [MIDDLES_MS[lowest + bisect_right(running, ceil(round(share * total, 6)) - 1)] for share in shares]
