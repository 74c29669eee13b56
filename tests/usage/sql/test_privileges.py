"""The application's role reads the books and changes them only through the functions."""

import psycopg
import pytest
from django.db import Error, transaction

BOOKS = [
    "usage_rate",
    "usage_archive",
    "usage_archived_month",
    "usage_balance",
    "usage_grant",
    "usage_hold",
    "usage_ledger_entry",
    "usage_refund",
    "usage_event",
    "usage_event_default",
    "usage_key_meter",
    "usage_trial_day",
    "usage_refusal",
    "usage_idempotent_call",
    "usage_rollup_state",
    "usage_call_kind",
    "usage_rollup_minute",
    "usage_rollup_hour",
    "usage_rollup_day",
    "usage_rollup_minute_each",
    "usage_rollup_hour_each",
    "usage_rollup_day_each",
    "usage_rollup_minute_everybody",
    "usage_rollup_hour_everybody",
    "usage_rollup_day_everybody",
    "usage_rollup_account_day",
    "usage_refund_to_roll_up",
    "usage_plan_period",
    "usage_route_cost",
    "usage_reconciliation",
]


def test_the_list_above_is_every_table_of_the_books(books):
    found = books.sql(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND relname LIKE 'usage\\_%%' AND relname !~ '^usage_event_[0-9]{4}_[0-9]{2}$'"
    )
    assert {name for (name,) in found} == set(BOOKS)


@pytest.mark.parametrize("table", BOOKS)
def test_the_application_reads_but_cannot_write(as_app, table):
    as_app.execute(f"SELECT count(*) FROM {table}")
    [(column,)] = as_app.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum DESC LIMIT 1",
        (table,),
    ).fetchall()
    for statement in (
        f"INSERT INTO {table} DEFAULT VALUES",
        f"UPDATE {table} SET {column} = {column}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_app.execute(statement)


def test_the_same_goes_for_every_month_partition(as_app):
    partitions = as_app.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'usage_event'::regclass"
    ).fetchall()
    assert len(partitions) >= 4
    for (partition,) in partitions:
        for privilege in ("INSERT", "UPDATE", "DELETE", "TRUNCATE"):
            [(allowed,)] = as_app.execute(
                "SELECT has_table_privilege(%s, %s)", (partition, privilege)
            ).fetchall()
            assert not allowed, (partition, privilege)


def test_the_application_cannot_switch_the_guards_off(as_app):
    for statement in (
        "ALTER TABLE usage_ledger_entry DISABLE TRIGGER ALL",
        "DROP TRIGGER usage_ledger_entry_append_only ON usage_ledger_entry",
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION usage_forbid_change_v1() RETURNS trigger LANGUAGE sql AS ''",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_app.execute(statement)


def test_the_application_calls_the_functions(committed_books, as_app):
    tenant = committed_books.tenant()
    [(entry, available, _)] = as_app.execute(
        "SELECT * FROM usage_grant_v1(%s, 5, 'reason', 'actor', NULL, NULL)", (tenant.id,)
    ).fetchall()
    assert (entry, available) == (1, 5)
    assert as_app.execute("SELECT * FROM usage_reconcile_v2()").fetchall() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE usage_ledger_entry SET amount_microcredits = 1",
        "DELETE FROM usage_ledger_entry",
        "UPDATE usage_rate SET version = 9",
        "DELETE FROM usage_rate",
    ],
)
def test_even_the_owner_only_appends_to_the_ledger_and_the_rates(books, tenant, statement):
    with pytest.raises(Error, match="append-only"), transaction.atomic():
        books.sql(statement)
