"""An account, a key, a catalog, a task and a delivery: something behind every address of the staff site."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.db import connection
from django.urls import reverse

from accounts.keys import lifecycle
from accounts.models import Account, ApiKey
from aio_platform.http import request_ids
from gateway.catalog import edits
from gateway.models import CatalogVersion
from tests.gateway.catalog.small_catalog import small_catalog
from usage.ledger import grants, rate_card
from usage.ledger.rates import Price

WHY_IT_FAILED = "The generation failed. Nothing was charged."
TOML = small_catalog("staff-test", second_url="http://127.0.0.1:9001")


@dataclass
class World:
    account: Account
    key: ApiKey
    key_text: str
    task_id: str
    delivery_id: str
    catalog_version: int

    def address(self, name: str) -> str:
        """Where a page or an action is, about the things there are."""
        arguments: dict[str, list[Any]] = {
            "key": [self.key.public_id],
            "key-revoke": [self.key.public_id],
            "task": [self.account.public_id, self.task_id],
            "task-cancel": [self.account.public_id, self.task_id],
            "delivery": [self.account.public_id, self.delivery_id],
            "delivery-resend": [self.account.public_id, self.delivery_id],
            "upstream-drain": ["first"],
            "upstream-serve": ["first"],
            "rate": ["staff-test"],
            "rate-publish": ["staff-test"],
            "catalog-export": [self.catalog_version],
            "report": ["calls"],
            "report-csv": ["calls"],
        }
        of_account = (
            "account",
            "account-plan",
            "account-suspend",
            "account-reactivate",
            "account-grant",
            "view-as",
        )
        return reverse(
            f"staff:{name}", args=[self.account.public_id] if name in of_account else arguments.get(name)
        )

    def form(self, name: str) -> dict[str, str]:
        """What a form of that action sends."""
        return {
            "account-plan": {"plan": "scale"},
            "account-grant": {"amount": "2.5", "reason": "an apology", "once": uuid4().hex},
            "route-change": {"route": "spare", "enabled": "on", "priority": "3", "weight": ""},
            "cost-publish": {
                "route": "spare",
                "since": "2026-01-31T12:00",
                "tokens_in": "0.1",
                "tokens_in_per": "1000",
            },
            "rate-publish": {"tokens_in": "0.75", "tokens_in_per": "1000"},
            "catalog-load": {"toml": TOML + "# again\n"},
        }.get(name, {})


def make_world() -> World:
    account = grants.open_account("Ada's lab", "standard", "owner@lab.test", 10_000_000).account
    key, key_text = lifecycle.issue_key(account, "first")
    rate = rate_card.publish("task-test", (Price("calls", 1, 1),))
    CatalogVersion.objects.all().delete()
    stored, _ = edits.load_text(TOML, by="test")
    task_id, delivery = "n1abcdefgh12345678_suno", uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO gateway_task (account_id, id, request_uuid, endpoint, model, route, adapter, upstream,"
            " rate_id, request, parameters, units, marker, state, error_message, created_at, deadline_at, ended_at)"
            " VALUES (%s, %s, %s, 'music_task', 'suno', 'music_task/suno@first', 'kie_suno', 'first', %s, '{}', '{}',"
            " %s, 'm', 'failed', %s, now(), now() + interval '1 hour', now())",
            [account.pk, task_id, uuid4(), rate.id, json.dumps({"calls": 1}), WHY_IT_FAILED],
        )
        cursor.execute(
            "INSERT INTO gateway_callback_delivery (account_id, id, event_id, task_id, type, target, url, state,"
            " attempts, due_at, event_at, created_at, ended_at)"
            " VALUES (%s, %s, %s, %s, 'task.failed', 'task', 'https://lab.test/hook', 'failed', 17, now(), now(),"
            " now(), now())",
            [account.pk, delivery, uuid4(), task_id],
        )
    return World(account, key, key_text, task_id, f"dlv_{delivery.hex}", stored.version)


def some_calls(world: World, number: int = 3) -> None:
    """Calls that went through the books' own functions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM usage_rate ORDER BY id DESC LIMIT 1")
        (rate_id,) = cursor.fetchone()
        for _ in range(number):
            request_id = request_ids.new_request_uuid()
            cursor.execute(
                "SELECT verdict FROM usage_authorize_v1(ARRAY[%s]::uuid[], ARRAY[NULL]::bytea[], ARRAY[%s]::bigint[],"
                " ARRAY[(SELECT user_id FROM accounts_membership WHERE account_id = %s)]::bigint[],"
                " ARRAY[NULL]::inet[], ARRAY['chat'], ARRAY['small'], ARRAY['spare'], ARRAY[%s]::bigint[],"
                " ARRAY[1000000]::bigint[], ARRAY[%s]::bigint[], ARRAY[60])",
                [
                    request_id,
                    world.account.pk,
                    world.account.pk,
                    rate_id,
                    int(request_id.replace("-", "")[:12], 16),
                ],
            )
            assert cursor.fetchone() == ("admitted",)
            cursor.execute(
                "SELECT charged FROM usage_settle_v1(ARRAY[%s]::bigint[], ARRAY[%s]::uuid[], ARRAY['succeeded'],"
                " ARRAY[250000]::bigint[], ARRAY[false], ARRAY['second'], ARRAY[200]::smallint[], ARRAY[false],"
                " ARRAY[false], ARRAY[12]::bigint[], ARRAY[9]::bigint[], ARRAY[0]::bigint[], ARRAY[0]::bigint[],"
                " ARRAY[0]::bigint[], ARRAY[0]::bigint[], ARRAY[0]::bigint[], ARRAY[120], ARRAY[110], ARRAY[115],"
                " ARRAY[NULL]::jsonb[])",
                [world.account.pk, request_id],
            )
            assert cursor.fetchone() == (250000,)
