"""Tells an upstream to stop a task that has ended here: cancelled by its owner, or past its deadline.

Nothing depends on it, since the task's end and price are decided already. So it is tried a few times only.
"""

from collections.abc import Mapping
from typing import Any

import structlog
from django.conf import settings

from gateway.adapters.shared.limits import BadOption
from gateway.catalog.routes import Route
from gateway.tasks.backoff import error_pause_s
from gateway.tasks.providers import key_name_in
from gateway.tasks.records import ClaimedTask, StepNote
from gateway.tasks.step_runner import FailureKind, StepError, ask
from gateway.tasks.submission import Providers

log = structlog.get_logger(__name__)

ATTEMPTS = 4


async def tell_upstream(providers: Providers, task: ClaimedTask, route: Route) -> StepNote:
    """Ask the upstream to stop an ended task. After ATTEMPTS nothing more is tried."""
    told = task.reference is None or await stop_upstream(providers, task, route, task.reference)
    if told or task.errors + 1 >= ATTEMPTS:
        return StepNote(task.key, 0.0, over=True)
    return StepNote(task.key, error_pause_s(task.errors), errors=task.errors + 1)


async def stop_upstream(
    providers: Providers, task: ClaimedTask, route: Route, reference: Mapping[str, Any]
) -> bool:
    """Ask once. False where it should be tried again; a refusal, or a protocol without a way to stop, is final."""
    try:
        keyed = providers.upstreams.keys.with_key(route, key_name_in(reference))
        steps = providers.adapters[task.adapter].cancel(reference, keyed)
        if steps is not None:
            await ask(providers.upstreams, keyed, task.key, steps, settings.TASK_POLL_LIMIT_S)
    except StepError as fault:
        log.info("an upstream was not told to stop", task=task.key.id, meaning=fault.kind.name)
        return fault.kind is FailureKind.REFUSED
    except BadOption:
        return True
    return True
