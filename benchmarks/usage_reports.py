"""Months of usage, and how fast every report and every member's page answers while calls are being written."""

import math
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.children import ROOT, Child, ChildFailed
from benchmarks.served_platform import RATE
from benchmarks.table import Row, at_least, below

if TYPE_CHECKING:
    from benchmarks.measurements import Bench

DAYS = 90
ACCOUNTS = 1000
CALLS_PER_S = 500
ACCOUNT = "bench-reports"
SUMS_SETTLE_S = 30.0
LIMIT_MS = 300


def usage_reports(bench: "Bench") -> Iterator[Row]:
    """Generate, write 500 calls a second beside, and look at everything again and again."""
    from benchmarks.measurements import say

    effort = bench.effort
    began = time.monotonic()
    _generate(bench, effort.report_events)
    took = time.monotonic() - began
    say(f"{effort.report_events:,} calls of {DAYS} days generated and summed in {took:.0f} s")
    yield Row("demo calls generated and summed: calls/s", effort.report_events / took)
    with ExitStack() as stack:
        key = _key(bench)
        environment = bench.platform.environment
        writer = Child(
            "paced_calls",
            key,
            RATE,
            str(CALLS_PER_S),
            log_dir=bench.platform.directory,
            environment=environment,
        )
        stack.callback(writer.stop)
        pages = Child("usage_pages", log_dir=bench.platform.directory, environment=environment)
        stack.callback(pages.stop)
        pages.ask({"rounds": 1})
        time.sleep(SUMS_SETTLE_S if effort.report_rounds > 3 else 5.0)
        before, since = writer.ask({})["written"], time.monotonic()
        taken: dict[str, list[float]] = {}
        for number in range(effort.report_rounds):
            for name, times in pages.ask({"rounds": 1})["taken_ms"].items():
                taken.setdefault(name, []).extend(times)
            say(f"pages and reports: round {number + 1} of {effort.report_rounds}")
        written = writer.ask({})["written"] - before
        rate = written / (time.monotonic() - since)
    size = f"{effort.report_events:,} calls"
    yield Row(f"{size}: calls written beside, calls/s", rate, target=at_least(CALLS_PER_S * 0.95))
    for name, times in taken.items():
        yield Row(
            f"{size}: {name}, p95 ms", _p95(times), target=below(LIMIT_MS), spread=(min(times), max(times))
        )


def _generate(bench: "Bench", events: int) -> None:
    """Its progress goes to the terminal; it is the owner's to do."""
    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / "manage.py"),
            "generate_usage",
            f"--accounts={min(ACCOUNTS, max(events // 200, 10))}",
            f"--days={DAYS}",
            f"--events={events}",
        ],
        cwd=ROOT,
        env=bench.platform.environment | {"AIO_DATABASE_AS_OWNER": "1"},
        stdout=subprocess.DEVNULL,
    )
    if done.returncode:
        raise ChildFailed("generate_usage failed; what it said is above")


def _key(bench: "Bench") -> str:
    code, made = bench.platform.manage(
        "create_account", ACCOUNT, "--plan", "unlimited", "--credits", "1000000"
    )
    if code == 0:
        code, made = bench.platform.manage("issue_key", ACCOUNT)
    if code:
        raise ChildFailed(f"no account: {made}")
    key: str = made["key"]
    return key


def _p95(times: list[float]) -> float:
    return sorted(times)[math.ceil(0.95 * len(times)) - 1]
