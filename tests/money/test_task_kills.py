"""Tasks on four providers with faults, their workers killed: each ends once, in time, and is paid for once or not.

The seed is printed; PROVE_SEED=N repeats the tasks and the plan of kills (not the kernel's scheduling).
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from money import books, load
from running_platform import ROOT, RunningPlatform, Tenant
from task_platform import task_platform

IMAGES, VIDEOS, MUSIC = "/api/v1/images/generations", "/api/v1/videos/generations", "/api/v1/audio/music"
# Four providers, and Suno's own protocol beside kie's.
KINDS: list[tuple[str, dict[str, Any], str]] = [
    (IMAGES, {"model": "flux-2"}, "prompt"),
    (IMAGES, {"model": "gpt-image-1-5"}, "prompt"),
    (VIDEOS, {"model": "seedance-1-5-pro"}, "prompt"),
    (VIDEOS, {"model": "pixverse-5-6"}, "prompt"),
    (MUSIC, {"model": "suno"}, "gpt_description_prompt"),
]
LANES = 12
# Somebody looks for what is overdue every second; a busy machine is given more.
LATE_S = 60.0
# A worker that waits for a core must not lose what it is submitting to another.
LEASE_S = 6


@pytest.fixture
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("task-kills")


def started(directory: Path, deadline_s: int) -> RunningPlatform:
    environment = {
        "AIO_TASK_TIME_LIMIT_S": str(deadline_s),
        "AIO_TASK_LEASE_S": str(LEASE_S),
        "AIO_LOG_LEVEL": "WARNING",
    }
    return task_platform(directory, **environment).start()


@pytest.fixture
def platform(directory: Path) -> Iterator[RunningPlatform]:
    running = started(directory, 60)
    yield running
    assert running.stop() == 0


@pytest.fixture
def patient_platform(directory: Path) -> Iterator[RunningPlatform]:
    running = started(directory, 45)
    yield running
    assert running.stop() == 0


@pytest.mark.slow
async def test_a_few_kills_of_workers_lose_no_task_and_no_credit(platform: RunningPlatform) -> None:
    await survive(platform, tasks=200, kills=4, pause_s=1.5, deadline_s=60)


@pytest.mark.prove
async def test_two_thousand_tasks_and_twenty_kills(patient_platform: RunningPlatform) -> None:
    await survive(patient_platform, tasks=2000, kills=20, pause_s=4.0, deadline_s=45)


async def survive(
    platform: RunningPlatform, *, tasks: int, kills: int, pause_s: float, deadline_s: int
) -> None:
    seed = int(os.environ.get("PROVE_SEED") or random.SystemRandom().randrange(10**9))
    print(f"PROVE_SEED={seed} repeats these {tasks} tasks and {kills} kills")
    chance = random.Random(seed)
    tenants = [await asyncio.to_thread(platform.new_tenant, credits="1000000") for _ in range(2)]
    before = {tenant.account_id: books.balance(platform, tenant).available for tenant in tenants}
    fates = [fate(chance) for _ in range(tasks)]
    opening = asyncio.create_task(open_all(platform, tenants, fates, over_s=kills * pause_s * 0.8))
    workers = [more_work(platform) for _ in range(2)]
    try:
        for number in range(kills):
            await asyncio.sleep(pause_s * (0.5 + chance.random()))
            # Every third is the one that `serve` runs and starts again itself.
            if number % 3 == 0:
                await kill_a_worker(platform)
            else:
                workers[number % 2].kill()
                workers[number % 2].wait()
                workers[number % 2] = more_work(platform)
        await opening
        await all_ended(platform, tasks, deadline_s)
    finally:
        for worker in workers:
            worker.terminate()
        assert [worker.wait(timeout=120) for worker in workers] == [0, 0]
    judge(platform, tenants, before, fates)


def more_work(platform: RunningPlatform) -> "subprocess.Popen[bytes]":
    """One more worker beside the platform's own, as on another machine."""
    with platform.log.open("a") as log:
        return subprocess.Popen(
            [sys.executable, "manage.py", "work"],
            cwd=ROOT,
            env=platform._environment(),
            stdout=log,
            stderr=log,
        )


def fate(chance: random.Random) -> str:
    """10 % fail, 5 % never end; some webhooks come twice, forged or not at all."""
    task = chance.choices(["task_s=1", "task=fail;task_s=1", "task=stuck"], [85, 10, 5])[0]
    webhook = chance.choices(
        ["", ";webhook=duplicate", ";webhook=forged", ";webhook=none"], [60, 15, 10, 15]
    )[0]
    return f"{task.replace('task_s=1', f'task_s={chance.uniform(0.2, 4):.2f}')}{webhook}"


