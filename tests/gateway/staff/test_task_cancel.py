"""Staff end a task as its owner could: its hold is released, and who asked is on the record first."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from accounts.models import AuditEntry, User
from gateway.models import CatalogVersion
from tests.gateway.staff.staff_world import World, make_world
from usage.models import Balance

HELD = 250_000


@pytest.fixture
def world(transactional_db: None) -> Iterator[World]:
    """Committed: tasks are ended on a connection of their own."""
    cache.clear()
    yield make_world()
    CatalogVersion.objects.all().delete()


def hold_for_task(world: World) -> None:
    """The task as it was before it failed: live, with a hold that pays for it."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE gateway_task DISABLE TRIGGER gateway_task_state")
        cursor.execute(
            "UPDATE gateway_task SET state = 'held', ended_at = NULL, error_message = NULL"
            " WHERE id = %s RETURNING request_uuid, rate_id",
            [world.task_id],
        )
        request_uuid, rate_id = cursor.fetchone()
        cursor.execute("ALTER TABLE gateway_task ENABLE TRIGGER gateway_task_state")
        cursor.execute(
            "INSERT INTO gateway_task_due (account_id, task_id, upstream, due_at, deadline_at)"
            " VALUES (%s, %s, 'first', now() + interval '1 hour', now() + interval '2 hours')",
            [world.account.pk, world.task_id],
        )
        cursor.execute(
            "INSERT INTO usage_hold (account_id, request_id, key_id, endpoint, model, route, rate_id,"
            " amount_microcredits, started_at, held_at, expires_at)"
            " VALUES (%s, %s, %s, 'music_task', 'suno', 'music_task/suno@first', %s, %s, now(), now(),"
            " now() + interval '3 hours')",
            [world.account.pk, request_uuid, world.key.pk, rate_id, HELD],
        )
        cursor.execute(
            "UPDATE usage_balance SET available_microcredits = available_microcredits - %s,"
            " held_microcredits = held_microcredits + %s, holds_opened = holds_opened + 1 WHERE account_id = %s",
            [HELD, HELD, world.account.pk],
        )


def test_a_task_that_staff_cancel_costs_nothing_and_is_on_the_record(world: World) -> None:
    hold_for_task(world)
    client = Client()
    client.force_login(User.objects.create_user("root@staff.test", is_staff=True, is_superuser=True))
    page = client.post(world.address("task-cancel"), follow=True)
    assert "The task is cancelled. Nothing was charged." in page.content.decode()
    assert "cancelled by the platform&#x27;s staff" in page.content.decode()
    balance = Balance.objects.get(pk=world.account.pk)
    assert (balance.available_microcredits, balance.held_microcredits) == (10_000_000, 0)
    entry = AuditEntry.objects.filter(actor_kind="staff").latest("id")
    assert (entry.action, entry.before, entry.after) == (
        "task.cancel",
        {"state": "held"},
        {"asked": "cancelled"},
    )
    again = client.post(world.address("task-cancel"), follow=True)
    assert "had ended before: Cancelled" in again.content.decode()
