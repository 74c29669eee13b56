"""The tasks' clock."""

import time

import pytest

from gateway.sandbox.providers.clock import Clock


def test_real_clock_runs_and_can_be_moved_forward():
    clock = Clock()
    assert clock.now() == pytest.approx(time.time(), abs=1)
    clock.advance(100)
    assert clock.now() == pytest.approx(time.time() + 100, abs=1)


def test_virtual_clock_stands_still():
    clock = Clock("virtual")
    before = clock.now()
    clock.advance(5)
    assert clock.now() - before == pytest.approx(5)
    assert clock.now() == clock.now()


def test_clock_runs_on_from_where_it_was_stopped():
    clock = Clock()
    clock.set_mode("virtual")
    stopped = clock.now()
    clock.set_mode("real")
    assert 0 <= clock.now() - stopped < 1


def test_whoever_listens_is_told_of_every_move():
    clock, told = Clock(), []
    clock.on_change(lambda: told.append(True))
    clock.advance(1)
    clock.reset()
    assert len(told) == 2


def test_reset_brings_the_first_mode_back():
    clock = Clock("virtual")
    clock.advance(1000)
    clock.set_mode("real")
    clock.reset()
    assert clock.mode == "virtual"
    assert clock.now() == pytest.approx(time.time(), abs=1)
