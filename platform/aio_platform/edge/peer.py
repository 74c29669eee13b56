"""Who sends a request, for limits: the connection's peer, or what our own proxy says where one is configured."""

from typing import Any

from django.conf import settings

from aio_platform.edge.limits import address_to_count_by

# An IPv6 address with a zone; more than that is none.
MAX_ADDRESS_LENGTH = 80


def forwarded_address(headers: dict[bytes, bytes]) -> str:
    """The last address of X-Forwarded-For, which our proxy added, or an empty string."""
    last = headers.get(b"x-forwarded-for", b"").rpartition(b",")[2].strip()
    return last.decode("latin-1") if len(last) <= MAX_ADDRESS_LENGTH else ""


def peer_address(scope: dict[str, Any]) -> str:
    """The address that a request counts for, or an empty string where there is none (a unix socket)."""
    if settings.TRUST_FORWARDED_FOR:
        forwarded = forwarded_address(dict(scope["headers"]))
        if forwarded:
            return address_to_count_by(forwarded)
    client = scope.get("client")
    return address_to_count_by(client[0]) if client else ""
