"""Runs of `reconcile` are remembered."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


def create(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute((SQL / "reconciliation_0004.sql").read_text())


class Migration(migrations.Migration):
    dependencies = [("usage", "0003_rollups")]
    operations = [migrations.RunPython(create)]
