"""A line on a terminal that says how far a long command is."""

import time
from typing import Any

EVERY_S = 1.0


class ProgressLine:
    """Rewritten in place on a terminal, a line now and then elsewhere; nothing at all where `quiet`."""

    def __init__(self, out: Any, unit: str, *, quiet: bool = False) -> None:
        self._out = out
        self._unit = unit
        self._quiet = quiet
        self._in_place = bool(getattr(out, "isatty", lambda: False)())
        self._started_at = time.monotonic()
        self._shown_at = 0.0

    def show(self, done: int, of_about: int) -> None:
        """Say how many are done, at most once a second."""
        now = time.monotonic()
        if self._quiet or now - self._shown_at < (EVERY_S if self._in_place else EVERY_S * 10):
            return
        self._shown_at = now
        rate = done / max(now - self._started_at, 1e-9)
        share = f" ({min(done / of_about, 1):.0%})" if of_about else ""
        text = f"{done:,} of about {of_about:,} {self._unit}{share}, {rate:,.0f}/s"
        self._out.write(f"\r{text}" if self._in_place else text, ending="" if self._in_place else "\n")
        self._out.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._in_place and self._shown_at:
            self._out.write("")
