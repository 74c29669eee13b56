"""An account with a member of each role, for tests of pages, and its tasks as the gateway's functions leave them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from accounts.models import Account, Membership, User
from aio_platform.http.request_ids import new_request_uuid
from usage.ledger.grants import open_account

CREDIT = 1_000_000
ROLES = ("owner", "admin", "developer", "viewer")


@dataclass
class Team:
    """An account with a member of each role, and its tasks as the gateway's functions would have left them."""

    account: Account
    clients: dict[str, Client]
    request_uuids: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, role: str = "viewer", **headers: str) -> Any:
        return self.clients[role].get(path, headers=headers)

    def post(self, path: str, role: str = "developer", **headers: str) -> Any:
        return self.clients[role].post(path, headers=headers)

    def task(
        self,
        state: str = "running",
        *,
        endpoint: str = "image_task",
        results: list[str] | None = None,
        request: dict[str, Any] | None = None,
        created_at: datetime | None = None,
        callback_url: str | None = None,
        model: str = "flux-2",
    ) -> str:
        """A task's id."""
        task_id = f"n1x{uuid4().hex[:15]}_flux2"
        created = created_at or datetime.now(UTC) - timedelta(seconds=10)
        is_live = state in ("held", "submitting", "running")
        uuid = self.request_uuids[task_id] = new_request_uuid()
        row = {
            "account_id": self.account.pk,
            "id": task_id,
            "request_uuid": uuid,
            "endpoint": endpoint,
            "model": model,
            "route": "r",
            "adapter": "kie",
            "upstream": "kie",
            "rate_id": 1,
            "request": json.dumps(request or {"model": model, "prompt": "a <cat> & 고양이"}),
            "parameters": "{}",
            "units": "{}",
            "marker": uuid4().hex,
            "callback_url": callback_url,
            "state": state,
            "upstream_reference": json.dumps({"id": "u"}) if state == "running" else None,
            "results": json.dumps(results or ["https://cdn.example/cat.png"])
            if state == "succeeded"
            else None,
            "error_message": None if is_live or state == "succeeded" else "The provider failed.",
            "consumed_microcredits": 5 * CREDIT if state == "succeeded" else 0,
            "created_at": created,
            "deadline_at": created + timedelta(hours=1),
            "submit_attempted_at": None if state == "held" else created + timedelta(seconds=1),
            "running_at": None if state in ("held", "submitting") else created + timedelta(seconds=2),
            "ended_at": None if is_live else created + timedelta(seconds=6),
        }
        _insert("gateway_task", row)
        if is_live:
            _insert(
                "gateway_task_due",
                {
                    "account_id": self.account.pk,
                    "task_id": task_id,
                    "upstream": "kie",
                    "due_at": created,
                    "deadline_at": created + timedelta(hours=1),
                    "polls": 7,
                },
            )
            _insert(
                "usage_hold",
                {
                    "account_id": self.account.pk,
                    "request_id": uuid,
                    "key_id": 0,
                    "endpoint": endpoint,
                    "model": model,
                    "route": "r",
                    "rate_id": 1,
                    "amount_microcredits": 2_500_000,
                    "started_at": created,
                    "held_at": created,
                    "expires_at": created + timedelta(days=1),
                },
            )
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE usage_balance SET available_microcredits = available_microcredits - 2500000,"
                    " held_microcredits = held_microcredits + 2500000 WHERE account_id = %s",
                    [self.account.pk],
                )
        elif callback_url is not None:
            _insert(
                "gateway_task_event",
                {
                    "account_id": self.account.pk,
                    "task_id": task_id,
                    "type": "task.succeeded" if state == "succeeded" else "task.failed",
                    "created_at": created,
                },
            )
        return task_id

    def delivery_id(self, task_id: str) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM gateway_callback_delivery WHERE task_id = %s", [task_id])
            return "dlv_" + str(cursor.fetchone()[0].hex)

    def state_of(self, task_id: str) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT state FROM gateway_task WHERE id = %s", [task_id])
            return str(cursor.fetchone()[0])


def _insert(table: str, row: dict[str, Any]) -> None:
    names = ", ".join(row)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(row))})", list(row.values())
        )


@pytest.fixture
def new_team(transactional_db: None) -> Callable[[], Team]:
    cache.clear()

    def make() -> Team:
        account, _ = open_account("Ada's lab " + uuid4().hex, "standard", None, 100 * CREDIT)
        clients = {}
        for role in ROLES:
            user = User.objects.create_user(f"{role}-{uuid4().hex}@example.test")
            Membership.objects.create(account=account, user=user, role=role)
            clients[role] = Client()
            clients[role].force_login(user)
        return Team(account, clients)

    return make


@pytest.fixture
def team(new_team: Callable[[], Team]) -> Team:
    return new_team()
