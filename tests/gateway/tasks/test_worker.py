"""What becomes of a task, from its hold to its end, by what its upstream does."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings
from structlog.testing import capture_logs

from gateway.tasks import worker
from gateway.upstreams.circuit_breaker import FAILURES_TO_REST
from tests.gateway.local_upstream import CREDIT, Tenant
from tests.gateway.tasks.lab import Lab, OpenedTask, rate_of
from usage.ledger.rates import Rate
from usage.ledger.units import Units

PRICE = CREDIT // 2
RUNNING = {"progress": "running"}


def event_of(lab: Lab, task: OpenedTask) -> dict[str, Any]:
    [event] = [e for e in lab.tenant.outcomes() if e["request_id"] == lab.row(task)["request_uuid"]]
    return event


def told(lab: Lab) -> list[tuple[str, str]]:
    rows = lab.tenant.rows(
        "SELECT task_id, type FROM gateway_task_event WHERE account_id = %s ORDER BY created_at"
    )
    return [(row["task_id"], row["type"]) for row in rows]


def assert_nothing_is_left(lab: Lab, available: int) -> None:
    assert lab.tenant.balance() == (available, 0)
    assert lab.tenant.rows("SELECT * FROM gateway_task_due WHERE account_id = %s") == []
    assert lab.tenant.rows("SELECT * FROM usage_hold WHERE account_id = %s") == []
    assert lab.tenant.rows("SELECT * FROM usage_reconcile_v2() WHERE %s IS NOT NULL") == []


async def test_a_task_that_succeeds_is_charged_once_and_has_its_results(lab: Lab) -> None:
    start, _ = lab.tenant.balance()
    lab.upstream.answers = [RUNNING, RUNNING]
    task = await lab.open()
    assert lab.tenant.balance() == (start - PRICE, PRICE)
    lab.work()

    row = await lab.until(task, "succeeded")

    assert (row["consumed_microcredits"], row["results"], row["error_message"]) == (
        PRICE, ["https://files.test/1.png"], None)  # fmt: skip
    event = event_of(lab, task)
    assert (event["outcome"], event["cost_microcredits"], event["images"], event["status"]) == (
        "succeeded", PRICE, 1, 200)  # fmt: skip
    assert (event["upstream"], event["model"]) == ("lab", "model-lab")
    assert event["latency_ms"] >= event["upstream_latency_ms"] >= 0
    assert told(lab) == [(task.id, "task.succeeded")]
    assert len(lab.upstream.polls) == 3
    assert_nothing_is_left(lab, start - PRICE)


async def test_a_new_task_is_submitted_at_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the database's word of it: nobody looks by himself for an hour."""
    monkeypatch.setattr(worker, "LOOK_EVERY_S", 3600.0)
    lab.work()
    await until(lambda: listening_workers(lab) == 1)
    task = await lab.open()

    await until(lambda: lab.row(task)["submit_attempted_at"] is not None)


def listening_workers(lab: Lab) -> int:
    [row] = lab.tenant.rows(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'aio task news'"
        " AND datname = current_database() AND query LIKE 'LISTEN%%' AND state = 'idle' AND %s IS NOT NULL"
    )
    return int(row["count"])


HANGS = 60.0
FAILURE = {"progress": "failed", "error": "The model\nsaw nothing."}


