"""The schema file says what the migrations make, so a change of the books is seen in a review."""

from pathlib import Path

import pytest
from django.db import connection

import usage
from usage.schema_text import schema_text

SCHEMA_FILE = Path(usage.__file__).parent / "sql" / "schema.sql"


def text():
    with connection.cursor() as cursor:
        return schema_text(cursor)


def test_migrations_give_the_schema_file(db):
    assert text() == SCHEMA_FILE.read_text(), "run `manage.py write_schema_file` and review what changed"


def test_month_partitions_are_left_out(books):
    before = text()
    books.sql("SELECT usage_make_partitions_v2(9)")
    assert text() == before


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE usage_balance DROP CONSTRAINT usage_balance_available_microcredits_check",
        "ALTER TABLE usage_hold ALTER COLUMN trial_day SET NOT NULL",
        "ALTER TABLE usage_balance ALTER COLUMN held_microcredits SET DEFAULT 1",
        "ALTER TABLE usage_ledger_entry DISABLE TRIGGER usage_ledger_entry_append_only",
        "GRANT DELETE ON usage_ledger_entry TO aio_app",
        "DROP INDEX usage_grant_expiring",
        "ALTER FUNCTION usage_forget_answers_v1(integer) SECURITY INVOKER",
        "REVOKE EXECUTE ON FUNCTION usage_reconcile_v2() FROM aio_app",
        "COMMENT ON TABLE usage_rate IS 'something else'",
        "ALTER TABLE usage_balance SET (fillfactor = 50)",
    ],
)
def test_every_change_of_the_books_shows(books, change):
    before = text()
    books.sql(change)
    assert text() != before
