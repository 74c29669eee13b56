"""The states of a task: which may follow which, and what each means to callers and to the ledger.

The one table. `gateway/sql` guards it again, in every statement and by a trigger; a test holds the two together.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from usage.ledger.outcomes import Outcome


class State(Enum):
    """A task's state.

    `held`: its price is held, and no upstream was asked. `submitting`: a worker has begun to ask the upstream, and
    whether it took the task is not known. `running`: it took it. All others are ends.
    """

    HELD = "held"
    SUBMITTING = "submitting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.HELD: frozenset({State.SUBMITTING, State.FAILED, State.CANCELLED, State.TIMED_OUT}),
        # Back to `held` only where the upstream surely did not take it.
        State.SUBMITTING: frozenset(
            {State.HELD, State.RUNNING, State.FAILED, State.CANCELLED, State.TIMED_OUT}
        ),
        State.RUNNING: frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.TIMED_OUT}),
        State.SUCCEEDED: frozenset(),
        State.FAILED: frozenset(),
        State.CANCELLED: frozenset(),
        State.TIMED_OUT: frozenset(),
    }
)
LIVE = frozenset({State.HELD, State.SUBMITTING, State.RUNNING})

# What callers are shown: the words of the seed document.
IN_PROGRESS = "IN_PROGRESS"
SUCCESS = "SUCCESS"
FAILED = "FAILED"
SHOWN: Mapping[State, str] = MappingProxyType(
    {
        State.HELD: IN_PROGRESS,
        State.SUBMITTING: IN_PROGRESS,
        State.RUNNING: IN_PROGRESS,
        State.SUCCEEDED: SUCCESS,
        State.FAILED: FAILED,
        State.CANCELLED: FAILED,
        State.TIMED_OUT: FAILED,
    }
)


class End(NamedTuple):
    """One way for a task to end: its state, and the outcome and status of its usage event."""

    state: State
    outcome: Outcome
    status: int


SUCCEEDED_END = End(State.SUCCEEDED, Outcome.SUCCEEDED, 200)
REJECTED_END = End(State.FAILED, Outcome.REJECTED, 400)
FAILED_END = End(State.FAILED, Outcome.FAILED, 502)
CANCELLED_END = End(State.CANCELLED, Outcome.CANCELLED, 499)
TIMED_OUT_END = End(State.TIMED_OUT, Outcome.TIMED_OUT, 504)
