"""A running platform with a short time limit, for other people's clients."""

from collections.abc import Iterator

import pytest
from running_platform import RunningPlatform, Tenant
from scenarios.asking import TenantPool


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    directory = tmp_path_factory.mktemp("contract")
    running = RunningPlatform(directory, environment={"AIO_CHAT_TIME_LIMIT_S": "1"}).start()
    yield running
    running.assert_books_agree()
    assert running.stop() == 0


@pytest.fixture(scope="session")
def served_tenants(served: RunningPlatform) -> TenantPool:
    return TenantPool(served)


@pytest.fixture
def tenant(served_tenants: TenantPool) -> Tenant:
    return served_tenants.take()
