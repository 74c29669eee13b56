"""Where the database is, and as whom each process connects to it."""

import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from aio_platform.db import database
from aio_platform.db.connection import Connection
from aio_platform.db.url import django_database

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://host/name", {"host": "host", "dbname": "name"}),
        ("postgres://host/name", {"host": "host", "dbname": "name"}),
        (
            "postgresql://ada:s%40crt%2F1@db.test:6432/aio?sslmode=require&application_name=x",
            {
                "user": "ada",
                "password": "s@crt/1",
                "host": "db.test",
                "port": 6432,
                "dbname": "aio",
                "sslmode": "require",
                "application_name": "x",
            },
        ),
        ("postgresql://[::1]:5432/aio", {"host": "::1", "port": 5432, "dbname": "aio"}),
        ("postgresql:///aio?host=/run/postgresql", {"host": "/run/postgresql", "dbname": "aio"}),
        ("postgresql://%2Frun%2Fpg/aio", {"host": "/run/pg", "dbname": "aio"}),
        (
            "postgresql://%2Ftmp%2FMy%2dSockets:5433/Aio",
            {"host": "/tmp/My-Sockets", "port": 5433, "dbname": "Aio"},
        ),
        ("postgresql://ada@%2Ftmp%2FPG/aio", {"user": "ada", "host": "/tmp/PG", "dbname": "aio"}),
        ("postgresql://host/my%20name", {"host": "host", "dbname": "my name"}),
    ],
)
def test_a_database_url_is_split_into_psycopgs_keywords(url: str, expected: dict[str, Any]) -> None:
    assert database.parse_database_url(url) == expected


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("mysql://host/name", "postgresql://"),
        ("host/name", "postgresql://"),
        ("postgresql://host", "must name a database"),
        ("postgresql://host/", "must name a database"),
        ("postgresql://host:port/name", "the port must be a whole number from 1 to 65535"),
        ("postgresql://host:0/name", "the port must be"),
        ("postgresql://host:65536/name", "the port must be"),
        ("postgresql://host:-1/name", "the port must be"),
        ("postgresql://[::1/name", "not a URL"),
    ],
)
def test_a_bad_database_url_is_refused_and_the_message_says_why(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        database.parse_database_url(url)


def test_a_password_that_is_not_encoded_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match="write / as %2F") as refused:
        database.parse_database_url("postgresql://ada:s3cr/et@host/name")
    assert "s3cr" not in str(refused.value)


def test_django_is_told_the_same_as_psycopg() -> None:
    assert django_database("postgresql://ada:s%40crt@%2Ftmp%2FPG:6432/aio?sslmode=require") == {
        "NAME": "aio",
        "USER": "ada",
        "PASSWORD": "s@crt",
        "HOST": "/tmp/PG",
        "PORT": "6432",
        "OPTIONS": {"sslmode": "require"},
    }
    assert django_database("postgresql:///aio?host=/run/PG")["HOST"] == "/run/PG"


class StartingServer:
    """Speaks PostgreSQL's protocol as far as its first answer: refusals with these codes, then a welcome."""

    def __init__(self, *codes: str) -> None:
        self.codes = list(codes)
        self.asked = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgresql://ada@127.0.0.1:{self._listener.getsockname()[1]}/aio?sslmode=disable&gssencmode=disable"
        threading.Thread(target=self._answer, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _answer(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                self.asked += 1
                connection.sendall(self._refusal(self.codes.pop(0)) if self.codes else self._welcome())

    def _refusal(self, code: str) -> bytes:
        fields = f"SFATAL\0VFATAL\0C{code}\0Mthe database system is in recovery mode\0\0".encode()
        return b"E" + struct.pack("!I", len(fields) + 4) + fields

    def _welcome(self) -> bytes:
        return b"R" + struct.pack("!II", 8, 0) + b"Z" + struct.pack("!Ic", 5, b"I")


@pytest.fixture
def starting() -> Iterator[Callable[..., StartingServer]]:
    made: list[StartingServer] = []

    def start(*codes: str) -> StartingServer:
        made.append(StartingServer(*codes))
        return made[-1]

    yield start
    for server in made:
        server.close()


CANNOT_CONNECT_NOW = "57P03"


def wait_for(server: StartingServer, limit_s: float) -> None:
    """In a process of its own: libpq's ping holds this one's lock, and the server needs it to answer."""
    script = (
        "import django; django.setup(); from aio_platform.db import database; database.wait_until_ready({})"
    )
    subprocess.run(
        [sys.executable, "-c", script.format(limit_s)],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "platform"),
            "DJANGO_SETTINGS_MODULE": "aio_platform.settings",
            "DATABASE_URL": server.url,
        },
        check=True,
        timeout=60,
    )


def test_a_server_that_takes_no_connections_yet_is_waited_for(
    starting: Callable[..., StartingServer],
) -> None:
    server = starting(CANNOT_CONNECT_NOW, CANNOT_CONNECT_NOW, CANNOT_CONNECT_NOW)

    wait_for(server, limit_s=30)

    assert server.asked == 4


def test_a_server_that_never_gets_ready_is_not_waited_for_for_ever(
    starting: Callable[..., StartingServer],
) -> None:
    server = starting(*[CANNOT_CONNECT_NOW] * 100)

    wait_for(server, limit_s=2)

    assert 2 <= server.asked < 100


