"""Cancelling a task at its n-th await point, whatever it waits for there."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any


class _Stepped:
    """Awaits the work, and cancels the task that does so when it waits for the n-th time."""

    def __init__(self, work: Awaitable[None], point: int, as_it_resumes: bool) -> None:
        self._work = work
        self._point = point
        self._as_it_resumes = as_it_resumes
        self.reached = False

    def __await__(self) -> Generator[Any, Any, None]:
        task = asyncio.current_task()
        assert task is not None
        inner = self._work.__await__()
        waits = 0
        thrown: BaseException | None = None
        while True:
            try:
                awaited = inner.send(None) if thrown is None else inner.throw(thrown)
            except StopIteration:
                return
            waits += 1
            if waits == self._point:
                self.reached = True
                if self._as_it_resumes and awaited is not None:
                    # Before the task's own callback: what it waits for is there, and the task has not seen it.
                    awaited.add_done_callback(lambda _: task.cancel())
                else:
                    asyncio.get_running_loop().call_soon(task.cancel)
            try:
                yield awaited
                thrown = None
            except BaseException as error:
                thrown = error


async def cancelled_at(point: int, work: Callable[[], Awaitable[None]], *, as_it_resumes: bool) -> bool:
    """Run the work in a task cancelled at that await point; whether it ended before it came there.

    `as_it_resumes` cancels in the moment in which what it waits for has come, else while it still waits.
    """
    stepped = _Stepped(work(), point, as_it_resumes)

    async def run() -> None:
        await stepped

    task = asyncio.create_task(run())
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
    return not stepped.reached
