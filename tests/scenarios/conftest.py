"""One running platform for the scenarios; each test has a tenant of its own."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running_platform import RunningPlatform, Tenant
from scenarios.asking import Books, TenantPool


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    # As root, the server's own user must be able to reach its files below pytest's private directory.
    directory: Path = tmp_path_factory.mktemp("platform")
    running = RunningPlatform(directory).start()
    yield running
    running.assert_books_agree()
    assert running.stop() == 0


@pytest.fixture(scope="session")
def tenants(platform: RunningPlatform) -> TenantPool:
    """Accounts made many at a time: a management command a test would take longer than the test."""
    return TenantPool(platform)


@pytest.fixture
def tenant(tenants: TenantPool) -> Tenant:
    """An account of nobody else's with exactly 1,000 credits, no limits, and one key."""
    return tenants.take()


@pytest.fixture
def client(platform: RunningPlatform, tenant: Tenant) -> Iterator[httpx.Client]:
    """The tenant's client. One connection, so that every call of a test meets the same worker."""
    with platform.client(tenant, limits=httpx.Limits(max_connections=1)) as opened:
        yield opened


@pytest.fixture
def books(client: httpx.Client) -> Books:
    """What the platform's own usage API says of the tenant."""
    return Books(client)
