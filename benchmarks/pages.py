"""Each page of the dashboard, as a member of an account with 100,000 calls in the last month gets it."""

import http.client
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from benchmarks.children import Child, ChildFailed
from benchmarks.process_stats import tree_cpu_seconds
from benchmarks.table import Row, below

if TYPE_CHECKING:
    from benchmarks.measurements import Bench

TARGET_MS = 150
WARM_UPS = 2
# A page a line; what an account has of its own is filled in.
PAGES = (
    "/overview",
    "/overview?period=24h",
    "/overview?period=30d",
    "/usage",
    "/usage?period=24h&group_by=key",
    "/usage?period=30d&group_by=endpoint&measure=p95",
    "/usage?period=90d&group_by=member&interval=day",
    "/usage?period=12mo&group_by=outcome&measure=calls",
    "/usage?period=7d&interval=hour",
    "/usage?period=7d&interval=hour&measure=p95",
    "/usage?period=7d&key={key_id}",
    "/usage/calls",
    "/usage/calls?outcome=failed&slower_than=1",
    "/usage/calls?cost_over=100&period=90d",
    "/usage/calls/{request_id}",
    "/credits",
    "/credits?period=7d",
    "/keys",
    "/tasks",
    "/workbench",
    "/docs",
    "/team",
    "/settings",
)


def pages(bench: "Bench") -> Iterator[Row]:
    """How long the server takes for a page, asked for one at a time by somebody who is signed in."""
    environment = {**bench.platform.environment, "AIO_DATABASE_AS_OWNER": "1"}
    _say(f"filling the books with {bench.effort.page_events:,} calls")
    books = Child(
        "page_books",
        str(bench.effort.page_events),
        log_dir=bench.platform.directory,
        environment=environment,
    )
    try:
        made = books.hear()
    finally:
        books.stop()
    connection = http.client.HTTPConnection("127.0.0.1", bench.platform.port, timeout=60)
    for page in PAGES:
        path = page.format(**made)
        used = tree_cpu_seconds(bench.platform.roots())
        samples = sorted(_time_page(connection, path, made["cookie"], bench.effort.page_looks))
        # What it costs whoever else is busy; the worker's and the database's together, warm-ups included.
        cpu_ms = (tree_cpu_seconds(bench.platform.roots()) - used) * 1000 / (WARM_UPS + len(samples))
        p50, p95 = samples[len(samples) // 2], samples[int(len(samples) * 0.95)]
        _say(f"{page}: p50 {p50:.0f} ms, p95 {p95:.0f} ms, CPU {cpu_ms:.0f} ms")
        yield Row(f"page {page}: p95 ms", p95, target=below(TARGET_MS), spread=(samples[0], samples[-1]))
    connection.close()


def _time_page(connection: http.client.HTTPConnection, path: str, cookie: str, looks: int) -> list[float]:
    """The milliseconds of each look, from the question to the last byte."""
    samples = []
    for _ in range(WARM_UPS + looks):
        started = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        samples.append((time.perf_counter() - started) * 1000)
        if answer.status != 200:
            raise ChildFailed(f"{path} was answered with {answer.status}")
    return samples[WARM_UPS:]


def _say(text: Any) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)
