"""Polls an upstream for a task's state. A poll that fails says nothing about the task, and is tried again."""

from collections.abc import Awaitable, Callable

import structlog
from django.conf import settings

from aio_platform.errors import PlatformError
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.shared.limits import BadOption
from gateway.adapters.tasks.protocol import Polled, Progress
from gateway.catalog.routes import Route
from gateway.tasks.backoff import error_pause_s, poll_pause_s
from gateway.tasks.providers import key_name_in
from gateway.tasks.records import ClaimedTask, StepNote, Transition
from gateway.tasks.states import SUCCEEDED_END
from gateway.tasks.step_runner import FailureKind, StepError, ask
from gateway.tasks.submission import Providers, failed
from usage.ledger.rates import Rate

log = structlog.get_logger(__name__)

Keep = Callable[[ClaimedTask, list[str]], Awaitable[list[str]]]
FindRate = Callable[[int], Awaitable[Rate]]
# An upstream that calls the question itself bad, again and again, has no answer to give.
REFUSALS_TO_GIVE_UP = 5
FAILED = _("The generation failed. Nothing was charged.")
EMPTY = _("The generation ended without a result. Nothing was charged.")
NOT_KNOWN = _("The model's server does not know the task any more. Nothing was charged.")
MAX_MESSAGE_LENGTH = 500


async def poll(
    providers: Providers, task: ClaimedTask, route: Route, find_rate: FindRate, keep: Keep
) -> StepNote | Transition:
    """Poll once. Returns a note to poll again, or the end; a success has results, and its price at the pinned rate."""
    assert task.reference is not None
    try:
        keyed = providers.upstreams.keys.with_key(route, key_name_in(task.reference))
        steps = providers.adapters[task.adapter].poll(task.reference, keyed)
        polled = await ask(providers.upstreams, keyed, task.key, steps, settings.TASK_POLL_LIMIT_S)
    except (StepError, BadOption) as error:
        refused = isinstance(error, StepError) and error.kind is FailureKind.REFUSED
        if refused and task.errors + 1 >= REFUSALS_TO_GIVE_UP:
            return failed(task, NOT_KNOWN)
        log.info(
            "a poll led nowhere",
            task=task.key.id,
            upstream=task.upstream,
            error=str(error),
            status=error.status if isinstance(error, StepError) else None,
        )
        pause_s = max(error_pause_s(task.errors), _retry_after_s(error))
        return StepNote(task.key, pause_s, errors=task.errors + 1)
    if polled.progress is Progress.RUNNING:
        return StepNote(task.key, poll_pause_s(task.running_s, task.late_s))
    if polled.progress is Progress.FAILED:
        return failed(task, _shown_message(polled.error_message))
    return await _succeeded(task, polled, find_rate, keep)


async def _succeeded(
    task: ClaimedTask, polled: Polled, find_rate: FindRate, keep: Keep
) -> StepNote | Transition:
    if not polled.results:
        return failed(task, EMPTY)
    units = polled.units or task.units
    rate = await find_rate(task.rate_id)
    try:
        results = await keep(task, polled.results)
    except PlatformError as error:
        # The upstream's own copy is still there: it is fetched again until the deadline.
        log.warning("results were not kept", task=task.key.id, error=error.message)
        return StepNote(task.key, error_pause_s(task.errors), errors=task.errors + 1)
    return Transition(
        task.key,
        SUCCEEDED_END,
        leased=True,
        charge_microcredits=rate.cost_microcredits(units),
        units=units,
        results=results,
    )


def _shown_message(message: str | None) -> str:
    """An upstream's message of a failure without line breaks, cut to MAX_MESSAGE_LENGTH; FAILED where it is empty."""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in message or "").split())
    return text[:MAX_MESSAGE_LENGTH] or FAILED


def _retry_after_s(error: Exception) -> float:
    return error.retry_after_s if isinstance(error, StepError) else 0.0
