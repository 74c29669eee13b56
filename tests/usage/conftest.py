"""Accounts with keys and credits, and the SQL functions of the books called as the ledger client calls them."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from accounts.keys import lifecycle
from accounts.keys.format import digest_of
from accounts.models import Account, ApiKey, Membership
from aio_platform.http import request_ids
from tests.accounts.memberships import add_member
from usage.ledger import grants
from usage.ledger.units import NULLABLE_UNITS

CREDIT = 1_000_000
_numbers = itertools.count(1)


class Tenant(NamedTuple):
    """An account with one key."""

    account: Account
    key: ApiKey
    key_text: str
    digest: bytes

    @property
    def id(self) -> int:
        return self.account.pk


@dataclass
class Call:
    """One element of usage_authorize_v2's arrays."""

    digest: bytes | None
    ceiling: int = CREDIT
    account_id: int | None = None
    member_id: int | None = None
    address: str | None = "192.0.2.1"
    endpoint: str = "chat"
    model: str = "small"
    ttl_s: int = 60
    request_id: str = ""

    def __post_init__(self) -> None:
        self.request_id = self.request_id or request_ids.new_request_uuid()


class Verdict(NamedTuple):
    """One row of usage_authorize_v2."""

    verdict: str
    account_id: int | None
    key_id: int | None
    available: int | None
    held: int | None
    allowance: int | None
    minute_limit: int | None
    minute_remaining: int | None
    minute_reset_s: int | None


class Settled(NamedTuple):
    """One row of usage_settle_v3."""

    settled: bool
    charged: int | None
    available: int | None
    repeated: bool = False


class Balance(NamedTuple):
    available: int
    held: int


