"""Who calls, and from where: one form for every address, and a proxy's word only where there is a proxy."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from accounts.errors import MalformedKey, MissingKey, TooManyKeyGuesses, UnknownKey
from accounts.keys.format import digest_of, new_key
from aio_platform.http.handler import GatewayRequest
from gateway.http import authentication
from gateway.http.authentication import address_of, credentials_of, precheck
from tests.gateway.local_upstream import Tenant
from usage.ledger.calls import Credentials
from usage.ledger.client import Ledger


def request_from(client: tuple[str, int] | None, **headers: str) -> GatewayRequest:
    async def nothing() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/chat/completions",
        "headers": [
            (name.lower().replace("_", "-").encode(), text.encode("latin-1"))
            for name, text in headers.items()
        ],
        "client": client,
    }
    return GatewayRequest(scope, nothing)


def address_from(text: str, **headers: str) -> str:
    return address_of(request_from((text, 1), **headers))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:C000:0201", "192.0.2.1"),
        ("::1", "::1"),
        ("testclient", ""),
        ("", ""),
        ("1.2.3", ""),
        ("1.2.3.4/24", ""),
        ("010.1.1.1", ""),
    ],
)
def test_an_address_has_one_form(given: str, expected: str) -> None:
    assert address_from(given) == expected


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_itself_however_it_is_mapped(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(f"::ffff:{address}")
    assert (
        address_from(str(address))
        == address_from(str(mapped))
        == address_from(mapped.exploded)
        == str(address)
    )


@given(st.ip_addresses(v=6))
def test_every_ipv6_address_has_one_form(address: ipaddress.IPv6Address) -> None:
    assert address_from(address.exploded.upper()) == address_from(str(address))


def test_a_zone_is_no_part_of_the_address() -> None:
    assert address_from("fe80::1%eth0") == "fe80::1"


def test_a_unix_sockets_peer_has_no_address() -> None:
    assert address_of(request_from(None)) == ""


def test_a_forwarded_address_counts_for_nothing_without_a_proxy_of_ours(settings: Any) -> None:
    settings.TRUST_FORWARDED_FOR = False
    assert address_from("192.0.2.1", X_Forwarded_For="203.0.113.9") == "192.0.2.1"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("6.6.6.6,7.7.7.7 ,  203.0.113.9  ", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("6.6.6.6, unknown", ""),
        ("", "192.0.2.1"),
    ],
)
def test_behind_a_proxy_of_ours_the_address_is_the_last_one_it_added(
    header: str, expected: str, settings: Any
) -> None:
    settings.TRUST_FORWARDED_FOR = True
    assert address_from("192.0.2.1", X_Forwarded_For=header) == expected


async def test_a_keys_caller_is_its_digest_and_address() -> None:
    key = new_key()
    caller = await credentials_of(request_from(("::ffff:192.0.2.1", 1), Authorization=f"Bearer {key}"))
    assert caller.key_digest == digest_of(key)
    assert caller.address == "192.0.2.1"
    assert caller.account_id is caller.member_id is None
    assert key not in repr(caller)


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, MissingKey),
        ({"Authorization": ""}, MissingKey),
        ({"Authorization": "Bearer aio_" + "x" * 38}, MalformedKey),
        ({"Authorization": "Bearer sk-something"}, MalformedKey),
        ({"Authorization": "Bearer \xff\xfe"}, MalformedKey),
        ({"Cookie": "sessionid=abc"}, MissingKey),
    ],
)
async def test_without_a_well_formed_key_there_is_no_caller(
    headers: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await credentials_of(request_from(("192.0.2.1", 1), **headers))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("cookie", ["sessionid=abc", "sessionid=", "other=1", "sessionid=" + "x" * 5000])
async def test_a_session_that_is_none_is_a_missing_key(cookie: str) -> None:
    try:
        with pytest.raises(MissingKey):
            await credentials_of(request_from(("192.0.2.1", 1), Cookie=cookie), session_allowed=True)
    finally:
        await sync_to_async(lambda: connection.close())()  # the thread's own, which the look-up opened


class CountingLedger(Ledger):
    """Knows how many look-ups were under way at once."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way = self.most_at_once = self.look_ups = 0

    async def refuse(self, *args: Any) -> str | None:
        self.look_ups += 1
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            return await super().refuse(*args)
        finally:
            self.under_way -= 1


@pytest.fixture
async def ledger(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[CountingLedger]:
    opened = CountingLedger()
    await opened.open()
    monkeypatch.setattr(authentication, "runtime", lambda: SimpleNamespace(ledger=opened))
    yield opened
    await opened.close()


async def test_the_calls_of_one_new_key_do_not_take_turns(tenant: Tenant, ledger: CountingLedger) -> None:
    """Two hundred uploads that a program begins at once all wait for one look-up, and for nothing else."""
    callers = [Credentials(digest_of(tenant.key), address="192.0.2.1") for _ in range(200)]
    refusals = await asyncio.gather(*(precheck(caller, "transcription") for caller in callers))
    assert refusals == [None] * 200
    assert ledger.look_ups == 200
    assert ledger.most_at_once > 100
    assert authentication._look_ups == {}


async def test_the_calls_of_one_unknown_key_take_turns(tenant: Tenant, ledger: CountingLedger) -> None:
    callers = [Credentials(digest_of(new_key()), address="192.0.2.2")] * 20
    refusals = await asyncio.gather(*(precheck(caller, "transcription") for caller in callers))
    assert {type(refusal) for refusal in refusals} <= {UnknownKey, TooManyKeyGuesses}
    assert (ledger.look_ups, ledger.most_at_once) == (20, 1)


async def test_a_look_up_that_its_caller_left_leaves_nobody_waiting(
    tenant: Tenant, ledger: CountingLedger
) -> None:
    caller = Credentials(digest_of(tenant.key), address="192.0.2.3")
    first = asyncio.create_task(precheck(caller, "transcription"))
    others = [asyncio.create_task(precheck(caller, "transcription")) for _ in range(20)]
    await asyncio.sleep(0)
    first.cancel()
    assert await asyncio.gather(*others) == [None] * 20
    assert authentication._look_ups == {}
