"""The connections that a gateway process keeps open from its first request to its last."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from gateway.calls.relay import Relay
from gateway.catalog.feed import CatalogFeed
from gateway.catalog.routes import Catalog
from gateway.tasks.store import TaskStore
from gateway.upstreams.client import Upstreams
from usage.ledger.client import Ledger
from usage.ledger.idempotency import IdempotentCalls


@dataclass(frozen=True, slots=True)
class Runtime:
    """The process's connections: to the ledger, the catalog, the upstreams and the tasks."""

    ledger: Ledger
    catalog: CatalogFeed
    upstreams: Upstreams
    relay: Relay
    idempotent_calls: IdempotentCalls
    tasks: TaskStore


_runtime: Runtime | None = None


def runtime() -> Runtime:
    """The open connections. Valid only between the server's start and its stop."""
    assert _runtime is not None, "the gateway has not been opened"
    return _runtime


def catalog_if_running() -> Catalog | None:
    """The catalog in force in this process; None in one that serves no calls, as a command's."""
    return None if _runtime is None else _runtime.catalog.current


@asynccontextmanager
async def opened() -> AsyncIterator[None]:
    """Open all connections; at the end, wait for pending settlements and close them."""
    global _runtime
    async with AsyncExitStack() as stack:
        upstreams = Upstreams()
        stack.push_async_callback(upstreams.close)
        catalog = CatalogFeed()
        stack.push_async_callback(catalog.close)
        idempotent_calls = IdempotentCalls()
        stack.push_async_callback(idempotent_calls.close)
        tasks = TaskStore()
        stack.push_async_callback(tasks.close)
        ledger = Ledger()
        # Closed first: it waits for the settlements under way.
        stack.push_async_callback(ledger.close)
        await ledger.open()
        await catalog.open()
        await upstreams.problems.open()
        _runtime = Runtime(ledger, catalog, upstreams, Relay(ledger, upstreams), idempotent_calls, tasks)
        try:
            yield
        finally:
            _runtime = None
