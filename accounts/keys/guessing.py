"""Limits guesses at keys, by address, and only on the path of failed keys.

A valid key is never refused for what others did from its address, and costs no look-up here. A revoked or expired key
is no guess: whoever sends it once had it.
"""

import ipaddress

import structlog
from django.conf import settings

from accounts import rate_limits
from accounts.errors import MalformedKey, TooManyKeyGuesses, UnknownKey
from aio_platform.errors import PlatformError

log = structlog.get_logger(__name__)
_GROUP = "key-guess"


def note_failed_key(address: str) -> rate_limits.Window:
    """Count one guess from the address. Returns the state of its window."""
    return rate_limits.count(_GROUP, network_of(address), settings.KEY_GUESSES_PER_ADDRESS)


def refusal_for_failed_key(address: str, refusal: PlatformError) -> PlatformError:
    """The error for a caller whose key failed: `refusal`, or TooManyKeyGuesses after too many guesses.

    Counts MalformedKey and UnknownKey only. Blocks for one round trip to the cache. Never raises: when the counters
    cannot be reached, it returns `refusal`.
    """
    if not isinstance(refusal, (MalformedKey, UnknownKey)):
        return refusal
    try:
        window = note_failed_key(address)
    except Exception as error:
        log.warning("key guesses are not counted", error=type(error).__name__)
        return refusal
    if not window.is_exceeded:
        return refusal
    return TooManyKeyGuesses(retry_after_s=window.ends_in_s)


def network_of(address: str) -> str:
    """What guesses are counted by: the IPv4 address, or the /64 network that one IPv6 customer is given."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address  # a unix socket's peer has no address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return str(parsed)
