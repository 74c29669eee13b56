"""What makes a worker look before its time: a new task, an upstream's hint, a slot that came free, the end."""

import asyncio

import psycopg
import structlog

from aio_platform.db import database

log = structlog.get_logger(__name__)

CHANNEL = "aio_task"
LISTEN_S = 60.0
RECONNECT_PAUSE_S = 0.5


class WakeUp:
    """Set from anywhere in the process; one loop waits."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._slots_wanted = False

    def set(self) -> None:
        """There is something to look at."""
        self._news.set()

    def clear(self) -> None:
        """About to look: what comes from now on is news."""
        self._news.clear()

    def slot_is_free(self) -> None:
        """Only of interest where the loop waits for one."""
        if self._slots_wanted:
            self._news.set()

    async def wait(self, limit_s: float, *, slots: bool = False) -> None:
        """Until there is news (or, with `slots`, room), and no longer than `limit_s`."""
        self._slots_wanted = slots
        try:
            async with asyncio.timeout(limit_s):
                await self._news.wait()
        except TimeoutError:
            pass
        finally:
            self._slots_wanted = False

    async def set_with(self, event: asyncio.Event) -> None:
        """Be set when that is."""
        await event.wait()
        self._news.set()

    async def listen(self) -> None:
        """Be set by the database's news, until cancelled. Without it tasks are found a moment later, by looking."""
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
