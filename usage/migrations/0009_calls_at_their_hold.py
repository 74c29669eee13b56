"""Calls that were charged all that was held are found at once: those that cost more are among them.

The index is made beside running servers, a partition at a time, so that no settlement waits.
"""

from django.db import migrations

INDEX = "usage_event_at_its_hold"
WHERE = "(started_at) WHERE cost_microcredits = hold_microcredits AND outcome IN ('succeeded', 'partial')"
# Partitions whose index is not yet part of the table's.
PARTITIONS = f"""
    SELECT i.inhrelid::regclass::text FROM pg_inherits i
    WHERE i.inhparent = 'usage_event'::regclass AND NOT EXISTS (
        SELECT 1 FROM pg_inherits part JOIN pg_index x ON x.indexrelid = part.inhrelid
        WHERE part.inhparent = '{INDEX}'::regclass AND x.indrelid = i.inhrelid)
    ORDER BY 1
"""  # noqa: S608 - constants


def create(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX IF NOT EXISTS {INDEX} ON ONLY usage_event {WHERE}")
        cursor.execute(PARTITIONS)
        for (partition,) in cursor.fetchall():
            name = f"{partition}_at_its_hold"
            # One that a broken attempt left behind is not valid.
            cursor.execute(f"DROP INDEX IF EXISTS {name}")
            cursor.execute(f"CREATE INDEX CONCURRENTLY {name} ON {partition} {WHERE}")
            cursor.execute(f"ALTER INDEX {INDEX} ATTACH PARTITION {name}")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("usage", "0008_shared_meters")]
    operations = [migrations.RunPython(create)]
