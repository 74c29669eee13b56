"""DATABASE_URL, read for psycopg and for Django. Knows no settings, so the settings can use it."""

from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

FIRST_PORT, LAST_PORT = 1, 65_535


def parse_database_url(url: str) -> dict[str, Any]:
    """Split `postgresql://user:password@host:port/name?option=value` into psycopg keywords.

    A host that is a socket's directory is written `%2Frun%2Fpostgresql`. Raises ValueError, with a message that
    shows nothing of the URL, for another scheme, a missing database name, or what is no host or port.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("DATABASE_URL is not a URL") from None
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError("DATABASE_URL must start with postgresql://")
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise ValueError("DATABASE_URL must name a database, as in postgresql://host/name")
    keywords: dict[str, Any] = {
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "host": unquote(_host(parts)),
        "port": _port(parts),
        "dbname": name,
    }
    keywords.update(parse_qsl(parts.query))
    return {key: value for key, value in keywords.items() if value not in ("", None)}


def django_database(url: str) -> dict[str, Any]:
    """The same as Django's DATABASES has it; raises as `parse_database_url` does."""
    keywords = parse_database_url(url)
    named = {name: keywords.pop(key, "") for name, key in _DJANGO_NAMES.items()}
    return {**named, "PORT": str(named["PORT"]), "OPTIONS": keywords}


_DJANGO_NAMES = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}


def _host(parts: SplitResult) -> str:
    """As it is written: `parts.hostname` is in lower case, and a directory's name is not."""
    address = parts.netloc.rpartition("@")[2]
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0]


def _port(parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port is not None and not FIRST_PORT <= port <= LAST_PORT:
        raise ValueError(
            f"DATABASE_URL: the port must be a whole number from {FIRST_PORT} to {LAST_PORT}"
            " (in a user's name or password, write / as %2F and @ as %40)"
        )
    return port
