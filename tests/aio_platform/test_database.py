"""Where the database is, and as whom each process connects to it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from aio_platform import database
from aio_platform.database_line import DatabaseLine

ROOT = Path(__file__).resolve().parents[2]


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
        ("postgresql://host:port/name", "port"),
    ],
)
def test_a_bad_database_url_is_refused_and_the_message_says_why(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        database.parse_database_url(url)


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
            "from aio_platform import database\n"
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
    line = DatabaseLine("aio test line")
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
