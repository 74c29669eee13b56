"""No caller fills a process' memory with bodies, and nobody is refused for what another sends."""

import asyncio

import pytest

from aio_platform.errors import ServiceUnavailable
from gateway.http.large_bodies import LargeBodies
from usage.ledger.calls import Credentials

ONE, OTHER = Credentials(b"one", address="10.0.0.1"), Credentials(b"other", address="10.0.0.2")


def bodies(wait_s: float = 10.0) -> LargeBodies:
    return LargeBodies(1000, 0.25, wait_s)


async def test_a_caller_waits_for_its_own_bodies_and_not_for_those_of_others() -> None:
    room = bodies()
    give_back = await room.take(ONE, 200)
    waiting = asyncio.ensure_future(room.take(ONE, 200))
    (await room.take(OTHER, 250))()
    assert not waiting.done()
    give_back()
    (await waiting)()
    assert room.taken_bytes == 0


async def test_several_keys_at_one_address_have_half_of_the_room() -> None:
    room = bodies()
    keys = [Credentials(bytes([number]), address="10.0.0.1") for number in range(3)]
    gives = [await room.take(key, 250) for key in keys[:2]]
    waiting = asyncio.ensure_future(room.take(keys[2], 250))
    await asyncio.sleep(0)
    assert not waiting.done()
    (await room.take(OTHER, 250))()
    for give_back in gives:
        give_back()
    (await waiting)()
    assert room.taken_bytes == 0


async def test_a_body_larger_than_a_caller_s_part_takes_all_of_it() -> None:
    room = bodies()
    give_back = await room.take(ONE, 5000)
    assert room.taken_bytes == 250
    give_back()
    assert room.taken_bytes == 0


async def test_who_waits_too_long_is_told_to_come_again_and_leaves_no_trace() -> None:
    room = bodies(wait_s=0.01)
    give_back = await room.take(ONE, 250)
    with pytest.raises(ServiceUnavailable):
        await room.take(ONE, 1)
    give_back()
    (await room.take(ONE, 250))()
    assert room.taken_bytes == 0


async def test_who_leaves_while_it_waits_leaves_no_trace() -> None:
    room = bodies()
    give_back = await room.take(ONE, 250)
    early, late = asyncio.ensure_future(room.take(ONE, 1)), asyncio.ensure_future(room.take(ONE, 1))
    await asyncio.sleep(0)
    early.cancel()
    give_back()
    late.cancel()  # it has been given its room, and has not heard of it
    await asyncio.gather(early, late, return_exceptions=True)
    assert room.taken_bytes == 0
