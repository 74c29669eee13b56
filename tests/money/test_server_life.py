"""`serve` may be started twice, killed, started again and stopped at any time; nothing stays behind.

Every test has a data directory of its own, and waits for what must become true, generously, instead of sleeping.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from money import books, load
from running_platform import ROOT, RunningPlatform, free_port

SOON_S = 30.0


@pytest.fixture
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """Started; a test may stop or kill it. Afterwards nothing of it runs, its database neither."""
    running = RunningPlatform(tmp_path_factory.mktemp("life"), workers=2).start()
    yield running
    running.stop()
    eventually(lambda: not postgres_runs(running), "PostgreSQL outlived its last user")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_lets_calls_in_flight_end(platform: RunningPlatform, number: signal.Signals) -> None:
    tenant = platform.new_tenant()
    gateways = platform.process_ids("gateway_worker")
    async with load.session(platform) as client:
        ordinary = load.chat_body(magic="delay_ms=2000")
        streamed = load.chat_body(magic="chunks=5;gap_ms=500", stream=True)
        calls = [
            asyncio.create_task(load.ask(client, tenant, body)) for body in (ordinary, streamed) for _ in range(10)
        ]
        while len(platform.journal("delay_ms=2000") + platform.journal("gap_ms=500")) < len(calls):
            await asyncio.sleep(0.05)
        assert platform.process is not None
        platform.process.send_signal(number)
        answers = await asyncio.gather(*calls)
    assert [answer.status for answer in answers] == [200] * len(calls), load.by_status(answers)
    assert all(answer.complete for answer in answers), [answer.trouble for answer in answers]
    assert await asyncio.to_thread(platform.process.wait, 60) == 0
    assert not any(runs(process_id) for process_id in gateways)
    eventually(lambda: not postgres_runs(platform), "PostgreSQL outlived its last user")
    assert "aio: stopped" in platform.log.read_text()
    platform.start()
    charges = books.charges(platform, [answer.request_id for answer in answers])
    assert charges == {answer.request_id: [("succeeded", answer.microcredits())] for answer in answers}
    platform.assert_books_agree()


@pytest.mark.slow
async def test_a_killed_server_leaves_no_process_and_starts_again(platform: RunningPlatform) -> None:
    """Its children stop by themselves although calls hang in them; the next start finds port and database."""
    tenant = platform.new_tenant()
    children = [pid for name in ("gateway_worker", "manage.py work", "sandbox") for pid in platform.process_ids(name)]
    assert len(children) == 4
    postmaster = platform.postmaster_pid()
    assert platform.process is not None
    platform.process.kill()
    platform.process.wait()
    eventually(lambda: not any(runs(pid) for pid in children), "processes of the killed server still run")
    assert runs(postmaster)
    platform.start()
    assert platform.postmaster_pid() == postmaster, "it should have attached to the running PostgreSQL"
    [answer] = await load.all_at_once(platform, tenant, load.chat_body(), 1)
    assert answer.status == 200
    platform.assert_books_agree()


@pytest.mark.slow
def test_a_server_killed_a_moment_ago_can_be_started_at_once(platform: RunningPlatform) -> None:
    assert platform.process is not None
    platform.process.kill()
    platform.process.wait()
    platform.start()
    with platform.client() as client:
        assert client.get("/readyz").status_code == 200


@pytest.mark.slow
async def test_a_second_start_on_the_same_port_is_refused_and_harms_nothing(platform: RunningPlatform) -> None:
    tenant = platform.new_tenant()
    second = serve_again(platform, platform.port)
    printed = second.communicate(timeout=60)[0]
    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1:{platform.port}" in printed
    assert "Set AIO_PORT to choose another port" in printed
    assert "Traceback" not in printed
    answers = await load.all_at_once(platform, tenant, load.chat_body(), 20)
    assert load.by_status(answers) == {200: 20}


@pytest.mark.slow
async def test_two_servers_share_one_database_and_stop_one_by_one(platform: RunningPlatform) -> None:
    tenant = platform.new_tenant()
    second = RunningPlatform(platform.data_dir, workers=1).start()
    postmaster = platform.postmaster_pid()
    assert platform.stop() == 0
    assert runs(postmaster)
    answers = await load.all_at_once(second, tenant, load.chat_body(), 20)
    assert load.by_status(answers) == {200: 20}
    assert second.stop() == 0
    eventually(lambda: not postgres_runs(platform), "PostgreSQL outlived its last user")


def serve_again(platform: RunningPlatform, port: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "manage.py", "serve", f"--port={port}", "--workers=1"],
        cwd=ROOT,
        env={**os.environ, "AIO_DATA_DIR": str(platform.data_dir)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


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
