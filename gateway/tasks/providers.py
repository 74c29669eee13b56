"""Finds the route that a task is asked of: the routes of asynchronous endpoints, in the catalog in force."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.catalog.routes import Catalog, Route, Upstream
from gateway.endpoints import TASK_ENDPOINT_NAMES
from gateway.tasks.records import ClaimedTask

WEBHOOK_SECRET = "webhook_secret"  # noqa: S105 - an option's name
CALLS_PER_SECOND = "calls_per_second"
# In a task's reference: the name of the key that it was submitted with, for the upstream knows it by no other.
KEY_NAME = "submitted_with_key"
ENV_PREFIX = "env:"


class TaskRoutes:
    """Every route of an asynchronous endpoint in one version of the catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.version = catalog.version
        self.upstreams: dict[str, Upstream] = {}
        self.calls_per_second: dict[str, float] = {}
        self._by_name: dict[tuple[str, str, str], Route] = {}
        self._by_upstream: dict[tuple[str, str], Route] = {}
        for route in task_routes(catalog):
            upstream = route.upstream.name
            self.upstreams[upstream] = route.upstream
            self._by_name[route.endpoint, route.model, route.name] = route
            self._by_upstream.setdefault((upstream, route.adapter), route)
            limit = route.options.get(CALLS_PER_SECOND)
            if isinstance(limit, (int, float)) and not isinstance(limit, bool) and limit > 0:
                self.calls_per_second[upstream] = min(limit, self.calls_per_second.get(upstream, limit))

    def own(self, task: ClaimedTask) -> Route | None:
        """The route that the task was submitted by; None where the catalog has removed it or changed its upstream."""
        route = self._by_name.get((task.endpoint, task.model, task.route))
        if route is None or (route.upstream.name, route.adapter) != (task.upstream, task.adapter):
            return None
        return route

    def to_ask(self, task: ClaimedTask) -> Route | None:
        """A route to poll the task by: its own, or another to the same upstream by the same protocol; or None."""
        return self.own(task) or self._by_upstream.get((task.upstream, task.adapter))


def task_routes(catalog: Catalog) -> Iterator[Route]:
    """The routes of every asynchronous endpoint. Those switched off are among them, for tasks that still run there."""
    return (route for route in catalog.all_routes() if route.endpoint in TASK_ENDPOINT_NAMES)


def webhook_secret_of(route: Route) -> str | None:
    """The secret that the route's upstream signs its webhooks with; None where the catalog names none.

    The secret is in the environment, and the catalog has its name: `options = { webhook_secret = "env:NAME" }`.
    """
    named = route.options.get(WEBHOOK_SECRET)
    if not isinstance(named, str) or not named.startswith(ENV_PREFIX):
        return None
    return os.environ.get(named.removeprefix(ENV_PREFIX)) or None


def webhook_url_for(route: Route, public_url: str) -> str | None:
    """Our address for the upstream's webhooks; None where it cannot reach us, or has no secret to sign with."""
    if not public_url or webhook_secret_of(route) is None:
        return None
    return f"{public_url.rstrip('/')}/webhooks/upstreams/{route.upstream.name}"


def with_key_name(reference: Mapping[str, Any], route: Route) -> Mapping[str, Any]:
    """The reference, and the name of the key that the task was submitted with where the catalog names one."""
    keys = route.upstream.keys
    key = route.key or (keys[0] if keys else None)
    return reference if key is None else {**reference, KEY_NAME: key.name}


def key_name_in(reference: Mapping[str, Any]) -> str | None:
    """The name of the key that the task was submitted with."""
    return reference.get(KEY_NAME)
