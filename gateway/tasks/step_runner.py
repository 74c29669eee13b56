"""Runs an adapter's steps against a task's upstream, and turns every failure into a StepError that says its kind."""

import asyncio
from collections.abc import Generator
from enum import Enum
from typing import TypeVar

from gateway.adapters.protocol import AnswerRefused, MalformedAnswer, Received, UpstreamCall, UpstreamFault
from gateway.adapters.tasks.protocol import OPERATOR_AT_FAULT, NotTaken, NotWelcome
from gateway.catalog.routes import Route
from gateway.errors import Blame, UpstreamFailed, UpstreamRateLimited, UpstreamRejected, UpstreamSaturated
from gateway.tasks.records import TaskKey
from gateway.upstreams.client import Upstreams
from gateway.upstreams.keys import KeyFault, fault_of_status
from gateway.upstreams.pool import NotConnected
from gateway.upstreams.steps import StepRun

Answer = TypeVar("Answer")
# Too many calls with our key: HTTP's status, and kie's.
TOO_MANY = frozenset({429, 430})


class FailureKind(Enum):
    """What is known of a task after a step that failed."""

    REFUSED = "the upstream says that the request is bad"
    NOT_TAKEN = "the upstream never took it: it was not reached, or too busy"
    NOT_WELCOME = (
        "the upstream does not take our key, or knows no such address: it never took it, and never will"
    )
    FAULTY = "the upstream says that it failed"
    UNKNOWN = "whether the upstream took it is not known"


class StepError(Exception):
    """A step that failed. `status` is the upstream's, where it gave one; `retry_after_s` is how long it asked
    to be left alone; `blame` is what the failure says of the route, and `key_fault` of the key."""

    def __init__(
        self,
        kind: FailureKind,
        *,
        status: int | None = None,
        retry_after_s: float = 0.0,
        blame: Blame = Blame.NOTHING,
    ) -> None:
        super().__init__(kind.value)
        self.kind = kind
        self.status = status
        self.retry_after_s = retry_after_s
        self.blame = blame

    @property
    def key_fault(self) -> KeyFault | None:
        if self.kind is FailureKind.NOT_WELCOME:
            return fault_of_status(self.status)
        limited = self.kind is FailureKind.NOT_TAKEN and self.status in TOO_MANY
        return KeyFault.LIMITED if limited else None


async def ask(
    upstreams: Upstreams,
    route: Route,
    task: TaskKey,
    steps: Generator[UpstreamCall, Received, Answer],
    limit_s: float,
) -> Answer:
    """The answer of the steps, for this task.

    Raises StepError, and counts a failure against the route by its blame; or, where the upstream has several keys and
    the failure says something of the one that was shown, against that key alone.
    """
    try:
        async with asyncio.timeout(limit_s):
            # What submits a task is sent once, ever.
            answer = await _answer(StepRun(upstreams, route, repeatable=False), steps)
    except StepError as fault:
        if route.key is not None and fault.key_fault is not None:
            upstreams.keys.failed(route, task.account_id, fault.key_fault, fault.retry_after_s)
            upstreams.health.gave_back(route, task.account_id)
        else:
            upstreams.health.failed(route, task.account_id, fault.blame, fault.retry_after_s)
        if fault.kind is FailureKind.NOT_WELCOME:
            upstreams.problems.not_welcome(route, fault.status, task.id)
        raise
    except TimeoutError:
        upstreams.health.failed(route, task.account_id, Blame.DOUBTFUL)
        raise StepError(FailureKind.UNKNOWN) from None
    except BaseException:
        upstreams.health.gave_back(route, task.account_id)
        raise
    upstreams.answered(route)
    return answer


async def _answer(run: StepRun, steps: Generator[UpstreamCall, Received, Answer]) -> Answer:
    """What the steps return. Raises StepError for everything that may go wrong at the upstream."""
    try:
        return await run.answer(steps)
    except AnswerRefused as error:
        raise StepError(FailureKind.REFUSED) from error
    except NotTaken as error:
        raise StepError(FailureKind.NOT_TAKEN, status=error.status, blame=Blame.DOUBTFUL) from error
    except NotWelcome as error:
        raise StepError(FailureKind.NOT_WELCOME, status=error.status) from error
    except UpstreamFault as error:
        raise StepError(FailureKind.FAULTY) from error
    except MalformedAnswer as error:
        raise StepError(FailureKind.UNKNOWN) from error
    except UpstreamRejected as error:
        raise StepError(FailureKind.REFUSED, status=error.upstream_status) from error
    except (UpstreamSaturated, UpstreamRateLimited) as error:
        raise StepError(
            FailureKind.NOT_TAKEN,
            status=error.upstream_status,
            retry_after_s=error.retry_after_s or 0.0,
            blame=error.blame,
        ) from error
    except UpstreamFailed as error:
        kind = _failure_kind(error, run.answered)
        raise StepError(kind, status=error.upstream_status, blame=error.blame) from error


def _failure_kind(error: UpstreamFailed, answered: bool) -> FailureKind:
    """The kind of this failure. After a step that was answered, nobody knows whether the upstream has the task."""
    if answered:
        return FailureKind.UNKNOWN
    if error.upstream_status in OPERATOR_AT_FAULT:
        return FailureKind.NOT_WELCOME
    # Only a connection that was never made says that nothing arrived there.
    return FailureKind.NOT_TAKEN if isinstance(error.__cause__, NotConnected) else FailureKind.UNKNOWN
