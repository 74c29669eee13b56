"""The tasks' clock: real time unless a test stops it, and a test may move it forward either way."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Seconds since the epoch, as tasks see them."""

    def __init__(self, mode: str = "real") -> None:
        self._first_mode = mode
        self._offset_s = 0.0
        self._stopped_at: float | None = None
        self._listeners: list[Callable[[], None]] = []
        self.set_mode(mode)

    @property
    def mode(self) -> str:
        """`virtual` while stopped, else `real`."""
        return "real" if self._stopped_at is None else "virtual"

    def now(self) -> float:
        """The time for tasks."""
        return (time.time() if self._stopped_at is None else self._stopped_at) + self._offset_s

    def set_mode(self, mode: str) -> None:
        """`virtual` stops the clock where it stands; `real` lets it run on from there."""
        if mode == self.mode:
            return
        if mode == "virtual":
            self._stopped_at = time.time()
        elif self._stopped_at is not None:
            # Time never runs backwards, but it does not jump over the pause either.
            self._offset_s -= time.time() - self._stopped_at
            self._stopped_at = None
        self._tell()

    def advance(self, seconds: float) -> None:
        """Move forward."""
        self._offset_s += seconds
        self._tell()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever the clock was moved, stopped or let run: whoever waits must look again."""
        self._listeners.append(listener)

    def reset(self) -> None:
        """As it was when the process started."""
        self._offset_s = 0.0
        self._stopped_at = None
        self.set_mode(self._first_mode)
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
