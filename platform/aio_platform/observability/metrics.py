"""Counts and distributions cheap enough for every call, and whole over all processes of a node.

prometheus-client's values for several processes cost 1.4 µs an increment and 3 µs an observation, and a call has
ten. Here a value is a double in a file that its process has mapped: 0.1 µs. Nothing is written out by the clock, so
a scrape sees every count at once, and what a killed process had counted stays counted.

Labels come from bounded sets alone: endpoints, outcomes, codes, upstreams. Never models, keys or accounts.
"""

import mmap
import os
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import orjson
import structlog

log = structlog.get_logger(__name__)
# prometheus-client's own variable: its values for several processes live in the same directory.
DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
DOUBLE_BYTES = 8
CHUNK_BYTES = 4 * mmap.ALLOCATIONGRANULARITY
SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120)
ITEMS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
Labels = tuple[str, ...]
Doubles: TypeAlias = "memoryview[float]"


class Reading(NamedTuple):
    """What one process has counted under one name and one set of labels."""

    name: str
    labels: Labels
    values: Sequence[float]


class Shelf:
    """One process's values: in a file of the node's directory, or in memory where there is none.

    A full or missing disk costs metrics, never calls: the values are then kept in memory, unseen by others.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self.begin()

    def begin(self) -> None:
        """Begin with nothing, under a name of this process's own: what a fork finds here is its parent's."""
        self._stem = f"{os.getpid()}-{time.time_ns()}"
        self._lock = threading.Lock()
        self._free: Doubles = memoryview(b"").cast("d")
        self._free_at = 0
        self._chunks = 0
        self._shares = self._directory is not None
        self._in_memory: list[tuple[str, Labels, Doubles]] = []

    def take(self, name: str, labels: Labels, size: int) -> Doubles:
        """So many doubles, all zero, that are this name's and these labels' until the process ends."""
        with self._lock:
            if len(self._free) < size:
                self._free_at = self._chunks * CHUNK_BYTES // DOUBLE_BYTES
                self._free = self._new_chunk()
            taken, self._free = self._free[:size], self._free[size:]
            place = {"name": name, "labels": labels, "at": self._free_at, "size": size}
            if not (self._shares and self._write_down(place)):
                self._in_memory.append((name, labels, taken))
            self._free_at += size
            return taken

    def readings(self) -> Iterator[Reading]:
        """What all processes of the node have counted, and what this one counts in memory."""
        with self._lock:
            in_memory = list(self._in_memory)
        for name, labels, values in in_memory:
            yield Reading(name, labels, values.tolist())
        if self._directory is not None:
            for names in sorted(self._directory.glob("*.names")):
                yield from _read(names)

    def _new_chunk(self) -> Doubles:
        if self._directory is not None and self._shares:
            try:
                return self._map_chunk(self._directory)
            except OSError as error:
                log.warning("figures of this process are not shared", error=type(error).__name__)
                self._shares = False
        return memoryview(bytearray(CHUNK_BYTES)).cast("d")

    def _map_chunk(self, directory: Path) -> Doubles:
        offset = self._chunks * CHUNK_BYTES
        with (directory / f"{self._stem}.values").open("a+b") as file:
            # Written, not truncated to: a hole that a full disk cannot fill later would kill the process.
            file.write(bytes(CHUNK_BYTES))
            file.flush()
            mapped = mmap.mmap(file.fileno(), CHUNK_BYTES, offset=offset)
        self._chunks += 1
        return memoryview(mapped).cast("d")

    def _write_down(self, place: dict[str, object]) -> bool:
        assert self._directory is not None
        try:
            with (self._directory / f"{self._stem}.names").open("ab", buffering=0) as file:
                file.write(orjson.dumps(place) + b"\n")
        except OSError as error:
            log.warning("a figure of this process is not shared", error=type(error).__name__)
            return False
        return True


def _read(names: Path) -> Iterator[Reading]:
    """One process's file. Names before values: what has a name has its place in the file by then."""
    lines = names.read_bytes().splitlines(keepends=True)
    contents = names.with_suffix(".values").read_bytes()
    values = memoryview(contents)[: len(contents) // DOUBLE_BYTES * DOUBLE_BYTES].cast("d")
    for line in lines:
        if line.endswith(b"\n"):  # else it is being written
            place = orjson.loads(line)
            slots = values[place["at"] : place["at"] + place["size"]]
            yield Reading(place["name"], tuple(place["labels"]), slots.tolist())


def node_directory() -> Path | None:
    """Where the processes of this node keep their values, or None for a process by itself."""
    given = os.environ.get(DIRECTORY_VARIABLE)
    return Path(given) if given else None


SHELF = Shelf(node_directory())
Families = dict[str, "Counts | Distributions"]
FAMILIES: Families = {}


class Count:
    """One value that only grows. Not for two threads at once: see `Counts.add_from_any_thread`."""

    __slots__ = ("_slot",)

    def __init__(self, slot: Doubles) -> None:
        self._slot = slot

    def add(self, amount: float = 1.0) -> None:
        self._slot[0] += amount


class Distribution:
    """How many observations were at most each bound, and their sum. Not for two threads at once."""

    __slots__ = ("_bounds", "_slots")

    def __init__(self, slots: Doubles, bounds: tuple[float, ...]) -> None:
        self._slots = slots
        self._bounds = bounds

    def observe(self, value: float) -> None:
        slots = self._slots
        slots[bisect_left(self._bounds, value)] += 1.0
        slots[-1] += value


class Counts(dict[Labels, Count]):
    """A counter by its labels: `COUNTS["chat", "failed"].add()`. Made once, at import; named `…_total`."""

    def __init__(self, name: str, help: str, *label_names: str) -> None:
        super().__init__()
        self.name, self.help, self.label_names = name, help, label_names
        self._lock = threading.Lock()
        assert name not in FAMILIES
        FAMILIES[name] = self

    def __missing__(self, labels: Labels) -> Count:
        assert len(labels) == len(self.label_names)
        return self.setdefault(labels, Count(SHELF.take(self.name, labels, 1)))

    def add_from_any_thread(self, *labels: str) -> None:
        """Add one, where threads of a process may count the same thing."""
        with self._lock:
            self[labels].add()


class Distributions(dict[Labels, Distribution]):
    """A histogram by its labels: `DISTRIBUTIONS["chat",].observe(0.2)`. Made once, at import."""

    def __init__(self, name: str, help: str, *label_names: str, bounds: tuple[float, ...] = SECONDS) -> None:
        super().__init__()
        self.name, self.help, self.label_names, self.bounds = name, help, label_names, bounds
        FAMILIES[name] = self

    def __missing__(self, labels: Labels) -> Distribution:
        assert len(labels) == len(self.label_names)
        slots = SHELF.take(self.name, labels, len(self.bounds) + 2)
        return self.setdefault(labels, Distribution(slots, self.bounds))


def _begin_in_a_fork() -> None:
    SHELF.begin()
    for family in FAMILIES.values():
        family.clear()


os.register_at_fork(after_in_child=_begin_in_a_fork)

# Every mount's, Django's own pages included; the code is the error's class, so there are as many as classes.
ERRORS_ANSWERED = Counts(
    "aio_errors_answered_total", "Requests answered with an error, by its code and status", "code", "status"
)
