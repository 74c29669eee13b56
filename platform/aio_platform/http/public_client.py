"""Calls to URLs that callers gave: connections to public addresses only, redirects followed with the same checks.

A name is looked up once for each connection, and the address it led to is checked once more when the socket is
made: a name that says something else the second time, or an address that needs no look-up, gains nothing.
"""

import ipaddress
import socket
from collections.abc import Iterator, Mapping

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from aio_platform.http import safe_urls
from aio_platform.http.safe_urls import AddressRefused

MAX_REDIRECTS = 3
USER_AGENT = "aio-platform"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# These keep method and body; the others turn a POST into a GET, which would lose what is sent.
_REDIRECTS_OF_POST = frozenset({307, 308})


class PublicOnlyResolver(AbstractResolver):
    """Looks names up as `safe_urls.resolve_public` does: AddressRefused where one address is not public."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = await safe_urls.resolve_public(host, port)
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is kept open."""


def public_connector(limit: int, limit_per_host: int = 0) -> aiohttp.TCPConnector:
    """A connector that connects to public addresses only, whoever found them."""
    return aiohttp.TCPConnector(
        resolver=PublicOnlyResolver(),
        socket_factory=_socket_to_public,
        limit=limit,
        limit_per_host=limit_per_host,
        ttl_dns_cache=10,
    )


def public_session(limit: int, total_s: float, limit_per_host: int = 0) -> aiohttp.ClientSession:
    """A session for callers' URLs: no cookies, no proxy of ours, bodies as they come, `total_s` a request."""
    return aiohttp.ClientSession(
        connector=public_connector(limit, limit_per_host),
        timeout=aiohttp.ClientTimeout(total=total_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        auto_decompress=False,
        trust_env=False,
    )


async def request(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> aiohttp.ClientResponse:
    """Send, and return the answer once its headers came; up to three redirects are followed, each URL checked.

    A POST follows those that keep its body (307 and 308); another comes back as the answer it is. Raises
    AddressRefused for a URL or an address that is not public and for a fourth redirect, aiohttp.ClientError,
    OSError or TimeoutError otherwise. The session is a `public_session`; whoever calls closes the answer.
    """
    followed = _REDIRECTS if method in ("GET", "HEAD") else _REDIRECTS_OF_POST
    for _ in range(MAX_REDIRECTS + 1):
        complaint = safe_urls.complaint_about(url)
        if complaint is not None:
            raise AddressRefused(str(complaint))
        try:
            response = await session.request(
                method, URL(url), data=body, headers=headers, allow_redirects=False
            )
        except (aiohttp.ClientError, OSError) as error:
            refusal = refusal_in(error)
            if refusal is None:
                raise
            raise refusal from None
        location = response.headers.get("Location")
        if response.status not in followed or location is None:
            return response
        response.close()
        url = _joined(url, location)
    raise AddressRefused(f"It redirects more than {MAX_REDIRECTS} times.")


def refusal_in(error: BaseException) -> AddressRefused | None:
    """The AddressRefused that aiohttp wrapped, if that is why a connection was not made."""
    return next((cause for cause in _causes(error) if isinstance(cause, AddressRefused)), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        inner = getattr(error, "os_error", None)
        if isinstance(inner, BaseException):
            yield inner
        error = error.__cause__


def _joined(url: str, location: str) -> str:
    try:
        return str(URL(url).join(URL(location)).with_fragment(None))
    except ValueError:
        raise AddressRefused("It redirects to what is not a URL.") from None


def _socket_to_public(info: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, address = info
    safe_urls.check_address(ipaddress.ip_address(address[0]))
    return socket.socket(family=family, type=kind, proto=protocol)
