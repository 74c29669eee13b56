"""What is measured, and how: the platform and the bare relay take turns, and only what stood side by side is compared.

The machine is shared and noisy, so a ratio is taken within each round, and the median of the rounds is shown.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.children import Child
from benchmarks.pages import pages
from benchmarks.process_stats import cpu_seconds, forget_peak, peak_rss_mb, rss_mb, tree_cpu_seconds
from benchmarks.served_platform import ServedPlatform
from benchmarks.table import Row, at_least, at_most, below
from benchmarks.tasks import tasks
from benchmarks.usage_reports import usage_reports

CHAT_PATH = "/v1/chat/completions"
STREAMS_IN_FLIGHT = 500
STREAMS_HELD = 1000
CHUNKS = 50
# As fast as a model that writes 50 tokens a second.
GAP_MS = 20
PAIRS_IN_FLIGHT = (1, 32, 128, 512)


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to look."""

    rounds: int
    seconds: float
    stream_rounds: int
    held_gap_ms: int
    tasks: int
    task_settle_s: float
    task_seconds: float
    old_tasks: int
    page_events: int
    page_looks: int
    report_events: int
    report_rounds: int


FULL = Effort(
    rounds=5,
    seconds=3.0,
    stream_rounds=5,
    held_gap_ms=200,
    tasks=10_000,
    task_settle_s=100.0,  # tasks that have run for so long are polled every 15 s
    task_seconds=60.0,
    old_tasks=1_000_000,
    report_events=20_000_000,
    report_rounds=10,
    page_events=100_000,
    page_looks=60,
)
QUICK = Effort(
    rounds=3,
    seconds=1.0,
    stream_rounds=2,
    held_gap_ms=100,
    tasks=2_000,
    task_settle_s=5.0,
    task_seconds=10.0,
    old_tasks=50_000,
    report_events=100_000,
    report_rounds=3,
    page_events=100_000,
    page_looks=20,
)


@dataclass(slots=True)
class Side:
    """One of the two that take turns: the process that does the work, all that belong to it, how to call it."""

    name: str
    pid: int
    roots: tuple[int, ...]
    port: int
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Turn:
    """What the client measured, and the CPU that each answer took: of the worker, and of all on its side."""

    client: dict[str, Any]
    cpu_us: float
    side_cpu_us: float


@dataclass(slots=True)
class Bench:
    """A run: its processes, and what they did wrong. `billed` counts the answers that must be in the books."""

    platform: ServedPlatform
    relay: Child
    relay_port: int
    client: Child
    ledger: Child
    task_upstream: Child
    effort: Effort
    billed: int = 0
    errors: int = 0
    shown_errors: list[str] = field(default_factory=list)

    def sides(self) -> tuple[Side, Side]:
        """The platform and the relay."""
        platform = Side(
            "platform",
            self.platform.worker_pid,
            self.platform.roots(),
            self.platform.port,
            {"authorization": f"Bearer {self.platform.key}"},
        )
        return platform, Side("relay", self.relay.pid, (self.relay.pid,), self.relay_port, {})

    def turn(self, side: Side, job: dict[str, Any]) -> Turn:
        """Let the client do a job on one side."""
        before, side_before = cpu_seconds(side.pid), tree_cpu_seconds(side.roots)
        answer = self.client.ask(_addressed(side, job))
        self.count(side, answer)
        used, side_used = cpu_seconds(side.pid) - before, tree_cpu_seconds(side.roots) - side_before
        per_answer = 1e6 / max(answer["answered"], 1)
        return Turn(answer, used * per_answer, side_used * per_answer)

    def count(self, side: Side, answer: dict[str, Any]) -> None:
        """Remember a job's errors, and what it will cost."""
        if side.name == "platform":
            self.billed += answer["answered"]
        self.errors += answer["errors"]
        self.shown_errors += [f"{side.name}: {text}" for text in answer["shown_errors"]]

    def rounds(self, job: dict[str, Any], count: int) -> Iterator[tuple[Turn, Turn]]:
        """Both sides in turn, the other one first each time; gives (platform, relay)."""
        platform, relay = self.sides()
        for number in range(count):
            first, second = (platform, relay) if number % 2 == 0 else (relay, platform)
            turns = {first.name: self.turn(first, job), second.name: self.turn(second, job)}
            yield turns["platform"], turns["relay"]

    def warm_up(self) -> None:
        """Neither side pays in the first round for what it does only once."""
        for side in self.sides():
            self.turn(side, {"kind": "calls", "in_flight": 32, "seconds": self.effort.seconds / 2})


