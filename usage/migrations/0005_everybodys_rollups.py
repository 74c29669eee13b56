"""Sums of all accounts in tables of their own, and coarser ones for reports of months."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"
FILES = ["roll_up_v2", "rollups_0005"]


def create(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for name in FILES:
            cursor.execute((SQL / f"{name}.sql").read_text())


class Migration(migrations.Migration):
    dependencies = [("usage", "0004_reconciliation")]
    operations = [migrations.RunPython(create)]
