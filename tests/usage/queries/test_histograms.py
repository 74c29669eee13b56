"""Latencies in histograms: percentiles within 2 % of the exact ones, and the same buckets in SQL and in Python."""

import random
import struct
from collections import Counter

import pytest

from usage.queries.aggregates.histograms import (
    EXACT_UP_TO_MS,
    MAX_LATENCY_MS,
    MIDDLES_MS,
    STARTS_MS,
    bucket_of,
    counts,
    percentiles,
)

SHARES = (0.01, 0.5, 0.95, 0.99, 0.999)


def histogram(latencies):
    """As PostgreSQL sends the numeric: its digits to the base of 10,000, without the zeros at its ends."""
    found = Counter(map(bucket_of, latencies))
    text = "".join(f"{found[bucket]:012d}" for bucket in range(max(found), -1, -1)).lstrip("0")
    text = text.zfill(-(-len(text) // 4) * 4)
    digits = [int(text[place : place + 4]) for place in range(0, len(text), 4)]
    weight = len(digits) - 1
    while digits[-1] == 0:
        digits.pop()
    return struct.pack(f">HhHH{len(digits)}H", len(digits), weight, 0, 0, *digits)


def exact(latencies, share):
    ordered = sorted(latencies)
    return ordered[max(-int(-round(share * len(ordered), 6) // 1) - 1, 0)]


def test_every_bucket_is_within_two_percent_of_its_middle():
    ends = [start - 1 for start in STARTS_MS[1:]] + [MAX_LATENCY_MS]
    for start, middle, end in zip(STARTS_MS, MIDDLES_MS, ends, strict=True):
        assert abs(middle - start) <= 0.02 * start
        assert abs(middle - end) <= 0.02 * end
        assert middle == start == end or start > EXACT_UP_TO_MS


@pytest.mark.parametrize("size", [1, 2, 3, 19, 20, 21, 100, 1000])
def test_small_latencies_have_exact_percentiles(size):
    chance = random.Random(size)
    latencies = [chance.randint(0, EXACT_UP_TO_MS) for _ in range(size)]
    assert percentiles(histogram(latencies), SHARES) == [exact(latencies, share) for share in SHARES]


@pytest.mark.parametrize("draw", ["lognormal", "uniform", "pareto", "two peaks"])
def test_a_million_latencies_have_percentiles_within_two_percent(draw):
    chance = random.Random(5)
    draws = {
        "lognormal": lambda: chance.lognormvariate(6.5, 1.2),
        "uniform": lambda: chance.uniform(0, 120_000),
        "pareto": lambda: 80 * chance.paretovariate(1.1),
        "two peaks": lambda: chance.gauss(*((90, 10) if chance.random() < 0.6 else (8_000, 900))),
    }
    latencies = [min(max(int(draws[draw]()), 0), MAX_LATENCY_MS) for _ in range(1_000_000)]
    for found, share in zip(percentiles(histogram(latencies), SHARES), SHARES, strict=True):
        right = exact(latencies, share)
        assert abs(found - right) <= 0.02 * right, (share, found, right)


def test_sql_puts_each_latency_into_the_same_bucket(books):
    chance = random.Random(3)
    edges = [edge + step for edge in STARTS_MS[1:] for step in (-1, 0, 1) if edge + step <= MAX_LATENCY_MS]
    latencies = [*edges, 0, MAX_LATENCY_MS, *(chance.randint(0, MAX_LATENCY_MS) for _ in range(500))]
    rows = books.sql(
        "SELECT ms, numeric_send(usage_latency_mark_v1(ms)) FROM unnest(%s::integer[]) ms", latencies
    )
    for ms, mark in rows:
        assert counts(mark) == [0] * bucket_of(ms) + [1], ms
    [(merged,)] = books.sql(
        "SELECT numeric_send(sum(usage_latency_mark_v1(ms))) FROM unnest(%s::integer[]) ms", latencies
    )
    assert merged == histogram(latencies)


@pytest.mark.parametrize("latencies", [[0], [7], [100], [3, 90_000], [2_000_000_000], [5, 6, 7, 8]])
@pytest.mark.parametrize("calls", [1, 9_999, 10_000, 10_001, 123_456_789, 999_999_999_999])
def test_counts_are_read_however_large_they_are(books, latencies, calls):
    [(sent,)] = books.sql(
        "SELECT numeric_send(%s * sum(usage_latency_mark_v1(ms))) FROM unnest(%s::integer[]) ms",
        calls,
        latencies,
    )
    wanted = [0] * (bucket_of(max(latencies)) + 1)
    for latency in latencies:
        wanted[bucket_of(latency)] += calls
    assert counts(sent) == wanted
    assert percentiles(sent, [1.0]) == [MIDDLES_MS[bucket_of(max(latencies))]]


def test_nothing_has_no_percentiles():
    assert percentiles(None, SHARES) == [None] * 5
    assert percentiles(struct.pack(">4H", 0, 0, 0, 0), SHARES) == [None] * 5  # zero, as it is sent
