"""Asynchronous generations: their tables, and the functions that alone write them."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"
# In the order they need each other. A released file never changes: a new meaning is a new file and migration.
FILES = ["tasks_0002", "open_tasks_v1", "work_tasks_v1", "finish_tasks_v1"]


def create(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for name in FILES:
            cursor.execute((SQL / f"{name}.sql").read_text())


class Migration(migrations.Migration):
    dependencies = [("gateway", "0001_catalog"), ("usage", "0002_models")]
    operations = [migrations.RunPython(create)]
