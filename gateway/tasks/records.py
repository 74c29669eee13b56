"""A task as it goes to the database and comes from it: opened, claimed, written down, ended, read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from gateway.tasks.states import End, State
from usage.ledger.calls import CallToAuthorize, Verdict
from usage.ledger.units import Units


class TaskKey(NamedTuple):
    """What names a task inside: ids are only unique within an account."""

    account_id: int
    id: str


class IdempotencyClaim(NamedTuple):
    """The key that a new task shall be found under, and what its request was."""

    key: str
    fingerprint: bytes


class TaskToOpen(NamedTuple):
    """A task to be held and written down. `call.hold_ttl_s` outlasts `deadline_s`."""

    call: CallToAuthorize
    id: str
    adapter: str
    upstream: str
    request: Mapping[str, Any]
    parameters: Mapping[str, Any]
    units: Units
    callback_url: str | None
    deadline_s: int
    claim: IdempotencyClaim | None = None


class Opened(NamedTuple):
    """The verdict, and when the task was written down; None where it was refused."""

    verdict: Verdict
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class ClaimedTask:
    """A task that this worker has for the length of its lease. `state` is the one it was found in."""

    key: TaskKey
    state: State
    endpoint: str
    model: str
    route: str
    adapter: str
    upstream: str
    rate_id: int
    parameters: Mapping[str, Any] | None
    units: Units
    marker: str
    reference: Mapping[str, Any] | None
    polls: int
    errors: int
    running_s: float
    late_s: float


@dataclass(slots=True)
class StepNote:
    """What a step led to, short of an end; the task is due again after `delay_s`.

    `state` RUNNING comes with the upstream's reference, HELD says that it surely did not take the task, None
    leaves the state as it is. `over`: an ended task has nothing left to do.
    """

    key: TaskKey
    delay_s: float
    state: State | None = None
    errors: int = 0
    reference: Mapping[str, Any] | None = None
    upstream_key: str | None = None
    over: bool = False
    give_up_at: float = 0.0


@dataclass(slots=True)
class Transition:
    """How a task ends. With `leased`, only while this worker still has it.

    `charge_microcredits` None releases the hold. `message` is what the caller is told of anything but success;
    `attempts` are the receipt's: asking the upstream in vain.
    """

    key: TaskKey
    end: End
    leased: bool = False
    charge_microcredits: int | None = None
    units: Units | None = None
    results: Sequence[str] = field(default_factory=list)
    message: str | None = None
    attempts: Sequence[Mapping[str, Any]] | None = None
    give_up_at: float = 0.0
    repeated: bool = False


class TransitionResult(NamedTuple):
    """`won` is False when the task had ended before, or is not the worker's; `state` None: no such task."""

    won: bool
    state: State | None
    consumed_microcredits: int


class Recalled(NamedTuple):
    """The task that an idempotency key stands for, of which request, and what its account has now."""

    id: str
    model: str
    created_at: datetime
    request_uuid: str
    fingerprint: bytes
    available_microcredits: int
    upstream: str


class TaskRow(NamedTuple):
    """A task as its owner may see it."""

    id: str
    endpoint: str
    model: str
    state: State
    consumed_microcredits: int
    error_message: str | None
    created_at: datetime
    ended_at: datetime | None
    request: Mapping[str, Any]
    results: list[str] | None
    upstream: str
