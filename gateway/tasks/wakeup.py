"""Wakes a worker early: for a new task, an upstream's webhook, a slot that came free, or the process's end."""

import asyncio

import psycopg
import structlog

from aio_platform.db import database

log = structlog.get_logger(__name__)

CHANNEL = "aio_task"
LISTEN_S = 60.0
RECONNECT_PAUSE_S = 0.5


class WakeUp:
    """An event that anything in the process may set, and for which the worker's loop waits."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._slots_wanted = False

    def set(self) -> None:
        """Wake the loop: there is something to do."""
        self._news.set()

    def clear(self) -> None:
        """Forget what came so far, just before looking for it."""
        self._news.clear()

    def slot_is_free(self) -> None:
        """Wake the loop if it waits for a free slot."""
        if self._slots_wanted:
            self._news.set()

    async def wait(self, limit_s: float, *, slots: bool = False) -> None:
        """Wait for `set`, or with `slots` for a free slot too, but no longer than `limit_s`."""
        self._slots_wanted = slots
        try:
            async with asyncio.timeout(limit_s):
                await self._news.wait()
        except TimeoutError:
            pass
        finally:
            self._slots_wanted = False

    async def set_with(self, event: asyncio.Event) -> None:
        """Wake the loop once `event` is set."""
        await event.wait()
        self._news.set()

    async def listen(self) -> None:
        """Wake the loop at each notification of the database, until cancelled. Without any, tasks are found later."""
        while True:
            try:
                connection = await database.connect_async("aio task news")
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self._news.set()
                    while True:
                        async for _ in connection.notifies(timeout=LISTEN_S, stop_after=1):
                            self._news.set()
            except (psycopg.Error, OSError) as error:
                log.warning("task news interrupted", error=type(error).__name__)
                await asyncio.sleep(RECONNECT_PAUSE_S)
