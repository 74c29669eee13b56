"""What anybody may take of a gateway process before they have shown a key (see ADR 23).

Each limit is one of the whole process and, by AIO_ADDRESS_SHARE_PERCENT, of one client address.
"""

import ipaddress
from collections import defaultdict
from dataclasses import dataclass

from django.conf import settings

IPV6_CUSTOMER_BITS = 64
# Of open files, what is left to upstreams, uploads and the database when every connection is in use.
FILES_PER_CONNECTION = 2
FILES_BESIDE = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes and times in seconds; `share` is what one address may have of each total."""

    connections: int
    share: float
    head_bytes: int
    headers: int
    target_bytes: int
    head_time_s: float
    keep_alive_s: float
    heads_bytes: int
    unasked_bodies_bytes: int
    unread_answers_bytes: int
    stalled_reader_s: float


def limits_from_settings(open_files: int | None = None) -> Limits:
    """The limits in force. Where `open_files` is few, there are fewer connections than the setting says."""
    connections = settings.MAX_CONNECTIONS
    if open_files is not None:
        connections = min(connections, max((open_files - FILES_BESIDE) // FILES_PER_CONNECTION, 1))
    return Limits(
        connections=connections,
        # Behind a proxy every connection comes from the proxy: it counts what each of its clients has.
        share=1.0 if settings.TRUST_FORWARDED_FOR else settings.ADDRESS_SHARE_PERCENT / 100,
        head_bytes=settings.MAX_HEAD_BYTES,
        headers=settings.MAX_HEADERS,
        target_bytes=settings.MAX_TARGET_BYTES,
        head_time_s=settings.HEAD_TIME_LIMIT_S,
        keep_alive_s=settings.KEEP_ALIVE_S,
        heads_bytes=settings.MAX_HEADS_BYTES,
        unasked_bodies_bytes=settings.MAX_UNASKED_BODIES_BYTES,
        unread_answers_bytes=settings.MAX_UNREAD_ANSWERS_BYTES,
        stalled_reader_s=settings.STALLED_READER_LIMIT_S,
    )


def files_needed(connections: int) -> int:
    """How many files a gateway process must be able to open to serve so many connections."""
    return connections * FILES_PER_CONNECTION + FILES_BESIDE


class Share:
    """An amount that all clients of this process share, and of which one address may have a part.

    An empty address (a unix socket's peer) is bound by the total alone.
    """

    __slots__ = ("_by_address", "_of_address", "_total", "taken")

    def __init__(self, total: int, share: float) -> None:
        self._total = total
        self._of_address = max(int(total * share), 1)
        self._by_address: dict[str, int] = defaultdict(int)
        self.taken = 0

    def take(self, address: str, amount: int) -> bool:
        """Take so much, or nothing and False where the total or the address' part would be passed."""
        if self.taken + amount > self._total:
            return False
        if address:
            held = self._by_address[address] + amount
            if held > self._of_address:
                if held == amount:
                    del self._by_address[address]
                return False
            self._by_address[address] = held
        self.taken += amount
        return True

    def give_back(self, address: str, amount: int) -> None:
        """Undo what `take` took."""
        self.taken -= amount
        if address:
            left = self._by_address[address] - amount
            if left:
                self._by_address[address] = left
            else:
                del self._by_address[address]

    def addresses(self) -> int:
        """How many addresses hold something."""
        return len(self._by_address)


def address_to_count_by(peer: str) -> str:
    """The address that a client cannot change at will: of IPv6 the network that one customer is given."""
    if ":" not in peer:
        return peer
    try:
        address = ipaddress.IPv6Address(peer.partition("%")[0])
    except ValueError:
        return peer
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, IPV6_CUSTOMER_BITS), strict=False))
