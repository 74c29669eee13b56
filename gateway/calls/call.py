"""One call and its state, from its arrival to its end."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from gateway.catalog.routes import Route
from usage.ledger.calls import Credentials, Verdict
from usage.ledger.client import SETTLE_PATIENCE_S
from usage.ledger.units import Units


@dataclass(slots=True)
class Call:
    """One call from its arrival to its end; `routes` are tried in order until one gives a first byte."""

    request_uuid: str
    arrived: float
    caller: Credentials
    endpoint: str
    routes: tuple[Route, ...]
    ceiling: Units
    time_limit_s: float
    streamed: bool = False
    may_stream: bool = False
    path: str = ""  # its mount says how an error within a stream is written
    # Called when its end is decided: a client that leaves from then on interrupts nothing any more.
    stop_watching: Callable[[], None] = lambda: None
    verdict: Verdict | None = None
    held_microcredits: int | None = None  # once it is authorised: the price of its ceiling
    route: Route | None = None
    # Whether the end of its hold is decided; see `settle_once`.
    settled: bool = False
    attempts: list[dict[str, Any]] = field(default_factory=list)
    upstream_started: float | None = None
    upstream_ended: float | None = None
    first_byte: float | None = None

    def deadline(self) -> float:
        """When its time limit is reached, on the event loop's clock. It counts from the call's arrival."""
        return asyncio.get_running_loop().time() + self.time_limit_s - (time.perf_counter() - self.arrived)

    def stream_deadline(self) -> float:
        """The same for the end of a stream. The call's hold lasts longer."""
        return self.deadline() + settings.STREAM_TIME_LIMIT_S

    def longest_stream_s(self) -> float:
        """For how many seconds after its time limit a stream may go on, up to the slowest reader's last chunk."""
        if not self.streamed and not self.may_stream:
            return 0
        return (
            settings.STREAM_TIME_LIMIT_S
            + settings.STREAM_IDLE_LIMIT_S
            + settings.STALLED_READER_LIMIT_S
            + SETTLE_PATIENCE_S
        )

    def upstream_had_its_time(self) -> bool:
        """Whether the upstream, and not the caller's slow body, used up most of the time limit."""
        if self.upstream_started is None:
            return False
        return time.perf_counter() - self.upstream_started >= self.time_limit_s / 2


def milliseconds(seconds: float) -> int:
    """Seconds as whole milliseconds, never negative."""
    return max(round(seconds * 1000), 0)
