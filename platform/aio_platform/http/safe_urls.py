"""Addresses that callers give us to call: which may be called at all, before and after their names are looked up.

A caller's URL makes our machine the client, inside our network. So it may name public hosts only, and what counts
is the address that is connected to in the end (`public_http` sees to that), not what a name said a moment before.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Sequence
from functools import lru_cache

from django.conf import settings
from yarl import URL

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import Message, Template
from aio_platform.i18n.translatable import gettext_noop as _

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_URL_LENGTH = 2048
LOOK_UP_LIMIT_S = 5.0
NOT_PUBLIC = _("The host is not a public one.")
UNKNOWN_HOST = _("There is no host of this name.")

# Written out rather than left to `is_global`, whose answer differs between releases of Python.
_NOT_PUBLIC_V4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, and one cloud's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's metadata on an address that looks public
        "169.254.0.0/16",  # link-local, and most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# All that is handed out on the IPv6 internet is in here; loopback, private, link-local and multicast are not.
_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments; Teredo carries an IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 carries an IPv4 address
        "3fff::/20",  # documentation
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_FORBIDDEN = re.compile(r"[\s\x00-\x20\x7f\\]")
_LOCAL_NAME = re.compile(r"(.+\.)?(localhost|local|internal|localdomain|home\.arpa|onion)\.?", re.I)
# No top-level domain is a number: what ends in one is an address in one of its old spellings, as in 127.1.
_ENDS_IN_NUMBER = re.compile(r"(.+\.)?([0-9]+|0x[0-9a-f]*)\.?", re.I)


class AddressRefused(OSError):
    """The URL, or what its name leads to, is not for us to call. The message is safe to show."""


def check_url(url: str, param: str = "url") -> None:
    """Raise InvalidRequest, naming `param`, for what can be told from the text alone to be no public URL.

    http or https, at most 2,048 characters, no user or password, port 80, 443 or from 1,024 up, and a host that
    is neither an address that is not public nor a name that never is. Asks no name server: what a name leads to
    is for `check_public_url`, and again for the connection itself.
    """
    complaint = complaint_about(url)
    if complaint is not None:
        raise InvalidRequest(complaint, param=param)


async def check_public_url(url: str, param: str = "url") -> None:
    """As `check_url`, and the host's name leads to public addresses only; InvalidRequest naming `param`."""
    check_url(url, param)
    host = URL(url).raw_host
    assert host is not None
    try:
        await resolve_public(host)
    except AddressRefused as error:
        raise InvalidRequest(Template(str(error)), param=param) from None


def complaint_about(url: str) -> Message | None:
    """Why `check_url` refuses the URL, in words for its author; None where it does not."""
    if not url or len(url) > MAX_URL_LENGTH:
        return Message(_("A URL has 1 to %(most)s characters."), most=f"{MAX_URL_LENGTH:,}")
    if _FORBIDDEN.search(url):
        return Message(_("A URL has no blanks, backslashes or control characters."))
    try:
        # The parser of the client that will call it, so that both see the same host.
        parsed = URL(url)
        port, host = parsed.port, parsed.raw_host
    except ValueError:
        return Message(_("This is not a URL."))
    if parsed.scheme not in ("http", "https") or not host:
        return Message(_("A URL starts with http:// or https:// and a host."))
    if parsed.raw_user is not None or parsed.raw_password is not None:
        return Message(_("A URL here carries no user or password."))
    if port is None or not (port in (80, 443) or 1024 <= port <= 65535):
        return Message(_("A URL's port is 80, 443, or from 1024 to 65535."))
    return _complaint_about_host(host)


async def resolve_public(host: str, port: int = 0) -> list[IPAddress]:
    """The addresses of a host, all of them public.

    One that is not public spoils the rest: a name that leads to both is aimed at us. Raises AddressRefused for
    that, for a name without addresses, and when the name servers take longer than 5 s.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LOOK_UP_LIMIT_S):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        raise AddressRefused(UNKNOWN_HOST) from None
    addresses = list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))
    if not addresses:
        raise AddressRefused(UNKNOWN_HOST)
    for address in addresses:
        check_address(address)
    return addresses


def check_address(address: IPAddress) -> None:
    """Raise AddressRefused unless the address is public, or in a network that the operator opened."""
    if not is_public(address) and not _is_opened(address):
        raise AddressRefused(NOT_PUBLIC)


def is_public(address: IPAddress) -> bool:
    """Whether the address is one of the open internet's. An IPv4 address inside an IPv6 one is judged itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    if address.scope_id is not None:
        return False
    inner = _embedded_v4(address)
    if inner is not None:
        return is_public(inner)
    return address in _UNICAST_V6 and not any(address in network for network in _NOT_PUBLIC_V6)


def _embedded_v4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a mapped or NAT64 address leads to."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def _complaint_about_host(host: str) -> Message | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if _ENDS_IN_NUMBER.fullmatch(host):
            return Message(_("An IPv4 address is written as four decimal numbers."))
        if _LOCAL_NAME.fullmatch(host) and not _opened_networks():
            return Message(NOT_PUBLIC)
        return None
    return None if is_public(address) or _is_opened(address) else Message(NOT_PUBLIC)


def _is_opened(address: IPAddress) -> bool:
    embedded = _embedded_v4(address) if isinstance(address, ipaddress.IPv6Address) else None
    judged = embedded or address
    return any(judged in network for network in _opened_networks())


def _opened_networks() -> Sequence[IPNetwork]:
    """AIO_PRIVATE_URL_NETWORKS: for development, where callers' servers and the sandbox are on loopback."""
    return _networks(tuple(getattr(settings, "AIO_PRIVATE_URL_NETWORKS", ())))


@lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[IPNetwork, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)
