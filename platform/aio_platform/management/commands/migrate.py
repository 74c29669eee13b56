"""`migrate` as the database's owner: the application's own role may not change the schema."""

from typing import Any

import psycopg
from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from psycopg import sql

from aio_platform.db import database

# The last commit that has the migrations which those of release 0.1.0 replace.
COMMIT_BEFORE_RELEASE_0_1_0 = "3f3b2cd"


class Command(MigrateCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        database.act_as_owner()
        connection = connections[options["database"]]
        connection.close()
        database.wait_until_ready()
        ensure_database_exists(options["database"])
        with connection.cursor() as cursor:
            # Two servers that start at once migrate one after the other; the lock goes with the session.
            cursor.execute("SELECT pg_advisory_lock(hashtext('aio migrate'))")
        refuse_between_replaced_migrations(connection)
        super().handle(*args, **options)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtext('aio migrate'))")


def refuse_between_replaced_migrations(connection: BaseDatabaseWrapper) -> None:
    """Raise CommandError where Django would leave a migration out without a word.

    Django skips a squashed migration once some of those it replaces are applied, and expects to apply the rest of them.
    Where the rest have no files any more, the database would stay half migrated and be reported as up to date.
    """
    applied = MigrationRecorder(connection).applied_migrations()
    on_disk = MigrationLoader(None).disk_migrations
    for (app, name), migration in on_disk.items():
        done = [replaced for replaced in migration.replaces if replaced in applied]
        missing = [replaced for replaced in migration.replaces if replaced not in applied]
        if done and any(replaced not in on_disk for replaced in missing):
            raise CommandError(
                f"The database has the migration {app}.{done[-1][1]} and not {app}.{missing[0][1]}, which "
                f"{app}.{name} replaces. Migrate it with the last commit that has them first: "
                f"git checkout {COMMIT_BEFORE_RELEASE_0_1_0} && .venv/bin/python manage.py migrate"
            )


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
