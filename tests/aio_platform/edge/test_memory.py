"""Memory that a burst took goes back to the system, at a time when nobody waits for it."""

from collections.abc import Callable

import pytest

from aio_platform.edge import memory
from aio_platform.edge.memory import BUSY_SHARE, WORTH_BYTES, WORTH_WHILE_BUSY_BYTES, Memory

START = 100_000_000


@pytest.fixture
def trims(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, float], int]:
    """How often a process that grew by so much, and used such a share of a core for ten seconds, is trimmed."""

    def trimmed(growth_bytes: int, share: float) -> int:
        done: list[int] = []
        sizes, used_s = iter([START, START + growth_bytes, START]), iter([0.0, share * 10])
        monkeypatch.setattr(memory, "_malloc_trim", lambda: lambda pad: done.append(pad) or 1)
        monkeypatch.setattr(memory, "resident_bytes", lambda: next(sizes))
        monkeypatch.setattr(memory.time, "process_time", lambda: next(used_s))
        looked_after = Memory()
        looked_after.look(0.0)
        looked_after.look(10.0)
        return len(done)

    return trimmed


def test_a_process_with_little_to_do_gives_back_what_a_burst_took(trims: Callable[[int, float], int]) -> None:
    assert trims(WORTH_BYTES, BUSY_SHARE / 2) == 0
    assert trims(WORTH_BYTES + 1, BUSY_SHARE / 2) == 1


def test_a_busy_process_is_stopped_for_much_only(trims: Callable[[int, float], int]) -> None:
    assert trims(WORTH_WHILE_BUSY_BYTES, BUSY_SHARE * 2) == 0
    assert trims(WORTH_WHILE_BUSY_BYTES + 1, BUSY_SHARE * 2) == 1
