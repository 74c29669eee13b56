"""What is counted of tokens_in and tokens_out besides: cached, reasoned, heard and spoken tokens (ADR 32)."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql"
# In the order they need each other; see 0001.
FILES = ["tables/parts", "functions/settle_v3", "functions/add_to_rollups_v3", "functions/roll_up_v4"]
PARTS = (
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "audio_tokens_in",
    "audio_tokens_out",
)
# As usage/sql/privileges.sql has it for the functions that these stand beside.
PRIVILEGES = """
    REVOKE EXECUTE ON FUNCTION usage_settle_v3, usage_roll_up_v4, usage_add_to_rollups_v3,
        usage_add_refunds_to_rollups_v3, usage_rollup_statement_v3 FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION usage_settle_v3, usage_roll_up_v4 TO aio_app;
"""


def create(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for name in FILES:
            cursor.execute((SQL / f"{name}.sql").read_text())
        cursor.execute(PRIVILEGES)


class Migration(migrations.Migration):
    dependencies = [("usage", "0001_usage")]
    operations = [
        migrations.RunPython(create),
        *(migrations.AddField("usageevent", part, models.BigIntegerField(null=True)) for part in PARTS),
    ]
