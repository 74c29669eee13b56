"""A customer's endpoint on loopback, workers that reach it, and two accounts."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from accounts import actions
from accounts.keys import lifecycle
from accounts.models import Account
from gateway.webhooks_out import signing_secrets, worker
from tests.gateway.webhooks_out.customer import Endpoint, WebhookLab, Workers


@pytest.fixture(autouse=True)
def quick_workers(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.AIO_PRIVATE_URL_NETWORKS = ["127.0.0.1/32"]
    monkeypatch.setattr(worker, "LOOK_EVERY_S", 0.02)


@pytest.fixture(autouse=True)
def committed_callbacks(transactional_db: None) -> None:
    """Workers have connections of their own, so everything is committed."""
    cache.clear()


@dataclass
class Tenant:
    """An account, its callback secret, and an HTTP client with its key."""

    account: Account
    key: str
    secret: str
    client: Client = field(default_factory=Client)

    @property
    def id(self) -> int:
        return self.account.pk

    def send(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        return self.client.generic(
            method,
            "/api/v1/callbacks/" + path,
            data="" if body is None else json.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.key}"},
            query_params=query or None,
        )


def _tenant(name: str) -> Tenant:
    account = actions.create_account(name, "standard")
    _, key = lifecycle.issue_key(account, "callbacks")
    return Tenant(account, key, signing_secrets.secrets_of(account.pk).secret)


@pytest.fixture
def tenant(committed_callbacks: None) -> Tenant:
    return _tenant("Ada's lab")


@pytest.fixture
def stranger(committed_callbacks: None) -> Tenant:
    return _tenant("Somebody else")


@pytest.fixture
def webhook_lab(committed_callbacks: None) -> WebhookLab:
    return WebhookLab()


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    made = Endpoint()
    runner = await made.start()
    yield made
    await runner.cleanup()


@pytest.fixture
async def workers(tenant: Tenant) -> AsyncIterator[Workers]:
    """None runs until the test starts one."""
    made = Workers()
    yield made
    await made.stop()