@pytest.mark.parametrize(
    ("what", "outcome", "status", "message"),
    [
        ({"then": FAILURE}, "failed", 502, "The model saw nothing."),
        ({"then": {"progress": "failed"}}, "failed", 502, "The generation failed"),
        ({"then": {"progress": "succeeded", "results": []}}, "failed", 502, "without a result"),
        ({"on_submit": [{"refused": True}]}, "rejected", 400, "refused this request"),
        ({"on_submit": [422]}, "rejected", 400, "refused this request"),
        ({"on_submit": [{"faulty": True}]}, "failed", 502, "failed to take the task"),
        ({"on_submit": [401]}, "failed", 502, "not set up correctly"),
        ({"on_submit": [404]}, "failed", 502, "not set up correctly"),
        ({"on_submit": [{"unwelcome": 402}]}, "failed", 502, "not set up correctly"),
        ({"on_submit": [500]}, "failed", 502, "could not be confirmed"),
        ({"on_submit": ["not JSON"]}, "failed", 502, "could not be confirmed"),
        ({"on_submit": [HANGS]}, "failed", 502, "could not be confirmed"),
        ({"on_submit": ["break"]}, "failed", 502, "could not be confirmed"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_whatever_else_comes_of_a_task_it_costs_nothing_and_says_why(
    lab: Lab, settings: Settings, what: dict[str, Any], outcome: str, status: int, message: str
) -> None:
    start, _ = lab.tenant.balance()
    if what == {"on_submit": [HANGS]}:
        settings.TASK_SUBMIT_LIMIT_S = 0.3
    for name, value in what.items():
        setattr(lab.upstream, name, value)
    task = await lab.open()
    lab.work()

    row = await lab.until(task, "failed")

    assert message in row["error_message"]
    assert (row["consumed_microcredits"], row["results"]) == (0, None)
    event = event_of(lab, task)
    assert (event["outcome"], event["status"], event["cost_microcredits"]) == (outcome, status, 0)
    assert told(lab) == [(task.id, "task.failed")]
    assert len(lab.upstream.tasks) <= 1, "never submitted twice"
    assert_nothing_is_left(lab, start)


@pytest.mark.parametrize(
    ("step", "status", "level", "meaning"),
    [
        (401, 401, "error", "NOT_WELCOME"),
        (404, 404, "error", "NOT_WELCOME"),
        ({"unwelcome": 402}, 402, "error", "NOT_WELCOME"),
        (500, 500, "info", "UNKNOWN"),
        (422, 422, "info", "REFUSED"),
        ("not JSON", None, "info", "UNKNOWN"),
    ],
    ids=str,
)
async def test_the_upstreams_own_status_is_in_the_receipt_and_in_the_log(
    lab: Lab, step: Any, status: int | None, level: str, meaning: str
) -> None:
    lab.upstream.on_submit = [step]
    task = await lab.open()
    with capture_logs() as logs:
        lab.work()
        row = await lab.until(task, "failed")

    [attempt] = event_of(lab, task)["attempts"]
    assert (attempt["upstream"], attempt["status"]) == ("lab", status)
    assert attempt["latency_ms"] >= 0
    [line] = [line for line in logs if line["event"] == "task not submitted"]
    assert (line["status"], line["log_level"], line["meaning"]) == (status, level, meaning)
    assert str(status) not in row["error_message"]


async def test_an_upstream_that_does_not_take_our_key_is_not_rested(lab: Lab) -> None:
    """One model's wrong address must not keep those waiting that the upstream does take."""
    lab.upstream.on_submit = [404] * (FAILURES_TO_REST + 1)
    tasks = [await lab.open() for _ in range(FAILURES_TO_REST + 1)]
    lab.work()
    for task in tasks:
        await lab.until(task, "failed")

    assert lab.admits("lab")
    await lab.until(await lab.open(), "succeeded")


@pytest.mark.parametrize("step", [429, 503, {"busy": True}], ids=str)
async def test_an_upstream_that_is_too_busy_is_asked_again(lab: Lab, step: Any) -> None:
    lab.upstream.on_submit = [step, step]
    task = await lab.open()
    lab.work()

    await lab.until(task, "succeeded")

    assert len(lab.upstream.tasks) == 1
    assert event_of(lab, task)["outcome"] == "succeeded"


async def test_an_upstream_that_is_not_there_is_asked_again(lab: Lab) -> None:
    url = lab.upstream.local.url
    lab.catalog = type(lab.catalog)({"lab": "http://127.0.0.1:1"}, lab.rate)
    lab.work()
    task = await lab.open()
    await until(lambda: lab.row(task)["submit_attempted_at"] is not None)
    await lab.until(task, "held")
    lab.catalog.current = type(lab.catalog)({"lab": url}, lab.rate).current
    object.__setattr__(lab.catalog.current, "version", 2)

    await lab.until(task, "succeeded")

    assert len(lab.upstream.tasks) == 1


async def test_trouble_while_polling_is_no_failure_of_the_task(lab: Lab) -> None:
    lab.upstream.answers = [500, "not JSON", {"progress": "unheard of"}]
    task = await lab.open()
    lab.work()

    row = await lab.until(task, "succeeded")

    assert row["consumed_microcredits"] == PRICE
    assert len(lab.upstream.polls) == 4


async def test_a_task_past_its_deadline_ends_there_and_its_upstream_is_told(lab: Lab) -> None:
    start, _ = lab.tenant.balance()
    lab.upstream.then = RUNNING
    task = await lab.open()
    lab.work()
    await lab.until(task, "running")
    lab.pass_deadline(task)

    row = await lab.until(task, "timed_out")

    assert "time limit" in row["error_message"]
    event = event_of(lab, task)
    assert (event["outcome"], event["status"]) == ("timed_out", 504)
    await until(lambda: len(lab.upstream.cancelled) == 1)
    await until(lambda: lab.tenant.rows("SELECT 1 FROM gateway_task_due WHERE account_id = %s") == [])
    assert_nothing_is_left(lab, start)


async def test_a_task_whose_upstream_left_the_catalog_ends_at_its_deadline(lab: Lab) -> None:
    start, _ = lab.tenant.balance()
    task = await lab.open(upstream="gone", deadline_s=1)
    lab.work()

    await lab.until(task, "timed_out")

    assert_nothing_is_left(lab, start)


async def test_what_was_used_is_what_is_charged_and_never_more_than_was_held(lab: Lab) -> None:
    start, _ = lab.tenant.balance()
    lab.upstream.then = {**lab.upstream.then, "units": {"images": 1}}
    two = await lab.open(units=Units(images=2))
    lab.work()
    assert (await lab.until(two, "succeeded"))["consumed_microcredits"] == PRICE
    lab.upstream.then = {**lab.upstream.then, "units": {"images": 9}}

    one = await lab.open()

    assert (await lab.until(one, "succeeded"))["consumed_microcredits"] == PRICE
    assert_nothing_is_left(lab, start - 2 * PRICE)


@pytest.fixture
def dearer(tenant: Tenant) -> Rate:
    return rate_of(9 * CREDIT)


async def test_a_price_that_changed_meanwhile_is_not_the_tasks(dearer: Rate, lab: Lab) -> None:
    lab.upstream.answers = [RUNNING]
    task = await lab.open()
    lab.catalog = type(lab.catalog)({"lab": lab.upstream.local.url}, dearer)
    lab.work()

    assert (await lab.until(task, "succeeded"))["consumed_microcredits"] == PRICE


async def test_an_upstream_that_gives_an_id_twice_is_paid_for_once(lab: Lab) -> None:
    start, _ = lab.tenant.balance()
    lab.upstream.ids_differ = False
    lab.upstream.then = RUNNING
    first = await lab.open()
    lab.work()
    await lab.until(first, "running")

    second = await lab.open()

    assert "id of another task" in (await lab.until(second, "failed"))["error_message"]
    lab.upstream.then = {"progress": "succeeded", "results": ["https://files.test/1.png"]}
    await lab.until(first, "succeeded")
    assert_nothing_is_left(lab, start - PRICE)


async def test_a_lost_answer_is_found_again_and_nothing_is_submitted_twice(lab: Lab) -> None:
    lab.adapter.finds = True
    lab.upstream.on_submit = [("take, then", 500)]
    task = await lab.open()
    lab.work()

    row = await lab.until(task, "succeeded")

    assert len(lab.upstream.tasks) == 1
    assert row["upstream_key"] == "job-0"


async def test_a_submission_that_is_nowhere_to_be_found_is_let_go(lab: Lab) -> None:
    start, _ = lab.tenant.balance()
    lab.adapter.finds = True
    lab.upstream.on_submit = [500]
    task = await lab.open()
    lab.work()

    assert "could not be confirmed" in (await lab.until(task, "failed"))["error_message"]
    assert lab.upstream.tasks == {}
    assert_nothing_is_left(lab, start)


async def test_a_stuck_upstream_does_not_delay_anothers_tasks(lab: Lab, settings: Settings) -> None:
    settings.TASK_CALLS_IN_FLIGHT = 4
    lab.upstream.answers = [HANGS] * 100
    stuck = [await lab.open() for _ in range(12)]
    lab.work()
    await until(lambda: len(lab.upstream.polls) >= 4)

    for _ in range(5):
        await lab.until(await lab.open(upstream="second"), "succeeded")

    assert len(lab.upstream.polls) <= 4
    assert {lab.row(task)["state"] for task in stuck} <= {"held", "running"}


async def test_a_worker_that_stops_gives_its_tasks_back_at_once(lab: Lab) -> None:
    lab.upstream.answers = [HANGS]
    task = await lab.open()
    lab.work()
    await until(lambda: len(lab.upstream.polls) == 1)
    await lab.stop_working()

    lab.work()

    await lab.until(task, "succeeded")


async def test_several_workers_share_tasks_and_none_is_asked_for_twice(lab: Lab) -> None:
    start, _ = lab.tenant.balance()
    tasks = await asyncio.gather(*[lab.open() for _ in range(20)])
    for _ in range(3):
        lab.work()

    for task in tasks:
        await lab.until(task, "succeeded")

    assert sorted(lab.upstream.tasks.values()) == sorted(lab.row(task)["marker"] for task in tasks)
    assert_nothing_is_left(lab, start - 20 * PRICE)


async def test_a_database_that_comes_back_finds_the_worker_working(lab: Lab, settings: Settings) -> None:
    """A step whose note was lost is done again once its lease has run out."""
    settings.TASK_LEASE_S = 2
    lab.upstream.answers = [RUNNING] * 4
    task = await lab.open()
    lab.work()
    await lab.until(task, "running")

    lab.tenant.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'aio task%%'"
        " AND %s IS NOT NULL"
    )

    await lab.until(task, "succeeded")


async def until(condition: Callable[[], bool], limit_s: float = 30.0) -> None:
    give_up_at = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < give_up_at
        await asyncio.sleep(0.02)