@pytest.mark.parametrize("code", ["28P01", "3D000", "53300"])
def test_any_other_refusal_is_left_to_whoever_connects_next(
    code: str, starting: Callable[..., StartingServer]
) -> None:
    server = starting(code, CANNOT_CONNECT_NOW)

    wait_for(server, limit_s=30)

    assert server.asked == 1


def test_a_named_server_is_used_in_place_of_the_embedded_one(settings: Any) -> None:
    settings.DATABASE_URL = "postgresql://ada@db.test/aio?sslmode=require"
    assert not database.uses_embedded_server()
    keywords = database.connection_keywords("other")
    assert keywords["host"] == "db.test"
    assert keywords["user"] == "ada"
    assert keywords["sslmode"] == "require"
    assert keywords["dbname"] == "other"


def test_there_is_one_embedded_server_a_directory(settings: Any, tmp_path: Path) -> None:
    mine = database.embedded()
    assert database.embedded() is mine
    settings.AIO_DATA_DIR = tmp_path
    assert database.embedded() is not mine


def test_every_session_is_in_utc() -> None:
    assert "-c timezone=UTC" in database.session_options()


def options_in_a_process(*statements: str, **environment: str) -> str:
    """What session_options() gives in a fresh process."""
    inherited = {name: value for name, value in os.environ.items() if name != "AIO_DATABASE_AS_OWNER"}
    completed = subprocess.run(
        [
            sys.executable,
            "-c",
            "from aio_platform.db import database\n"
            + "\n".join(statements)
            + "\nprint(database.session_options())",
        ],
        cwd=ROOT,
        env={**inherited, "PYTHONPATH": str(ROOT / "platform"), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return completed.stdout.strip()


def test_a_process_acts_as_the_applications_role_unless_it_says_that_it_owns_the_database() -> None:
    assert options_in_a_process() == "-c timezone=UTC -c role=aio_app"
    assert options_in_a_process("database.act_as_owner()") == "-c timezone=UTC"
    assert options_in_a_process(AIO_DATABASE_AS_OWNER="1") == "-c timezone=UTC"
    assert options_in_a_process(AIO_DATABASE_AS_OWNER="no") == "-c timezone=UTC -c role=aio_app"


def as_application(keywords: dict[str, Any]) -> dict[str, Any]:
    return keywords | {"options": f"-c timezone=UTC -c role={database.APP_ROLE}"}


@pytest.mark.django_db
def test_the_applications_role_reads_the_books_and_cannot_change_them() -> None:
    with psycopg.connect(**as_application(database.connection_keywords()), autocommit=True) as line:
        assert line.execute("SELECT current_user, current_setting('TimeZone')").fetchone() == (
            "aio_app",
            "UTC",
        )
        line.execute("SELECT count(*) FROM usage_ledger_entry")
        for statement in (
            "UPDATE usage_ledger_entry SET amount_microcredits = 0",
            "DELETE FROM usage_ledger_entry",
            "TRUNCATE usage_ledger_entry",
            "UPDATE usage_balance SET available_microcredits = 1",
            "CREATE TABLE mine (id int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                line.execute(statement)


@pytest.mark.django_db
def test_djangos_own_connection_has_the_same_options() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('TimeZone'), current_user")
        assert cursor.fetchone() == ("UTC", "postgres")
    assert connection.get_connection_params()["options"] == database.session_options()


@pytest.mark.django_db
async def test_a_line_commits_each_statement_and_reconnects_after_its_connection_broke() -> None:
    line = Connection("aio test line")
    await line.connect()
    [(first_pid, name)] = await line.fetch(
        "SELECT pg_backend_pid(), current_setting('application_name') WHERE %s", [True]
    )
    assert name == "aio test line"
    with database.connect("aio test killer") as killer:
        killer.execute("SELECT pg_terminate_backend(%s)", [first_pid])
    with pytest.raises(psycopg.OperationalError):
        await line.fetch("SELECT %s", [1])
    [(second_pid,)] = await line.fetch("SELECT pg_backend_pid() WHERE %s", [True])
    assert second_pid != first_pid
    await line.close()


def test_the_tests_have_a_database_of_their_own() -> None:
    assert settings.AIO_DATA_DIR != ROOT / ".aio"


@pytest.mark.parametrize(
    "command", [("reconcile",), ("export_catalog",), ("archive_usage", "--check", "--to=.")]
)
def test_a_shell_that_looks_in_the_wrong_place_is_told_what_to_set(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIO_", "DATABASE_", "DJANGO_"))
    }
    told = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=settings.ROOT,
        env=inherited | {"AIO_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (told.returncode, told.stdout) == (1, "")
    [line] = told.stderr.splitlines()
    assert line.startswith(f"There is no database of the platform in {tmp_path}. Set AIO_DATA_DIR")
    assert not (tmp_path / "postgres").exists()


def test_a_python_without_the_platforms_packages_is_told_which_one_has_them() -> None:
    told = subprocess.run(
        [sys.executable, "-I", "-S", "manage.py", "reconcile"],
        cwd=settings.ROOT,
        capture_output=True,
        text=True,
    )
    assert (told.returncode, told.stdout) == (1, "")
    [line] = told.stderr.splitlines()
    assert "Use .venv/bin/python" in line
