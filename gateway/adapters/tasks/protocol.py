"""How an adapter submits, polls and cancels an asynchronous generation, without doing any I/O itself.

Each method is a generator as in `steps`: it yields UpstreamCalls, is sent what was received, and returns. The
worker does the I/O, keeps the deadlines, and writes every state to the database before the next step.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from gateway.adapters.protocol import AdapterRoute, Received, UpstreamCall, UpstreamFault
from gateway.endpoints import TASK_ENDPOINT_NAMES
from usage.ledger.units import Units

# What a market of models serves: it carries whatever is on it.
EVERY_TASK = frozenset(TASK_ENDPOINT_NAMES)
# Our key, our credit there, or the catalog's address or model is wrong: nothing was taken, and nothing will be.
OPERATOR_AT_FAULT = frozenset({401, 402, 403, 404, 405, 410})


class Progress(Enum):
    """What an upstream's own state means to us."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """A generation, after the model's parameter contract: canonical names, defaults filled in, types coerced.

    `marker` is ours, unique to the task, and goes to the upstream wherever its protocol has a place for one, so
    that a submission whose answer was lost can be found again. `webhook_url` is where the upstream may call.
    """

    endpoint: str
    model: str
    parameters: Mapping[str, Any]
    units: Units
    marker: str
    webhook_url: str | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """The upstream took the task. `reference` is JSON: whatever later steps need to ask for it."""

    reference: Mapping[str, Any]
    poll_after_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Polled:
    """One look at a task. `results` are URLs (or data URLs) in the upstream's order, once it has succeeded."""

    progress: Progress
    results: list[str] = field(default_factory=list)
    error_message: str | None = None
    units: Units | None = None


class NotTaken(UpstreamFault):
    """The upstream says, in a well-formed answer, that it is too busy: it surely did not take the task.

    `status` is its own code, where it gave one.
    """

    def __init__(self, told: str = "", status: int | None = None) -> None:
        super().__init__(told)
        self.status = status


class NotWelcome(UpstreamFault):
    """The upstream says, in a well-formed answer, that it does not take tasks from us: it surely did not take this.

    Our key there is wrong or has no credit, or there is no such address or model. `status` is its own code.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"code {status}")
        self.status = status


class ForgedWebhook(Exception):
    """A webhook whose signature, or age, is not right."""


class TaskAdapter(Protocol):
    """What an asynchronous provider's module gives."""

    @property
    def SERVES(self) -> frozenset[str]:
        """The endpoints that it can carry."""
        ...

    def submit(
        self, request: TaskRequest, route: AdapterRoute
    ) -> Generator[UpstreamCall, Received, Submitted]:
        """Hand the task over.

        Raises NotTaken and NotWelcome, and AnswerRefused, UpstreamFault and MalformedAnswer from `steps`.
        """
        ...

    def find(
        self, request: TaskRequest, route: AdapterRoute
    ) -> Generator[UpstreamCall, Received, Submitted | None] | None:
        """Look for a submission whose answer was lost; None where the protocol has no way to."""
        ...

    def poll(
        self, reference: Mapping[str, Any], route: AdapterRoute
    ) -> Generator[UpstreamCall, Received, Polled]:
        """Ask once how the task stands."""
        ...

    def cancel(
        self, reference: Mapping[str, Any], route: AdapterRoute
    ) -> Generator[UpstreamCall, Received, None] | None:
        """Ask the upstream to stop; None where the protocol has no way to."""
        ...

    def webhook_reference(self, headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> str:
        """The upstream's task id that a genuine webhook speaks of; raises ForgedWebhook otherwise."""
        ...
