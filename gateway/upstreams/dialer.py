"""Makes connections: names are looked up, addresses raced, certificates verified."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from itertools import chain, zip_longest
from typing import Any, TypeVar

from yarl import URL

# Of a name's addresses, the next is tried when the one before has not answered for so long (RFC 8305).
NEXT_ADDRESS_AFTER_S = 0.25
ADDRESSES_KEPT_S = 60.0

# Family, type, protocol and the socket's address, as getaddrinfo gives them.
Address = tuple[int, int, int, Any]
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
        self._addresses: list[Address] = []
        self._known_until = 0.0

    async def connect(self, protocol: Callable[[], Protocol]) -> Protocol:
        """Connect, with TLS where the URL says so, and return the protocol. Raises OSError; sets no time limit."""
        loop = asyncio.get_running_loop()
        connected = await first_to_connect(await self._looked_up())
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

    async def _looked_up(self) -> list[Address]:
        loop = asyncio.get_running_loop()
        if loop.time() >= self._known_until:
            found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            self._addresses = [
                (family, kind, protocol, address) for family, kind, protocol, _, address in found
            ]
            self._known_until = loop.time() + ADDRESSES_KEPT_S
        return self._addresses


async def first_to_connect(addresses: list[Address]) -> socket.socket:
    """A socket connected to one of the addresses.

    Families take turns, and each attempt has a head start of NEXT_ADDRESS_AFTER_S on the next. Raises the last OSError
    where no address answers.
    """
    if len(addresses) == 1:
        return await _connected(addresses[0])
    left = deque(_families_in_turn(addresses))
    attempts: set[asyncio.Task[socket.socket]] = set()
    last = OSError("no address")
    try:
        while left or attempts:
            if left:
                attempts.add(asyncio.create_task(_connected(left.popleft())))
            done, _ = await asyncio.wait(
                attempts,
                timeout=NEXT_ADDRESS_AFTER_S if left else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for attempt in done:
                attempts.discard(attempt)
                try:
                    return attempt.result()
                except OSError as error:
                    last = error
    finally:
        for attempt in attempts:
            attempt.add_done_callback(_drop)
            attempt.cancel()
    raise last


async def _connected(address: Address) -> socket.socket:
    family, kind, protocol, place = address
    connected = socket.socket(family, kind, protocol)
    try:
        connected.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connected, place)
    except BaseException:
        connected.close()
        raise
    return connected


def _drop(attempt: "asyncio.Task[socket.socket]") -> None:
    """Close the socket of an attempt that lost the race, or that nobody waits for any more."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


def _families_in_turn(addresses: list[Address]) -> list[Address]:
    first = [address for address in addresses if address[0] == addresses[0][0]]
    others = [address for address in addresses if address[0] != addresses[0][0]]
    return [address for address in chain(*zip_longest(first, others)) if address is not None]
