"""The worker: claims tasks that are due, runs one step of each at its upstream, and records the result.

Any number of workers run side by side. A worker leases a task, and renews the lease while a step is under way; when
it dies, another goes on from the state in the database. No transaction is open while an upstream is asked. Why no job
queue does this: see ADR 11.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping

import psycopg
import structlog
from django.conf import settings

from aio_platform.errors import PlatformError
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.tasks.protocol import TaskAdapter
from gateway.catalog.feed import CatalogFeed
from gateway.catalog.routes import Route
from gateway.tasks.backoff import TokenBucket, error_pause_s
from gateway.tasks.cancellation import stop_upstream, tell_upstream
from gateway.tasks.completion import TaskFinisher
from gateway.tasks.metrics import ENDED, IN_HAND, LATE_S, STEPS
from gateway.tasks.polling import Keep, poll
from gateway.tasks.providers import TaskRoutes
from gateway.tasks.queue import TaskQueue
from gateway.tasks.records import ClaimedTask, StepNote, TaskKey, Transition
from gateway.tasks.states import TIMED_OUT_END, State
from gateway.tasks.submission import NOT_SERVED, Providers, failed, find_lost, submit
from gateway.tasks.wakeup import WakeUp
from gateway.upstreams.client import Upstreams

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.25
# Slots come free one by one; claiming for a handful at a time is a tenth of the work.
GATHER_S = 0.02
OVERDUE_EVERY_S = 1.0
OVERDUE_AT_ONCE = 500
FORGET_EVERY_S = 300.0
DATABASE_PAUSE_S = 0.5
TIMED_OUT = _("The task did not end within its time limit. Nothing was charged.")
ID_GIVEN_TWICE = _("The model's server gave the id of another task. Nothing was charged.")


class TaskWorker:
    """The worker of one process. `run` it until it is told to stop."""

    def __init__(
        self, catalog: CatalogFeed, upstreams: Upstreams, adapters: Mapping[str, TaskAdapter], keep: Keep
    ) -> None:
        self._catalog = catalog
        self._providers = Providers(upstreams, adapters)
        self._keep = keep
        self._queue = TaskQueue(settings.TASK_LEASE_S)
        self._finisher = TaskFinisher(self._queue.owner)
        self._wake = WakeUp()
        self._routes: TaskRoutes | None = None
        self._buckets: dict[str, TokenBucket] = {}
        self._steps: dict[asyncio.Task[None], ClaimedTask] = {}
        self._in_hand: dict[str, int] = defaultdict(int)
        self._renew_at = 0.0
        self._overdue_at = 0.0
        self._forget_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Then finish the steps under way, and give back the tasks that take too long."""
        listening = asyncio.create_task(self._wake.listen(), name="task wake-up")
        stopping = asyncio.create_task(self._wake.set_with(stop), name="task stop")
        try:
            while not stop.is_set():
                try:
                    await self._look()
                except psycopg.Error as error:
                    log.warning("tasks are out of reach", error=type(error).__name__)
                    await self._wake.wait(DATABASE_PAUSE_S)
        finally:
            for task in (listening, stopping):
                task.cancel()
            await asyncio.gather(listening, stopping, return_exceptions=True)
            await self._put_down()
            await self._queue.close()
            await self._finisher.close()

    async def _look(self) -> None:
        """One turn of the loop: renew leases, end overdue tasks, claim due ones, and wait for the next reason."""
        self._wake.clear()
        now = asyncio.get_running_loop().time()
        if self._steps and now >= self._renew_at:
            self._renew_at = now + settings.TASK_LEASE_S / 4
            await self._queue.renew([task.key for task in self._steps.values()])
        if now >= self._overdue_at:
            self._overdue_at = now + OVERDUE_EVERY_S
            await self._end_overdue()
        if now >= self._forget_at:
            self._forget_at = now + FORGET_EVERY_S
            await self._queue.forget_ended()
        limits = self._limits(now)
        claimed = await self._queue.claim(limits) if limits else []
        taken: dict[str, int] = defaultdict(int)
        for task in claimed:
            taken[task.upstream] += 1
            self._begin(task)
        for upstream, count in taken.items():
            if upstream in self._buckets:
                self._buckets[upstream].take(count)
        if any(count == limits[upstream] for upstream, count in taken.items()):
            # There may be more that is due than there was room for: look again as soon as there is room.
            await self._wake.wait(LOOK_EVERY_S, slots=True)
            await asyncio.sleep(GATHER_S)
        else:
            await self._wake.wait(LOOK_EVERY_S)

    def _limits(self, now: float) -> dict[str, int]:
        """How many more tasks of each upstream this worker may claim."""
        catalog = self._catalog.current
        if self._routes is None or self._routes.version != catalog.version:
            self._routes = TaskRoutes(catalog)
            self._buckets = {
                upstream: TokenBucket(per_s, now) for upstream, per_s in self._routes.calls_per_second.items()
            }
        limits = {}
        for name, upstream in self._routes.upstreams.items():
            room = min(upstream.max_connections, settings.TASK_CALLS_IN_FLIGHT) - self._in_hand[name]
            if name in self._buckets:
                room = min(room, self._buckets[name].whole(now))
            if room > 0:
                limits[name] = room
        return limits

    async def _end_overdue(self) -> None:
        """End tasks past their deadline, whoever leases them. Whoever claims one next tells its upstream."""
        keys = await self._queue.overdue(OVERDUE_AT_ONCE)
        if keys:
            await asyncio.gather(*[self._end_overdue_task(key) for key in keys])

    async def _end_overdue_task(self, key: TaskKey) -> None:
        try:
            await self._end(Transition(key, TIMED_OUT_END, message=TIMED_OUT))
        except PlatformError:
            pass  # logged where it was raised; it is still overdue, and found again

    def _begin(self, task: ClaimedTask) -> None:
        LATE_S[()].observe(max(task.late_s, 0.0))
        step = asyncio.create_task(self._carry_out(task))
        self._steps[step] = task
        self._in_hand[task.upstream] += 1
        IN_HAND.labels(task.upstream).inc()
        step.add_done_callback(self._finished)

    def _finished(self, step: "asyncio.Task[None]") -> None:
        task = self._steps.pop(step)
        self._in_hand[task.upstream] -= 1
        IN_HAND.labels(task.upstream).dec()
        self._wake.slot_is_free()
        if not step.cancelled() and step.exception() is not None:
            log.error("a task's step failed", task=task.key.id, exc_info=step.exception())

    async def _carry_out(self, task: ClaimedTask) -> None:
        """Run one step of a task and record its result. A bug costs the step, not the task."""
        try:
            came_of_it = await self._step(task)
        except (psycopg.Error, PlatformError) as error:
            log.warning("a step was interrupted", task=task.key.id, error=type(error).__name__)
            return  # the lease runs out, and the step is done again
        except Exception as error:
            log.error("a task's step failed", task=task.key.id, exc_info=error)
            came_of_it = StepNote(task.key, error_pause_s(task.errors), errors=task.errors + 1)
        try:
            if isinstance(came_of_it, Transition):
                await self._end(came_of_it)
            else:
                await self._record(task, came_of_it)
        except (psycopg.Error, PlatformError) as error:
            # The lease runs out, and the step is done again.
            log.warning("a step was not written down", task=task.key.id, error=type(error).__name__)

    async def _step(self, task: ClaimedTask) -> StepNote | Transition:
        assert self._routes is not None
        route = self._routes.to_ask(task)
        STEPS[task.upstream, task.state.value].add()
        if task.state is State.RUNNING:
            if route is None:
                # Its server is gone from the catalog; it may come back before the deadline.
                return StepNote(task.key, error_pause_s(task.errors), errors=task.errors + 1)
            resting = self._resting(task, route)
            return resting or await poll(self._providers, task, route, self._queue.rate, self._keep)
        if task.state is State.HELD:
            own = self._routes.own(task)
            if own is None:
                return failed(task, NOT_SERVED)
            return self._resting(task, own, State.HELD) or await submit(self._providers, task, own)
        if route is None:
            return StepNote(task.key, error_pause_s(task.errors), errors=task.errors + 1)
        if task.state is State.SUBMITTING:
            return await find_lost(self._providers, task, route)
        return await tell_upstream(self._providers, task, route)

    def _resting(self, task: ClaimedTask, route: Route, state: State | None = None) -> StepNote | None:
        """A note that puts the task off while its route rests after failures; None where it may be asked now."""
        rest_s = self._providers.upstreams.health.wait_s(route, task.key.account_id)
        return StepNote(task.key, rest_s, state, errors=task.errors) if rest_s > 0 else None

    async def _record(self, task: ClaimedTask, note: StepNote) -> None:
        try:
            kept = await self._queue.record(note)
        except psycopg.errors.UniqueViolation:
            log.error("an upstream gave an id twice", task=task.key.id, upstream=task.upstream)
            await self._end(failed(task, ID_GIVEN_TWICE))
            return
        if kept or note.reference is None:
            return
        route = self._route_of(task)
        # Ended while the upstream was taking it. If it has not, it is another worker's by now, who looks for it.
        if route is not None and await self._queue.has_ended(task.key):
            log.info("a task ended while it was submitted", task=task.key.id, upstream=task.upstream)
            await stop_upstream(self._providers, task, route, note.reference)

    async def _end(self, end: Transition) -> None:
        ended_task = await self._finisher.end(end)
        if ended_task.won:
            ENDED[end.end.state.value,].add()

    def _route_of(self, task: ClaimedTask) -> Route | None:
        return None if self._routes is None else self._routes.to_ask(task)

    async def _put_down(self) -> None:
        """Wait for the steps under way, and give back the tasks of those that do not end in time."""
        if not self._steps:
            return
        _, unfinished = await asyncio.wait(self._steps, timeout=settings.TASK_STOP_LIMIT_S)
        left = [self._steps[step] for step in unfinished if step in self._steps]
        for step in unfinished:
            step.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        notes = [StepNote(task.key, 0.0, errors=task.errors) for task in left]
        await asyncio.gather(*[self._queue.record(note) for note in notes], return_exceptions=True)
