"""A database of before release 0.1.0 is taken as it is where it has every migration, and refused where it has not."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from aio_platform.management.commands.migrate import refuse_between_replaced_migrations

FIRST = {("accounts", "0001_accounts"), ("usage", "0001_usage"), ("gateway", "0001_gateway")}


def forget(*migrations):
    with connection.cursor() as cursor:
        for migration in migrations:
            cursor.execute("DELETE FROM django_migrations WHERE app = %s AND name = %s", migration)
            assert cursor.rowcount == 1, migration


def plan():
    executor = MigrationExecutor(connection)
    return [
        (migration.app_label, migration.name)
        for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())
    ]


def replaced():
    disk = MigrationExecutor(connection).loader.disk_migrations
    return {key: disk[key].replaces for key in FIRST}


def test_nothing_is_left_to_do_in_a_database_that_has_every_replaced_migration(db):
    forget(*FIRST)
    refuse_between_replaced_migrations(connection)
    assert plan() == []


def test_a_first_migration_stands_for_all_it_replaces(db):
    """Also where somebody goes back to a commit that knows only those."""
    recorded = set(MigrationExecutor(connection).loader.applied_migrations)
    for key, names in replaced().items():
        assert key in recorded
        assert len(names) > 1
        assert set(names) <= recorded


@pytest.mark.parametrize(
    "missing",
    [
        ("accounts", "0005_key_descent"),
        ("usage", "0009_calls_at_their_hold"),
        ("gateway", "0007_upstream_problems"),
    ],
)
def test_a_database_between_them_is_refused_with_the_way_out(db, missing):
    app, name = missing
    forget(missing, *(key for key in FIRST if key[0] == app))
    with pytest.raises(
        CommandError, match=rf"not {app}\.{name}, which {app}\.0001_{app} replaces.*git checkout"
    ):
        refuse_between_replaced_migrations(connection)


def test_an_empty_database_and_one_up_to_date_are_migrated(db):
    refuse_between_replaced_migrations(connection)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations")
    refuse_between_replaced_migrations(connection)


def test_no_migration_is_missing(db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
