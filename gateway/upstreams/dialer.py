"""Makes connections: names are looked up, addresses raced, certificates verified."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

from aiohappyeyeballs import AddrInfoType, start_connection
from yarl import URL

# Of a name's addresses, the next is tried when the one before has not answered for so long (RFC 8305).
NEXT_ADDRESS_AFTER_S = 0.25
ADDRESSES_KEPT_S = 60.0

Protocol = TypeVar("Protocol", bound=asyncio.Protocol)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Of the system's trusted certificates, with host names checked."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class Dialer:
    """Connects to the server of a URL."""

    def __init__(self, url: URL) -> None:
        assert url.host is not None
        assert url.port is not None
        self._host = url.host
        self._port = url.port
        self._secure = url.scheme == "https"
        self._addresses: Sequence[AddrInfoType] = ()
        self._known_until = 0.0

    async def connect(self, protocol: Callable[[], Protocol]) -> Protocol:
        """Connect, with TLS where the URL says so, and return the protocol. Raises OSError; sets no time limit."""
        loop = asyncio.get_running_loop()
        connected = await _first_to_connect(await self._looked_up())
        try:
            made: tuple[asyncio.BaseTransport, Protocol] = await loop.create_connection(
                protocol,
                sock=connected,
                ssl=_tls() if self._secure else None,
                server_hostname=self._host if self._secure else None,
            )
        except BaseException:
            connected.close()
            raise
        return made[1]

    async def _looked_up(self) -> Sequence[AddrInfoType]:
        loop = asyncio.get_running_loop()
        if loop.time() >= self._known_until:
            self._addresses = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            self._known_until = loop.time() + ADDRESSES_KEPT_S
        return self._addresses


async def _first_to_connect(addresses: Sequence[AddrInfoType]) -> socket.socket:
    """A socket connected to one of the addresses; families take turns.

    Raises OSError where no address answers, of the kind of theirs where all failed alike.
    """
    task = asyncio.current_task()
    assert task is not None
    cancelled_before = task.cancelling()
    connected = await start_connection(addresses, happy_eyeballs_delay=NEXT_ADDRESS_AFTER_S)
    # A cancellation that comes while it ends the attempts that lost is swallowed there (see ADR 27).
    if task.cancelling() > cancelled_before:
        connected.close()
        raise asyncio.CancelledError
    return connected
