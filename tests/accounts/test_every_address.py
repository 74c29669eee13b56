"""Every address of accounts, asked by everybody, for a key of their own and for another tenant's."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import get_resolver

from accounts.keys import lifecycle
from accounts.models import Account, ApiKey

METHODS = ("GET", "POST", "PATCH", "DELETE", "PUT")
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "api/v1/keys"): {"name": "made"},
    ("PATCH", "api/v1/keys/<str:key_id>"): {"name": "renamed"},
}
# What each address answers to somebody who may. Whatever is not here is 405.
ALLOWED = {
    ("GET", "api/v1/keys"): 200,
    ("POST", "api/v1/keys"): 201,
    ("GET", "api/v1/keys/<str:key_id>"): 200,
    ("PATCH", "api/v1/keys/<str:key_id>"): 200,
    ("DELETE", "api/v1/keys/<str:key_id>"): 200,
    ("POST", "api/v1/keys/<str:key_id>/rotate"): 201,
}
MANAGERS = ("owner", "admin", "developer", "managing key")
REFUSED = {"nobody": 401, "unknown key": 401, "plain key": 403, "stranger": 404}
CALLERS = (*MANAGERS, "viewer", *REFUSED)


def addresses() -> list[str]:
    return [str(pattern.pattern) for pattern in get_resolver("accounts.urls").url_patterns]


def expected_status(caller: str, method: str, address: str, foreign: bool) -> int:
    if caller in REFUSED:
        return REFUSED[caller]
    if (method, address) not in ALLOWED:
        return 405
    if caller == "viewer" and method != "GET":
        return 403
    if foreign and "key_id" in address:
        return 404
    return ALLOWED[method, address]


def test_this_table_knows_every_address() -> None:
    assert {address for _, address in ALLOWED} == set(addresses())


@pytest.mark.parametrize("foreign", [False, True], ids=["own", "foreign"])
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("address", addresses())
def test_everybody_gets_what_they_may_and_nothing_else(
    account: Account,
    foreign_key: ApiKey,
    sender_for: Callable[[str], Any],
    address: str,
    method: str,
    caller: str,
    foreign: bool,
) -> None:
    own_key, _ = lifecycle.issue_key(account, "own")
    sender = sender_for(caller)
    path = "/" + address.replace("<str:key_id>", (foreign_key if foreign else own_key).public_id)
    theirs_before = ApiKey.objects.filter(account=foreign_key.account).values().get()
    mine_before = list(ApiKey.objects.filter(account=account).order_by("id").values())

    response = sender.send(method, path, BODIES.get((method, address)))

    expected = expected_status(caller, method, address, foreign)
    assert response.status_code == expected, response.content
    assert ApiKey.objects.filter(account=foreign_key.account).values().get() == theirs_before
    assert foreign_key.name not in response.content.decode()
    if expected >= 400:
        assert list(ApiKey.objects.filter(account=account).order_by("id").values()) == mine_before


@pytest.mark.parametrize(
    "key_id", ["x", "key_", "%00", "key_0000000000000000", "..", "key_%ED%95%9C", "k" * 5000]
)
def test_an_id_that_is_none_is_a_404(sender_for: Callable[[str], Any], key_id: str) -> None:
    owner = sender_for("owner")
    for method, address in ALLOWED:
        if "key_id" in address:
            path = "/" + address.replace("<str:key_id>", key_id)
            assert owner.send(method, path, BODIES.get((method, address))).status_code == 404


@pytest.fixture
def sender_for(
    account: Account,
    other_account: Account,
    nobody: Any,
    signed_in: Callable[..., Any],
    with_key: Callable[..., Any],
) -> Callable[[str], Any]:
    """Someone to send requests as, by what they are to the account."""

    def make(caller: str) -> Any:
        if caller == "nobody":
            return nobody
        if caller == "unknown key":
            return with_key("aio_" + "0" * 38)
        if caller.endswith("key"):
            managing = caller == "managing key"
            return with_key(lifecycle.issue_key(account, caller, may_manage_keys=managing)[1])
        if caller == "stranger":
            stranger = signed_in(other_account, "owner")
            stranger.headers["X-Account"] = account.public_id
            return stranger
        return signed_in(account, caller)

    return make
