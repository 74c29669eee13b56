"""Webhooks to whoever submitted a task, each at its moment of the sandbox's clock."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gateway.sandbox import dialects
from gateway.sandbox.providers.clock import Clock
from gateway.sandbox.providers.tasks import Phase, Task
from gateway.sandbox.wire import Answer, Call, Json, Route, json_reply

LATE_S = 60.0
ATTEMPTS = 3
RETRY_PAUSE_S = 0.3
TIMEOUT_S = 10.0
KEPT = 1000


@dataclass(slots=True)
class Notice:
    """One webhook, ready to send."""

    headers: dict[str, str]
    body: bytes


# (task, its phase as told, the time, whether to sign wrongly) -> what to send.
Writer = Callable[[Task, Phase, float, bool], Notice]
Poster = Callable[[str, Notice], Awaitable[int | None]]


@dataclass(slots=True, order=True)
class _Planned:
    due: float
    number: int
    task: Task = field(compare=False)
    write: Writer = field(compare=False)
    forged: bool = field(compare=False)


class Postman:
    """Plans webhooks and delivers them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._planned: list[_Planned] = []
        self._number = 0
        self._changed = asyncio.Event()
        self._walk: asyncio.Task[None] | None = None
        self._sent: deque[dict[str, Json]] = deque(maxlen=KEPT)
        clock.on_change(self._changed.set)

    def routes(self) -> list[Route]:
        """What was sent, for tests."""
        return [Route("GET", "/__sandbox/webhooks", self.show, dialects.fastapi, journaled=False)]

    def show(self, call: Call) -> Answer:
        """Every delivery attempted, oldest first; `task` narrows it."""
        wanted = call.query.get("task")
        return json_reply({"webhooks": [sent for sent in self._sent if wanted in (None, sent["task_id"])]})

    def plan(self, task: Task, write: Writer) -> None:
        """Tell the end of `task` when it comes, in the way that its magic input asks for."""
        manner = task.magic.get("webhook", "")
        if task.webhook_url is None or manner == "none":
            return
        if manner == "forged":
            self._add(task.created_at, task, write, forged=True)
        end = task.ends_at + (LATE_S if manner == "late" else 0.0)
        if end != float("inf"):
            for _ in range(2 if manner == "duplicate" else 1):
                self._add(end, task, write)

    def tell_now(self, task: Task, write: Writer) -> None:
        """Tell where `task` stands at once."""
        if task.webhook_url is not None and task.magic.get("webhook") != "none":
            self._add(self._clock.now(), task, write)

    def clear(self) -> None:
        """Forget what is planned and what was sent."""
        self._planned.clear()
        self._sent.clear()

    def _add(self, due: float, task: Task, write: Writer, forged: bool = False) -> None:
        self._number += 1
        heapq.heappush(self._planned, _Planned(due, self._number, task, write, forged))
        self._changed.set()
        if self._walk is None or self._walk.done():
            self._walk = asyncio.create_task(self._deliver_when_due())

    async def _deliver_when_due(self) -> None:
        # Imported late: it takes a tenth of a second that no start without webhooks should pay.
        import aiohttp

        async def post(url: str, notice: Notice) -> int | None:
            """The status of the answer, None where there was none."""
            try:
                async with session.post(url, data=notice.body, headers=notice.headers) as response:
                    return response.status
            except (aiohttp.ClientError, TimeoutError, OSError):
                return None

        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
            running: set[asyncio.Task[None]] = set()
            while self._planned or running:
                self._changed.clear()
                while self._planned and self._planned[0].due <= self._clock.now():
                    sending = asyncio.create_task(self._send(post, heapq.heappop(self._planned)))
                    running.add(sending)
                    sending.add_done_callback(running.discard)
                    sending.add_done_callback(lambda _: self._changed.set())
                await self._sleep_until_next()

    async def _sleep_until_next(self) -> None:
        """Until the next one is due on a running clock, or until something changes."""
        wait_s: float | None = None
        if self._planned and self._clock.mode == "real":
            wait_s = max(self._planned[0].due - self._clock.now(), 0.0)
        try:
            await asyncio.wait_for(self._changed.wait(), wait_s)
        except TimeoutError:
            pass  # The next one is due.

    async def _send(self, post: Poster, planned: _Planned) -> None:
        task = planned.task
        if task.webhook_url is None or (task.canceled_at is not None and planned.due > task.canceled_at):
            return  # The end of a canceled task was told when it was canceled.
        now = self._clock.now()
        phase = Phase.SUCCEEDED if planned.forged else task.phase(now)
        notice = planned.write(task, phase, now, planned.forged)
        for attempt in range(1, ATTEMPTS + 1):
            status = await post(task.webhook_url, notice)
            self._sent.append(_record(planned, notice, attempt, status))
            if status is not None and status < 300:
                return
            await asyncio.sleep(RETRY_PAUSE_S * attempt)


def _record(planned: _Planned, notice: Notice, attempt: int, status: int | None) -> dict[str, Json]:
    return {
        "task_id": planned.task.id,
        "provider": planned.task.provider,
        "url": planned.task.webhook_url,
        "forged": planned.forged,
        "attempt": attempt,
        "status": status,
        "sent_at": time.time(),
        "headers": notice.headers,
        "body": notice.body.decode("utf-8", "replace"),
    }
