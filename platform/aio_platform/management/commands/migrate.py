"""`migrate` as the database's owner: the application's own role may not change the schema."""

from typing import Any

import psycopg
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import connections
from psycopg import sql

from aio_platform.db import database


class Command(MigrateCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        database.act_as_owner()
        connections[options["database"]].close()
        database.wait_until_ready()
        ensure_database_exists(options["database"])
        with connections[options["database"]].cursor() as cursor:
            # Two servers that start at once migrate one after the other; the lock goes with the session.
            cursor.execute("SELECT pg_advisory_lock(hashtext('aio migrate'))")
        super().handle(*args, **options)
        with connections[options["database"]].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtext('aio migrate'))")


def ensure_database_exists(alias: str) -> None:
    """Create the embedded server's database on first use; a server named by DATABASE_URL has its own."""
    if not database.uses_embedded_server():
        return
    name = connections[alias].settings_dict["NAME"]
    keywords = database.connection_keywords("postgres")
    with psycopg.connect(**keywords, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if found is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
