"""How the upstreams do, as this node's processes tell: what came of their calls, which routes rest, and which keys."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil

from django.db import connection
from prometheus_client import REGISTRY, CollectorRegistry, Gauge
from prometheus_client.multiprocess import MultiProcessCollector

from aio_platform.observability.metrics import SHELF, node_directory
from gateway.metrics import ATTEMPTS, KEY_LIMITED_UNTIL, KEY_REFUSED, RESTING
from gateway.upstreams.problem_report import open_problems

_LIVE_TASKS_SQL = "SELECT upstream, count(*) FROM gateway_task WHERE ended_at IS NULL GROUP BY 1"


@dataclass(slots=True)
class KeyState:
    """One of an upstream's several keys: whether a process was refused it last, and how long it is left alone yet."""

    is_refused: bool = False
    limited_for_s: int = 0


@dataclass(slots=True)
class Health:
    """One upstream: routes resting in its processes, attempts since the node's start by result, live tasks.

    `keys` has those of its keys, by name, that were ever refused or limited.
    """

    resting_routes: int = 0
    attempts: dict[str, int] = field(default_factory=dict)
    live_tasks: int = 0
    # What staff have to see to, at it or one of its routes.
    problems: int = 0
    keys: defaultdict[str, KeyState] = field(default_factory=lambda: defaultdict(KeyState))

    @property
    def total(self) -> int:
        return sum(self.attempts.values())

    @property
    def faults(self) -> int:
        """Attempts that failed by the upstream's own fault."""
        return sum(self.attempts.get(result, 0) for result in ("failed", "saturated", "timed_out"))


def upstream_health() -> Mapping[str, Health]:
    """By upstream's name; one that nothing is known of is healthy."""
    health: defaultdict[str, Health] = defaultdict(Health)
    for name, labels, values in SHELF.readings():
        if name == ATTEMPTS.name:
            upstream, result = labels
            of = health[upstream].attempts
            of[result] = of.get(result, 0) + int(values[0])
    _read_gauges(health)
    with connection.cursor() as cursor:
        cursor.execute(_LIVE_TASKS_SQL)
        for upstream, count in cursor.fetchall():
            health[upstream].live_tasks = count
    for upstream, count in open_problems().items():
        health[upstream].problems = count
    return health


def _read_gauges(health: Mapping[str, Health]) -> None:
    registry = REGISTRY
    directory = node_directory()
    if directory is not None:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(directory))
    for upstream, _, value in _samples(registry, RESTING):
        health[upstream].resting_routes = int(value)
    for upstream, key, value in _samples(registry, KEY_REFUSED):
        health[upstream].keys[key].is_refused = value > 0
    for upstream, key, value in _samples(registry, KEY_LIMITED_UNTIL):
        health[upstream].keys[key].limited_for_s = max(ceil(value - time.time()), 0)


def _samples(registry: CollectorRegistry, gauge: Gauge) -> Iterator[tuple[str, str, float]]:
    """Upstream, key (empty where the gauge has none) and value."""
    [described] = gauge.describe()
    for metric in registry.collect():
        if metric.name == described.name:
            for sample in metric.samples:
                yield sample.labels["upstream"], sample.labels.get("key", ""), sample.value
