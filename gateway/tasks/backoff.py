"""How long to wait before the next poll or retry, with jitter, and how many calls a second an upstream gets. Pure."""

import random

FIRST_LOOK_S = 1.0
# A result is found at most this share of the task's time late, and never later than the longest pause.
LATE_SHARE = 0.15
LONGEST_POLL_PAUSE_S = 15.0
LATENESS_ROOM = 2.0
FIRST_ERROR_PAUSE_S = 1.0
LONGEST_ERROR_PAUSE_S = 60.0
LONGEST_SUBMIT_PAUSE_S = 30.0
JITTER = 0.2


def poll_pause_s(running_s: float, late_s: float) -> float:
    """Seconds until the next poll of a task: the longer it has run, the more.

    `late_s` is how late this poll came. A worker that is late has too many tasks, so it waits longer with each.
    """
    pause_s = min(max(running_s * LATE_SHARE, FIRST_LOOK_S), LONGEST_POLL_PAUSE_S)
    return _jittered(max(pause_s, late_s * LATENESS_ROOM))


def error_pause_s(errors: int, longest_s: float = LONGEST_ERROR_PAUSE_S) -> float:
    """Seconds until the next try after so many errors in a row."""
    return _jittered(min(FIRST_ERROR_PAUSE_S * 2 ** min(errors, 20), longest_s))


def _jittered(pause_s: float) -> float:
    return pause_s * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, keeps no secret


class TokenBucket:
    """Limits calls to `per_s` a second; it saves up a second's worth of them at most."""

    def __init__(self, per_s: float, now: float) -> None:
        self._per_s = per_s
        self._left = per_s
        self._as_of = now

    def whole(self, now: float) -> int:
        """How many calls may begin now."""
        self._left = min(self._left + (now - self._as_of) * self._per_s, max(self._per_s, 1.0))
        self._as_of = now
        return int(self._left)

    def take(self, calls: int) -> None:
        """Count calls that began."""
        self._left -= calls
