"""Fixtures of the gateway's tests: local upstreams, the pools that reach them, and an account with credits."""

from collections.abc import AsyncIterator

import pytest
from django.core.cache import cache

from accounts.keys import lifecycle
from accounts.keys.format import digest_of
from gateway.calls.relay import Relay
from gateway.upstreams.client import Upstreams
from tests.gateway.local_upstream import CREDIT, LocalUpstream, Tenant, serving
from tests.gateway.team import new_team as new_team
from tests.gateway.team import team as team
from usage.ledger import grants, rate_card
from usage.ledger.calls import Credentials
from usage.ledger.client import Ledger
from usage.ledger.rates import Price


@pytest.fixture
async def upstream() -> AsyncIterator[LocalUpstream]:
    local = LocalUpstream()
    runner = await serving(local)
    yield local
    await runner.cleanup()


@pytest.fixture
async def second_upstream() -> AsyncIterator[LocalUpstream]:
    local = LocalUpstream()
    runner = await serving(local)
    yield local
    await runner.cleanup()


@pytest.fixture
async def upstreams() -> AsyncIterator[Upstreams]:
    pools = Upstreams()
    yield pools
    await pools.close()


@pytest.fixture
async def relay(tenant: Tenant, upstreams: Upstreams) -> AsyncIterator[Relay]:
    ledger = Ledger()
    await ledger.open()
    yield Relay(ledger, upstreams)
    await ledger.close()


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    cache.clear()
    return _tenant("Relay's lab")


@pytest.fixture
def other_tenant(tenant: Tenant) -> Tenant:
    return _tenant("Next door")


def _tenant(name: str) -> Tenant:
    account, _ = grants.open_account(name, "unlimited", extra_microcredits=10 * CREDIT)
    _, key = lifecycle.issue_key(account, "relay")
    rate = rate_card.publish("relay-test", (Price("tokens_in", 10, 1), Price("tokens_out", 100, 1)))
    return Tenant(account.pk, Credentials(digest_of(key)), key, rate)
