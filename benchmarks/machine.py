"""A line or two about the machine, without which figures mean nothing."""

import os
import platform
from pathlib import Path


def describe(data_dir: Path, postgresql: str) -> dict[str, str]:
    """CPU, cores, kernel, Python, PostgreSQL, and the file system that the database's fsync goes to."""
    return {
        "cpu": _cpu_model(),
        "cores": str(len(os.sched_getaffinity(0))),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "postgresql": postgresql,
        "file_system": _file_system(data_dir),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(path: Path) -> str:
    """The type of the mount that holds `path`: on a tmpfs an fsync costs nothing, and that must be seen."""
    best, found = "", "unknown"
    resolved = str(path.resolve())
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, kind, *_ = line.split()
        inside = resolved == mount or resolved.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, found = mount, kind
    return found
