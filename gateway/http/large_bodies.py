"""Limits on the memory that large JSON bodies of callers with a valid key may take: in total, and for each caller.

Nobody is refused for what others send: a body waits at its connection, unread, until there is room for it. It keeps
its room until its call is answered, because its content still has to go to the upstream.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

from django.conf import settings

from aio_platform.edge.limits import Share, address_to_count_by
from aio_platform.errors import ServiceUnavailable
from gateway.errors import NO_ROOM
from usage.ledger.calls import Credentials

# A caller may have several keys, and an office one address.
LEAST_ADDRESS_SHARE = 0.5


class _Turn(NamedTuple):
    ready: asyncio.Future[None]
    owner: str
    address: str
    size_bytes: int


class LargeBodies:
    """Room for `total_bytes`; one caller has `share` of it, and waits for at most `wait_s` seconds."""

    def __init__(self, total_bytes: int, share: float, wait_s: float) -> None:
        self._of_owner = Share(total_bytes, share)
        self._of_address = Share(total_bytes, max(share, LEAST_ADDRESS_SHARE))
        self._most_bytes = max(int(total_bytes * share), 1)
        self._line: deque[_Turn] = deque()
        self._wait_s = wait_s

    @property
    def taken_bytes(self) -> int:
        """How much is held now."""
        return self._of_owner.taken

    async def take(self, caller: Credentials, size_bytes: int) -> Callable[[], None]:
        """Wait for room for a body of that size; what is returned gives it back. Raises ServiceUnavailable in the end.

        A body larger than a caller's whole part has all of that part.
        """
        owner = str(caller.account_id) if caller.key_digest is None else caller.key_digest.hex()
        address = address_to_count_by(caller.address)
        turn = _Turn(
            asyncio.get_running_loop().create_future(), owner, address, min(size_bytes, self._most_bytes)
        )
        if not self._take(turn):
            await self._wait(turn)
        return partial(self._give_back, turn)

    def _take(self, turn: _Turn) -> bool:
        if not self._of_owner.take(turn.owner, turn.size_bytes):
            return False
        if not self._of_address.take(turn.address, turn.size_bytes):
            self._of_owner.give_back(turn.owner, turn.size_bytes)
            return False
        return True

    def _give_back(self, turn: _Turn) -> None:
        self._of_owner.give_back(turn.owner, turn.size_bytes)
        self._of_address.give_back(turn.address, turn.size_bytes)
        for waiting in tuple(self._line):
            if not waiting.ready.done() and self._take(waiting):
                self._line.remove(waiting)
                waiting.ready.set_result(None)

    async def _wait(self, turn: _Turn) -> None:
        self._line.append(turn)
        try:
            async with asyncio.timeout(self._wait_s):
                await turn.ready
        except BaseException as error:
            if turn.ready.done() and not turn.ready.cancelled():
                self._give_back(turn)
            else:
                self._line.remove(turn)
            if isinstance(error, TimeoutError):
                raise ServiceUnavailable(NO_ROOM) from None
            raise


@cache
def large_bodies() -> LargeBodies:
    """This process's."""
    return LargeBodies(
        settings.MAX_LARGE_BODIES_BYTES, settings.ADDRESS_SHARE_PERCENT / 100, settings.BODY_TIME_LIMIT_S
    )
