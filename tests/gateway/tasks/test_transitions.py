"""What each transition of a task asks of the database, and what nobody may do past its functions."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from aio_platform.db import database
from gateway.tasks.completion import TaskFinisher
from gateway.tasks.queue import TaskQueue
from gateway.tasks.records import ClaimedTask, StepNote, Transition
from gateway.tasks.states import (
    CANCELLED_END,
    FAILED_END,
    LIVE,
    REJECTED_END,
    SUCCEEDED_END,
    TIMED_OUT_END,
    TRANSITIONS,
    End,
    State,
)
from gateway.tasks.store import TaskStore
from tests.gateway.local_upstream import CREDIT, Tenant
from tests.gateway.tasks.lab import DAY_S, OpenedTask, open_task, task_to_open
from usage.ledger.rates import Rate
from usage.ledger.units import Units

PRICE = CREDIT // 2
ENDS = (SUCCEEDED_END, REJECTED_END, FAILED_END, CANCELLED_END, TIMED_OUT_END)
LIMITS = {"lab": 100}


def end_of(task: OpenedTask, end: End, *, leased: bool = False) -> Transition:
    won = end.state is State.SUCCEEDED
    return Transition(
        task.key,
        end,
        leased,
        PRICE if won else None,
        results=["https://x.test/1"] if won else [],
        message="why",
    )


async def in_state(queue: TaskQueue, task: OpenedTask, state: State) -> None:
    """Bring a held task there."""
    if state is State.HELD:
        return
    [claimed] = [claimed for claimed in await queue.claim(LIMITS) if claimed.key == task.key]
    assert claimed.state is State.HELD
    if state is State.RUNNING:
        note = StepNote(task.key, 0.0, State.RUNNING, reference={"id": task.id}, upstream_key=task.id)
        assert await queue.record(note)


def row_of(tenant: Tenant, task: OpenedTask) -> dict[str, Any]:
    rows = tenant.rows("SELECT * FROM gateway_task WHERE account_id = %s")
    [row] = [row for row in rows if row["id"] == task.id]
    return row


async def test_the_table_in_code_and_the_guard_in_the_database_are_one(
    store: TaskStore, tenant: Tenant, rate: Rate
) -> None:
    """Past every function, as the owner: the trigger alone."""
    task = await open_task(store, tenant, rate)
    followed: dict[State, set[State]] = {state: set() for state in State}
    with database.connect("aio test guard") as owner:
        for before, after in itertools.permutations(State, 2):
            owner.execute("ALTER TABLE gateway_task DISABLE TRIGGER gateway_task_state")
            owner.execute(FORCE_STATE, force(task, before))
            owner.execute("ALTER TABLE gateway_task ENABLE TRIGGER gateway_task_state")
            try:
                owner.execute(FORCE_STATE, force(task, after))
            except psycopg.errors.CheckViolation:
                continue
            followed[before].add(after)
    assert followed == TRANSITIONS


FORCE_STATE = (
    "UPDATE gateway_task SET state = %(state)s, ended_at = CASE WHEN %(live)s THEN NULL ELSE now() END,"
    " results = CASE WHEN %(state)s = 'succeeded' THEN '[]'::jsonb END, upstream_reference = '{}',"
    " error_message = CASE WHEN %(state)s IN ('failed', 'cancelled', 'timed_out') THEN 'why' END WHERE id = %(id)s"
)


def force(task: OpenedTask, state: State) -> dict[str, Any]:
    return {"state": state.value, "live": state in LIVE, "id": task.id}


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.outcome.value)
@pytest.mark.parametrize("state", sorted(LIVE, key=lambda state: state.value), ids=lambda state: state.value)
async def test_every_end_from_every_state_settles_exactly_or_changes_nothing(
    state: State, end: End, store: TaskStore, queue: TaskQueue, ends: TaskFinisher, tenant: Tenant, rate: Rate
) -> None:
    start, _ = tenant.balance()
    task = await open_task(store, tenant, rate)
    await in_state(queue, task, state)
    allowed = end.state in TRANSITIONS[state]

    ended = await ends.end(end_of(task, end))

    assert ended.won is allowed
    row = row_of(tenant, task)
    if not allowed:
        assert (row["state"], tenant.balance()) == (state.value, (start - PRICE, PRICE))
        assert tenant.outcomes() == []
        return
    charged = PRICE if end.state is State.SUCCEEDED else 0
    assert (row["state"], row["consumed_microcredits"], ended.state) == (end.state.value, charged, end.state)
    [event] = tenant.outcomes()
    assert (event["outcome"], event["status"], event["cost_microcredits"]) == (
        end.outcome.value,
        end.status,
        charged,
    )
    assert event["request_id"] == row["request_uuid"]
    assert tenant.balance() == (start - charged, 0)
    assert [(await ends.end(end_of(task, other))).won for other in ENDS] == [False] * len(ENDS)
    assert len(tenant.outcomes()) == 1
    assert len(tenant.rows("SELECT 1 FROM gateway_task_event WHERE account_id = %s")) == 1


async def test_the_same_end_twice_in_one_batch_wins_once(
    store: TaskStore, ends: TaskFinisher, tenant: Tenant, rate: Rate
) -> None:
    task = await open_task(store, tenant, rate)

    both = await asyncio.gather(*[ends.end(end_of(task, CANCELLED_END)) for _ in range(5)])

    assert sorted(ended.won for ended in both) == [False] * 4 + [True]
    assert len(tenant.outcomes()) == 1


async def test_a_task_that_is_refused_leaves_nothing(store: TaskStore, tenant: Tenant, rate: Rate) -> None:
    dear = task_to_open(tenant, rate)
    dear = dear._replace(call=dear.call._replace(ceiling_microcredits=10**12))

    opened = await store.open(dear)

    assert (opened.verdict.name, opened.created_at) == ("insufficient_credits", None)
    for table in ("gateway_task", "gateway_task_due", "usage_hold"):
        assert tenant.rows(f"SELECT 1 FROM {table} WHERE account_id = %s") == []


async def test_a_burst_of_tasks_is_judged_one_by_one(store: TaskStore, tenant: Tenant, rate: Rate) -> None:
    """Ten credits and their plan's bonus buy so many and no more, whatever is in a batch."""
    start, _ = tenant.balance()

    opened = await asyncio.gather(
        *[store.open(task_to_open(tenant, rate)) for _ in range(start // PRICE + 5)]
    )

    admitted = [one for one in opened if one.verdict.name == "admitted"]
    assert len(admitted) == start // PRICE
    assert len(tenant.rows("SELECT 1 FROM gateway_task WHERE account_id = %s")) == len(admitted)
    assert tenant.balance() == (start % PRICE, start - start % PRICE)


async def test_a_caller_that_leaves_while_its_task_is_opened_pays_nothing(
    store: TaskStore, tenant: Tenant, rate: Rate
) -> None:
    start, _ = tenant.balance()
    opening = asyncio.ensure_future(store.open(task_to_open(tenant, rate)))
    await asyncio.sleep(0)
    opening.cancel()

    await asyncio.gather(opening, return_exceptions=True)

    async with asyncio.timeout(30):
        while [
            row["state"] for row in tenant.rows("SELECT state FROM gateway_task WHERE account_id = %s")
        ] != ["cancelled"]:
            await asyncio.sleep(0.01)
    assert await tenant.settled_balance() == start


async def test_a_hold_outlives_its_task_by_a_day(store: TaskStore, tenant: Tenant, rate: Rate) -> None:
    task = await open_task(store, tenant, rate, deadline_s=100)

    [hold] = tenant.rows("SELECT expires_at FROM usage_hold WHERE account_id = %s")

    assert abs((hold["expires_at"] - row_of(tenant, task)["deadline_at"]).total_seconds() - DAY_S) < 1


async def test_only_the_worker_with_the_lease_may_write_a_step_down(
    store: TaskStore, queue: TaskQueue, ends: TaskFinisher, tenant: Tenant, rate: Rate
) -> None:
    task = await open_task(store, tenant, rate)
    other = TaskQueue(2.0)
    await in_state(queue, task, State.SUBMITTING)

    assert not await other.record(
        StepNote(task.key, 0.0, State.RUNNING, reference={"id": "x"}, upstream_key="x")
    )
    assert row_of(tenant, task)["state"] == "submitting"
    assert await other.claim(LIMITS) == []
    other_ends = TaskFinisher(other.owner)
    assert not (await other_ends.end(end_of(task, FAILED_END, leased=True))).won

    assert (await ends.end(end_of(task, FAILED_END, leased=True))).won
    await other.close()
    await other_ends.close()


async def test_a_lease_that_ran_out_is_anothers_and_a_renewed_one_is_not(
    store: TaskStore, tenant: Tenant, rate: Rate
) -> None:
    dead, alive, heir = TaskQueue(60.0), TaskQueue(60.0), TaskQueue(60.0)
    lost = await open_task(store, tenant, rate)
    assert [task.key for task in await dead.claim(LIMITS)] == [lost.key]
    kept = await open_task(store, tenant, rate)
    assert [task.key for task in await alive.claim(LIMITS)] == [kept.key]
    with database.connect("aio test clock") as owner:
        owner.execute("UPDATE gateway_task_due SET due_at = due_at - interval '61 seconds'")
    await alive.renew([kept.key, lost.key])

    found = await heir.claim(LIMITS)

    assert [(task.key, task.state) for task in found] == [(lost.key, State.SUBMITTING)]
    for queue in (dead, alive, heir):
        await queue.close()


async def test_two_workers_never_claim_one_task(store: TaskStore, tenant: Tenant, rate: Rate) -> None:
    await asyncio.gather(*[open_task(store, tenant, rate) for _ in range(20)])
    queues = [TaskQueue(5.0) for _ in range(4)]

    claimed: list[ClaimedTask] = []
    while len(claimed) < 20:
        for found in await asyncio.gather(*[queue.claim({"lab": 3}) for queue in queues]):
            claimed += found

    assert len({task.key for task in claimed}) == len(claimed) == 20
    for queue in queues:
        await queue.close()


async def test_a_hint_makes_a_task_due_now_even_while_it_is_looked_at(
    store: TaskStore, queue: TaskQueue, tenant: Tenant, rate: Rate
) -> None:
    task = await open_task(store, tenant, rate)
    await in_state(queue, task, State.RUNNING)
    [claimed] = await queue.claim(LIMITS)
    assert claimed.state is State.RUNNING

    assert await store.hint("lab", task.id)
    assert await queue.claim(LIMITS) == []
    assert await queue.record(StepNote(task.key, 60.0))

    assert len(await queue.claim(LIMITS)) == 1
    assert not await store.hint("lab", "unheard of")
    assert not await store.hint("second", task.id)


async def test_each_upstream_has_its_own_share_of_a_claim(
    store: TaskStore, queue: TaskQueue, tenant: Tenant, rate: Rate
) -> None:
    for upstream in ("lab", "lab", "lab", "second"):
        await open_task(store, tenant, rate, upstream=upstream)

    claimed = await queue.claim({"lab": 2, "second": 2, "nobody": 5})

    assert sorted(task.upstream for task in claimed) == ["lab", "lab", "second"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE gateway_task SET consumed_microcredits = 0",
        "INSERT INTO gateway_task_event (account_id, task_id, type, created_at) VALUES (1, 'x', 'task.failed', now())",
        "DELETE FROM gateway_task_due",
        "DELETE FROM gateway_task",
    ],
)
def test_the_applications_role_changes_tasks_through_the_functions_alone(
    statement: str, as_app: Callable[[str], None]
) -> None:
    as_app("SELECT count(*) FROM gateway_task")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_app(statement)


@pytest.fixture
def as_app(transactional_db: None) -> Callable[[str], None]:
    def run(statement: str) -> None:
        with database.connect("aio test app") as queue:
            queue.execute("SET ROLE aio_app")
            queue.execute(statement.encode())

    return run


@pytest.mark.parametrize("wanted", [[1_500_000, 7, None, 999], [1_500_000, 7, 3, 999]])
async def test_a_batch_charges_each_task_its_own_price(
    wanted: list[int | None],
    store: TaskStore,
    queue: TaskQueue,
    ends: TaskFinisher,
    tenant: Tenant,
    rate: Rate,
) -> None:
    """A batch that the database refuses is tried one by one: prices mixed up among successes are not refused."""
    start, _ = tenant.balance()
    tasks = []
    for number in (3, 1, 4, 2):
        tasks.append(await open_task(store, tenant, rate, units=Units(images=number)))
        await in_state(queue, tasks[-1], State.RUNNING)
    endings = [
        Transition(task.key, SUCCEEDED_END, False, charge, results=["https://x.test/1"])
        if charge is not None
        else end_of(task, FAILED_END)
        for task, charge in zip(tasks, wanted, strict=True)
    ]

    ended = await asyncio.gather(*[ends.end(end) for end in endings])

    charged = [charge or 0 for charge in wanted]
    assert [one.consumed_microcredits for one in ended] == charged
    assert [row_of(tenant, task)["consumed_microcredits"] for task in tasks] == charged
    assert tenant.balance() == (start - sum(charged), 0)


@pytest.mark.parametrize(
    ("end", "left"),
    [(SUCCEEDED_END, 1), (REJECTED_END, 1), (CANCELLED_END, 1), (FAILED_END, 0), (TIMED_OUT_END, 0)],
)
async def test_a_trial_gets_its_call_back_for_what_was_no_fault_of_the_callers(
    end: End, left: int, store: TaskStore, queue: TaskQueue, ends: TaskFinisher, tenant: Tenant, rate: Rate
) -> None:
    task = await open_task(store, tenant, rate)
    await in_state(queue, task, State.RUNNING)
    with database.connect("aio test trial") as owner:
        owner.execute("UPDATE usage_hold SET trial_day = current_date")
        owner.execute(
            "INSERT INTO usage_trial_day (account_id, day, calls) VALUES (%s, current_date, 1)",
            [tenant.account_id],
        )

    assert (await ends.end(end_of(task, end))).won

    [day] = tenant.rows("SELECT calls FROM usage_trial_day WHERE account_id = %s")
    assert day["calls"] == left


async def test_what_was_not_paid_is_not_given(
    store: TaskStore, queue: TaskQueue, ends: TaskFinisher, tenant: Tenant, rate: Rate
) -> None:
    """No worker ran for longer than a deadline and its day: the hold is gone when the success is seen."""
    start, _ = tenant.balance()
    task = await open_task(store, tenant, rate)
    await in_state(queue, task, State.RUNNING)
    with database.connect("aio test clock") as owner:
        owner.execute("UPDATE usage_hold SET expires_at = now() - interval '1 second'")
        owner.execute("SELECT usage_expire_holds_v1(10)")

    ended = await ends.end(end_of(task, SUCCEEDED_END))

    row = row_of(tenant, task)
    assert (ended.state, row["state"], row["results"]) == (State.TIMED_OUT, "timed_out", None)
    assert "let go" in row["error_message"]
    assert tenant.balance() == (start, 0)
    assert [event["outcome"] for event in tenant.outcomes()] == ["expired"]
