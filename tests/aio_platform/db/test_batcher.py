"""Many callers share a batch; no one waits for a timer, and nobody's trouble is another's."""

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from aio_platform.db.batcher import AGAIN, Batcher


class Database:
    """Stands for the round trip: records the batches it is given, and answers when it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.open = asyncio.Event()
        self.open.set()
        self.fails_for: Callable[[list[int]], Exception | None] = lambda batch: None

    async def run(self, batch: list[int]) -> list[int]:
        self.batches.append(batch)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await self.open.wait()
            await asyncio.sleep(0)
            error = self.fails_for(batch)
            if error is not None:
                raise error
            return [item * 10 for item in batch]
        finally:
            self.in_flight -= 1


@pytest.fixture
async def database() -> Database:
    return Database()


async def loop_turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_lone_item_waits_for_nothing(database: Database) -> None:
    batcher = Batcher(database.run)
    future = batcher.submit(1)
    await loop_turns(4)  # the drain starts, the database takes two turns, the result is set: no timer between
    assert future.done()
    assert await future == 10


async def test_one_batch_is_in_flight_and_the_next_fills_meanwhile(database: Database) -> None:
    batcher = Batcher(database.run)
    database.open.clear()
    first = batcher.submit(1)
    await loop_turns(2)
    rest = [batcher.submit(number) for number in range(2, 50)]
    await loop_turns(10)
    assert database.batches == [[1]]
    database.open.set()
    assert await asyncio.gather(first, *rest) == [number * 10 for number in range(1, 50)]
    assert database.batches == [[1], list(range(2, 50))]
    assert database.most_in_flight == 1


async def test_items_go_out_in_the_order_they_came_in_batches_of_the_maximal_size(database: Database) -> None:
    batcher = Batcher(database.run, max_batch_size=7)
    results = await asyncio.gather(*[batcher.submit(number) for number in range(30)])
    assert results == [number * 10 for number in range(30)]
    assert [item for batch in database.batches for item in batch] == list(range(30))
    assert [len(batch) for batch in database.batches] == [7, 7, 7, 7, 2]


async def test_an_error_reaches_each_of_its_batch_and_no_one_else(database: Database) -> None:
    batcher = Batcher(database.run, max_batch_size=3)
    database.fails_for = lambda batch: RuntimeError("broken") if 4 in batch else None
    results = await asyncio.gather(*[batcher.submit(number) for number in range(9)], return_exceptions=True)
    assert results[:3] == [0, 10, 20]
    assert [str(error) for error in results[3:6]] == ["broken"] * 3
    assert results[6:] == [60, 70, 80]


async def test_a_batch_answered_short_is_an_error_and_not_somebody_elses_result() -> None:
    async def loses_one(batch: list[int]) -> list[int]:
        return batch[1:]

    batcher = Batcher(loses_one)
    results = await asyncio.gather(*[batcher.submit(n) for n in (1, 2, 3)], return_exceptions=True)
    assert [type(result) for result in results] == [AssertionError] * 3


async def test_a_cancelled_caller_loses_no_one_elses_result_and_its_own_item_still_runs(
    database: Database,
) -> None:
    batcher = Batcher(database.run)
    database.open.clear()
    waiting = [batcher.submit(number) for number in range(5)]
    await loop_turns(2)
    waiting[2].cancel()
    late = [batcher.submit(number) for number in (5, 6)]
    late[0].cancel()
    database.open.set()
    await asyncio.wait([*waiting, *late])
    assert [waiting[index].result() for index in (0, 1, 3, 4)] == [0, 10, 30, 40]
    assert late[1].result() == 60
    assert database.batches == [[0, 1, 2, 3, 4], [5, 6]]


async def test_a_batcher_works_again_after_it_ran_empty(database: Database) -> None:
    batcher = Batcher(database.run)
    assert await batcher.submit(1) == 10
    await batcher.idle()
    assert await batcher.submit(2) == 20
    assert database.batches == [[1], [2]]


async def test_idle_returns_once_every_item_has_its_result(database: Database) -> None:
    batcher = Batcher(database.run, max_batch_size=2)
    await batcher.idle()
    futures = [batcher.submit(number) for number in range(7)]
    await batcher.idle()
    assert all(future.done() for future in futures)


async def test_a_cancelled_wait_for_idle_stops_no_batch(database: Database) -> None:
    batcher = Batcher(database.run)
    database.open.clear()
    future = batcher.submit(3)
    waiting = asyncio.create_task(batcher.idle())
    await loop_turns(3)
    waiting.cancel()
    await asyncio.wait([waiting])
    database.open.set()
    assert await future == 30


async def test_a_drain_cancelled_at_shutdown_leaves_no_caller_waiting(database: Database) -> None:
    batcher = Batcher(database.run, max_batch_size=2)
    database.open.clear()
    futures = [batcher.submit(number) for number in range(5)]
    await loop_turns(3)
    assert batcher._worker is not None
    batcher._worker.cancel()
    done, pending = await asyncio.wait(futures, timeout=1)
    assert not pending
    assert all(future.cancelled() for future in done)


async def test_an_item_answered_with_its_own_error_harms_no_neighbour() -> None:
    async def run(batch: list[int]) -> list[int | Exception]:
        return [ValueError(f"not {item}") if item == 2 else item for item in batch]

    batcher = Batcher(run)
    results = await asyncio.gather(*[batcher.submit(n) for n in (1, 2, 3)], return_exceptions=True)
    assert [str(result) for result in results] == ["1", "not 2", "3"]


async def test_what_the_database_finds_bad_in_a_batch_is_one_items_own(database: Database) -> None:
    batcher = Batcher(database.run, max_batch_size=3)
    database.fails_for = lambda batch: psycopg.DataError("broken") if 4 in batch else None
    results = await asyncio.gather(*[batcher.submit(number) for number in range(9)], return_exceptions=True)
    assert isinstance(results[4], psycopg.DataError)
    assert [*results[:4], *results[5:]] == [number * 10 for number in range(9) if number != 4]
    assert database.batches == [[0, 1, 2], [3, 4, 5], [3], [4], [5], [6, 7, 8]]


async def test_a_database_out_of_reach_is_asked_once_for_the_whole_batch(database: Database) -> None:
    batcher = Batcher(database.run)
    database.fails_for = lambda batch: psycopg.OperationalError("gone")
    results = await asyncio.gather(*[batcher.submit(number) for number in range(3)], return_exceptions=True)
    assert [type(result) for result in results] == [psycopg.OperationalError] * 3
    assert database.batches == [[0, 1, 2]]


async def test_a_database_lost_while_items_run_alone_keeps_what_was_answered(database: Database) -> None:
    lost = {1: psycopg.DataError("broken"), 2: psycopg.OperationalError("gone")}
    batcher = Batcher(database.run)
    database.fails_for = lambda batch: lost[1] if len(batch) > 1 else lost.get(batch[0])
    results = await asyncio.gather(*[batcher.submit(number) for number in range(4)], return_exceptions=True)
    assert results == [0, lost[1], lost[2], 30]


async def test_an_item_put_off_is_first_in_the_next_batch() -> None:
    batches: list[list[int]] = []

    async def run(batch: list[int]) -> list[Any]:
        batches.append(batch)
        return [AGAIN if len(batches) == 1 and item % 2 else item for item in batch]

    batcher = Batcher(run, max_batch_size=4)
    assert await asyncio.gather(*[batcher.submit(number) for number in range(6)]) == [0, 1, 2, 3, 4, 5]
    assert batches == [[0, 1, 2, 3], [1, 3, 4, 5]]


async def test_a_result_that_nobody_waits_for_any_more_is_handed_over(database: Database) -> None:
    abandoned: list[tuple[int, int]] = []
    batcher = Batcher(database.run, on_abandoned=lambda item, result: abandoned.append((item, result)))
    kept, gone = batcher.submit(1), batcher.submit(2)
    await loop_turns(1)
    gone.cancel()
    assert await kept == 10
    await batcher.idle()
    assert abandoned == [(2, 20)]
