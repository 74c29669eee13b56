"""Sums of the usage events by minute, hour and day; and the plan that each account was on, and when."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"
FILES = ["rollups_0003", "latency_mark_v1", "roll_up_v1", "route_costs_0003", "privileges_0003"]


def create(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for name in FILES:
            cursor.execute((SQL / f"{name}.sql").read_text())


class Migration(migrations.Migration):
    dependencies = [("usage", "0002_models")]
    operations = [migrations.RunPython(create)]
