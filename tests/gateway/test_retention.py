"""What is deleted by the clock, what is not, and that a batch is a batch."""

from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import Settings

from accounts import actions
from gateway import retention
from tests.gateway.webhooks_out.customer import WebhookLab
from usage.ledger.grants import open_account

URL = "https://customer.example/hook"


@pytest.fixture
def webhook_lab(transactional_db: None, settings: Settings) -> WebhookLab:
    settings.TASK_KEEP_DAYS, settings.CALLBACK_KEEP_DAYS = 90, 30
    return WebhookLab()


@pytest.fixture
def account_id(webhook_lab: WebhookLab) -> int:
    return actions.create_account("Ada's lab", "standard").pk


def task_of(webhook_lab: WebhookLab, task_id: str) -> dict[str, Any]:
    [task] = webhook_lab.sql("SELECT * FROM gateway_task WHERE id = %s", task_id)
    return task


def ended_days_ago(webhook_lab: WebhookLab, account_id: int, days: float, state: str = "delivered") -> str:
    """A task that ended then, and was told of at once in one attempt."""
    task_id = webhook_lab.end_task(account_id, URL)
    webhook_lab.sql(
        "UPDATE gateway_task SET ended_at = now() - %s * interval '1 day' WHERE id = %s", days, task_id
    )
    webhook_lab.sql(
        "UPDATE gateway_callback_delivery SET state = %s, attempts = 1,"
        " ended_at = CASE WHEN %s <> 'pending' THEN now() - %s * interval '1 day' END WHERE task_id = %s",
        state,
        state,
        days,
        task_id,
    )
    webhook_lab.sql(
        "INSERT INTO gateway_callback_attempt (account_id, delivery_id, number, url, started_at, response)"
        " SELECT account_id, id, 1, url, now(), 'fine' FROM gateway_callback_delivery WHERE task_id = %s",
        task_id,
    )
    return task_id


def test_bodies_of_tasks_go_after_their_days_and_the_task_stays(
    webhook_lab: WebhookLab, account_id: int
) -> None:
    old, young = ended_days_ago(webhook_lab, account_id, 90.1), ended_days_ago(webhook_lab, account_id, 89.9)
    before = task_of(webhook_lab, old)
    failed = webhook_lab.end_task(account_id, state="failed")
    webhook_lab.sql("UPDATE gateway_task SET ended_at = now() - interval '91 days' WHERE id = %s", failed)

    assert retention.delete_bodies(10) == 2
    assert retention.delete_bodies(10) == 0

    after = task_of(webhook_lab, old)
    assert (after["request"], after["parameters"], after["results"]) == ({}, {}, [])
    assert after["bodies_deleted_at"] is not None
    emptied = {"request", "parameters", "results", "bodies_deleted_at"}
    assert {name: after[name] for name in after if name not in emptied} == {
        name: before[name] for name in before if name not in emptied
    }
    assert task_of(webhook_lab, young)["request"] == before["request"]
    assert task_of(webhook_lab, failed)["error_message"] == "The generation failed. Nothing was charged."


def test_a_live_task_keeps_its_bodies_however_old(webhook_lab: WebhookLab, account_id: int) -> None:
    task_id = ended_days_ago(webhook_lab, account_id, 0)
    webhook_lab.sql(
        "ALTER TABLE gateway_task DISABLE TRIGGER gateway_task_state;"
        "UPDATE gateway_task SET state = 'held', results = NULL, ended_at = NULL, consumed_microcredits = 0,"
        " created_at = now() - interval '1 year';"
        "ALTER TABLE gateway_task ENABLE TRIGGER gateway_task_state"
    )

    assert retention.delete_bodies(10) == 0
    assert task_of(webhook_lab, task_id)["request"] != {}


@pytest.mark.parametrize("state", ["delivered", "failed", "stopped"])
def test_deliveries_go_after_their_days_with_their_attempts(
    state: str, webhook_lab: WebhookLab, account_id: int
) -> None:
    old = ended_days_ago(webhook_lab, account_id, 30.1, state)
    young = ended_days_ago(webhook_lab, account_id, 29.9, state)
    pending = ended_days_ago(webhook_lab, account_id, 1000, "pending")

    assert retention.delete_deliveries(10) == 1

    assert (webhook_lab.deliveries(old), webhook_lab.attempts(old)) == ([], [])
    assert webhook_lab.sql("SELECT count(*) AS n FROM gateway_callback_attempt") == [{"n": 2}]
    for task_id in (young, pending):
        assert len(webhook_lab.attempts(task_id)) == 1
    assert task_of(webhook_lab, old)["state"] == "succeeded"
    assert webhook_lab.sql("SELECT count(*) AS n FROM gateway_task_event") == [{"n": 3}]


def test_a_batch_is_no_larger_than_asked_and_takes_the_oldest(
    webhook_lab: WebhookLab, account_id: int
) -> None:
    tasks = [ended_days_ago(webhook_lab, account_id, days) for days in (100, 300, 200)]

    assert (retention.delete_bodies(2), retention.delete_deliveries(2)) == (2, 2)

    left = [task_of(webhook_lab, task_id)["request"] != {} for task_id in tasks]
    assert left == [bool(webhook_lab.deliveries(task_id)) for task_id in tasks] == [True, False, False]


def test_the_books_are_not_touched(webhook_lab: WebhookLab, capsys: pytest.CaptureFixture[str]) -> None:
    ended_days_ago(webhook_lab, open_account("Ada's lab", "standard").account.pk, 1000)
    tables = webhook_lab.sql(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        " AND relname LIKE 'usage\\_%%'"
    )

    def books() -> list[Any]:
        return [webhook_lab.sql(f"SELECT t::text FROM {table['relname']} t ORDER BY 1") for table in tables]

    before = books()
    assert any(before), "there is nothing that could be touched"
    for chore in retention.chores():
        chore.do()

    assert books() == before
    call_command("reconcile")
    assert capsys.readouterr().out == "books agree\n"
