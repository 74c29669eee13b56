"""Where the database is, and the connections to it that Django's ORM does not make.

Two roles: the owner, who migrates, and `aio_app`, as whom everything else runs and who can read the books but
change them only through the functions in `usage/sql`.
"""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from psycopg import pq
from psycopg.conninfo import make_conninfo

from aio_platform.db.embedded_postgres import EmbeddedPostgres
from aio_platform.db.url import parse_database_url

APP_ROLE = "aio_app"
# A server that the network swallowed is noticed within seconds, not with TCP's quarter of an hour.
SILENT_NETWORK_LIMITS = {"tcp_user_timeout": 10_000, "keepalives_idle": 10, "keepalives_interval": 5}
READY_LIMIT_S = 60.0
READY_PAUSE_S = 0.1
_embedded: dict[Path, EmbeddedPostgres] = {}
_as_owner = os.environ.get("AIO_DATABASE_AS_OWNER") == "1"


class NoDatabaseHere(RuntimeError):
    """There is no platform's database where this process looks; the message says where that is, and what to set."""

    def __init__(self) -> None:
        super().__init__(
            f"There is no database of the platform in {settings.AIO_DATA_DIR}. Set AIO_DATA_DIR (or DATABASE_URL) as"
            " it is set for `serve`, or start the platform here first, with `make run`."
        )


def embedded() -> EmbeddedPostgres:
    """The embedded server of this process's AIO_DATA_DIR (one object a directory)."""
    directory = Path(settings.AIO_DATA_DIR)
    return _embedded.setdefault(directory, EmbeddedPostgres(directory))


def uses_embedded_server() -> bool:
    """True unless DATABASE_URL names a server."""
    return not settings.DATABASE_URL


def embedded_socket_directory() -> str:
    """The directory of the embedded server's socket; starts the server when needed.

    Only the owner, who migrates, makes a database where there is none: another process looks in the wrong place, and
    raises NoDatabaseHere.
    """
    server = embedded()
    if not _as_owner and not server.exists():
        raise NoDatabaseHere
    return server.socket_directory()


def act_as_owner() -> None:
    """From now on this process connects as the owner; for `migrate` and for test databases."""
    global _as_owner
    _as_owner = True


def session_options() -> str:
    """The start-up options of every connection: UTC, and the role that cannot touch the books directly."""
    options = "-c timezone=UTC"
    if not _as_owner:
        options += f" -c role={APP_ROLE}"
    return options


def connection_keywords(database_name: str | None = None) -> dict[str, Any]:
    """psycopg keywords of the platform's database; starts the embedded server when that is the one."""
    configured = settings.DATABASES["default"]
    if uses_embedded_server():
        keywords: dict[str, Any] = {
            "host": embedded_socket_directory(),
            "user": "postgres",
            "dbname": configured["NAME"],
        }
    else:
        keywords = parse_database_url(settings.DATABASE_URL)
        keywords = SILENT_NETWORK_LIMITS | keywords
    keywords["dbname"] = database_name or configured["NAME"]
    keywords["options"] = session_options()
    return keywords


def wait_until_ready(limit_s: float = READY_LIMIT_S) -> None:
    """Wait while the server runs but takes no connections (SQLSTATE 57P03): it starts, recovers or shuts down.

    Whatever else is wrong is told better by whoever connects next; so is a server that is not ready in `limit_s`.
    """
    give_up_at = time.monotonic() + limit_s
    name = "postgres" if uses_embedded_server() else None
    address = make_conninfo(**({"connect_timeout": 5} | connection_keywords(name))).encode()
    while pq.PGconn.ping(address) == pq.Ping.REJECT and time.monotonic() < give_up_at:
        time.sleep(READY_PAUSE_S)


async def connect_async(application_name: str) -> psycopg.AsyncConnection[Any]:
    """Open an autocommit connection for code that must not hold Django's."""
    # In a thread: the embedded server may have to be started first.
    try:
        keywords = await asyncio.to_thread(connection_keywords)
    except (OSError, RuntimeError) as error:
        raise psycopg.OperationalError(str(error)) from error
    return await psycopg.AsyncConnection.connect(
        **keywords,
        autocommit=True,
        application_name=application_name,
        connect_timeout=5,
        prepare_threshold=0,
    )


def connect(application_name: str) -> psycopg.Connection[Any]:
    """Open a blocking autocommit connection, for commands and workers."""
    return psycopg.connect(**connection_keywords(), autocommit=True, application_name=application_name)
