"""How the upstreams do, as this node's processes tell: what came of their calls, and which of their routes rest."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import connection
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from aio_platform.observability.metrics import SHELF, node_directory
from gateway.metrics import ATTEMPTS, RESTING
from gateway.upstreams.problem_report import open_problems

_LIVE_TASKS_SQL = "SELECT upstream, count(*) FROM gateway_task WHERE ended_at IS NULL GROUP BY 1"


@dataclass(slots=True)
class Health:
    """One upstream: routes resting in its processes, attempts since the node's start by result, live tasks."""

    resting_routes: int = 0
    attempts: dict[str, int] = field(default_factory=dict)
    live_tasks: int = 0
    # What staff have to see to, at it or one of its routes.
    problems: int = 0

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
    for upstream, count in _resting().items():
        health[upstream].resting_routes = count
    with connection.cursor() as cursor:
        cursor.execute(_LIVE_TASKS_SQL)
        for upstream, count in cursor.fetchall():
            health[upstream].live_tasks = count
    for upstream, count in open_problems().items():
        health[upstream].problems = count
    return health


def _resting() -> dict[str, int]:
    registry = REGISTRY
    directory = node_directory()
    if directory is not None:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(directory))
    [described] = RESTING.describe()
    return {
        sample.labels["upstream"]: int(sample.value)
        for metric in registry.collect()
        if metric.name == described.name
        for sample in metric.samples
    }
