"""Asynchronous generation: 10,000 tasks in flight on one worker, and a million to read among."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.children import Child
from benchmarks.process_stats import cpu_seconds, tree_cpu_seconds
from benchmarks.table import Row, at_most

if TYPE_CHECKING:
    from benchmarks.measurements import Bench

# The longest pause between two polls is 15 s, so by then every task has been asked about at least once.
SETTLE_S = 60.0
PATIENCE_S = 300.0


def tasks(bench: "Bench") -> Iterator[Row]:
    """One worker's polls: how many a second, how regular, and at what cost to it and to the database."""
    from benchmarks.measurements import say

    effort = bench.effort
    upstream = bench.task_upstream
    with ExitStack() as stack:
        environment = {**bench.platform.environment, "AIO_DATABASE_AS_OWNER": "1"}
        books = Child("task_books", log_dir=bench.platform.directory, environment=environment)
        stack.callback(books.stop)
        books.hear()
        worker, postmaster = bench.platform.task_worker(), bench.platform.roots()[1]
        began = time.monotonic()
        opened = books.ask({"kind": "open", "tasks": effort.tasks})
        running_s = _wait_for(books, "running", effort.tasks, began)
        say(f"{effort.tasks:,} tasks: opened at {opened['rate']:,.0f}/s, all running after {running_s:.1f} s")
        yield Row("tasks opened, one gateway process: tasks/s", opened["rate"])
        yield Row("tasks submitted by one worker: tasks/s", effort.tasks / running_s)

        time.sleep(effort.task_settle_s)
        upstream.ask({"kind": "stats"})
        before = time.monotonic(), cpu_seconds(worker), tree_cpu_seconds((postmaster,))
        time.sleep(effort.task_seconds)
        stats = upstream.ask({"kind": "stats"})
        took, cpu, database = (
            after - then
            for after, then in zip(
                (time.monotonic(), cpu_seconds(worker), tree_cpu_seconds((postmaster,))), before, strict=True
            )
        )
        polls = max(stats["polls"], 1)
        gap = max(stats["gap_max_s"], stats["waiting_max_s"])
        say(f"{stats['polls'] / took:,.0f} polls/s; gaps of {stats['gap_p50_s']:.1f} s, at most {gap:.1f} s")
        name = f"{effort.tasks:,} tasks in flight"
        yield Row(f"{name}: polls/s", stats["polls"] / took)
        yield Row(f"{name}: gap between polls, p50 s", stats["gap_p50_s"])
        # 15 s and a fifth of jitter, twice.
        yield Row(f"{name}: longest gap between polls, s", gap, target=at_most(36))
        yield Row(f"{name}: worker CPU µs a poll", cpu / polls * 1e6)
        yield Row(f"{name}: database CPU µs a poll", database / polls * 1e6)

        began = time.monotonic()
        upstream.ask({"kind": "finish"})
        _wait_for(books, "succeeded", effort.tasks, began)
        # The last are found after the longest pause; the time beside that is what they queue for.
        yield Row(f"{name}: until all have ended once their upstream says so, s", time.monotonic() - began)

        say(f"reading among {effort.old_tasks:,} tasks")
        for what, ms in books.ask({"kind": "fill", "rows": effort.old_tasks}).items():
            yield Row(f"{effort.old_tasks:,} tasks, read {what}: slowest of 27, ms", ms, target=at_most(50))


def _wait_for(books: Child, state: str, count: int, began: float) -> float:
    """Until so many tasks are in that state; the seconds since `began`."""
    while (found := books.ask({"kind": "counts"}).get(state, 0)) < count:
        if time.monotonic() - began > PATIENCE_S:
            raise TimeoutError(f"{found} of {count} tasks are {state}")
        time.sleep(0.5)
    return time.monotonic() - began
