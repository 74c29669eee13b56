"""The task's opening carries its Idempotency-Key: one key opens one task, whatever dies in between."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"
# A released file never changes: a new meaning is a new file and migration.
FILES = ["task_idempotency_0004", "open_tasks_v2"]


def create(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for name in FILES:
            cursor.execute((SQL / f"{name}.sql").read_text())


class Migration(migrations.Migration):
    dependencies = [("gateway", "0003_callbacks")]
    operations = [migrations.RunPython(create)]
