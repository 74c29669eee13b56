"""Callbacks to customers and kept results: their tables, and the trigger that makes an event's deliveries."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"
# A released file never changes: a new meaning is a new file and migration.
FILES = ["callbacks_0003"]


def create(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for name in FILES:
            cursor.execute((SQL / f"{name}.sql").read_text())


class Migration(migrations.Migration):
    dependencies = [("gateway", "0002_tasks")]
    operations = [migrations.RunPython(create)]
