"""Months of usage events can be written to files and taken out: what is left of them, and functions that know it."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"
# A released file never changes: a new meaning is a new file and migration.
FILES = ["archive_0006", "partitions_v2", "archive_v1", "refund_v2", "reconcile_v2"]


def create(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for name in FILES:
            cursor.execute((SQL / f"{name}.sql").read_text())


class Migration(migrations.Migration):
    dependencies = [("usage", "0005_everybodys_rollups")]
    operations = [migrations.RunPython(create)]
