"""What a key's name, scopes, expiry and caps may be. Pure; every error names the field as the API calls it.

None always means "no limit". An empty list is refused: it would allow nothing and look like everything.
"""

import ipaddress
import re
from collections.abc import Callable, Sequence
from datetime import datetime

from aio_platform.credits import MAX_MICROCREDITS
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _

MAX_NAME_LENGTH = 100
MAX_SCOPE_ITEMS = 200
MAX_MODEL_LENGTH = 200
LAST_YEAR = 9998
MAX_OVERLAP_S = 30 * 24 * 60 * 60
DEFAULT_OVERLAP_S = 24 * 60 * 60
_is_endpoint_name = re.compile(r"[a-z0-9][a-z0-9_./-]{0,63}").fullmatch


def valid_name(name: str) -> str:
    """The name without surrounding blanks: 1 to 100 printable characters, else InvalidRequest."""
    stripped = name.strip()
    if not 1 <= len(stripped) <= MAX_NAME_LENGTH:
        raise InvalidRequest(
            _("A name has 1 to %(max_name_length)s characters."),
            param="name",
            max_name_length=MAX_NAME_LENGTH,
        )
    if not stripped.isprintable():
        raise InvalidRequest(_("A name has printable characters only."), param="name")
    return stripped


def valid_endpoints(names: Sequence[str] | None) -> list[str] | None:
    """Endpoint names in their form (lower case, up to 64 characters), each once; else InvalidRequest."""
    return _each_once(names, "scopes.endpoints", _endpoint_name)


def valid_models(slugs: Sequence[str] | None) -> list[str] | None:
    """Model slugs, 1 to 200 printable characters without blanks, each once; else InvalidRequest."""
    return _each_once(slugs, "scopes.models", _model_slug)


def valid_networks(networks: Sequence[str] | None) -> list[str] | None:
    """Networks in CIDR notation, normalised, each once; else InvalidRequest.

    A bare address is a network of one, bits beyond the mask are dropped, and an IPv4 network written inside
    IPv6 is IPv4, as client addresses are when compared.
    """
    return _each_once(networks, "scopes.networks", _network)


def valid_cap(microcredits: int | None, param: str) -> int | None:
    """A spend cap from 0 up, or None for no cap; else InvalidRequest."""
    if microcredits is not None and not 0 <= microcredits <= MAX_MICROCREDITS:
        raise InvalidRequest(_("A cap is from 0 to below 1,000,000,000,000 credits."), param=param)
    return microcredits


def valid_expiry(expires_at: datetime | None, now: datetime) -> datetime | None:
    """A moment after now that every time zone can show, or None for never; else InvalidRequest."""
    if expires_at is not None and expires_at <= now:
        raise InvalidRequest(_("An expiry is in the future."), param="expires_at")
    return showable_expiry(expires_at)


def showable_expiry(expires_at: datetime | None) -> datetime | None:
    """The timestamp as it is. Raises InvalidRequest for one so late that some time zone has no date for it."""
    if expires_at is not None and expires_at.year > LAST_YEAR:
        raise InvalidRequest(
            _("An expiry is in the year %(last_year)s at the latest."),
            param="expires_at",
            last_year=LAST_YEAR,
        )
    return expires_at


def valid_overlap_s(overlap_s: int) -> int:
    """Seconds that a rotated key keeps working: 0 to 30 days; else InvalidRequest."""
    if not 0 <= overlap_s <= MAX_OVERLAP_S:
        raise InvalidRequest(
            _("An overlap is from 0 to %(max_overlap_s)s seconds."),
            param="overlap_s",
            max_overlap_s=MAX_OVERLAP_S,
        )
    return overlap_s


def _each_once(
    items: Sequence[str] | None, param: str, normalise: Callable[[str, str], str]
) -> list[str] | None:
    if items is None:
        return None
    if not items:
        raise InvalidRequest(_("An empty list would allow nothing; leave it out to allow all."), param=param)
    if len(items) > MAX_SCOPE_ITEMS:
        raise InvalidRequest(
            _("A scope lists at most %(max_scope_items)s items."),
            param=param,
            max_scope_items=MAX_SCOPE_ITEMS,
        )
    return list(dict.fromkeys(normalise(item, param) for item in items))


def _endpoint_name(text: str, param: str) -> str:
    if _is_endpoint_name(text) is None:
        raise InvalidRequest(
            _("An endpoint name has up to 64 lower-case letters, digits and any of ._/- between them."),
            param=param,
        )
    return text


def _model_slug(text: str, param: str) -> str:
    if not 1 <= len(text) <= MAX_MODEL_LENGTH or not text.isprintable() or " " in text:
        raise InvalidRequest(
            _("A model has 1 to %(max_model_length)s printable characters without blanks."),
            param=param,
            max_model_length=MAX_MODEL_LENGTH,
        )
    return text


def _network(text: str, param: str) -> str:
    refusal = InvalidRequest(
        _("A network is an address or a CIDR range, as in 203.0.113.0/24 or 2001:db8::/32."), param=param
    )
    # A zone ("%eth0") is one machine's name for a link; PostgreSQL reads none.
    if len(text) > 64 or "%" in text:
        raise refusal
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise refusal from None
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return f"{mapped}/{network.prefixlen - 96}"
    return str(network)
