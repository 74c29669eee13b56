"""`make bench`: one table of what metering costs, each figure a ratio or a count of the same run.

    python -m benchmarks [--quick] [--only chat,latency,ledger,streams,held,tasks,pages,reports]
        [--report-events N] [--json FILE]

Exits with 1 when the books disagree, when an answer is missing in them, or when a call went wrong; a figure
that misses its target is marked ✗ and is no error: machines differ.
"""

import argparse
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import orjson

from benchmarks.children import Child, ChildFailed
from benchmarks.machine import describe
from benchmarks.measurements import FULL, MEASUREMENTS, QUICK, Bench, Effort, say
from benchmarks.process_stats import OtherLoad
from benchmarks.served_platform import ACCOUNT, ServedPlatform
from benchmarks.table import Row, Target, render

WANTED_OPEN_FILES = 10_000


def main() -> int:
    """Measure, print, and say by the exit code whether the books agree."""
    options = _options()
    _more_open_files()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    started = time.monotonic()
    directory = Path(tempfile.mkdtemp(prefix="aio-bench-"))
    try:
        with ExitStack() as stack:
            bench, machine = _start(stack, directory, _effort(options))
            others = OtherLoad((os.getpid(), bench.platform.roots()[1]))
            rows: list[Row] = []
            for name in options.only:
                rows += MEASUREMENTS[name](bench)
            machine["cores_taken_by_others"] = f"{others.cores():.2f}"
            rows += _books(bench)
            say("stopping")
    except ChildFailed as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 130
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    say(f"took {time.monotonic() - started:.0f} s")
    print(_described(machine), render(rows), sep="\n\n")
    for text in bench.shown_errors[:20]:
        print(f"error: {text}")
    if options.json is not None:
        written = {"machine": machine, "quick": options.quick, "rows": [row.as_json() for row in rows]}
        options.json.write_bytes(orjson.dumps(written, option=orjson.OPT_INDENT_2) + b"\n")
    # The rows about the books and the errors are the last ones, and the only ones that must be met.
    return 0 if all(row.met for row in rows[-len((ANSWERS, *BOOKS)) :]) else 1


def _options() -> argparse.Namespace:
    def names(text: str) -> list[str]:
        given = text.split(",")
        unknown = set(given) - set(MEASUREMENTS)
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
        return given

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="under a minute, and noisier")
    parser.add_argument(
        "--only", type=names, default=list(MEASUREMENTS), help=f"some of: {','.join(MEASUREMENTS)}"
    )
    parser.add_argument(
        "--report-events",
        type=int,
        metavar="N",
        help="how many calls reports look through, at first 20,000,000: half an hour, and 15 GB of disk",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return parser.parse_args()


def _effort(options: argparse.Namespace) -> Effort:
    effort = QUICK if options.quick else FULL
    return effort if options.report_events is None else replace(effort, report_events=options.report_events)


def _start(stack: ExitStack, directory: Path, effort: Effort) -> tuple[Bench, dict[str, str]]:
    """Start everything; the stack stops it, in the reverse order."""

    def child(name: str, *arguments: str, environment: dict[str, str] | None = None) -> Child:
        started = Child(name, *arguments, log_dir=directory, environment=environment)
        stack.callback(started.stop)
        return started

    say("starting the upstream, the relay and the platform")
    upstream = child("upstream")
    upstream_port = upstream.hear()["port"]
    task_upstream = child("task_upstream")
    task_port = task_upstream.hear()["port"]
    relay = child("relay", f"http://127.0.0.1:{upstream_port}/v1/chat/completions")
    relay_port = relay.hear()["port"]
    client = child("load")
    platform = ServedPlatform(directory, upstream_port, task_port)
    stack.callback(platform.stop)
    ledger = child("ledger_pairs", platform.key, ACCOUNT, environment=platform.environment)
    machine = describe(directory, ledger.hear()["postgresql"])
    bench = Bench(platform, relay, relay_port, client, ledger, task_upstream, effort)
    bench.warm_up()
    return bench, machine


ANSWERS = "answers received in full, and charged"
BOOKS = ("answers that are not in the books", "credits still held", "books that disagree", "errors")


def _books(bench: Bench) -> list[Row]:
    """What has to be nothing: answers that were not charged once, holds left over, disagreements, errors."""
    say("reading the books")
    books = bench.ledger.ask({"kind": "books"})
    code, verdict = bench.platform.manage("reconcile")
    say(f"reconcile: {'books agree' if code == 0 else verdict}")
    amiss = max(len(verdict["disagreements"]), code)
    counts = (
        abs(bench.billed - books["succeeded"]) + books["others"],
        books["held_microcredits"] / 1_000_000,
        amiss,
        bench.errors,
    )
    nothing = Target("0", lambda value: value == 0)
    # Where nothing was answered, nothing can be amiss.
    something = Target("> 0", lambda value: value > 0)
    rows = [Row(name, count, target=nothing) for name, count in zip(BOOKS, counts, strict=True)]
    charged = Row(ANSWERS, bench.billed, platform=books["succeeded"], target=something)
    return [charged, *rows]


def _described(machine: dict[str, Any]) -> str:
    return (
        f"{machine['cpu']}, {machine['cores']} cores · {machine['kernel']} · {machine['python']}\n"
        f"PostgreSQL {machine['postgresql']} on {machine['file_system']} · client, upstream, worker and database "
        f"share the cores; others took {machine['cores_taken_by_others']} of them meanwhile"
    )


def _more_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_OPEN_FILES if hard == resource.RLIM_INFINITY else min(WANTED_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _stop(number: int, frame: FrameType | None) -> None:
    for again in (signal.SIGINT, signal.SIGTERM):
        signal.signal(again, signal.SIG_IGN)  # what is being cleaned up is cleaned up to its end
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