def _addressed(side: Side, job: dict[str, Any]) -> dict[str, Any]:
    return {**job, "port": side.port, "path": CHAT_PATH, "headers": side.headers}


def say(text: str) -> None:
    """Progress, for people."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def chat_throughput(bench: Bench) -> Iterator[Row]:
    """Metered calls against bare ones, with so many in flight that the worker is never idle."""
    for in_flight in (32, 64, 128, 256):
        job = {"kind": "calls", "in_flight": in_flight, "seconds": bench.effort.seconds}
        rounds = []
        for pair in bench.rounds(job, bench.effort.rounds):
            rounds.append(pair)
            say(f"chat, {in_flight} in flight: {_shown(pair)}")
        name = f"chat, {in_flight} in flight"
        yield _compared(f"{name}: calls/s", rounds, _client("rate"), at_least(0.5))
        yield _compared(f"{name}: p50 ms", rounds, _client("p50_ms"))
        yield _compared(f"{name}: p99 ms", rounds, _client("p99_ms"))
        yield _compared(f"{name}: worker CPU µs a call", rounds, lambda turn: turn.cpu_us)
        yield _compared(f"{name}: CPU µs a call with database", rounds, lambda turn: turn.side_cpu_us)


def added_latency(bench: Bench) -> Iterator[Row]:
    """What a lone call waits for us, the two durable commits included."""
    job = {"kind": "calls", "in_flight": 1, "seconds": bench.effort.seconds * 2 / 3}
    rounds = list(bench.rounds(job, bench.effort.rounds))
    for name, target in (("p50_ms", at_most(2)), ("p99_ms", None)):
        ours = [turn.client[name] for turn, _ in rounds]
        bare = [turn.client[name] for _, turn in rounds]
        added = [a - b for a, b in zip(ours, bare, strict=True)]
        say(f"added latency, 1 in flight, {name}: {median(added):.2f}")
        yield Row(
            f"chat, 1 in flight: {name[:3]} ms, added",
            median(added),
            platform=median(ours),
            relay=median(bare),
            target=target,
            spread=(min(added), max(added)),
        )


def ledger_pairs(bench: Bench) -> Iterator[Row]:
    """Hold and settle, on one account, by one process: what the books can take."""
    for in_flight in PAIRS_IN_FLIGHT:
        job = {"kind": "pairs", "in_flight": in_flight, "seconds": bench.effort.seconds / 2}
        answers = [bench.ledger.ask(job) for _ in range(3 if bench.effort is FULL else 2)]
        bench.billed += sum(answer["answered"] for answer in answers)
        rates = [answer["rate"] for answer in answers]
        say(f"hold+settle, {in_flight} in flight: {median(rates):,.0f} pairs/s")
        yield Row(
            f"hold+settle on one account, {in_flight} in flight: pairs/s",
            median(rates),
            target=at_least(12_000) if in_flight == 128 else None,
            spread=(min(rates), max(rates)),
        )


def streams(bench: Bench) -> Iterator[Row]:
    """Waves of streams that all begin at once."""
    sides = bench.sides()
    for side in sides:
        forget_peak(side.pid)
    for gap_ms in (GAP_MS, 0):
        job = {"kind": "streams", "in_flight": STREAMS_IN_FLIGHT, "chunks": CHUNKS, "gap_ms": gap_ms}
        rounds = []
        for pair in bench.rounds(job, bench.effort.stream_rounds):
            rounds.append(pair)
            say(f"streams, {gap_ms} ms between chunks: {_shown(pair)}")
        # The one with a model's pace is what the target means; without a pause only the CPU is measured.
        paced = gap_ms == GAP_MS
        name = f"{STREAMS_IN_FLIGHT} streams × {CHUNKS} chunks, {gap_ms} ms apart"
        yield _compared(f"{name}: streams/s", rounds, _client("rate"), at_least(0.8) if paced else None)
        yield _compared(
            f"{name}: first byte p99 ms", rounds, _client("first_byte_p99_ms"), at_most(2) if paced else None
        )
        yield _compared(f"{name}: worker CPU µs a stream", rounds, lambda turn: turn.cpu_us)
    peaks = [peak_rss_mb(side.pid) for side in sides]
    yield Row(
        f"{STREAMS_IN_FLIGHT} streams: peak RSS of the worker, MB",
        peaks[0] / peaks[1],
        "×",
        peaks[0],
        peaks[1],
    )


def held_streams(bench: Bench) -> Iterator[Row]:
    """So many streams open at the same moment: what each keeps in memory."""
    job = {
        "kind": "held_streams",
        "in_flight": STREAMS_HELD,
        "chunks": CHUNKS,
        "gap_ms": bench.effort.held_gap_ms,
    }
    seen: dict[str, float] = {}
    opened: dict[str, int] = {}
    for side in bench.sides():
        bench.client.tell(_addressed(side, job))
        opened[side.name] = bench.client.hear()["open"]
        samples = []
        # Half of the streams' length: they are all open then, and stay so.
        for _ in range(10):
            time.sleep(CHUNKS * bench.effort.held_gap_ms / 1000 / 2 / 10)
            samples.append(rss_mb(side.pid))
        seen[side.name] = max(samples)
        bench.count(side, bench.client.hear())
        say(f"{opened[side.name]:,} streams open at {side.name}: {seen[side.name]:.0f} MB")
    yield Row(
        f"open streams held at once (of {STREAMS_HELD:,} asked for)",
        opened["platform"],
        platform=opened["platform"],
        relay=opened["relay"],
        target=at_least(STREAMS_HELD),
    )
    yield Row(
        f"{STREAMS_HELD:,} open streams: RSS of the worker, MB",
        seen["platform"],
        "MB",
        seen["platform"],
        seen["relay"],
        below(300),
    )


def _shown(pair: tuple[Turn, Turn]) -> str:
    ours, bare = (turn.client["rate"] for turn in pair)
    return f"{ours:,.0f} / {bare:,.0f} = {_ratio(ours, bare):.2f}"


def _ratio(ours: float, bare: float) -> float:
    return ours / bare if bare else 0.0


def _client(name: str) -> Callable[[Turn], float]:
    return lambda turn: turn.client[name]


def _compared(
    metric: str, rounds: list[tuple[Turn, Turn]], value: Callable[[Turn], float], target: Any = None
) -> Row:
    """A row whose result is the median of the rounds' own ratios."""
    ours = [value(turn) for turn, _ in rounds]
    bare = [value(turn) for _, turn in rounds]
    ratios = [_ratio(a, b) for a, b in zip(ours, bare, strict=True)]
    return Row(
        metric,
        median(ratios),
        "×",
        platform=median(ours),
        relay=median(bare),
        target=target,
        spread=(min(ratios), max(ratios)),
    )


MEASUREMENTS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "chat": chat_throughput,
    "latency": added_latency,
    "ledger": ledger_pairs,
    "streams": streams,
    "held": held_streams,
    "tasks": tasks,
    "pages": pages,
    "reports": usage_reports,
}
