"""What one key may hand to another: never more than it holds (see ADR 22). Pure."""

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.errors import BeyondOwnKey
from accounts.models import ApiKey
from aio_platform.i18n.translatable import gettext_noop as _

# Each is one more meter that a call is counted on.
MAX_ISSUERS = 8


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """Everything that limits a key; None means no limit."""

    endpoints: list[str] | None = None
    models: list[str] | None = None
    networks: list[str] | None = None
    expires_at: datetime | None = None
    cap_day_microcredits: int | None = None
    cap_month_microcredits: int | None = None
    may_manage_keys: bool = False


def terms_of(api_key: ApiKey) -> KeyTerms:
    """The key's terms as they are now."""
    return KeyTerms(
        endpoints=api_key.allowed_endpoints,
        models=api_key.allowed_models,
        networks=api_key.allowed_networks,
        expires_at=api_key.expires_at,
        cap_day_microcredits=api_key.cap_day_microcredits,
        cap_month_microcredits=api_key.cap_month_microcredits,
        may_manage_keys=api_key.may_manage_keys,
    )


def check_within(holder: KeyTerms, wanted: KeyTerms) -> None:
    """Raise BeyondOwnKey, naming the field, where `wanted` allows something that `holder` does not.

    A limit that is left out asks for no limit, so a key that is limited has to give one.
    """
    if wanted.may_manage_keys and not holder.may_manage_keys:
        raise _beyond("may_manage_keys")
    _check(holder.endpoints, wanted.endpoints, _is_subset, "scopes.endpoints")
    _check(holder.models, wanted.models, _is_subset, "scopes.models")
    _check(holder.networks, wanted.networks, _covers_networks, "scopes.networks")
    check_limits_within(
        holder,
        cap_day=wanted.cap_day_microcredits,
        cap_month=wanted.cap_month_microcredits,
        expires_at=wanted.expires_at,
    )


def check_limits_within(holder: KeyTerms, **wanted: Any) -> None:
    """As `check_within`, for only those of `cap_day`, `cap_month` and `expires_at` that are given."""
    held = {
        "cap_day": holder.cap_day_microcredits,
        "cap_month": holder.cap_month_microcredits,
        "expires_at": holder.expires_at,
    }
    for param, value in wanted.items():
        _check(held[param], value, _is_not_above, param)


def issuer_roots(holder: ApiKey, receiver: ApiKey | None = None) -> list[int]:
    """The meters, besides its own, that count a key's calls once `holder` has issued, rotated or raised it.

    `receiver` is the key before that, or None for a new one. Raises BeyondOwnKey where that is more than MAX_ISSUERS
    meters.
    """
    earlier: list[int] = []
    if receiver is not None:
        earlier = receiver.issuer_roots or []
    roots = dict.fromkeys([*earlier, holder.meter_id, *(holder.issuer_roots or [])])
    if receiver is not None:
        roots.pop(receiver.meter_id, None)
    if len(roots) > MAX_ISSUERS:
        raise BeyondOwnKey(
            _("API keys hand on keys to one another at most %(max_issuers)s times."), max_issuers=MAX_ISSUERS
        )
    return list(roots)


def gives_more(before: KeyTerms, **wanted: Any) -> bool:
    """Whether these new values of `cap_day`, `cap_month` and `expires_at` allow something that `before` does not."""
    try:
        check_limits_within(before, **wanted)
    except BeyondOwnKey:
        return True
    return False


def _check(held: Any, wanted: Any, fits: Callable[[Any, Any], bool], param: str) -> None:
    if held is not None and (wanted is None or not fits(held, wanted)):
        raise _beyond(param)


def _beyond(param: str) -> BeyondOwnKey:
    return BeyondOwnKey(_("An API key hands out at most its own %(param)s."), param=param)


def _is_subset(held: Iterable[str], wanted: Iterable[str]) -> bool:
    return set(wanted) <= set(held)


def _is_not_above(held: Any, wanted: Any) -> bool:
    return bool(wanted <= held)


def _covers_networks(held: Iterable[str], wanted: Iterable[str]) -> bool:
    outer = [ipaddress.ip_network(text) for text in held]
    inner = [ipaddress.ip_network(text) for text in wanted]
    return all(any(_is_inside(network, around) for around in outer) for network in inner)


def _is_inside(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network,
    around: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> bool:
    return network.version == around.version and network.subnet_of(around)  # type: ignore[arg-type]
