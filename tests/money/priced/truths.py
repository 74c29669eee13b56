"""What an upstream truly counted of a call, and what that costs: by rational numbers and by no code of the product."""

import math
import random
from dataclasses import dataclass
from fractions import Fraction

# A caller's prompt is held at a token a byte; every prompt below is shorter.
PROMPT = "word " * 1200
MOST_TOKENS = 4096


@dataclass(frozen=True)
class Truth:
    """Tokens, each in exactly one of these. `cached` may have been written (for minutes or an hour) or read."""

    text: int
    heard: int = 0
    read: int = 0
    written: int = 0
    written_for_an_hour: int = 0
    said: int = 1
    thought: int = 0
    spoken: int = 0

    @property
    def prompt(self) -> int:
        return self.text + self.heard + self.read + self.written + self.written_for_an_hour

    @property
    def answer(self) -> int:
        return self.said + self.thought + self.spoken


# What each upstream protocol can say of a call, in this order of the kinds.
KINDS = ("heard", "read", "written", "written_for_an_hour", "thought", "spoken")
SAID_BY = {
    "openai_chat": frozenset(KINDS),
    "openai_responses": frozenset({"heard", "read", "written", "thought", "spoken"}),
    "anthropic_messages": frozenset({"read", "written", "written_for_an_hour", "thought"}),
    "gemini": frozenset({"heard", "read", "thought", "spoken"}),
}


def truths(adapter: str, count: int, seed: str) -> list[Truth]:
    """Seeded calls of an upstream: some without any cache, most with some of what it can say."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        kinds = {
            kind: chance.choice([0, 1, chance.randint(2, 900)]) for kind in KINDS if kind in SAID_BY[adapter]
        }
        if number == 0:
            kinds = {}
        found.append(Truth(text=chance.randint(100, 900), said=chance.randint(2, 900), **kinds))
    return found


# Credits for so many: prices that are no whole micro-credits each, so that rounding is at stake.
RATES: dict[str, dict[str, tuple[str, int]]] = {
    "plain": {"tokens_in": ("0.0003", 7), "tokens_out": ("0.0011", 3)},
    "cached": {
        "tokens_in": ("3", 9_973),
        "cache_read_tokens": ("0.3", 9_973),
        "cache_write_tokens": ("3.75", 9_973),
        "cache_write_1h_tokens": ("6", 9_973),
        "tokens_out": ("15", 9_967),
    },
    "everything": {
        "calls": ("0.000013", 1),
        "tokens_in": ("0.00007", 1),
        "cache_read_tokens": ("0", 1),
        "cache_write_1h_tokens": ("0.1", 777),
        "audio_tokens_in": ("0.01", 11),
        "tokens_out": ("0.0005", 13),
        "reasoning_tokens": ("0.0007", 13),
        "audio_tokens_out": ("0.02", 17),
    },
}


# What a unit costs instead in calls with longer prompts than so many tokens; for as many as the rate above says.
TIERS: dict[str, dict[str, list[tuple[int, str]]]] = {
    "cached": {
        "tokens_in": [(1000, "4.5"), (2000, "6")],
        "cache_write_1h_tokens": [(1000, "12")],
        "tokens_out": [(2000, "22.5")],
    }
}


def price(truth: Truth, name: str) -> int:
    """Micro-credits: each token at its own price, or as other input or output, all added up and rounded up once.

    A longer prompt is charged by its tier, every token of it.
    """
    rate = RATES[name]

    def each(unit: str, otherwise: Fraction) -> Fraction:
        if unit not in rate:
            return otherwise
        credits, per = rate[unit]
        for above, dearer in TIERS.get(name, {}).get(unit, []):
            if truth.prompt > above:
                credits = dearer
        return Fraction(credits) * 1_000_000 / per

    nothing = Fraction(0)
    text, said = each("tokens_in", nothing), each("tokens_out", nothing)
    cost = each("calls", nothing)
    cost += truth.text * text + truth.heard * each("audio_tokens_in", text)
    cost += truth.read * each("cache_read_tokens", text) + truth.written * each("cache_write_tokens", text)
    cost += truth.written_for_an_hour * each("cache_write_1h_tokens", text)
    cost += truth.said * said + truth.thought * each("reasoning_tokens", said)
    cost += truth.spoken * each("audio_tokens_out", said)
    return math.ceil(cost)
