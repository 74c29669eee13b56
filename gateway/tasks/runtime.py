"""Runs a worker process: opens what it needs, works on tasks, and closes it again."""

import asyncio
from contextlib import AsyncExitStack

import psycopg
import structlog

from gateway.adapters.registry import TASK_ADAPTERS
from gateway.catalog.feed import CatalogFeed, NoCatalog
from gateway.catalog.parser import CatalogErrors
from gateway.tasks.polling import Keep
from gateway.tasks.worker import TaskWorker
from gateway.upstreams.client import Upstreams
from usage.ledger.rate_card import UnknownRate

log = structlog.get_logger(__name__)
PAUSE_S = 1.0


async def work_tasks(stop: asyncio.Event, keep: Keep) -> None:
    """Work on tasks until `stop` is set; `keep` keeps what they made.

    Waits for a database that is away, and for a first catalog.
    """
    while not stop.is_set():
        async with AsyncExitStack() as stack:
            catalog = CatalogFeed(kind="worker")
            stack.push_async_callback(catalog.close)
            try:
                await catalog.open()
            except (NoCatalog, CatalogErrors, UnknownRate, psycopg.Error, TimeoutError) as error:
                log.warning("no tasks are worked on yet", error=type(error).__name__)
                await _pause(stop)
                continue
            upstreams = Upstreams()
            stack.push_async_callback(upstreams.close)
            try:
                await upstreams.problems.open()
            except psycopg.Error as error:
                log.warning("what is wrong at upstreams is not known", error=type(error).__name__)
            await TaskWorker(catalog, upstreams, TASK_ADAPTERS, keep).run(stop)


async def _pause(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(PAUSE_S):
            await stop.wait()
    except TimeoutError:
        pass
