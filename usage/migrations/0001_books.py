"""The books: tables, the functions that alone write them, and the role that may only call those."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"
# In the order they need each other. A released file never changes: a new meaning is a new file and migration.
FILES = [
    "tables_0001",
    "rates_v1",
    "locks_v1",
    "refusals_v1",
    "grants_v1",
    "authorize_v1",
    "settle_v1",
    "idempotency_v1",
    "reconcile_v1",
    "partitions_v1",
    "privileges_0001",
]


def create(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for name in FILES:
            cursor.execute((SQL / f"{name}.sql").read_text())
        cursor.execute("SELECT usage_make_partitions_v1(3)")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_plans"), ("sessions", "0001_initial"), ("contenttypes", "0002_remove_content_type_name")]
    operations = [migrations.RunPython(create)]
