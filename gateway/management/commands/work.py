"""The worker: what the platform does by the clock, and the tasks that it carries for its callers."""

import asyncio
import signal
import threading
from typing import Any

import uvloop
from django.core.management.base import BaseCommand

from aio_platform.process.supervisor import stop_with_parent
from gateway.results import expiry
from gateway.results.mirror import keep
from gateway.retention import chores
from gateway.tasks.runtime import work_tasks
from gateway.webhooks_out import worker as callbacks
from usage.retention import run_chores


class Command(BaseCommand):
    help = "Run the worker: carry tasks and callbacks, expire holds, grants and results. Any number may run."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        stop_with_parent()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work())


async def work() -> None:
    """Everything a worker does, until SIGINT or SIGTERM; chores block, so they have a thread."""
    stop = asyncio.Event()
    stop_chores = threading.Event()

    def stop_all() -> None:
        stop.set()
        stop_chores.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop_all)
    chores_running = asyncio.create_task(asyncio.to_thread(run_chores, stop_chores, chores()))
    try:
        # A bug that ends one of these ends the process, and the supervisor starts another.
        async with asyncio.TaskGroup() as group:
            group.create_task(work_tasks(stop, keep))
            for run in (callbacks.run, expiry.run):
                group.create_task(run(stop))
    finally:
        stop_all()
        await chores_running