class Books:
    """The functions of usage/sql over the test's connection, which is the owner's."""

    def __init__(self) -> None:
        self.rate_id: int = self.sql(
            "SELECT id FROM usage_publish_rate_v1('test', %s::jsonb)",
            '{"tokens_in": {"microcredits": 500000, "per": 1000}, "calls": {"microcredits": 1000, "per": 1}}',
        )[0][0]

    def sql(self, text: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run any SQL; its rows, if it has any."""
        with connection.cursor() as cursor:
            cursor.execute(text, parameters)
            return cursor.fetchall() if cursor.description else []

    def value(self, text: str, *parameters: Any) -> Any:
        return self.sql(text, *parameters)[0][0]

    def tenant(self, *, credit: int = 0, plan: str = "standard", **terms: Any) -> Tenant:
        """A new account with that many micro-credits on top of its plan's, and a key of those terms."""
        number = next(_numbers)
        account = grants.open_account(f"tenant {number}", plan, f"t{number}@people.test", credit).account
        key, key_text = lifecycle.issue_key(account, f"key {number}", **terms)
        return Tenant(account, key, key_text, digest_of(key_text))

    def authorize(self, *calls: Call) -> list[Verdict]:
        """One batch."""
        rows = self.sql(
            "SELECT * FROM usage_authorize_v2(%s::uuid[], %s::bytea[], %s::bigint[], %s::bigint[], %s::inet[],"
            " %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::integer[])",
            [call.request_id for call in calls],
            [call.digest for call in calls],
            [call.account_id for call in calls],
            [call.member_id for call in calls],
            [call.address for call in calls],
            [call.endpoint for call in calls],
            [call.model for call in calls],
            [f"{call.endpoint}/{call.model}" for call in calls],
            [self.rate_id for _ in calls],
            [call.ceiling for call in calls],
            [request_ids.milliseconds_of(call.request_id) for call in calls],
            [call.ttl_s for call in calls],
        )
        return [Verdict._make(row) for row in rows]

    def hold(self, tenant: Tenant, ceiling: int = CREDIT, **fields: Any) -> Call:
        """An admitted call."""
        call = Call(tenant.digest, ceiling, **fields)
        [verdict] = self.authorize(call)
        assert verdict.verdict == "admitted", verdict
        return call

    def settle(self, *ends: dict[str, Any]) -> list[Settled]:
        """One batch of `end(...)`."""
        rows = self.sql(
            "SELECT * FROM usage_settle_v3(%s::bigint[], %s::uuid[], %s::text[], %s::bigint[], %s::boolean[],"
            " %s::text[], %s::smallint[], %s::boolean[], %s::boolean[], %s::bigint[], %s::bigint[], %s::bigint[],"
            " %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::integer[], %s::integer[], %s::integer[],"
            " %s::jsonb[], %s::jsonb[])",
            *[[one[field] for one in ends] for field in _END_FIELDS],
        )
        return [Settled._make(row) for row in rows]

    def call(self, tenant: Tenant, cost: int = 0, *, ceiling: int = 1, **fields: Any) -> str:
        """A call from hold to end; its request uuid. Fields are those of Call and of `end`."""
        of_ends = (*_END_FIELDS[2:], *NULLABLE_UNITS)
        ends = {name: fields.pop(name) for name in list(fields) if name in of_ends}
        call = self.hold(tenant, max(ceiling, cost), **fields)
        [settled] = self.settle(end(tenant, call, cost or None, **ends))
        assert settled.settled
        return call.request_id

    def balance(self, tenant: Tenant) -> Balance:
        [row] = self.sql(
            "SELECT available_microcredits, held_microcredits FROM usage_balance WHERE account_id = %s",
            tenant.id,
        )
        return Balance._make(row)

    def entries(self, tenant: Tenant) -> list[tuple[str, int]]:
        """Kind and amount of the account's ledger entries, in order."""
        return self.sql(
            "SELECT kind, amount_microcredits FROM usage_ledger_entry WHERE account_id = %s ORDER BY entry",
            tenant.id,
        )

    def problems(self) -> list[str]:
        """What usage_reconcile_v2 finds."""
        return [problem for problem, _, _ in self.sql("SELECT * FROM usage_reconcile_v2()")]


_END_DEFAULTS: dict[str, Any] = {
    "account_id": None,
    "request_id": None,
    "outcome": "succeeded",
    "charge": None,
    "give_trial_back": False,
    "upstream": "sandbox",
    "status": 200,
    "streamed": False,
    "estimated": False,
    "tokens_in": 0,
    "tokens_out": 0,
    "images": 0,
    "audio_ms": 0,
    "characters": 0,
    "pixel_steps": 0,
    "video_ms": 0,
    "latency_ms": 10,
    "upstream_latency_ms": 8,
    "first_byte_ms": 9,
    "attempts": None,
    "parts": None,
}
_END_FIELDS = tuple(_END_DEFAULTS)


def end(tenant: Tenant, call: Call, charge: int | None, **fields: Any) -> dict[str, Any]:
    """How a held call ended; a charge of None releases it. Parts of tokens are fields too, as in Units."""
    outcome = {} if charge else {"outcome": "failed"}
    if parts := {name: fields.pop(name) for name in NULLABLE_UNITS if name in fields}:
        fields["parts"] = json.dumps(parts)
    return (
        _END_DEFAULTS
        | outcome
        | fields
        | {
            "account_id": tenant.id,
            "request_id": call.request_id,
            "charge": charge,
        }
    )


@pytest.fixture
def make_call() -> type[Call]:
    return Call


@pytest.fixture
def make_end() -> Callable[..., dict[str, Any]]:
    return end


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    """No test starts with another's guesses counted."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def books(db: None) -> Books:
    return Books()


@pytest.fixture
def committed_books(transactional_db: None) -> Books:
    """For tests that commit."""
    return Books()


@pytest.fixture
def tenant(books: Books) -> Tenant:
    """An account on the standard plan with ten credits."""
    return books.tenant(credit=10 * CREDIT)


@pytest.fixture
def as_app(db: None) -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own as the application's role."""
    parameters = connection.get_connection_params()
    keywords = {
        name: parameters[name]
        for name in ("dbname", "user", "password", "host", "port")
        if parameters.get(name)
    }
    with psycopg.connect(**keywords, options="-c role=aio_app", autocommit=True) as app:
        yield app


@pytest.fixture
def get(db: None) -> Callable[..., Any]:
    """GET an address with a key, or as nobody; the response."""

    def send(tenant: Tenant | None, path: str, **query: Any) -> Any:
        headers = {} if tenant is None else {"Authorization": f"Bearer {tenant.key_text}"}
        return Client().get(path, query, headers=headers)

    return send


@pytest.fixture
def member_of(db: None) -> Callable[..., Membership]:
    """A new member of an account, with that role."""

    def add(tenant: Tenant, role: str) -> Membership:
        return add_member(tenant.account, f"{role}{next(_numbers)}@people.test", role)

    return add


@pytest.fixture
def visit(member_of: Callable[..., Membership]) -> Callable[..., Any]:
    """GET a page as a new member of the tenant's account, in Seoul's time; as a developer unless a role is named."""

    def send(tenant: Tenant, path: str, query: dict[str, Any] | None = None, **options: Any) -> Any:
        return signed_in(member_of(tenant, options.pop("role", "developer"))).get(
            path, query or {}, **options
        )

    return send


@pytest.fixture
def client_of(member_of: Callable[..., Membership]) -> Callable[..., Client]:
    """A browser in which a new member of that role is signed in."""
    return lambda tenant, role="developer": signed_in(member_of(tenant, role))


def signed_in(membership: Membership) -> Client:
    browser = Client()
    browser.force_login(membership.user, "allauth.account.auth_backends.AuthenticationBackend")
    browser.cookies["aio_time_zone"] = "Asia/Seoul"
    return browser
