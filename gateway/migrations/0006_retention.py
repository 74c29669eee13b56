"""How long bodies and deliveries are kept, and receipts that say how a task's upstream was asked in vain."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"
# A released file never changes: a new meaning is a new file and migration.
FILES = ["finish_tasks_v2", "retention_0006"]


def create(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for name in FILES:
            cursor.execute((SQL / f"{name}.sql").read_text())


class Migration(migrations.Migration):
    dependencies = [("gateway", "0005_catalog_source")]
    operations = [migrations.RunPython(create)]
