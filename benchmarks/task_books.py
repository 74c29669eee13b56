"""The tasks' side of a benchmark: opens them through the gateway's own store, counts them, and reads among many.

`python -m benchmarks.task_books`, jobs on standard input. It connects as the database's owner, to fill the table.
"""

import asyncio
import time
from typing import Any

import django

django.setup()

import uvloop
from django.db import connection

from accounts.keys import lifecycle
from accounts.keys.format import digest_of
from accounts.models import Account
from aio_platform.http.request_ids import new_request_uuid
from benchmarks import old_callbacks
from benchmarks.children import next_job, report
from benchmarks.served_platform import TASK_MODEL, TASK_RATE
from gateway.tasks.ids import new_task_id
from gateway.tasks.listing import TaskFilter
from gateway.tasks.records import TaskToOpen
from gateway.tasks.store import TaskStore
from usage.ledger import grants
from usage.ledger.calls import ADMITTED, CallToAuthorize, Credentials
from usage.ledger.units import Units
from usage.models import PublishedRate

ACCOUNT = "bench tasks"
CREDIT = 1_000_000
DEADLINE_S = 3600
READS = 30
FILL_SQL = """
    INSERT INTO gateway_task (account_id, id, request_uuid, endpoint, model, route, adapter, upstream, rate_id,
        request, parameters, units, marker, state, upstream_reference, upstream_key, results, error_message,
        consumed_microcredits, created_at, deadline_at, ended_at)
    SELECT %(account)s, 'n1a' || lpad(n::text, 15, '0') || '_old', gen_random_uuid(),
        CASE WHEN n %% 5 = 0 THEN 'video_task' ELSE 'image_task' END, 'model-' || n %% 50, 'old', 'kie', 'old', 1,
        '{"model": "old", "prompt": "A serene Japanese garden with cherry blossoms"}', '{"prompt": "A garden"}',
        '{"images": 1}', n::text,
        CASE WHEN n %% 1000 = 0 THEN 'failed' ELSE 'succeeded' END, '{"id": "x"}', 'old-' || n,
        CASE WHEN n %% 1000 > 0 THEN '["https://cdn.example.com/generated-image.png"]'::jsonb END,
        CASE WHEN n %% 1000 = 0 THEN 'The generation failed.' END, 0,
        now() - n * interval '2 seconds', now(), now()
    FROM generate_series(1, %(rows)s) n
"""


def main() -> None:
    """Carry out jobs until the parent is gone."""
    account = grants.open_account(ACCOUNT, "unlimited", extra_microcredits=100_000 * CREDIT).account
    caller = Credentials(digest_of(lifecycle.issue_key(account, "bench")[1]), address="127.0.0.1")
    rate = PublishedRate.objects.filter(name=TASK_RATE).latest("version").id
    report({"ready": True})
    while (job := next_job()) is not None:
        if job["kind"] == "open":
            report(uvloop.run(_open(caller, rate, job["tasks"])))
        elif job["kind"] == "fill":
            _fill(account, job["rows"])
            report({**uvloop.run(_read(caller)), **_read_callbacks(account)})
        else:
            report(_counts(account))


async def _open(caller: Credentials, rate_id: int, tasks: int) -> dict[str, Any]:
    store = TaskStore()
    numbers = iter(range(tasks))
    began = time.perf_counter()

    async def lane() -> None:
        for _ in numbers:
            opened = await store.open(_task(caller, rate_id))
            assert opened.verdict.name == ADMITTED, opened

    await asyncio.gather(*[lane() for _ in range(64)])
    took = time.perf_counter() - began
    await store.close()
    return {"rate": tasks / took}


def _task(caller: Credentials, rate_id: int) -> TaskToOpen:
    body = {"model": TASK_MODEL, "prompt": "A serene Japanese garden with cherry blossoms"}
    route = f"image_task/{TASK_MODEL}@tasks"
    call = CallToAuthorize(
        new_request_uuid(), caller, "image_task", TASK_MODEL, route, rate_id, CREDIT, DEADLINE_S + 86_400
    )
    return TaskToOpen(
        call, new_task_id(TASK_MODEL), "kie", "tasks", body, body, Units(images=1), None, DEADLINE_S
    )


def _counts(account: Account) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT state, count(*) FROM gateway_task WHERE account_id = %s GROUP BY 1", [account.pk]
        )
        return dict(cursor.fetchall())


def _fill(account: Account, rows: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(FILL_SQL, {"account": account.pk, "rows": rows})
        cursor.execute("ANALYZE gateway_task")
    old_callbacks.fill(account.pk)


async def _read(caller: Credentials) -> dict[str, float]:
    """The slowest of a few reads of each kind, in milliseconds."""
    store = TaskStore()
    page = await store.page(caller, TaskFilter(limit=100))
    deep = page.tasks[-1]
    reads = {
        "one by its id": lambda: store.find(caller, deep.id),
        "newest": lambda: store.page(caller, TaskFilter(limit=100)),
        "next page": lambda: store.page(caller, TaskFilter(limit=100, after=(deep.created_at, deep.id))),
        "failed": lambda: store.page(caller, TaskFilter(limit=100, status="FAILED")),
        "in progress": lambda: store.page(caller, TaskFilter(limit=100, status="IN_PROGRESS")),
        "of a model": lambda: store.page(caller, TaskFilter(limit=100, model="model-7")),
        "of an endpoint": lambda: store.page(caller, TaskFilter(limit=100, endpoint="video_task")),
    }
    slowest = {}
    for name, read in reads.items():
        took = []
        for _ in range(READS):
            began = time.perf_counter()
            await read()
            took.append((time.perf_counter() - began) * 1000)
        slowest[name] = max(took[3:])  # the first ones plan
    await store.close()
    return slowest


def _read_callbacks(account: Account) -> dict[str, float]:
    """As `_read`, of events, deliveries and attempts."""
    slowest = {}
    for name, read in old_callbacks.reads(account.pk).items():
        took = []
        for _ in range(READS):
            began = time.perf_counter()
            assert read(), name
            took.append((time.perf_counter() - began) * 1000)
        slowest[name] = max(took[3:])
    return slowest


if __name__ == "__main__":
    main()
