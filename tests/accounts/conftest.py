"""Two tenants, their people and keys, as the tests of accounts need them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from accounts import actions
from accounts.keys import lifecycle
from accounts.models import Account, ApiKey, Membership
from tests.accounts.memberships import add_member


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    """No test starts with another's guesses counted."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True, scope="session")
def static_root() -> None:
    """WhiteNoise warns of a missing directory, and warnings are errors here."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


@pytest.fixture
def committing(transactional_db: None) -> None:
    """For tests that commit: the database is emptied after each, of the plans too that `migrate` made."""


@pytest.fixture
def account(db: None) -> Account:
    return actions.create_account("Ada's lab", "standard", "owner@lab.test")


@pytest.fixture
def other_account(db: None) -> Account:
    return actions.create_account("Somebody else", "standard", "owner@else.test")


@dataclass
class Sender:
    """Sends JSON as one member, key or nobody."""

    headers: dict[str, str] = field(default_factory=dict)
    client: Client = field(default_factory=Client)
    address: str = "192.0.2.1"

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send `body` as JSON, or as it is where it is bytes."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.client.generic(
            method,
            path,
            data=content,
            content_type=headers.pop("content_type", "application/json"),
            headers={**self.headers, **headers},
            REMOTE_ADDR=self.address,
        )


@pytest.fixture
def with_key() -> Callable[..., Sender]:
    """Send with an API key."""

    def make(key_text: str, address: str = "192.0.2.1") -> Sender:
        return Sender(headers={"Authorization": f"Bearer {key_text}"}, address=address)

    return make


@pytest.fixture
def nobody(db: None) -> Sender:
    return Sender()


@pytest.fixture
def signed_in(db: None) -> Callable[[Account, str], Sender]:
    """Sign in as a new member of an account with that role."""

    def sign_in(account: Account, role: str) -> Sender:
        number = Membership.objects.count()
        membership = add_member(account, f"{role}{number}@people.test", role)
        client = Client()
        client.force_login(membership.user)
        return Sender(client=client, headers={"X-Account": account.public_id})

    return sign_in


@pytest.fixture
def owner(account: Account, signed_in: Callable[[Account, str], Sender]) -> Sender:
    return signed_in(account, "owner")


@pytest.fixture
def foreign_key(other_account: Account) -> ApiKey:
    return lifecycle.issue_key(other_account, "theirs")[0]
