"""Gives memory back to the system once it is not needed any more.

glibc keeps what was freed below the last used byte of its heaps: after a burst a process would stay as large as it
ever was.
"""

import ctypes
import gc
import os
import time
from collections.abc import Callable
from pathlib import Path

# While a process is larger than it was at its smallest it is trimmed again and again, ever less often.
FIRST_PAUSE_S = 5.0
LAST_PAUSE_S = 40.0
# Less is not worth a trim, which stops the process for a millisecond for some ten megabytes.
WORTH_BYTES = 12_000_000
# A process that uses more than this share of a core has callers whom a trim keeps waiting, for some tenths of a second
# with all that it is doing: it is trimmed for much only.
BUSY_SHARE = 0.2
WORTH_WHILE_BUSY_BYTES = 120_000_000
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")


class Memory:
    """Trims this process while it is larger by WORTH_BYTES than it was at its smallest, and has not much to do."""

    def __init__(self) -> None:
        self._trim = _malloc_trim()
        self._smallest_bytes = 0
        self._pause_s = FIRST_PAUSE_S
        self._next_look = 0.0
        self._looked_at = 0.0
        self._used_s = 0.0

    def look(self, now: float) -> None:
        """Trim if it is time and worth it."""
        if self._trim is None or now < self._next_look:
            return
        resident = resident_bytes()
        if not self._smallest_bytes:
            self._smallest_bytes = resident
        worth_bytes = WORTH_WHILE_BUSY_BYTES if self._is_busy(now) else WORTH_BYTES
        if resident > self._smallest_bytes + worth_bytes:
            gc.collect()  # what was there at the start is frozen: this takes milliseconds
            self._trim(0)
            resident = resident_bytes()
            self._next_look = now + self._pause_s
            self._pause_s = min(self._pause_s * 2, LAST_PAUSE_S)
        else:
            self._next_look = now + FIRST_PAUSE_S
            self._pause_s = FIRST_PAUSE_S
        self._smallest_bytes = min(self._smallest_bytes, resident)

    def _is_busy(self, now: float) -> bool:
        """Whether the process used more than BUSY_SHARE of a core since the last look."""
        used_s, elapsed_s = time.process_time() - self._used_s, now - self._looked_at
        self._used_s, self._looked_at = self._used_s + used_s, now
        return used_s > BUSY_SHARE * elapsed_s


def resident_bytes() -> int:
    """How much memory of the machine this process occupies."""
    return int(_STATM.read_text().split()[1]) * _PAGE_BYTES


def _malloc_trim() -> Callable[[int], int] | None:
    """glibc's, or None where the C library has none."""
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return None
    return found if _STATM.exists() else None
