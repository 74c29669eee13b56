"""What the kernel says of a process: CPU seconds and memory. Linux only, as are the benchmarks' targets."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time that the process has used until now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def tree_cpu_seconds(roots: Sequence[int]) -> float:
    """The same for whole families: the roots, all that descends from them, and what of that has ended."""
    children: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            fields = (directory / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # gone meanwhile; its parent has its time now
        pid = int(directory.name)
        children.setdefault(int(fields[1]), []).append(pid)
        used[pid] = sum(int(ticks) for ticks in fields[11:15]) / _TICKS_PER_S
    total, waiting = 0.0, list(roots)
    while waiting:
        pid = waiting.pop()
        total += used.get(pid, 0.0)
        waiting += children.get(pid, [])
    return total


class OtherLoad:
    """How busy everybody else kept the machine since this was made: what a figure must be read with."""

    def __init__(self, ours: Sequence[int]) -> None:
        self._ours = ours
        self._began = time.monotonic()
        self._used = self._used_by_others()

    def cores(self) -> float:
        """Cores taken by others, on average."""
        return (self._used_by_others() - self._used) / (time.monotonic() - self._began)

    def _used_by_others(self) -> float:
        user, nice, system, _, _, *interrupts = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        busy = sum(int(ticks) for ticks in (user, nice, system, *interrupts)) / _TICKS_PER_S
        return busy - tree_cpu_seconds(self._ours)


def rss_mb(pid: int) -> float:
    """Resident memory now, in units of 1,000,000 bytes."""
    return _status_mb(pid, "VmRSS")


def peak_rss_mb(pid: int) -> float:
    """The most resident memory since the start or the last `forget_peak`."""
    return _status_mb(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    """Let the peak begin anew at what is resident now."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        pass  # not ours to write in some containers; the peak is then that of the whole run, never too small


def _status_mb(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"/proc/{pid}/status has no {name}")
