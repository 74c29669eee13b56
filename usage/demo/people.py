"""Who the made-up accounts are, and what they call how often: decided by a seed. Pure."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from usage.ledger.rates import Rate

# The first few make most of the traffic, as everywhere.
WEIGHT_EXPONENT = 1.1
CONVERTED_SHARE = 0.35
LONG_STANDING_SHARE = 0.4
_FIRST = (
    "Acorn",
    "Birch",
    "Cedar",
    "Delta",
    "Ember",
    "Fjord",
    "Grove",
    "Harbor",
    "Iris",
    "Juniper",
    "Kite",
    "Lumen",
)
_SECOND = ("Labs", "Studio", "Systems", "Media", "Health", "Games", "Works", "Learning", "Foods", "Travel")
_KEY_NAMES = ("production", "staging", "batch", "notebook", "mobile")


@dataclass(frozen=True, slots=True)
class DemoRoute:
    """A route of the catalog that demo calls may take.

    `weight` is its share of all calls, by the sum of all routes'; `streams`: its answers may come as events.
    """

    name: str
    endpoint: str
    model: str
    upstream: str
    rate: Rate
    weight: float
    streams: bool


@dataclass(slots=True)
class DemoStream:
    """One thing that one key (or signed-in member) of an account calls; `share` of the account's calls."""

    key: int | None
    route: DemoRoute
    share: float
    latency_ms: int


@dataclass(slots=True)
class DemoAccount:
    """Keys and members are counted; `joined_at` is when it starts calling, `paid_from` when its trial ended."""

    name: str
    weight: float
    joined_at: datetime
    paid_from: datetime | None
    plan: str
    members: int
    keys: tuple[str, ...]
    streams: list[DemoStream] = field(default_factory=list)


def draw_accounts(
    count: int, routes: Sequence[DemoRoute], since: datetime, until: datetime, seed: int, prefix: str
) -> list[DemoAccount]:
    """The same accounts for the same seed; `paid_from` of None with plan "trial" has not been converted."""
    chance = random.Random(seed)  # noqa: S311 - nothing here is secret
    accounts = [_draw_account(number, routes, since, until, chance, prefix) for number in range(count)]
    total = sum(account.weight for account in accounts)
    for account in accounts:
        account.weight /= total
    return accounts


def _draw_account(
    number: int,
    routes: Sequence[DemoRoute],
    since: datetime,
    until: datetime,
    chance: random.Random,
    prefix: str,
) -> DemoAccount:
    length = until - since
    joined_at, paid_from, plan = since, None, chance.choices(("standard", "scale"), (4, 1))[0]
    weight = (number + 1) ** -WEIGHT_EXPONENT * chance.uniform(0.6, 1.4)
    if number >= 3 and chance.random() > LONG_STANDING_SHARE:
        joined_at = since + length * chance.random() ** 0.7 * 0.97
        if chance.random() < CONVERTED_SHARE:
            paid_from = joined_at + timedelta(days=chance.uniform(1, 20))
        if paid_from is None or paid_from >= until:
            paid_from, plan = None, "trial"
            weight *= 0.05
    words = f"{_FIRST[number % len(_FIRST)]} {_SECOND[number // len(_FIRST) % len(_SECOND)]}"
    account = DemoAccount(
        name=f"{prefix} {number + 1:04d} {words}",
        weight=weight,
        joined_at=joined_at,
        paid_from=paid_from,
        plan=plan,
        members=chance.randint(1, 4),
        keys=tuple(_KEY_NAMES[: chance.choices((1, 2, 3, 5), (5, 4, 2, 1))[0]]),
    )
    # The first account calls everything there is, so that every page and report has something of each endpoint.
    wanted = len(routes) if number == 0 else chance.choices((1, 2, 4, 6), (3, 4, 3, 2))[0]
    chosen = sorted(routes, key=lambda route: _lot(route.weight, chance), reverse=True)[:wanted]
    for place, _ in enumerate(account.keys):
        for route in chance.sample(chosen, max(1, len(chosen) - place)):
            share = route.weight * chance.uniform(0.4, 1.0) / (place + 1)
            account.streams.append(DemoStream(place, route, share, _latency_ms(route, chance)))
    if chance.random() < 0.5:
        share = 0.03 * sum(stream.share for stream in account.streams)
        account.streams.append(DemoStream(None, chosen[0], share, _latency_ms(chosen[0], chance)))
    total = sum(stream.share for stream in account.streams)
    for stream in account.streams:
        stream.share /= total
    return account


def _lot(weight: float, chance: random.Random) -> float:
    """The largest of all lots is that of a route as often as its share of the weights (Efraimidis and Spirakis)."""
    lot: float = chance.random() ** (1 / weight)
    return lot


def _latency_ms(route: DemoRoute, chance: random.Random) -> int:
    """The median; models differ more than callers do."""
    base = 250 + sum(map(ord, route.model)) % 17 * 130
    if {price.unit for price in route.rate.prices} & {"images", "audio_ms", "video_ms", "pixel_steps"}:
        base *= 4
    return int(base * chance.uniform(0.8, 1.3))
