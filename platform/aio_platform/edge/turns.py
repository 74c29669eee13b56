"""What strangers send in chunks is parsed a little at a time, one connection after another (ADR 23).

A chunk of one byte costs a call as one of ten thousand does, and a read may have forty thousand of them: some sixty
such reads, parsed as they came, would stop the process for two seconds.
"""

import asyncio
import time
from collections import deque
from typing import Protocol

from uvicorn.protocols.http.flow_control import FlowControl

# How long such reads are parsed in one turn of the event loop: all of them, whoever sent them.
TURN_S = 0.001


class TurnTaker(Protocol):
    """A connection that has read more than it may parse at once."""

    def take_turn(self, until: float) -> bool:
        """Parse what was read until that time of `time.perf_counter`; whether some of it is left."""


class Turns:
    """Who waits for a turn, in the order in which they have it. Nobody has a second one before all had their first."""

    def __init__(self) -> None:
        self._waiting: deque[TurnTaker] = deque()

    def wait(self, connection: TurnTaker) -> None:
        """Give the connection its turns until nothing of what it read is left."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._give)
        self._waiting.append(connection)

    def _give(self) -> None:
        until = time.perf_counter() + TURN_S
        waiting = self._waiting
        while waiting:
            connection = waiting[0]
            is_left = connection.take_turn(until)
            waiting.popleft()
            if is_left:
                waiting.append(connection)
            if time.perf_counter() >= until:
                break
        if waiting:
            asyncio.get_running_loop().call_soon(self._give)


class HoldableFlow(FlowControl):
    """uvicorn's, by which reading can be held: who pauses or resumes it meanwhile does so for afterwards."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._is_held = False

    def hold(self) -> None:
        """Read no more, whoever asks for it, until `release`."""
        if not (self._is_held or self.read_paused):
            self._transport.pause_reading()
        self._is_held = True

    def release(self) -> None:
        """Read on, unless somebody has paused it."""
        if self._is_held and not (self.read_paused or self._transport.is_closing()):
            self._transport.resume_reading()
        self._is_held = False

    def pause_reading(self) -> None:
        if not self.read_paused:
            self.read_paused = True
            if not self._is_held:
                self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self.read_paused:
            self.read_paused = False
            if not self._is_held:
                self._transport.resume_reading()