async def open_all(platform: RunningPlatform, tenants: list[Tenant], fates: list[str], over_s: float) -> None:
    numbers = iter(range(len(fates)))
    pause_s = over_s * LANES / len(fates)

    async def lane(client: load.Client) -> None:
        for number in numbers:
            path, body, field = KINDS[number % len(KINDS)]
            asked = {**body, field: f"task mark-{number}-end [[sbx:{fates[number]}]]"}
            async with client.post(path, json=asked, headers=tenants[number % 2].headers) as answer:
                assert answer.status == 200, await answer.text()
            await asyncio.sleep(pause_s)

    async with load.session(platform) as client:
        await asyncio.gather(*[lane(client) for _ in range(LANES)])


async def kill_a_worker(platform: RunningPlatform) -> None:
    give_up_at = time.monotonic() + 120
    while not (found := platform.process_ids("manage.py work")):
        assert time.monotonic() < give_up_at, "no worker is running"
        await asyncio.sleep(0.1)
    os.kill(found[0], signal.SIGKILL)


async def all_ended(platform: RunningPlatform, tasks: int, deadline_s: int) -> None:
    give_up_at = time.monotonic() + deadline_s + LATE_S + 120
    while True:
        [(ended, known)] = books.rows(platform, "SELECT count(ended_at), count(*) FROM gateway_task")
        if ended == tasks == known:
            return
        assert time.monotonic() < give_up_at, f"{known - ended} of {known} tasks have not ended"
        await asyncio.sleep(0.5)


def judge(platform: RunningPlatform, tenants: list[Tenant], before: dict[str, int], fates: list[str]) -> None:
    platform.assert_books_agree()
    assert books.held_by_anyone(platform) == 0
    rows = books.rows(
        platform,
        "SELECT t.request ->> 'prompt', t.request ->> 'gpt_description_prompt', t.state, t.consumed_microcredits,"
        " t.error_message, extract(epoch FROM t.ended_at - t.deadline_at)::float, t.upstream,"
        " array_agg(e.outcome), sum(e.cost_microcredits), sum(e.hold_microcredits),"
        " (SELECT count(*) FROM gateway_task_event v WHERE v.account_id = t.account_id AND v.task_id = t.id)"
        " FROM gateway_task t LEFT JOIN usage_event e ON e.account_id = t.account_id AND e.request_id = t.request_uuid"
        " GROUP BY t.account_id, t.id",
    )
    assert len(rows) == len(fates)
    submissions = submitted(platform)
    ends: Counter[str] = Counter()
    late: list[float] = []
    for prompt, song, state, consumed, message, late_s, upstream, outcomes, cost, hold, events in rows:
        number = int((prompt or song).split("mark-")[1].split("-")[0])
        assert events == 1, number
        late.append(late_s)
        assert submissions[number] <= 1, (
            f"task {number} was submitted {submissions[number]} times to {upstream}"
        )
        lost = state == "failed" and "could not be confirmed" in message
        ends["lost" if lost else state] += 1
        expected = wanted_end(fates[number])
        # A worker killed while a submission was under way cannot know; a deadline may come first.
        assert state == expected or lost or state == "timed_out", (number, fates[number], state, message)
        assert outcomes == [state], number
        assert consumed == cost == (hold if state == "succeeded" else 0), number
    for tenant in tenants:
        spent = before[tenant.account_id] - books.balance(platform, tenant).available
        assert spent == sum_of_captures(platform, tenant)
    stuck = sum("stuck" in fate for fate in fates)
    print(
        f"ends: {dict(ends)}; {stuck} were stuck; {len(submissions)} submitted; {max(late):.1f} s late at most"
    )
    assert max(late) < LATE_S
    assert ends["succeeded"] > 0.6 * len(fates)


def wanted_end(told: str) -> str:
    if "stuck" in told:
        return "timed_out"
    return "failed" if "task=fail" in told else "succeeded"


def submitted(platform: RunningPlatform) -> Counter[int]:
    """How often each task reached an upstream, by the sandbox's journal."""
    answer = httpx.get(
        f"{platform.sandbox_url}/__sandbox/journal",
        params={"contains": "task mark-", "limit": 100_000},
        trust_env=False,
        timeout=60,
    )
    bodies = [entry["body"] for entry in answer.json()["entries"] if entry["method"] == "POST"]
    return Counter(int(body.split("task mark-")[1].split("-")[0]) for body in bodies)


def sum_of_captures(platform: RunningPlatform, tenant: Tenant) -> int:
    [(total,)] = books.rows(
        platform,
        "SELECT coalesce(-sum(l.amount_microcredits), 0) FROM usage_ledger_entry l JOIN accounts_account a"
        " ON a.id = l.account_id WHERE a.public_id = %s AND l.kind = 'capture'",
        tenant.account_id,
    )
    return int(total)
