"""The records that tasks are written to the database with and read from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from gateway.tasks.states import End, State
from usage.ledger.calls import CallToAuthorize, Verdict
from usage.ledger.units import Units


class TaskKey(NamedTuple):
    """What identifies a task: ids are unique within an account only."""

    account_id: int
    id: str


class IdempotencyClaim(NamedTuple):
    """The idempotency key of a new task, and the fingerprint of its request."""

    key: str
    fingerprint: bytes


class TaskToOpen(NamedTuple):
    """A task to be created, with its hold. `call.hold_ttl_s` is longer than `deadline_s`."""

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
    """The verdict on a new task, and when it was created; `created_at` is None where it was refused."""

    verdict: Verdict
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class ClaimedTask:
    """A task that this worker has leased. `state` is the one in which it was claimed."""

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
    """The result of a step that did not end the task, which is due again after `delay_s`.

    `state` is RUNNING, with the upstream's reference, once the upstream has the task; HELD where it certainly did not
    take it; and None where the state stays. `over` is True where an ended task needs no more steps.
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
    """How a task ends. With `leased`, it ends only while this worker still holds its lease.

    The hold is captured up to `charge_microcredits`, or released where that is None. `message` is shown to the caller
    unless the task succeeded; `attempts` are the failed requests to the upstream, for the receipt.
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
    """`won` is False when the task had ended before, or is leased by another; `state` is None where there is none."""

    won: bool
    state: State | None
    consumed_microcredits: int


class Recalled(NamedTuple):
    """The task that an idempotency key belongs to, its request's fingerprint, and the account's available credits."""

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
