"""So many ordinary Django requests at once, of which one address has a part; the others wait in a queue.

Each takes a thread and a database connection, and threads that compute keep the event loop from its work.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from aio_platform.edge.limits import Share
from aio_platform.errors import ServiceUnavailable
from aio_platform.i18n.translatable import gettext_noop as _


class PageSlots:
    """`at_once` run, of one address half; `waiting` wait for at most `wait_s` seconds, of one address its share."""

    def __init__(self, at_once: int, waiting: int, share: float, wait_s: float) -> None:
        # A page asks for several things at once, and an office may have one address.
        self._active = Share(at_once, max(share, 0.5))
        self._waiting = Share(waiting, share)
        self._queue: deque[tuple[asyncio.Future[None], str]] = deque()
        self._wait_s = wait_s

    async def take(self, address: str) -> Callable[[], None]:
        """Wait for a slot; what is returned gives it back, and may be called again.

        Raises ServiceUnavailable where too many wait or the wait is too long.
        """
        if not self._active.take(address, 1):
            await self._wait(address)
        given_back = False

        def give_back() -> None:
            nonlocal given_back
            if not given_back:
                given_back = True
                self._active.give_back(address, 1)
                self._call_next()

        return give_back

    async def _wait(self, address: str) -> None:
        if not self._waiting.take(address, 1):
            raise _busy()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        place = (turn, address)
        self._queue.append(place)
        try:
            async with asyncio.timeout(self._wait_s):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._active.give_back(address, 1)
                self._call_next()
            else:
                self._queue.remove(place)
            if isinstance(error, TimeoutError):
                raise _busy() from None
            raise
        finally:
            self._waiting.give_back(address, 1)

    def _call_next(self) -> None:
        """Give the free slot to the first in the queue whose address has room."""
        for place in self._queue:
            turn, address = place
            if not turn.done() and self._active.take(address, 1):
                self._queue.remove(place)
                turn.set_result(None)
                return


def _busy() -> ServiceUnavailable:
    return ServiceUnavailable(_("Too many pages are asked for at once; try again shortly."), retry_after_s=2)
