"""Sums go on after a restore from a dump by themselves, and no reader waits behind the making of partitions."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"
FILES = ["roll_up_v3", "partitions_if_free_v2"]


def create(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for name in FILES:
            cursor.execute((SQL / f"{name}.sql").read_text())


class Migration(migrations.Migration):
    dependencies = [("usage", "0006_archive")]
    operations = [migrations.RunPython(create)]
