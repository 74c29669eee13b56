"""Batcher: many callers share one database round trip, and one commit.

One batch is in flight; what arrives meanwhile is the next. There is no timer: a lone caller waits for
nothing, and under load batches grow by themselves to what the database can take. See ADR 5.

One item's fault is not its neighbours': a batch that the database refuses is run again, each item by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Final, Generic, Literal, TypeVar

import psycopg

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Marker(Enum):
    AGAIN = "again"


AGAIN: Final = _Marker.AGAIN
Again = Literal[_Marker.AGAIN]


class Batcher(Generic[Item, Result]):
    """Runs `run_batch` on lists of items, never two at a time, in the order they came.

    `run_batch` answers each item with its result, with an exception that is the item's own, or with AGAIN,
    which puts it first in the next batch. What it raises is every item's; but where that is psycopg's, and says that
    something in the batch is bad (and not that the database is out of reach: OperationalError), each item is run alone.
    """

    def __init__(
        self,
        run_batch: Callable[[list[Item]], Awaitable[Sequence[Result | Exception | Again]]],
        max_batch_size: int = 256,
        on_abandoned: Callable[[Item, Result], None] = lambda item, result: None,
    ) -> None:
        self._run_batch = run_batch
        self._on_abandoned = on_abandoned
        self._max_batch_size = max_batch_size
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._worker: asyncio.Task[None] | None = None

    def submit(self, item: Item) -> asyncio.Future[Result]:
        """Add an item; the future gets its result or exception, or the exception that its batch met.

        Cancelling the future does not take the item back: its batch runs, and `on_abandoned` gets the result.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._worker is None:
            self._worker = asyncio.create_task(self._drain())
        return future

    async def idle(self) -> None:
        """Wait until every submitted item has its result."""
        while self._worker is not None:
            await asyncio.shield(self._worker)

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[: self._max_batch_size]
                del self._waiting[: self._max_batch_size]
                await self._run(batch)
        finally:
            self._worker = None
            if self._waiting:  # the drain itself was cancelled, at shutdown
                for _, future in self._waiting:
                    future.cancel()
                self._waiting.clear()

    async def _run(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._results_of([item for item, _ in batch])
        except asyncio.CancelledError:  # at shutdown: nobody is left to tell how the batch ended
            for _, future in batch:
                future.cancel()
            raise
        again = []
        for (item, future), result in zip(batch, results, strict=True):
            if isinstance(result, _Marker):
                again.append((item, future))
            elif isinstance(result, Exception):
                if not future.done():
                    future.set_exception(result)
            elif future.cancelled():
                self._on_abandoned(item, result)
            else:
                future.set_result(result)
        self._waiting[:0] = again

    async def _results_of(self, items: list[Item]) -> Sequence[Result | Exception | Again]:
        try:
            results = await self._run_batch(items)
            assert len(results) == len(items), "a batch must answer every item"
        except Exception as error:
            if len(items) > 1 and _is_an_items_own(error):
                return [(await self._results_of([item]))[0] for item in items]
            return [error for _ in items]
        return results


def _is_an_items_own(error: Exception) -> bool:
    return isinstance(error, psycopg.Error) and not isinstance(error, psycopg.OperationalError)
