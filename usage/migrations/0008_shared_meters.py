"""Keys that replaced one another share one minute and one cap, and keys count against those that issued them."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"
# A released file never changes: a new meaning is a new file and migration.
FILES = ["shared_meters_0008", "move_to_shared_meters_0008", "authorize_v2", "settle_v2"]


def create(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for name in FILES:
            cursor.execute((SQL / f"{name}.sql").read_text())


class Migration(migrations.Migration):
    dependencies = [("usage", "0007_nobody_waits"), ("accounts", "0005_key_descent")]
    operations = [migrations.RunPython(create)]
