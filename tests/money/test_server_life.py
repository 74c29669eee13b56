"""`serve` may be started twice, killed, started again and stopped at any time; nothing stays behind.

The tests share a data directory, and one that needs a running server starts it where the test before stopped it.
They wait for what must become true, generously, instead of sleeping.
"""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from money import books, load
from running_platform import ROOT, RunningPlatform

SOON_S = 120.0


@pytest.fixture(scope="module")
def shared_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    running = RunningPlatform(tmp_path_factory.mktemp("life"), workers=2)
    yield running
    assert running.stop() == 0
    eventually(lambda: not postgres_runs(running), "PostgreSQL outlived its last user")


@pytest.fixture
def platform(shared_platform: RunningPlatform) -> RunningPlatform:
    """A running server."""
    if shared_platform.process is None or shared_platform.process.poll() is not None:
        shared_platform.start()
    return shared_platform


@pytest.mark.slow
async def test_a_second_start_on_the_same_port_is_refused_and_harms_nothing(
    platform: RunningPlatform,
) -> None:
    tenant = platform.new_tenant()
    second = subprocess.run(
        [sys.executable, "manage.py", "serve", f"--port={platform.port}"],
        cwd=ROOT,
        env=platform._environment(),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1:{platform.port}" in second.stderr
    assert "Set AIO_PORT to choose another port" in second.stderr
    assert "Traceback" not in second.stderr
    answers = await load.all_at_once(platform, tenant, load.chat_body(), 20)
    assert load.by_status(answers) == {200: 20}


@pytest.mark.slow
async def test_two_servers_share_one_database_and_stop_one_by_one(platform: RunningPlatform) -> None:
    tenant = platform.new_tenant()
    second = RunningPlatform(platform.data_dir, workers=1).start()
    postmaster = platform.postmaster_pid()
    both = await asyncio.gather(
        load.all_at_once(platform, tenant, load.chat_body(), 20),
        load.all_at_once(second, tenant, load.chat_body(), 20),
    )
    assert [load.by_status(answers) for answers in both] == [{200: 20}, {200: 20}]
    assert platform.stop() == 0
    assert runs(postmaster)
    answers = await load.all_at_once(second, tenant, load.chat_body(), 20)
    assert load.by_status(answers) == {200: 20}
    second.assert_books_agree()
    assert second.stop() == 0
    eventually(lambda: not postgres_runs(platform), "PostgreSQL outlived its last user")


@pytest.mark.slow
async def test_a_killed_server_is_started_again_at_once_and_leaves_no_process(
    platform: RunningPlatform,
) -> None:
    """Its children stop by themselves, although a call hangs in them; port and database are found."""
    tenant = platform.new_tenant()
    children = [
        process_id
        for command in ("gateway_worker", "manage.py work", "manage.py sandbox")
        for process_id in platform.process_ids(command)
    ]
    assert len(children) == 4
    async with load.session(platform) as client:
        hanging = asyncio.create_task(load.ask(client, tenant, load.chat_body(magic="hang")))
        while not platform.journal("sbx:hang"):
            await asyncio.sleep(0.05)
        assert platform.process is not None
        platform.process.kill()
        platform.process.wait()
        platform.start()
        assert not (await hanging).accepted
    eventually(lambda: not any(map(runs, children)), "processes of the killed server still run")
    [answer] = await load.all_at_once(platform, tenant, load.chat_body(), 1)
    assert answer.accepted
    platform.assert_books_agree()


@pytest.mark.slow
async def test_postgresql_does_not_outlive_a_killed_server(platform: RunningPlatform) -> None:
    """The last of its children stops it, whichever that is."""
    children = platform.process_ids("manage.py")
    assert len(children) == 4
    assert platform.process is not None
    platform.process.kill()
    platform.process.wait()
    eventually(lambda: not any(map(runs, children)), "processes of the killed server still run")
    eventually(lambda: not postgres_runs(platform), "PostgreSQL outlived its last user")

    platform.start()
    platform.assert_books_agree()


@pytest.mark.slow
async def test_a_stop_lets_calls_in_flight_end_and_be_booked(platform: RunningPlatform) -> None:
    answers = await answers_across_a_stop(platform, signal.SIGTERM)
    platform.start()
    charges = books.charges(platform, [answer.request_id for answer in answers])
    assert charges == {answer.request_id: [("succeeded", answer.microcredits())] for answer in answers}
    platform.assert_books_agree()


@pytest.mark.slow
async def test_an_interrupt_from_the_keyboard_stops_as_gently(platform: RunningPlatform) -> None:
    await answers_across_a_stop(platform, signal.SIGINT)


async def answers_across_a_stop(platform: RunningPlatform, number: signal.Signals) -> list[load.Answer]:
    """Twenty answers that came in full although the server was told to stop before their first byte or midway."""
    tenant = platform.new_tenant()
    gateways = platform.process_ids("gateway_worker")
    async with load.session(platform) as client:
        ordinary = load.chat_body(magic="delay_ms=2000")
        streamed = load.chat_body(magic="chunks=5;gap_ms=500", stream=True)
        seen = len(platform.journal("_ms="))
        calls = [asyncio.create_task(load.ask(client, tenant, body)) for body in [ordinary, streamed] * 10]
        while len(platform.journal("_ms=")) < seen + len(calls):
            await asyncio.sleep(0.05)
        assert platform.process is not None
        platform.process.send_signal(number)
        answers = await asyncio.gather(*calls)
    assert [answer.status for answer in answers] == [200] * len(calls)
    assert all(answer.complete for answer in answers), [answer.trouble for answer in answers]
    assert await asyncio.to_thread(platform.process.wait, 180) == 0
    assert not any(map(runs, gateways))
    assert platform.log.read_text().rstrip().endswith("aio: stopped")
    eventually(lambda: not postgres_runs(platform), "PostgreSQL outlived its last user")
    return answers


def runs(process_id: int) -> bool:
    """Whether that process exists and is not a zombie nobody has waited for."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def postgres_runs(platform: RunningPlatform) -> bool:
    try:
        return runs(platform.postmaster_pid())
    except FileNotFoundError:
        return False


def eventually(true: Callable[[], bool], otherwise: str) -> None:
    give_up_at = time.monotonic() + SOON_S
    while not true():
        assert time.monotonic() < give_up_at, otherwise
        time.sleep(0.1)
