"""On whose behalf a request runs, and what that lets it do."""

import ipaddress
from dataclasses import dataclass

from rest_framework.request import Request

from accounts import errors
from accounts.models import Account, ApiKey, User

ACCOUNT_HEADER = "X-Account"
KEYS_SCOPE = "keys"


@dataclass(frozen=True, slots=True)
class Principal:
    """On whose behalf a request runs: a member with a role, or an API key. Found in `request.auth`."""

    account: Account
    user: User | None = None
    role: str | None = None
    api_key: ApiKey | None = None


def principal_of(request: Request) -> Principal:
    """The caller of a request that BelongsToAccount let in."""
    assert isinstance(request.auth, Principal)
    return request.auth


def require_role(principal: Principal, *roles: str) -> None:
    """Raise RoleNotAllowed unless the caller is a member with one of the roles; an API key has none."""
    if principal.role not in roles:
        raise errors.RoleNotAllowed(*roles)


def check_endpoint_scope(api_key: ApiKey, endpoint: str) -> None:
    """Raise EndpointNotAllowed or, for "keys", KeysNotManageable, unless the key's scope includes it."""
    if endpoint == KEYS_SCOPE:
        if not api_key.may_manage_keys:
            raise errors.KeysNotManageable
    elif not endpoint or (
        api_key.allowed_endpoints is not None and endpoint not in api_key.allowed_endpoints
    ):
        raise errors.EndpointNotAllowed(endpoint)


def is_address_within(address: str, networks: list[str] | None) -> bool:
    """Whether the address is in one of the networks; None is everywhere, an unreadable address nowhere."""
    if networks is None:
        return True
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in ipaddress.ip_network(network) for network in networks)
