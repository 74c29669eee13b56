"""Submits a task to its upstream, once, and looks for one that may have been submitted.

A task is `submitting` in the database before anything is sent. A worker that finds it in that state later cannot know
whether the upstream took it. It looks for the task where the protocol has a way to, and otherwise ends it, uncharged.
Nothing is ever sent twice.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from django.conf import settings

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.shared.limits import BadOption
from gateway.adapters.tasks.protocol import Submitted, TaskAdapter, TaskRequest
from gateway.catalog.routes import Route
from gateway.tasks.backoff import LONGEST_SUBMIT_PAUSE_S, error_pause_s
from gateway.tasks.providers import webhook_url_for, with_key_name
from gateway.tasks.records import ClaimedTask, StepNote, Transition
from gateway.tasks.states import FAILED_END, REJECTED_END, State
from gateway.tasks.step_runner import FailureKind, StepError, ask
from gateway.upstreams.client import Upstreams

log = structlog.get_logger(__name__)

# An upstream's list of tasks may lag behind: one look that finds nothing is not yet an answer.
LOOKS_FOR_LOST = 3
REJECTED = _("The model's server refused this request as invalid for the model. Nothing was charged.")
FAILED = _("The model's server failed to take the task. Nothing was charged.")
NOT_WELCOME = _(
    "The platform's connection to this model is not set up correctly, so the model's server did not take the task."
    " Nothing was charged."
)
LOST = _(
    "It could not be confirmed that the model's server took the task, so it was let go. Nothing was charged."
)
NOT_SERVED = _("The model is not served any more. Nothing was charged.")


@dataclass(frozen=True, slots=True)
class Providers:
    """The connections and the adapters that a worker reaches upstreams with."""

    upstreams: Upstreams
    adapters: Mapping[str, TaskAdapter]


async def submit(providers: Providers, task: ClaimedTask, route: Route) -> StepNote | Transition:
    """Submit the task, once. Returns its next state, or its end where the upstream refuses or fails."""
    started = time.perf_counter()
    try:
        return await _submitted(providers, task, route)
    except BadOption as error:
        log.error("a route's options cannot carry its tasks", route=route.name, error=str(error))
        return failed(task, FAILED)
    except StepError as fault:
        level = logging.ERROR if fault.kind is FailureKind.NOT_WELCOME else logging.INFO
        log.log(
            level,
            "task not submitted",
            task=task.key.id,
            upstream=task.upstream,
            meaning=fault.kind.name,
            status=fault.status,
        )
        came_of_it = _after_fault(providers, task, route, fault)
        if isinstance(came_of_it, Transition):
            latency_ms = round((time.perf_counter() - started) * 1000)
            came_of_it.attempts = [
                {"upstream": task.upstream, "status": fault.status, "latency_ms": latency_ms}
            ]
        return came_of_it


async def _submitted(providers: Providers, task: ClaimedTask, route: Route) -> StepNote:
    """The note for the task once the upstream has taken it, with the first of our keys, in turn, that it takes.

    The next key is tried only where the upstream surely took nothing with the one before. Raises StepError, BadOption.
    """
    adapter, upstreams = providers.adapters[task.adapter], providers.upstreams
    keys = upstreams.keys
    several = len(route.upstream.keys) > 1
    refused: StepError | None = None
    for keyed in keys.in_turn(route, task.key.account_id) if several else (route,):
        steps = adapter.submit(request_of(task, keyed), keyed)
        try:
            submitted = await ask(upstreams, keyed, task.key, steps, settings.TASK_SUBMIT_LIMIT_S)
        except StepError as fault:
            if keyed.key is None or fault.key_fault is None:
                raise
            refused = fault
        else:
            return taken(task, submitted, keyed)
    assert refused is not None
    upstreams.health.failed(route, task.key.account_id, refused.blame, refused.retry_after_s)
    raise refused


def _after_fault(
    providers: Providers, task: ClaimedTask, route: Route, fault: StepError
) -> StepNote | Transition:
    if fault.kind is FailureKind.REFUSED:
        return Transition(task.key, REJECTED_END, leased=True, message=REJECTED)
    if fault.kind is FailureKind.NOT_TAKEN:
        pause_s = max(fault.retry_after_s, error_pause_s(task.errors, LONGEST_SUBMIT_PAUSE_S))
        return StepNote(task.key, pause_s, State.HELD, errors=task.errors + 1)
    if fault.kind is FailureKind.FAULTY:
        return failed(task, FAILED)
    if fault.kind is FailureKind.NOT_WELCOME:
        return failed(task, NOT_WELCOME)
    if providers.adapters[task.adapter].find(request_of(task, route), route) is None:
        return failed(task, LOST)
    return StepNote(task.key, error_pause_s(0))


async def find_lost(providers: Providers, task: ClaimedTask, route: Route) -> StepNote | Transition:
    """Look for a task that may have been submitted, by a worker that died or whose answer was lost.

    It is looked for with each of our keys: which one it went out with is lost as well.
    """
    fault: StepError | None = None
    for keyed in providers.upstreams.keys.each(route):
        steps = providers.adapters[task.adapter].find(request_of(task, keyed), keyed)
        if steps is None:
            return failed(task, LOST)
        try:
            found = await ask(providers.upstreams, keyed, task.key, steps, settings.TASK_POLL_LIMIT_S)
        except StepError as error:
            fault = error
            log.info(
                "a lost task was not looked for",
                task=task.key.id,
                upstream=task.upstream,
                meaning=error.kind.name,
                status=error.status,
            )
            continue
        if found is not None:
            log.info("a lost task was found again", task=task.key.id, upstream=task.upstream)
            return taken(task, found, keyed)
    if fault is not None:
        return StepNote(task.key, error_pause_s(task.errors), errors=task.errors + 1)
    if task.polls + 1 < LOOKS_FOR_LOST:
        return StepNote(task.key, error_pause_s(task.polls))
    return failed(task, LOST)


def request_of(task: ClaimedTask, route: Route) -> TaskRequest:
    """The task as adapters take it."""
    assert task.parameters is not None
    webhook_url = webhook_url_for(route, settings.PUBLIC_URL)
    return TaskRequest(task.endpoint, task.model, task.parameters, task.units, task.marker, webhook_url)


def taken(task: ClaimedTask, submitted: Submitted, route: Route) -> StepNote:
    """The note for a task that the upstream has taken with the route's key.

    `id` in its reference is the id that webhooks name, and the key's name is with it.
    """
    key = submitted.reference.get("id")
    return StepNote(
        task.key,
        submitted.poll_after_s,
        State.RUNNING,
        reference=with_key_name(submitted.reference, route),
        upstream_key=None if key is None else str(key),
    )


def failed(task: ClaimedTask, message: str) -> Transition:
    """The end of a task that failed by no fault of the caller's."""
    return Transition(task.key, FAILED_END, leased=True, message=message)
